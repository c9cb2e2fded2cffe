//! Fixed-point amounts: Mesos rounds every scalar to thousandths (`src/common/values.cpp`), so we
//! keep thousandths in an `i64` and never a double.

use std::ops::{Add, AddAssign, Sub, SubAssign};

/// Thousandths of a unit (of a CPU, of a MiB of memory or disk, of a GPU).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Milli(pub i64);

impl Milli {
    pub const ZERO: Self = Self(0);

    /// Rounds half away from zero to thousandths, as `llround(v * 1000)` does.
    #[must_use]
    pub fn from_f64(v: f64) -> Self {
        Self(libm::round(v * 1000.0) as i64)
    }
    #[must_use]
    pub const fn from_int(v: i64) -> Self {
        Self(v * 1000)
    }
    /// The double that Mesos rebuilds: whole part plus thousandths divided by 1000.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        (self.0 / 1000) as f64 + (self.0 % 1000) as f64 / 1000.0
    }
}

/// Prints the shortest decimal: `2`, `0.5`, `1.001`.
impl std::fmt::Display for Milli {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (sign, abs) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        write!(f, "{sign}{}", abs / 1000)?;
        if abs % 1000 != 0 {
            write!(f, ".{}", format!("{:03}", abs % 1000).trim_end_matches('0'))?;
        }
        Ok(())
    }
}

/// The scalar resources that every agent has, in this order.
pub const KINDS: [&str; 4] = ["cpus", "mem", "disk", "gpus"];

/// Amounts of cpus, mem (MiB), disk (MiB) and gpus, in thousandths, in the order of `KINDS`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Quantities(pub [i64; 4]);

impl Quantities {
    pub const ZERO: Self = Self([0; 4]);

    #[must_use]
    pub const fn new(cpus: Milli, mem: Milli, disk: Milli, gpus: Milli) -> Self {
        Self([cpus.0, mem.0, disk.0, gpus.0])
    }
    #[must_use]
    pub fn cpus(self) -> Milli {
        Milli(self.0[0])
    }
    #[must_use]
    pub fn mem(self) -> Milli {
        Milli(self.0[1])
    }
    #[must_use]
    pub fn disk(self) -> Milli {
        Milli(self.0[2])
    }
    #[must_use]
    pub fn gpus(self) -> Milli {
        Milli(self.0[3])
    }
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0 == [0; 4]
    }
    /// Whether nothing at all is left: no component above zero.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0.iter().all(|&v| v <= 0)
    }
    /// Whether every component of `other` fits in ours.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        let (a, b) = (self.0, other.0);
        a[0] >= b[0] && a[1] >= b[1] && a[2] >= b[2] && a[3] >= b[3]
    }
    #[must_use]
    pub fn times(self, n: i64) -> Self {
        Self(self.0.map(|v| v * n))
    }
    /// How many times `unit` fits; `i64::MAX` if `unit` asks for nothing.
    #[must_use]
    pub fn fits(self, unit: Self) -> i64 {
        let each = self.0.iter().zip(unit.0);
        each.filter(|&(_, u)| u > 0).map(|(&v, u)| (v / u).max(0)).min().unwrap_or(i64::MAX)
    }
    /// Componentwise minimum.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i].min(other.0[i])))
    }
    /// Componentwise difference, never below zero.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| (self.0[i] - other.0[i]).max(0)))
    }
}

impl Add for Quantities {
    type Output = Self;
    #[inline]
    fn add(self, o: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + o.0[i]))
    }
}
impl Sub for Quantities {
    type Output = Self;
    #[inline]
    fn sub(self, o: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] - o.0[i]))
    }
}
impl AddAssign for Quantities {
    #[inline]
    fn add_assign(&mut self, o: Self) {
        *self = *self + o;
    }
}
impl SubAssign for Quantities {
    #[inline]
    fn sub_assign(&mut self, o: Self) {
        *self = *self - o;
    }
}

impl std::fmt::Display for Quantities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut first = true;
        for (name, v) in KINDS.iter().zip(self.0).filter(|(_, v)| *v != 0) {
            write!(f, "{}{name}:{}", if first { "" } else { ";" }, Milli(v))?;
            first = false;
        }
        if first { f.write_str("nothing") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_as_mesos_does() {
        assert_eq!(Milli::from_f64(1.5011), Milli(1501));
        assert_eq!(Milli::from_f64(1.5015), Milli(1502));
        assert_eq!(Milli::from_f64(-1.0005), Milli(-1001));
        assert_eq!(Milli(1001).to_string(), "1.001");
        assert_eq!(Milli(-500).to_string(), "-0.5");
    }

    #[test]
    fn fits_counts_whole_units() {
        let have = Quantities([4_000, 4_096_000, 0, 0]);
        assert_eq!(have.fits(Quantities([1_000, 2_048_000, 0, 0])), 2);
        assert_eq!(have.fits(Quantities([1_000, 0, 1, 0])), 0);
        assert_eq!(have.fits(Quantities::ZERO), i64::MAX);
        assert_eq!(have.to_string(), "cpus:4;mem:4096");
    }
}
