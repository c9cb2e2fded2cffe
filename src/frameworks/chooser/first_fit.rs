//! First fit: offers are filled in the order in which they came.

use super::{Candidate, Chooser};

pub const SUMMARY: &str = "fill offers in the order in which they came";

pub struct FirstFit;

impl Chooser for FirstFit {
    const IN_ORDER: bool = true;
    fn score(&self, candidate: &Candidate) -> i64 {
        i64::from(candidate.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::dice::Draw;
    use crate::base::quantity::Quantities;

    #[test]
    fn the_score_is_the_position() {
        let candidate =
            Candidate { index: 7, free: Quantities::ZERO, need: Quantities::ZERO, draw: Draw(1) };
        assert_eq!(FirstFit.score(&candidate), 7);
    }
}
