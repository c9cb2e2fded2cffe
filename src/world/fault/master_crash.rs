//! Masters crash and come back: at an instant, or again and again by `mtbf` and `mttr`.
//!
//! The target is `leading-master` (whoever leads at that instant), `masters`, or one, `master-1`. By
//! default the machine dies and nobody is told: ZooKeeper finds out when the session expires.
//! `process = true` kills the process alone: its connections break at once, and unless `down` says
//! how long it stays away, its supervisor starts it again.

use super::{Error, Fault, Occurrence, Site, Target, When};
use crate::base::dice::Dice;
use crate::base::id::Names;
use crate::base::time::{Span, Time};
use crate::scenario::section::Section;
use crate::world::World;
use serde::Deserialize;

pub const SUMMARY: &str = "masters stop and start again, the leading one or any, at an instant or by mtbf and mttr";

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
    #[serde(default)]
    target: Option<String>,
    #[serde(default)]
    process: bool,
}

/// Processes that are down while the fault lasts, or until their supervisor starts them again.
#[derive(Clone)]
pub(super) struct Crash {
    target: Target,
    noticed: bool,
    held: bool,
}

impl Fault for Crash {
    fn begin(&self, world: &mut World, id: u32) -> bool {
        let slots = self.target.resolve(world);
        let mut bit = false;
        if self.held {
            world.faults[id as usize].struck.clone_from(&slots);
        }
        for slot in slots {
            bit |= world.processes[slot as usize].is_alive();
            world.stop(slot, self.noticed);
        }
        bit
    }
    fn end(&self, world: &mut World, id: u32) {
        for slot in std::mem::take(&mut world.faults[id as usize].struck) {
            if !world.is_held_down(slot, id) {
                world.start(slot);
            }
        }
    }
    fn clone_box(&self) -> Box<dyn Fault> {
        Box::new(self.clone())
    }
}

/// Occurrences of a crash of processes of one kind; `what` names the fault.
pub(super) fn crashes(
    what: &str,
    default: &str,
    (section, index): (&Section, u32),
    site: &Site,
    names: &Names,
    dice: &mut Dice,
) -> Result<Vec<Occurrence>, Error> {
    let params: Params = section.read()?;
    let Params { at, down, mtbf, mttr, process, .. } = params;
    let selector = params.target.as_deref().unwrap_or(default);
    let when = When { at, lasts: down, mtbf, mttr };
    let targets = match site.target(section, "target", selector, names)? {
        Target::Leader(kind) => vec![(selector.to_owned(), Target::Leader(kind), u32::MAX)],
        Target::Slots(slots) => slots
            .into_iter()
            .map(|slot| {
                let name = site.blueprint.selector_of(slot).unwrap_or_else(|| selector.to_owned());
                (name, Target::Slots(vec![slot]), slot)
            })
            .collect(),
    };
    let mut all = Vec::new();
    for (name, target, entity) in targets {
        for (at, lasts) in when.spans(section, u64::from(index) << 32 | u64::from(entity), site, dice)? {
            all.push(occurrence(what, at, lasts, &name, target.clone(), process));
        }
    }
    Ok(all)
}

fn occurrence(what: &str, at: Time, lasts: Option<Span>, name: &str, target: Target, process: bool) -> Occurrence {
    let down = lasts.map(|d| format!("down = \"{d}\"\n")).unwrap_or_default();
    let how = if process { "process = true\n" } else { "" };
    Occurrence {
        at,
        lasts,
        label: format!("{name} crashed"),
        toml: format!("kind = \"{what}\"\nat = \"{}\"\n{down}target = \"{name}\"\n{how}", Span(at.0)),
        fault: Box::new(Crash { target, noticed: process, held: !process || lasts.is_some() }),
    }
}

pub(super) fn plan(
    section: &Section,
    index: u32,
    site: &Site,
    names: &Names,
    dice: &mut Dice,
) -> Result<Vec<Occurrence>, Error> {
    crashes("master-crash", "leading-master", (section, index), site, names, dice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::ProcessKind;

    #[test]
    fn a_killed_process_is_left_to_its_supervisor() {
        let (at, target) = (Time::from_secs(60), Target::Leader(ProcessKind::Master));
        let killed = occurrence("master-crash", at, None, "leading-master", target, true);
        assert_eq!(
            killed.toml,
            "kind = \"master-crash\"\nat = \"1m\"\ntarget = \"leading-master\"\nprocess = true\n"
        );
        assert!(!killed.fault.holds_down(0));
    }
}
