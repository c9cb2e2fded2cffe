//! First come, first served: whoever was there first gets everything that it takes. Shares and
//! weights do not count.

use super::{Sharing, Standing, Throw};

pub const SUMMARY: &str = "who came first, whatever it holds";

#[derive(Clone, Copy, Debug, Default)]
pub struct Fifo;

impl Sharing for Fifo {
    const STEADY: bool = true;
    fn rank(&self, node: &Standing, _: Throw) -> f64 {
        node.serial as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::dice::SiteKey;
    use crate::mesos::allocator::amounts::Amounts;
    use crate::mesos::allocator::sorter::Excluded;

    #[test]
    fn the_first_stays_first_whatever_it_holds() {
        let (total, excluded) = (Amounts::from_pairs([("cpus", crate::base::quantity::Milli(8))]), Excluded::default());
        let throw = Throw { key: SiteKey::default(), entity: 0 };
        let rank = |serial, weight| {
            let node = Standing { allocated: &total, total: &total, weight, serial, excluded: &excluded };
            Fifo.rank(&node, throw)
        };
        assert!(rank(1, 1.0) < rank(2, 9.0) && rank(2, 9.0) < rank(3, 1.0));
    }
}
