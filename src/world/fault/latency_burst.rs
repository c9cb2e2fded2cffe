//! Messages between two groups take longer for a while, both ways.
//!
//! Heartbeats are late too: if the extra latency reaches a time-out, peers give one another up.

use super::{Error, Fault, Occurrence, Site, Target, explicit, read};
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
    from: String,
    to: String,
    /// Added to the latency of every message.
    extra: Span,
}

/// Messages between two groups are late, both ways.
#[derive(Clone)]
pub(super) struct Late {
    pub(super) from: Target,
    pub(super) to: Target,
    pub(super) extra: Span,
    pub(super) loss_ppm: u32,
}

impl Fault for Late {
    fn begin(&self, world: &mut World, id: u32) -> bool {
        let (from, mut to) = (self.from.resolve(world), self.to.resolve(world));
        to.retain(|slot| !from.contains(slot));
        let slots: Vec<u32> = from.iter().chain(&to).copied().collect();
        let trouble = |from: &[u32], to: &[u32]| Trouble {
            id,
            from: Slots::of(from),
            to: Slots::of(to),
            extra: self.extra,
            loss_ppm: self.loss_ppm,
            beats_only: false,
        };
        world.make_late(trouble(&from, &to), &slots);
        world.make_late(trouble(&to, &from), &[]);
        false
    }
    fn end(&self, world: &mut World, id: u32) {
        world.network.end_trouble(id);
    }
}

pub(super) fn plan(section: &Section, site: &Site, names: &Names, dice: &mut Dice) -> Result<Vec<Occurrence>, Error> {
    let (when, params): (_, Params) = read(section)?;
    let extra = params.extra;
    if extra <= Span::ZERO {
        return Err(section.error("extra", "no latency is added", "write a time above zero, e.g. extra = \"200ms\""));
    }
    let (a, b) = (&params.from, &params.to);
    let (from, to) = site.two_groups(section, (a, b), names)?;
    let keys = format!("from = \"{a}\"\nto = \"{b}\"\nextra = \"{extra}\"\n");
    when.each(section, 0, site, dice, |at, lasts| Occurrence {
        at,
        lasts,
        label: format!("{a} | {b} slow by {extra}"),
        toml: explicit("latency-burst", at, ("lasts", lasts), &keys),
        fault: Box::new(Late { from: from.clone(), to: to.clone(), extra, loss_ppm: 0 }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_keeps_nobody_down_and_stalls_no_disk() {
        let (from, to) = (Target::Slots(vec![1]), Target::Slots(vec![2]));
        let late = Late { from, to, extra: Span::from_millis(1), loss_ppm: 0 };
        assert!(!late.holds_down() && !late.stalls_disks() && late.fails_tasks_ppm() == 0);
    }
}
