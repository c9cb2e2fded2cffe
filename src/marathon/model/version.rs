//! Versions: instants of wall-clock time in whole milliseconds, printed as ISO 8601. Unlike the
//! peer's they never repeat: two changes within a millisecond get consecutive ones.

use crate::base::time::Time;
use std::fmt;

/// Milliseconds since the Unix epoch; the world's time zero is 2026-01-01T00:00:00.000Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Version(pub i64);

/// 2026-01-01T00:00:00Z.
const EPOCH_MS: i64 = 1_767_225_600_000;

impl Version {
    #[must_use]
    pub fn at(wall: Time) -> Self {
        Self(EPOCH_MS + wall.0.div_euclid(1_000_000))
    }
    /// The version for a change now, after `last`.
    #[must_use]
    pub fn next(wall: Time, last: Self) -> Self {
        Self::at(wall).max(Self(last.0 + 1))
    }
    /// Reads what `Display` writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let instant: jiff::Timestamp = text.parse().ok()?;
        Some(Self(instant.as_millisecond()))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(instant) => write!(f, "{instant:.3}"),
            Err(_) => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_print_with_three_digits_and_come_back() {
        let v = Version::at(Time(1_500_000_000));
        assert_eq!(v.to_string(), "2026-01-01T00:00:01.500Z");
        assert_eq!(Version::parse(&v.to_string()), Some(v));
        assert_eq!(Version::parse("yesterday"), None);
        assert_eq!(Version::next(Time(1_500_400_000), v), Version(v.0 + 1));
        assert_eq!(Version::next(Time(2_500_000_000), v), Version(v.0 + 1_000));
    }
}
