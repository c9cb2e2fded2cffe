//! Worst fit: the offer into which the most tasks of this kind would fit, which spreads a job.

use super::{Candidate, Chooser};

pub const SUMMARY: &str = "the offer with the most room, which spreads a job";

pub struct WorstFit;

impl Chooser for WorstFit {
    fn score(&self, candidate: &Candidate) -> i64 {
        -candidate.free.fits(candidate.need)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::dice::Draw;
    use crate::base::quantity::Quantities;

    #[test]
    fn the_roomiest_wins() {
        let candidate = |cpus| Candidate {
            index: 0,
            free: Quantities([cpus, 9, 9, 9]),
            need: Quantities([2, 1, 0, 0]),
            draw: Draw(1),
        };
        assert!(WorstFit.score(&candidate(8)) < WorstFit.score(&candidate(2)));
    }
}
