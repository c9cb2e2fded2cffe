//! Agents crash and come back: at an instant, or again and again with exponential times between
//! failures (`mtbf`) and to repair (`mttr`), per machine.
//!
//! By default the machine dies with everything on it, and nobody is told: the master finds out
//! from missing pings, or when the machine is back. `process = true` kills only the agent process
//! and its containers; the kernel closes its connections and the master knows at once.

use super::{Error, Fault, Occurrence, Site, When};
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
    #[serde(default)]
    at: Option<Span>,
    #[serde(default)]
    down: Option<Span>,
    #[serde(default)]
    mtbf: Option<Span>,
    #[serde(default)]
    mttr: Option<Span>,
    #[serde(default = "all")]
    target: String,
    #[serde(default)]
    process: bool,
}

fn all() -> String {
    "agents".into()
}

/// Slots that are down while the fault lasts.
#[derive(Clone)]
pub(super) struct Down {
    pub(super) slots: Vec<u32>,
    pub(super) noticed: bool,
}

impl Fault for Down {
    fn begin(&self, world: &mut World, _: u32) -> bool {
        let mut bit = false;
        for &slot in &self.slots {
            bit |= world.processes[slot as usize].is_alive();
            world.stop(slot, self.noticed);
        }
        bit
    }
    fn end(&self, world: &mut World, id: u32) {
        for &slot in &self.slots {
            if !world.is_held_down(slot, id) {
                world.start(slot);
            }
        }
    }
    fn holds_down(&self, slot: u32) -> bool {
        self.slots.contains(&slot)
    }
    fn clone_box(&self) -> Box<dyn Fault> {
        Box::new(self.clone())
    }
}

fn occurrence(at: Time, lasts: Option<Span>, host: &str, slots: Vec<u32>, process: bool) -> Occurrence {
    let down = lasts.map(|d| format!("down = \"{d}\"\n")).unwrap_or_default();
    let how = if process { "process = true\n" } else { "" };
    Occurrence {
        at,
        lasts,
        label: format!("{host} crashed"),
        toml: format!("kind = \"agent-crash\"\nat = \"{}\"\n{down}target = \"{host}\"\n{how}", Span(at.0)),
        fault: Box::new(Down { slots, noticed: process }),
    }
}

pub(super) fn plan(
    section: &Section,
    index: u32,
    site: &Site,
    names: &Names,
    dice: &mut Dice,
) -> Result<Vec<Occurrence>, Error> {
    let params: Params = section.read()?;
    let targets = site.agents(section, "target", &params.target, names)?;
    let when = When { at: params.at, lasts: params.down, mtbf: params.mtbf, mttr: params.mttr };
    let mut all = Vec::new();
    for slot in targets {
        for (at, lasts) in when.spans(section, u64::from(index) << 32 | u64::from(slot), site, dice)? {
            all.push(occurrence(at, lasts, site.hostname(slot, names), vec![slot], params.process));
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_explicit_form_is_exact_to_the_nanosecond() {
        let o = occurrence(Time(61_000_000_001), Some(Span::from_millis(1500)), "agent-1", vec![3], true);
        assert_eq!(
            o.toml,
            "kind = \"agent-crash\"\nat = \"1m1.000000001s\"\ndown = \"1.5s\"\ntarget = \"agent-1\"\nprocess = true\n"
        );
        assert!(o.fault.holds_down(3) && !o.fault.holds_down(4));
    }
}
