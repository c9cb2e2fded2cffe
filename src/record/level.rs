//! A quantity that is constant between facts, integrated exactly over the current interval.
//!
//! `ahead` is the integral over the whole interval if the value never changed again. A change
//! costs one multiplication and needs no memory of when the last one was.

/// A level in whole units (of a task, of a thousandth of a CPU) and its integral in unit
/// nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Level {
    pub(crate) value: i64,
    ahead: i128,
}

impl Level {
    /// Changes the value `left_ns` before the end of the interval.
    #[inline]
    pub(crate) fn add(&mut self, delta: i64, left_ns: i64) {
        self.value += delta;
        self.ahead += i128::from(delta) * i128::from(left_ns);
    }
    /// The interval is over: its integral. The next one is `next_ns` long.
    pub(crate) fn roll(&mut self, next_ns: i64) -> i128 {
        std::mem::replace(&mut self.ahead, i128::from(self.value) * i128::from(next_ns))
    }
    /// The integral of an interval that is cut off `left_ns` before its end.
    pub(crate) fn cut(&self, left_ns: i64) -> i128 {
        self.ahead - i128::from(self.value) * i128::from(left_ns)
    }
}

/// The average of an integral over `length_ns` in millionths of a unit, rounded half up, where
/// the integral counts `per_unit` to a unit.
pub(crate) fn average_micro(integral: i128, length_ns: i64, per_unit: i64) -> i64 {
    let divisor = i128::from(length_ns) * i128::from(per_unit);
    (integral * 1_000_000 + divisor / 2).div_euclid(divisor) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 3 for 4 ns, then 5 for 6 ns: 42 in an interval of 10 ns, 37 if it is cut one earlier.
    #[test]
    fn integrates_by_hand() {
        let mut level = Level::default();
        level.add(3, 10);
        level.add(2, 6);
        assert_eq!(level.cut(1), 37);
        assert_eq!(level.roll(4), 42);
        assert_eq!(level.roll(0), 20);
        assert_eq!(average_micro(42, 10, 1), 4_200_000);
        assert_eq!(average_micro(1, 3_000_000, 1), 0);
        assert_eq!(average_micro(2, 3, 1), 666_667);
    }
}
