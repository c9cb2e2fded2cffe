//! Messages between two groups take longer for a while, both ways.
//!
//! Heartbeats are late too: if the extra latency reaches a time-out, peers give one another up.

use super::{Error, Fault, Occurrence, Site, When, when_toml};
use crate::base::dice::Dice;
use crate::base::id::Names;
use crate::base::time::Span;
use crate::scenario::section::Section;
use crate::world::World;
use crate::world::link::{Slots, Trouble};
use serde::Deserialize;

pub const SUMMARY: &str = "messages between two groups take longer for a while";

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
    from: String,
    to: String,
    /// Added to the latency of every message.
    extra: Span,
}

/// Messages between two groups are late, both ways.
#[derive(Clone)]
pub(super) struct Late {
    pub(super) from: Vec<u32>,
    pub(super) to: Vec<u32>,
    pub(super) extra: Span,
    pub(super) loss_ppm: u32,
}

impl Fault for Late {
    fn begin(&self, world: &mut World, id: u32) -> bool {
        let slots: Vec<u32> = self.from.iter().chain(&self.to).copied().collect();
        let trouble = |from: &[u32], to: &[u32]| Trouble {
            id,
            from: Slots::of(from),
            to: Slots::of(to),
            extra: self.extra,
            loss_ppm: self.loss_ppm,
            beats_only: false,
        };
        world.make_late(trouble(&self.from, &self.to), &slots);
        world.make_late(trouble(&self.to, &self.from), &[]);
        false
    }
    fn end(&self, world: &mut World, id: u32) {
        world.network.end_trouble(id);
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
    if params.extra <= Span::ZERO {
        return Err(section.error("extra", "no latency is added", "write a time above zero, e.g. extra = \"200ms\""));
    }
    let (from, to) = site.two_groups(section, &params.from, &params.to, names)?;
    let Params { at, lasts, mtbf, mttr, extra, .. } = params;
    let (a, b) = (&params.from, &params.to);
    let one = |(at, lasts)| Occurrence {
        at,
        lasts,
        label: format!("{a} | {b} slow by {extra}"),
        toml: format!(
            "kind = \"latency-burst\"\n{}from = \"{a}\"\nto = \"{b}\"\nextra = \"{extra}\"\n",
            when_toml(at, lasts)
        ),
        fault: Box::new(Late { from: from.clone(), to: to.clone(), extra, loss_ppm: 0 }),
    };
    let spans = When { at, lasts, mtbf, mttr }.spans(section, u64::from(index) << 32, site, dice)?;
    Ok(spans.into_iter().map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_keeps_nobody_down_and_stalls_no_disk() {
        let late = Late { from: vec![1], to: vec![2], extra: Span::from_millis(1), loss_ppm: 0 };
        let fault = late.clone_box();
        assert!(!fault.holds_down(1) && !fault.stalls_disk(1) && fault.fails_tasks_ppm(1) == 0);
    }
}
