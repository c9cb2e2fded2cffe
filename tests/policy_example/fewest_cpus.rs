//! Whoever holds the fewest CPUs for its weight is next, whatever else it holds.

use mesosim::mesos::allocator::policy::{Sharing, Standing, Throw};

pub const SUMMARY: &str = "fewest CPUs first";

#[derive(Clone, Copy, Debug, Default)]
pub struct FewestCpus;

impl Sharing for FewestCpus {
    /// A rank changes only when what is held does, so the order is kept and repaired.
    const STEADY: bool = true;

    /// Lower comes first; ties go to who was given something less often.
    fn rank(&self, node: &Standing, _: Throw) -> f64 {
        node.allocated.get("cpus").to_f64() / node.weight
    }
}
