//! How sure a mean is: confidence intervals over independent runs.
//!
//! Student's t: the mean of n runs, plus and minus t * s / sqrt(n), with t for n - 1 degrees of
//! freedom. It is exact for normal samples and good for means of anything not too skewed; it needs
//! at least two. For two variants that were run with the same seeds it is applied to the
//! differences run by run (`paired`), which takes out all that the seed does to both alike.

use std::f64::consts::{FRAC_2_PI, PI};

/// A mean and an interval around it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Interval {
    pub mean: f64,
    pub low: f64,
    pub high: f64,
    /// How many samples it is from.
    pub samples: usize,
}

impl Interval {
    /// The interval that covers the true mean with probability `level` (0.95, say); `None` with
    /// fewer than two samples.
    #[must_use]
    pub fn of(samples: &[f64], level: f64) -> Option<Self> {
        let n = samples.len();
        if n < 2 {
            return None;
        }
        let mean = mean(samples)?;
        let half = t_quantile(level, n as u32 - 1) * deviation(samples)? / (n as f64).sqrt();
        Some(Self { mean, low: mean - half, high: mean + half, samples: n })
    }

    /// The same of the differences `b - a`, pair by pair.
    #[must_use]
    pub fn paired(a: &[f64], b: &[f64], level: f64) -> Option<Self> {
        let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| b - a).collect();
        Self::of(&differences, level)
    }

    /// Whether zero lies inside or on an end.
    #[must_use]
    pub fn covers_zero(&self) -> bool {
        self.low <= 0.0 && self.high >= 0.0
    }
}

#[must_use]
pub fn mean(samples: &[f64]) -> Option<f64> {
    (!samples.is_empty()).then(|| samples.iter().sum::<f64>() / samples.len() as f64)
}

/// The standard deviation of a sample (n - 1 below the sum); `None` with fewer than two.
#[must_use]
pub fn deviation(samples: &[f64]) -> Option<f64> {
    let mean = mean(samples).filter(|_| samples.len() >= 2)?;
    let squares: f64 = samples.iter().map(|x| (x - mean) * (x - mean)).sum();
    Some((squares / (samples.len() - 1) as f64).sqrt())
}

/// Pearson's correlation of pairs; `None` if either side does not vary.
#[must_use]
pub fn correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    let (mean_a, mean_b) = (mean(a)?, mean(b)?);
    let products: f64 = a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum();
    let scale = deviation(a)? * deviation(b)? * (a.len() - 1) as f64;
    (scale > 0.0).then(|| (products / scale).clamp(-1.0, 1.0))
}

