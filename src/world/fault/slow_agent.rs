//! Agents are slow for a while (swapping, a noisy neighbour): each input takes a time, one after
//! the other, and answers to heartbeats are late by as much.

use super::{Error, Fault, Occurrence, Site, Target, explicit, read};
use crate::base::dice::Dice;
use crate::base::id::Names;
use crate::base::time::Span;
use crate::scenario::section::Section;
use crate::world::World;
use crate::world::link::{Slots, Trouble};
use serde::Deserialize;

pub const SUMMARY: &str = "agents take a time for each message for a while";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    #[serde(default = "all")]
    target: String,
    /// For each message, timer or end of a container.
    service: Span,
}

fn all() -> String {
    "agents".into()
}

#[derive(Clone)]
struct SlowAgent {
    target: Target,
    service: Span,
}

impl Fault for SlowAgent {
    fn begin(&self, world: &mut World, id: u32) -> bool {
        let slots = world.strike(id, self.target.resolve(world));
        let late = Trouble {
            id,
            from: Slots::of(&slots),
            to: Slots::All,
            extra: self.service,
            loss_ppm: 0,
            beats_only: true,
        };
        world.make_late(late, &slots);
        slots.iter().for_each(|&slot| world.set_pace(slot));
        !slots.is_empty()
    }
    fn end(&self, world: &mut World, id: u32) {
        world.network.end_trouble(id);
        world.struck(id).into_iter().for_each(|slot| world.set_pace(slot));
    }
    fn service(&self) -> Span {
        self.service
    }
}

pub(super) fn plan(section: &Section, site: &Site, names: &Names, dice: &mut Dice) -> Result<Vec<Occurrence>, Error> {
    let (when, Params { target, service }) = read(section)?;
    if service <= Span::ZERO {
        return Err(section.error("service", "that is not slow", "write a time above zero, e.g. service = \"200ms\""));
    }
    let slots = site.agents(section, "target", &target, names)?;
    let keys = format!("target = \"{target}\"\nservice = \"{service}\"\n");
    when.each(section, 0, site, dice, |at, lasts| Occurrence {
        at,
        lasts,
        label: format!("{target} slow"),
        toml: explicit("slow-agent", at, ("lasts", lasts), &keys),
        fault: Box::new(SlowAgent { target: Target::Slots(slots.clone()), service }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_agent_is_not_down() {
        let slow = SlowAgent { target: Target::Slots(vec![4]), service: Span::from_millis(5) };
        assert!(!slow.holds_down() && slow.service() == Span::from_millis(5));
    }
}
