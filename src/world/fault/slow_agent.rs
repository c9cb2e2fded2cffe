//! Agents are slow for a while (swapping, a noisy neighbour): each input takes a time, one after
//! the other, and answers to heartbeats are late by as much.

use super::{Error, Fault, Occurrence, Site, When, when_toml};
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
    #[serde(default)]
    at: Option<Span>,
    #[serde(default)]
    lasts: Option<Span>,
    #[serde(default)]
    mtbf: Option<Span>,
    #[serde(default)]
    mttr: Option<Span>,
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
    slots: Vec<u32>,
    service: Span,
}

impl Fault for SlowAgent {
    fn begin(&self, world: &mut World, id: u32) -> bool {
        let late = Trouble {
            id,
            from: Slots::of(&self.slots),
            to: Slots::All,
            extra: self.service,
            loss_ppm: 0,
            beats_only: true,
        };
        world.make_late(late, &self.slots);
        self.slots.iter().for_each(|&slot| world.slow_down(slot, self.service));
        !self.slots.is_empty()
    }
    fn end(&self, world: &mut World, id: u32) {
        world.network.end_trouble(id);
        self.slots.iter().for_each(|&slot| world.slow_down(slot, Span::ZERO));
    }
    fn clone_box(&self) -> Box<dyn Fault> {
        Box::new(self.clone())
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
    if params.service <= Span::ZERO {
        return Err(section.error("service", "that is not slow", "write a time above zero, e.g. service = \"200ms\""));
    }
    let Params { at, lasts, mtbf, mttr, target, service } = params;
    let slots = site.agents(section, "target", &target, names)?;
    let one = |(at, lasts)| Occurrence {
        at,
        lasts,
        label: format!("{target} slow"),
        toml: format!(
            "kind = \"slow-agent\"\n{}target = \"{target}\"\nservice = \"{service}\"\n",
            when_toml(at, lasts)
        ),
        fault: Box::new(SlowAgent { slots: slots.clone(), service }),
    };
    let spans = When { at, lasts, mtbf, mttr }.spans(section, u64::from(index) << 32, site, dice)?;
    Ok(spans.into_iter().map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_agent_is_not_down() {
        let slow = SlowAgent { slots: vec![4], service: Span::from_millis(5) };
        assert!(!slow.clone_box().holds_down(4));
    }
}
