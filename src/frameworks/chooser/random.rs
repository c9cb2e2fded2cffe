//! Random fit: offers are filled in a random order, drawn for each batch of offers.

use super::{Candidate, Chooser};

pub const SUMMARY: &str = "fill offers in a random order";

pub struct Random;

impl Chooser for Random {
    fn score(&self, candidate: &Candidate) -> i64 {
        (candidate.draw.0 >> 1) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::dice::Draw;
    use crate::base::quantity::Quantities;

    #[test]
    fn the_draw_decides() {
        let candidate = |draw| Candidate {
            index: 0,
            free: Quantities::ZERO,
            need: Quantities::ZERO,
            draw: Draw(draw),
        };
        assert!(Random.score(&candidate(4)) < Random.score(&candidate(u64::MAX)));
    }
}
