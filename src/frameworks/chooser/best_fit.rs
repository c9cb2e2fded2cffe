//! Best fit: the offer into which the fewest further tasks of this kind would fit afterwards.

use super::{Candidate, Chooser};

pub const SUMMARY: &str = "the offer that the task fills best";

pub struct BestFit;

impl Chooser for BestFit {
    fn score(&self, candidate: &Candidate) -> i64 {
        candidate.free.fits(candidate.need)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::dice::Draw;
    use crate::base::quantity::Quantities;

    #[test]
    fn the_tightest_wins() {
        let candidate = |cpus| Candidate {
            index: 0,
            free: Quantities([cpus, 9, 9, 9]),
            need: Quantities([2, 1, 0, 0]),
            draw: Draw(1),
        };
        assert!(BestFit.score(&candidate(2)) < BestFit.score(&candidate(8)));
    }
}
