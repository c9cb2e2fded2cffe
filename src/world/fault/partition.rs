//! The network between two groups of processes is cut, both ways or one way, and heals.
//!
//! What is sent or would arrive while it is cut is swallowed silently. A connection that lost
//! something is found broken at both ends when the network heals.

use super::{Error, Fault, Occurrence, Site, Target, explicit, read};
use crate::base::dice::Dice;
use crate::base::id::Names;
use crate::scenario::section::Section;
use crate::world::World;
use serde::Deserialize;

pub const SUMMARY: &str = "the network between two groups is cut, both ways or one way";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    from: String,
    to: String,
    /// Only what goes from `from` to `to` is swallowed.
    #[serde(default)]
    one_way: bool,
}

#[derive(Clone)]
struct Partition {
    from: Target,
    to: Target,
    one_way: bool,
}

impl Fault for Partition {
    fn begin(&self, world: &mut World, id: u32) -> bool {
        let (from, mut to) = (self.from.resolve(world), self.to.resolve(world));
        to.retain(|slot| !from.contains(slot));
        world.cut(id, &from, &to);
        if !self.one_way {
            world.cut(id, &to, &from);
        }
        false
    }
    fn end(&self, world: &mut World, id: u32) {
        world.heal(id);
    }
}

pub(super) fn plan(section: &Section, site: &Site, names: &Names, dice: &mut Dice) -> Result<Vec<Occurrence>, Error> {
    let (when, params): (_, Params) = read(section)?;
    let (a, b) = (&params.from, &params.to);
    let (from, to) = site.two_groups(section, (a, b), names)?;
    let way = if params.one_way { "one_way = true\n" } else { "" };
    when.each(section, 0, site, dice, |at, lasts| Occurrence {
        at,
        lasts,
        label: format!("{a} | {b} cut"),
        toml: explicit("partition", at, ("lasts", lasts), &format!("from = \"{a}\"\nto = \"{b}\"\n{way}")),
        fault: Box::new(Partition { from: from.clone(), to: to.clone(), one_way: params.one_way }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_keeps_nobody_down() {
        let cut = Partition { from: Target::Slots(vec![1]), to: Target::Slots(vec![2]), one_way: true };
        assert!(!cut.holds_down());
    }
}
