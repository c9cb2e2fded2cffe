//! Closed intervals of whole numbers (`Value.Ranges`), kept sorted, disjoint and coalesced, so that
//! two values are equal exactly when they cover the same numbers.

use smallvec::SmallVec;

/// A set of whole numbers as intervals with both ends included. One interval needs no memory.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Ranges(SmallVec<[(u64, u64); 1]>);

impl Ranges {
    /// Coalesces intervals in any order; those with `begin > end` cover nothing.
    #[must_use]
    pub fn new(intervals: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut all: SmallVec<[(u64, u64); 1]> = intervals.into_iter().filter(|(b, e)| b <= e).collect();
        all.sort_unstable();
        let mut merged: SmallVec<[(u64, u64); 1]> = SmallVec::new();
        for (begin, end) in all {
            match merged.last_mut() {
                // Adjacent counts as overlapping: [1-2] and [3-4] are [1-4].
                Some(last) if begin <= last.1.saturating_add(1) => last.1 = last.1.max(end),
                _ => merged.push((begin, end)),
            }
        }
        Self(merged)
    }
    /// The intervals in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().copied()
    }
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// How many numbers are covered; saturates.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.iter().fold(0, |n: u64, (b, e)| n.saturating_add((e - b).saturating_add(1)))
    }
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        let mut ours = self.iter().peekable();
        other.iter().all(|(begin, end)| {
            // Both sides ascend, so intervals of ours that end too early are done with.
            while ours.next_if(|our| our.1 < begin).is_some() {}
            ours.peek().is_some_and(|our| our.0 <= begin && end <= our.1)
        })
    }
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self::new(self.iter().chain(other.iter()))
    }
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        let mut left = SmallVec::new();
        for (mut begin, end) in self.iter() {
            let mut used_up = false;
            for (b, e) in other.iter() {
                if e < begin || b > end {
                    continue;
                }
                if b > begin {
                    left.push((begin, b - 1));
                }
                if e >= end {
                    used_up = true;
                    break;
                }
                begin = e + 1;
            }
            if !used_up {
                left.push((begin, end));
            }
        }
        Self(left)
    }
}

/// Prints `[1-10, 20-30]`.
impl std::fmt::Display for Ranges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[")?;
        for (i, (begin, end)) in self.iter().enumerate() {
            write!(f, "{}{begin}-{end}", if i == 0 { "" } else { ", " })?;
        }
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn numbers(r: &Ranges) -> BTreeSet<u64> {
        r.iter().flat_map(|(b, e)| b..=e).collect()
    }

    #[test]
    fn adjacent_intervals_become_one() {
        assert_eq!(Ranges::new([(1, 2)]).plus(&Ranges::new([(3, 4)])), Ranges::new([(1, 4)]));
        assert_eq!(Ranges::new([(20, 30), (1, 10), (5, 4)]).to_string(), "[1-10, 20-30]");
    }

    #[test]
    fn the_largest_number_is_no_exception() {
        let all = Ranges::new([(0, u64::MAX)]);
        assert_eq!(all.count(), u64::MAX);
        assert!(all.minus(&all).is_empty());
        assert_eq!(all.minus(&Ranges::new([(5, u64::MAX)])), Ranges::new([(0, 4)]));
        assert_eq!(Ranges::new([(u64::MAX, u64::MAX), (3, u64::MAX)]), Ranges::new([(3, u64::MAX)]));
    }

    fn any_ranges() -> impl Strategy<Value = Ranges> {
        prop::collection::vec((0_u64..40, 0_u64..6), 0..6)
            .prop_map(|v| Ranges::new(v.into_iter().map(|(b, len)| (b, b + len))))
    }

    proptest! {
        #[test]
        fn agrees_with_sets_of_numbers(a in any_ranges(), b in any_ranges()) {
            let (na, nb) = (numbers(&a), numbers(&b));
            prop_assert_eq!(numbers(&a.plus(&b)), &na | &nb);
            prop_assert_eq!(numbers(&a.minus(&b)), &na - &nb);
            prop_assert_eq!(a.contains(&b), na.is_superset(&nb));
            prop_assert_eq!(a == b, na == nb);
            prop_assert_eq!(a.count(), na.len() as u64);
        }
    }
}
