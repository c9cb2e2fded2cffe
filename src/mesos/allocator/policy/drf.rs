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
    for (i, (&allocated, &total)) in node.allocated.0.iter().zip(&node.total.0).enumerate() {
        if total > 0 && allocated != 0 && node.excluded & 1 << i == 0 {
            let part = Milli(allocated).to_f64() / Milli(total).to_f64();
            if part > share {
                share = part;
            }
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
    use crate::base::quantity::Quantities;

    #[test]
    fn the_dominant_resource_decides() {
        let throw = Throw { key: Dice::new(1).key(Site::new("test")), entity: 0 };
        let mut node = Standing {
            allocated: Quantities([2_000, 3_000_000, 0, 0]),
            total: Quantities([9_000, 18_000_000, 0, 0]),
            weight: 1.0,
            serial: 0,
            excluded: 0,
        };
        let rank = |n: &Standing| Drf.rank(n, throw).to_bits();
        assert_eq!(rank(&node), (2.0_f64 / 9.0).to_bits());
        node.weight = 2.0;
        assert_eq!(rank(&node), (2.0_f64 / 9.0 / 2.0).to_bits());
        node.excluded = 1;
        assert_eq!(rank(&node), (3_000.0_f64 / 18_000.0 / 2.0).to_bits());
    }
}