/// The t that |T| does not exceed with probability `level` (above 0, below 1), for T of Student's
/// distribution with so many degrees of freedom (at least 1).
#[must_use]
pub fn t_quantile(level: f64, degrees: u32) -> f64 {
    let mut high = 1.0;
    while within(high, degrees) < level && high < 1e12 {
        high *= 2.0;
    }
    // Halving until the ends are neighbours: some sixty steps, and no derivative to go astray.
    let mut low = 0.0;
    loop {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            return high;
        }
        if within(middle, degrees) < level {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// P(|T| <= t). For whole degrees of freedom the distribution is a finite sum in the angle
/// atan(t / sqrt(degrees)) (Abramowitz and Stegun, 26.7.3 and 26.7.4).
fn within(t: f64, degrees: u32) -> f64 {
    let v = f64::from(degrees);
    let cosine_squared = v / (v + t * t);
    let sine = t / (v + t * t).sqrt();
    let odd = !degrees.is_multiple_of(2);
    // Odd: cos + 2/3 cos^3 + 2*4/(3*5) cos^5 ...; even: 1 + 1/2 cos^2 + 1*3/(2*4) cos^4 ...; both
    // up to cos^(degrees - 2).
    let mut term = if odd { cosine_squared.sqrt() } else { 1.0 };
    let mut power = u32::from(odd);
    let mut sum = 0.0;
    while power + 2 <= degrees {
        sum += term;
        term *= cosine_squared * f64::from(power + 1) / f64::from(power + 2);
        power += 2;
    }
    if !odd {
        return sine * sum;
    }
    let angle = libm::atan(t / v.sqrt()).min(PI / 2.0);
    FRAC_2_PI * (angle + sine * sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::dice::{Dice, Site};
    use proptest::prelude::*;

    /// Two-sided critical values as printed in tables of Student's distribution.
    #[test]
    fn agrees_with_published_tables() {
        #[rustfmt::skip]
        let table = [
            // degrees, 90 %, 95 %, 99 %
            (1, 6.314, 12.706, 63.657), (2, 2.920, 4.303, 9.925), (3, 2.353, 3.182, 5.841),
            (4, 2.132, 2.776, 4.604), (5, 2.015, 2.571, 4.032), (6, 1.943, 2.447, 3.707),
            (7, 1.895, 2.365, 3.499), (8, 1.860, 2.306, 3.355), (9, 1.833, 2.262, 3.250),
            (10, 1.812, 2.228, 3.169), (15, 1.753, 2.131, 2.947), (19, 1.729, 2.093, 2.861),
            (20, 1.725, 2.086, 2.845), (29, 1.699, 2.045, 2.756), (30, 1.697, 2.042, 2.750),
            (40, 1.684, 2.021, 2.704), (60, 1.671, 2.000, 2.660), (120, 1.658, 1.980, 2.617),
        ];
        for (degrees, at_90, at_95, at_99) in table {
            for (level, expected) in [(0.90, at_90), (0.95, at_95), (0.99, at_99)] {
                let got = t_quantile(level, degrees);
                assert!((got - expected).abs() <= 0.000_501, "{degrees} at {level}: {got}, table {expected}");
            }
        }
        assert!((t_quantile(0.999, 1) - 636.619).abs() < 0.001);
        // Towards the normal distribution.
        assert!((t_quantile(0.95, 100_000) - 1.959_96).abs() < 5e-5);
    }

    /// Ten differences by hand: mean 3.1, s = 1.2649..., t = 2.262.
    #[test]
    fn an_interval_by_hand() {
        let samples = [1.1, 2.1, 2.1, 3.1, 3.1, 3.1, 3.1, 4.1, 4.1, 5.1];
        let interval = Interval::of(&samples, 0.95).unwrap();
        assert!((interval.mean - 3.1).abs() < 1e-12 && interval.samples == 10);
        let half = 2.262_157 * (12.0_f64 / 9.0).sqrt() / 10.0_f64.sqrt();
        assert!((interval.high - 3.1 - half).abs() < 1e-5, "{interval:?}");
        assert!(!interval.covers_zero());
        assert_eq!(Interval::of(&[1.0], 0.95), None);
        assert_eq!(Interval::of(&[], 0.95), None);
        let same = Interval::of(&[2.0, 2.0, 2.0], 0.95).unwrap();
        assert_eq!((same.low, same.high), (2.0, 2.0));
    }

    #[test]
    fn pairs_take_out_what_both_share() {
        let a = [10.0, 20.0, 30.0, 40.0];
        let b = [11.0, 21.2, 30.9, 40.9];
        let paired = Interval::paired(&a, &b, 0.95).unwrap();
        assert!((paired.mean - 1.0).abs() < 1e-12 && !paired.covers_zero());
        assert!(Interval::of(&b, 0.95).unwrap().low < 11.0, "unpaired they could not be told apart");
        assert!(correlation(&a, &b).unwrap() > 0.999);
        assert_eq!(correlation(&a, &[1.0; 4]), None);
    }

    /// Of many intervals from normal samples, 95 in 100 cover the truth.
    #[test]
    fn covers_as_often_as_it_says() {
        const TRIALS: u64 = 4_000;
        let key = Dice::new(1).key(Site::new("test-normal"));
        for samples in [2_u64, 3, 5, 10] {
            let normal = |trial: u64, k: u64| {
                // Twelve uniform numbers, less six: near enough to normal.
                let uniform = |i| key.draw(trial << 8 | k, i).unit();
                (0..12).map(uniform).sum::<f64>() - 6.0
            };
            let hits = (0..TRIALS).filter(|&trial| {
                let drawn: Vec<f64> = (0..samples).map(|k| 7.0 + 3.0 * normal(trial * 100 + samples, k)).collect();
                let interval = Interval::of(&drawn, 0.95).unwrap();
                interval.low <= 7.0 && interval.high >= 7.0
            });
            let rate = hits.count() as f64 / TRIALS as f64;
            // Four standard errors: 4 * sqrt(0.95 * 0.05 / 4000) = 0.014.
            assert!((rate - 0.95).abs() < 0.015, "{samples} samples: {rate}");
        }
    }

    proptest! {
        #[test]
        fn moves_and_stretches_with_its_samples(
            samples in proptest::collection::vec(-100.0..100.0_f64, 2..20),
            by in -50.0..50.0_f64,
            factor in 0.1..10.0_f64,
        ) {
            let plain = Interval::of(&samples, 0.95).unwrap();
            let changed: Vec<f64> = samples.iter().map(|x| x * factor + by).collect();
            let changed = Interval::of(&changed, 0.95).unwrap();
            prop_assert!(plain.low <= plain.mean && plain.mean <= plain.high);
            for (before, after) in [(plain.low, changed.low), (plain.mean, changed.mean), (plain.high, changed.high)] {
                prop_assert!((before * factor + by - after).abs() < 1e-6, "{before} {after}");
            }
            prop_assert!(Interval::of(&samples, 0.99).unwrap().high >= plain.high);
        }
    }
}
