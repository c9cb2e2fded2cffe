//! Dominant resource fairness, weighted and hierarchical, as Mesos computes it
//! (`sorter/drf/sorter.cpp`): the sibling with the smallest dominant share is next.
//!
//! share = max over resources of allocated / total, divided by the weight. Upstream decides on
//! doubles here, so this file does too, with the same expression.

use super::{Sharing, Standing, Throw};
use crate::base::quantity::Milli;

pub const SUMMARY: &str = "smallest weighted dominant share first (Mesos' default)";

#[derive(Clone, Copy, Debug, Default)]
pub struct Drf;

/// The dominant share before the weight.
#[must_use]
pub fn dominant_share(node: &Standing) -> f64 {
    let mut share = 0.0_f64;
    let usual = node.allocated.usual.0.iter().zip(&node.total.usual.0).enumerate();
    for (i, (&allocated, &total)) in usual {
        if total > 0 && allocated != 0 && node.excluded.kinds & 1 << i == 0 {
            share = share.max(Milli(allocated).to_f64() / Milli(total).to_f64());
        }
    }
    for (name, allocated) in node.allocated.others() {
        let total = node.total.get(name);
        if total.0 > 0 && !node.excluded.others.contains(name) {
            share = share.max(Milli(*allocated).to_f64() / total.to_f64());
        }
    }
    share
}

impl Sharing for Drf {
    const STEADY: bool = true;
    fn rank(&self, node: &Standing, _: Throw) -> f64 {
        dominant_share(node) / node.weight
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::dice::{Dice, Site};
    use crate::mesos::allocator::amounts::Amounts;
    use crate::mesos::allocator::sorter::Excluded;

    #[test]
    fn the_dominant_resource_decides() {
        let throw = Throw { key: Dice::new(1).key(Site::new("test")), entity: 0 };
        let amounts = |cpus, mem, fpga| Amounts::from_pairs([("cpus", Milli(cpus)), ("mem", Milli(mem)), ("fpga", Milli(fpga))]);
        let rank = |fpga, weight, excluded: &[&str]| {
            let (allocated, total) = (amounts(2_000, 3_000_000, fpga), amounts(9_000, 18_000_000, 4_000));
            let excluded = Excluded::new(excluded.iter().copied());
            let node = Standing { allocated: &allocated, total: &total, weight, serial: 0, excluded: &excluded };
            Drf.rank(&node, throw).to_bits()
        };
        assert_eq!(rank(0, 1.0, &[]), (2.0_f64 / 9.0).to_bits());
        assert_eq!(rank(0, 2.0, &[]), (2.0_f64 / 9.0 / 2.0).to_bits());
        assert_eq!(rank(0, 2.0, &["cpus"]), (3_000.0_f64 / 18_000.0 / 2.0).to_bits());
        assert_eq!(rank(3_000, 1.0, &[]), 0.75_f64.to_bits());
        assert_eq!(rank(3_000, 1.0, &["fpga"]), (2.0_f64 / 9.0).to_bits());
    }
}
