//! Distributions over lengths of time, from one keyed draw each, by inversion over `libm`.
//!
//! `std`'s logarithm and exponential differ between platforms in the last bit; these do not.

use super::dice::Draw;
use super::time::Span;

/// A distribution of a length of time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Distribution {
    /// Always the same.
    Fixed(Span),
    /// Uniform between the two, both included.
    Uniform { low: Span, high: Span },
    /// Exponential with this mean, moved by `shift` (0 for the plain one).
    Exponential { shift: Span, mean: Span },
    /// Lognormal with this median; `sigma` is the standard deviation of the logarithm.
    Lognormal { median: Span, sigma: f64 },
}

impl Distribution {
    #[inline]
    #[must_use]
    pub fn sample(&self, draw: Draw) -> Span {
        match *self {
            Self::Fixed(span) => span,
            Self::Uniform { low, high } => Span(draw.between(low.0, high.0)),
            Self::Exponential { shift, mean } => Span(shift.0 + exponential(mean.0 as f64, draw)),
            Self::Lognormal { median, sigma } => {
                Span(libm::round(median.0 as f64 * libm::exp(sigma * normal(draw))) as i64)
            }
        }
    }
    /// The largest value possible, or `Span::MAX` if there is no bound.
    #[must_use]
    pub fn max(&self) -> Span {
        match *self {
            Self::Fixed(span) => span,
            Self::Uniform { high, .. } => high,
            // A draw is at least 2^-54, so these do have a largest value.
            Self::Exponential { .. } | Self::Lognormal { .. } => self.sample_extreme(),
        }
    }
    fn sample_extreme(&self) -> Span {
        self.sample(Draw(0)).max(self.sample(Draw(u64::MAX)))
    }
    /// Mean in seconds.
    #[must_use]
    pub fn mean_s(&self) -> f64 {
        match *self {
            Self::Fixed(span) => span.as_secs_f64(),
            Self::Uniform { low, high } => (low.as_secs_f64() + high.as_secs_f64()) / 2.0,
            Self::Exponential { shift, mean } => shift.as_secs_f64() + mean.as_secs_f64(),
            Self::Lognormal { median, sigma } => median.as_secs_f64() * libm::exp(sigma * sigma / 2.0),
        }
    }
}

/// Exponential with the given mean, rounded to a whole number.
#[must_use]
pub fn exponential(mean: f64, draw: Draw) -> i64 {
    libm::round(-libm::log(draw.unit()) * mean) as i64
}

/// Standard normal by inversion (Wichura's algorithm AS 241, PPND16, relative error about 1e-16).
#[must_use]
pub fn normal(draw: Draw) -> f64 {
    let p = draw.unit();
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180625 - q * q;
        return q * poly(r, &A) / poly(r, &B);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = libm::sqrt(-libm::log(tail));
    let z = if r <= 5.0 { poly(r - 1.6, &C) / poly(r - 1.6, &D) } else { poly(r - 5.0, &E) / poly(r - 5.0, &F) };
    if q < 0.0 { -z } else { z }
}

/// Horner's rule, constant term first.
fn poly(x: f64, coefficients: &[f64; 8]) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

// Published coefficients of AS 241 (Applied Statistics 37, 1988).
const A: [f64; 8] = [
    3.387_132_872_796_366_5,
    133.141_667_891_784_38,
    1_971.590_950_306_551_3,
    13_731.693_765_509_46,
    45_921.953_931_549_87,
    67_265.770_927_008_7,
    33_430.575_583_588_13,
    2_509.080_928_730_122_7,
];
const B: [f64; 8] = [
    1.0,
    42.313_330_701_600_91,
    687.187_007_492_057_9,
    5_394.196_021_424_751,
    21_213.794_301_586_597,
    39_307.895_800_092_71,
    28_729.085_735_721_943,
    5_226.495_278_852_545,
];
const C: [f64; 8] = [
    1.423_437_110_749_683_5,
    4.630_337_846_156_546,
    5.769_497_221_460_691,
    3.647_848_324_763_204_5,
    1.270_458_252_452_368_4,
    0.241_780_725_177_450_6,
    0.022_723_844_989_269_184,
    7.745_450_142_783_414e-4,
];
const D: [f64; 8] = [
    1.0,
    2.053_191_626_637_759,
    1.676_384_830_183_803_8,
    0.689_767_334_985_1,
    0.148_103_976_427_480_08,
    0.015_198_666_563_616_457,
    5.475_938_084_995_345e-4,
    1.050_750_071_644_416_9e-9,
];
const E: [f64; 8] = [
    6.657_904_643_501_103,
    5.463_784_911_164_114,
    1.784_826_539_917_291_3,
    0.296_560_571_828_504_87,
    0.026_532_189_526_576_124,
    0.001_242_660_947_388_078_4,
    2.711_555_568_743_487_6e-5,
    2.010_334_399_292_288_1e-7,
];
const F: [f64; 8] = [
    1.0,
    0.599_832_206_555_888,
    0.136_929_880_922_735_8,
    0.014_875_361_290_850_615,
    7.868_691_311_456_133e-4,
    1.846_318_317_510_054_8e-5,
    1.421_511_758_316_446e-7,
    2.044_263_103_389_939_8e-15,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::dice::{Dice, Site};

    #[test]
    fn normal_quantiles_match_the_published_ones() {
        let at = |p: f64| normal(Draw((p * 18_446_744_073_709_551_616.0) as u64));
        assert!((at(0.975) - 1.959_963_984_540_054).abs() < 1e-9);
        assert!((at(0.25) + 0.674_489_750_196_081_7).abs() < 1e-9);
        assert!((at(1e-10) + 6.361_340_902_404_056).abs() < 1e-5);
    }

    #[test]
    fn means_come_out() {
        let key = Dice::new(3).key(Site::new("test-sampler"));
        let distributions = [
            Distribution::Fixed(Span::from_millis(7)),
            Distribution::Uniform { low: Span::from_millis(1), high: Span::from_millis(3) },
            Distribution::Exponential { shift: Span::from_millis(2), mean: Span::from_secs(100) },
            Distribution::Lognormal { median: Span::from_secs(60), sigma: 1.0 },
        ];
        for (k, d) in distributions.iter().enumerate() {
            let n = 200_000;
            let sum: f64 = (0..n).map(|i| d.sample(key.draw(k as u64, i)).as_secs_f64()).sum();
            let ratio = sum / n as f64 / d.mean_s();
            assert!((0.985..1.015).contains(&ratio), "{d:?}: {ratio}");
            assert!(d.max() >= d.sample(key.draw(9, 9)));
        }
    }

    /// Golden values: own samplers never change their output.
    #[test]
    fn samples_are_stable() {
        let key = Dice::new(3).key(Site::new("test-sampler"));
        let d = Distribution::Lognormal { median: Span::from_secs(60), sigma: 1.0 };
        let e = Distribution::Exponential { shift: Span::ZERO, mean: Span::from_secs(100) };
        let got: Vec<i64> = (0..3).flat_map(|i| [d.sample(key.draw(0, i)).0, e.sample(key.draw(1, i)).0]).collect();
        expect_test::expect![[r#"
            [
                15705804268,
                36725138595,
                23469415443,
                29044557159,
                27970098415,
                612697372,
            ]
        "#]]
        .assert_debug_eq(&got);
    }
}
