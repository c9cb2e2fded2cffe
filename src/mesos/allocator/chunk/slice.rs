//! Slices of at most a given size: an agent is dealt out to several frameworks in one run, each
//! taking its turn in the sharing order.

use super::Chunk;
use crate::base::quantity::Quantities;
use crate::mesos::resource::Resources;

pub const SUMMARY: &str = "at most `cpus` and `mem` (MiB) of an agent in one offer";

#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// Largest amounts of one offer; zero stands for no bound on that kind.
    pub most: Quantities,
}

impl Chunk for Slice {
    fn carve(&self, available: &Resources) -> Option<Resources> {
        // Ports, sets, reservations and volumes are not cut.
        if !available.is_plain() {
            return None;
        }
        let have = available.scalars().0;
        let cut = std::array::from_fn(|i| match self.most.0[i] {
            0 => have[i],
            most => have[i].min(most),
        });
        (cut != have).then(|| Resources::from_scalars(Quantities(cut)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_only_what_is_bounded() {
        let slice = Slice { most: Quantities([2_000, 0, 0, 0]) };
        let carve = |q| slice.carve(&Resources::from_scalars(Quantities(q)));
        assert_eq!(carve([4_000, 7, 0, 0]), Some(Resources::from_scalars(Quantities([2_000, 7, 0, 0]))));
        assert_eq!(carve([1_000, 7, 0, 0]), None);
    }
}
