//! Agents crash and come back: at an instant, or again and again with exponential times between
//! failures (`mtbf`) and to repair (`mttr`), per machine.
//!
//! `machine-of-NAME` is the machine on which a scheduler runs that is the task of an app.
//!
//! By default the machine dies with everything on it, and nobody is told: the master finds out
//! from missing pings, or when the machine is back. `process = true` kills only the agent process
//! and its containers; the kernel closes its connections and the master knows at once.

use super::{Error, Fault, Occurrence, Site, Target, explicit, read};
use crate::base::dice::Dice;
use crate::base::id::Names;
use crate::base::time::{Span, Time};
use crate::scenario::section::Section;
use crate::world::World;
use serde::Deserialize;

pub const SUMMARY: &str = "agents stop and start again, at an instant or by mtbf and mttr";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default = "all")]
    target: String,
    #[serde(default)]
    process: bool,
}

fn all() -> String {
    "agents".into()
}

/// Processes stop, and stay away while the fault lasts, or until their supervisor starts them again.
#[derive(Clone)]
pub(super) struct Crash {
    pub(super) target: Target,
    /// Their connections break at once.
    pub(super) noticed: bool,
    pub(super) held: bool,
}

impl Fault for Crash {
    fn begin(&self, world: &mut World, id: u32) -> bool {
        let slots = world.strike(id, self.target.resolve(world));
        let mut bit = false;
        for slot in slots {
            bit |= world.processes[slot as usize].is_alive();
            world.stop(slot, self.noticed);
        }
        bit
    }
    fn end(&self, world: &mut World, id: u32) {
        for slot in world.struck(id) {
            if self.held && !world.is_held_down(slot) {
                world.start(slot);
            }
        }
    }
    fn holds_down(&self) -> bool {
        self.held
    }
}

fn occurrence(at: Time, lasts: Option<Span>, host: &str, target: Target, process: bool) -> Occurrence {
    let how = if process { "process = true\n" } else { "" };
    Occurrence {
        at,
        lasts,
        label: format!("{host} crashed"),
        toml: explicit("agent-crash", at, ("down", lasts), &format!("target = \"{host}\"\n{how}")),
        fault: Box::new(Crash { target, noticed: process, held: true }),
    }
}

pub(super) fn plan(section: &Section, site: &Site, names: &Names, dice: &mut Dice) -> Result<Vec<Occurrence>, Error> {
    let (when, params): (_, Params) = read(section)?;
    let mut all = Vec::new();
    match site.target(section, "target", &params.target, names)? {
        target @ Target::MachinesOf(program) => {
            let one = |at, lasts| occurrence(at, lasts, &params.target, target.clone(), params.process);
            return when.each(section, u32::MAX - program, site, dice, one);
        }
        Target::Program(_) => {
            let help = format!("for the machine on which it runs write \"machine-of-{}\"", params.target);
            return Err(section.error("target", format!("`{}` is a task, not a machine", params.target), help));
        }
        Target::Slots(_) | Target::Leader(_) => {}
    }
    for slot in site.agents(section, "target", &params.target, names)? {
        let host = site.hostname(slot, names);
        let one = |at, lasts| occurrence(at, lasts, host, Target::Slots(vec![slot]), params.process);
        all.extend(when.each(section, slot, site, dice, one)?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_explicit_form_is_exact_to_the_nanosecond() {
        let o = occurrence(Time(61_000_000_001), Some(Span::from_millis(1500)), "agent-1", Target::Slots(vec![3]), true);
        assert_eq!(
            o.toml,
            "kind = \"agent-crash\"\nat = \"1m1.000000001s\"\ndown = \"1.5s\"\ntarget = \"agent-1\"\nprocess = true\n"
        );
        assert!(o.fault.holds_down() && !o.fault.stalls_disks());
    }
}
