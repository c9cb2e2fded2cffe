//! The whole agent, as Mesos does: an offer carries all that is free there.

use super::Chunk;
use crate::mesos::resource::Resources;

pub const SUMMARY: &str = "all that is free on the agent (Mesos)";

#[derive(Clone, Copy, Debug, Default)]
pub struct Whole;

impl Chunk for Whole {
    const WHOLE: bool = true;
    #[inline]
    fn carve(&self, _: &Resources) -> Option<Resources> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::quantity::Quantities;

    #[test]
    fn takes_everything() {
        assert_eq!(Whole.carve(&Resources::from_scalars(Quantities([1, 2, 3, 4]))), None);
    }
}
