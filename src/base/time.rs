//! Simulated time: `Time` is an instant and `Span` a length, both whole nanoseconds in an `i64`.
//!
//! An `i64` of nanoseconds reaches 292 years. Arithmetic is checked (overflow panics in every
//! profile), so a scenario cannot wrap round unnoticed.

use std::fmt;
use std::ops::{Add, AddAssign, Div, Mul, Sub, SubAssign};

/// Nanoseconds in one second.
pub const SECOND_NS: i64 = 1_000_000_000;

/// An instant: nanoseconds since the start of the simulation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Time(pub i64);

/// A length of time in nanoseconds; may be negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Span(pub i64);

impl Time {
    pub const ZERO: Self = Self(0);
    pub const MAX: Self = Self(i64::MAX);

    #[must_use]
    pub const fn from_secs(s: i64) -> Self {
        Self(s * SECOND_NS)
    }
    /// Seconds as a double, for reports only.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / SECOND_NS as f64
    }
    /// The instant later by `span`, or the end of time.
    #[must_use]
    pub fn saturating_add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Span {
    pub const ZERO: Self = Self(0);
    pub const MAX: Self = Self(i64::MAX);

    #[must_use]
    pub const fn from_secs(s: i64) -> Self {
        Self(s * SECOND_NS)
    }
    #[must_use]
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms * 1_000_000)
    }
    #[must_use]
    pub const fn from_micros(us: i64) -> Self {
        Self(us * 1_000)
    }
    /// Seconds as a double to the nearest nanosecond (half away from zero); saturates.
    #[must_use]
    pub fn from_secs_f64(s: f64) -> Self {
        Self(libm::round(s * SECOND_NS as f64) as i64)
    }
    /// Seconds as a double, for reports only.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / SECOND_NS as f64
    }
}

impl Add<Span> for Time {
    type Output = Self;
    fn add(self, r: Span) -> Self {
        Self(self.0 + r.0)
    }
}
impl AddAssign<Span> for Time {
    fn add_assign(&mut self, r: Span) {
        self.0 += r.0;
    }
}
impl Sub<Span> for Time {
    type Output = Self;
    fn sub(self, r: Span) -> Self {
        Self(self.0 - r.0)
    }
}
impl Sub for Time {
    type Output = Span;
    fn sub(self, r: Self) -> Span {
        Span(self.0 - r.0)
    }
}
impl Add for Span {
    type Output = Self;
    fn add(self, r: Self) -> Self {
        Self(self.0 + r.0)
    }
}
impl AddAssign for Span {
    fn add_assign(&mut self, r: Self) {
        self.0 += r.0;
    }
}
impl Sub for Span {
    type Output = Self;
    fn sub(self, r: Self) -> Self {
        Self(self.0 - r.0)
    }
}
impl SubAssign for Span {
    fn sub_assign(&mut self, r: Self) {
        self.0 -= r.0;
    }
}
impl Mul<i64> for Span {
    type Output = Self;
    fn mul(self, r: i64) -> Self {
        Self(self.0 * r)
    }
}
impl Div<i64> for Span {
    type Output = Self;
    fn div(self, r: i64) -> Self {
        Self(self.0 / r)
    }
}

/// Prints `[d]hh:mm:ss.uuuuuu` in fixed columns, as traces want it.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = self.0.div_euclid(1_000);
        let (s, us) = (us.div_euclid(1_000_000), us.rem_euclid(1_000_000));
        let (d, h, m, s) = (s / 86_400, s / 3_600 % 24, s / 60 % 60, s % 60);
        if d > 0 {
            write!(f, "{d}d")?;
        }
        write!(f, "{h:02}:{m:02}:{s:02}.{us:06}")
    }
}

/// Prints the shortest exact sum of units, for example `1h30m`, `1.5ms` or `0s`; every text that
/// it prints reads back as the same span.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let mut ns = self.0.unsigned_abs();
        for (unit, size) in [("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000_u64)] {
            if ns >= size {
                write!(f, "{}{unit}", ns / size)?;
                ns %= size;
            }
        }
        if ns > 0 {
            let (unit, size, digits) = match ns {
                1_000_000_000.. => ("s", 1_000_000_000, 9),
                1_000_000.. => ("ms", 1_000_000, 6),
                1_000.. => ("us", 1_000, 3),
                _ => ("ns", 1, 0),
            };
            let rest = ns % size;
            if rest == 0 {
                write!(f, "{}{unit}", ns / size)?;
            } else {
                let text = format!("{rest:0digits$}");
                write!(f, "{}.{}{unit}", ns / size, text.trim_end_matches('0'))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_in_columns_and_in_short() {
        assert_eq!(Time::from_secs(90_061).to_string(), "1d01:01:01.000000");
        assert_eq!(Time(1_500_000).to_string(), "00:00:00.001500");
        assert_eq!(Span::from_secs(5_400).to_string(), "1h30m");
        assert_eq!(Span::from_micros(1_500).to_string(), "1.5ms");
        assert_eq!(Span(-61 * SECOND_NS).to_string(), "-1m1s");
        assert_eq!(Span::ZERO.to_string(), "0s");
    }
}
