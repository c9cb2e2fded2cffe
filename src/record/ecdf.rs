//! An empirical distribution of lengths of time, thinned to at most 250 points, so that a folder
//! with a dozen of them stays small.
//!
//! A point (rank, value) says that the `rank`-th smallest of all samples has this value. The ranks
//! ceil(k n / 1000) are kept for every fifth k and for all k from 990 on, so the nearest-rank
//! percentiles p50, p90, p99, p99.9 are exact, however many samples there were.

/// Sorted samples, thinned; equal neighbours are one point with the largest rank.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ecdf {
    /// How many samples there were.
    pub samples: u64,
    /// Their sum in nanoseconds.
    pub sum_ns: u128,
    /// (rank from 1, value in nanoseconds), both rising strictly.
    pub points: Vec<(u64, u64)>,
}

/// Up to so many samples are kept one by one.
const KEEP: u64 = 250;

/// The fractions of all samples, in thousandths, whose ranks are always kept.
fn per_mille() -> impl Iterator<Item = u64> {
    (1..=1000).filter(|k| k % 5 == 0 || *k >= 990)
}

impl Ecdf {
    #[must_use]
    pub fn of(mut samples: Vec<u64>) -> Self {
        samples.sort_unstable();
        let n = samples.len() as u64;
        let sum_ns = samples.iter().map(|&v| u128::from(v)).sum();
        let mut points: Vec<(u64, u64)> = Vec::new();
        let mut keep = |rank: u64| {
            let value = samples[rank as usize - 1];
            match points.last_mut() {
                Some(last) if last.1 == value => last.0 = rank,
                _ => points.push((rank, value)),
            }
        };
        if n <= KEEP {
            (1..=n).for_each(&mut keep);
        } else {
            keep(1);
            per_mille().map(|k| (k * n).div_ceil(1000)).for_each(&mut keep);
        }
        Self { samples: n, sum_ns, points }
    }
    /// The value of the sample with this rank (from 1), or of the next one that was kept.
    #[must_use]
    pub fn at_rank(&self, rank: u64) -> Option<u64> {
        let index = self.points.partition_point(|p| p.0 < rank);
        self.points.get(index).map(|p| p.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn small_samples_are_kept_and_ties_are_one_point() {
        let ecdf = Ecdf::of(vec![5, 1, 5, 9]);
        assert_eq!(ecdf, Ecdf { samples: 4, sum_ns: 20, points: vec![(1, 1), (3, 5), (4, 9)] });
        assert_eq!((ecdf.at_rank(2), ecdf.at_rank(4), ecdf.at_rank(5)), (Some(5), Some(9), None));
    }

    proptest! {
        /// Percentiles of the thinned points equal those of all the samples.
        #[test]
        fn percentiles_survive_thinning(mut samples in prop::collection::vec(0_u64..5_000, 1..4_000)) {
            let ecdf = Ecdf::of(samples.clone());
            samples.sort_unstable();
            let n = samples.len() as u64;
            prop_assert!(ecdf.points.len() <= 250);
            for per_mille in [5, 10, 250, 500, 900, 990, 995, 999, 1000] {
                let rank = (per_mille * n).div_ceil(1000).max(1);
                prop_assert_eq!(ecdf.at_rank(rank), Some(samples[rank as usize - 1]));
            }
        }
    }
}
