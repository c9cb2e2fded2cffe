//! Percentiles by nearest rank: the smallest sample that at least the given fraction of all
//! samples does not exceed. No interpolation, so a percentile is a wait that did happen.

use crate::record::Ecdf;
use serde::Serialize;

/// A distribution of lengths of time in numbers, in seconds; all absent without samples.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Spread {
    pub samples: u64,
    pub mean: Option<f64>,
    pub p50: Option<f64>,
    pub p90: Option<f64>,
    pub p99: Option<f64>,
    #[serde(rename = "p99.9")]
    pub p99_9: Option<f64>,
    pub max: Option<f64>,
}

impl Spread {
    #[must_use]
    pub fn of(ecdf: &Ecdf) -> Self {
        let at = |per_mille| percentile_ns(ecdf, per_mille).map(|ns| ns as f64 / 1e9);
        Self {
            samples: ecdf.samples,
            mean: (ecdf.samples > 0).then(|| super::round6(ecdf.sum_ns as f64 / ecdf.samples as f64 / 1e9)),
            p50: at(500),
            p90: at(900),
            p99: at(990),
            p99_9: at(999),
            max: at(1000),
        }
    }
}

/// The nearest-rank percentile at `per_mille` thousandths.
#[must_use]
pub fn percentile_ns(ecdf: &Ecdf, per_mille: u64) -> Option<u64> {
    ecdf.at_rank((per_mille * ecdf.samples).div_ceil(1000).max(1))
}

/// The distribution as a curve: (seconds, fraction of samples not above it).
#[must_use]
pub fn curve(ecdf: &Ecdf) -> Vec<(f64, f64)> {
    ecdf.points.iter().map(|&(rank, ns)| (ns as f64 / 1e9, rank as f64 / ecdf.samples as f64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_rank_by_hand() {
        let s = 1_000_000_000;
        let spread = Spread::of(&Ecdf::of((1..=10).map(|i| i * s).collect()));
        assert_eq!((spread.p50, spread.p90, spread.p99, spread.max), (Some(5.0), Some(9.0), Some(10.0), Some(10.0)));
        assert_eq!((spread.mean, spread.samples), (Some(5.5), 10));
        assert_eq!(Spread::of(&Ecdf::default()), Spread::default());
        let even = Ecdf::of(vec![s, s, 2 * s, 4 * s]);
        assert_eq!(curve(&even), [(1.0, 0.5), (2.0, 0.75), (4.0, 1.0)]);
    }
}
