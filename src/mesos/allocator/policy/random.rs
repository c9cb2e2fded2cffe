//! Weighted random order (`sorter/random/sorter.cpp`): at every call siblings stand in a random
//! order without replacement, the first being i with probability w_i / sum of w. Allocations do
//! not count.

use super::{Sharing, Standing, Throw};

pub const SUMMARY: &str = "weighted random order, drawn anew for every agent";

#[derive(Clone, Copy, Debug, Default)]
pub struct Random;

impl Sharing for Random {
    const STEADY: bool = false;
    fn rank(&self, node: &Standing, throw: Throw) -> f64 {
        // Efraimidis and Spirakis: the largest u^(1/w) first.
        -libm::pow(throw.key.draw(throw.entity, node.serial).unit(), 1.0 / node.weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::dice::{Dice, Site};
    use crate::mesos::allocator::amounts::Amounts;
    use crate::mesos::allocator::sorter::Excluded;

    #[test]
    fn the_first_is_drawn_by_weight() {
        let key = Dice::new(1).key(Site::new("test"));
        let (nothing, excluded) = (Amounts::NOTHING, Excluded::default());
        let node =
            |serial, weight| Standing { allocated: &nothing, total: &nothing, weight, serial, excluded: &excluded };
        let wins = (0..10_000)
            .filter(|&entity| {
                let throw = Throw { key, entity };
                Random.rank(&node(0, 3.0), throw) < Random.rank(&node(1, 1.0), throw)
            })
            .count();
        assert!((7_300..7_700).contains(&wins), "{wins}");
    }
}
