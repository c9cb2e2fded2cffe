//! Cutting resources down to a target per name (`shrinkResources` of the hierarchical allocator).
//!
//! Objects are taken in the order in which they stand, each up to what is left of the target for
//! its name. What cannot be cut (a MOUNT disk, a persistent volume) is taken whole or not at all.

use super::object::{Object, Value};
use super::{Resources, extra};
use crate::base::quantity::{Milli, Quantities};
use std::collections::BTreeMap;
use std::sync::Arc;

/// In place of a limit: there is none.
pub const UNLIMITED: i64 = i64::MAX;

/// What happens to names that the target does not mention.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unnamed {
    /// The target is a quantity: they are dropped.
    Drop,
    /// The target is a limit: they are kept untouched.
    Keep,
}

impl Resources {
    /// At most this much of cpus, mem, disk and gpus, and nothing else.
    #[inline]
    #[must_use]
    pub fn shrink_to_quantities(&self, target: Quantities) -> Self {
        if self.is_plain() {
            return Self::from_scalars(self.scalars.min(target));
        }
        self.shrink_standard(target, Unnamed::Drop)
    }
    /// At most this much of cpus, mem, disk and gpus (`UNLIMITED`: any amount), all of the rest.
    #[inline]
    #[must_use]
    pub fn shrink_to_limits(&self, limits: Quantities) -> Self {
        if self.is_plain() {
            return Self::from_scalars(self.scalars.min(limits));
        }
        self.shrink_standard(limits, Unnamed::Keep)
    }
    /// At most the target of each name, counted as `all_quantities` counts.
    #[must_use]
    pub fn shrink_to(&self, target: &BTreeMap<Arc<str>, Milli>, unnamed: Unnamed) -> Self {
        let (names, mut left): (Vec<&str>, Vec<i64>) = target.iter().map(|(name, left)| (&**name, left.0)).unzip();
        self.shrink_by(unnamed, &mut left, |object| names.binary_search(&object.name()).ok())
    }
    fn shrink_standard(&self, target: Quantities, unnamed: Unnamed) -> Self {
        self.shrink_by(unnamed, &mut target.0.clone(), |object| {
            let (kind, _) = object.standard_scalar()?;
            (unnamed == Unnamed::Drop || target.0[kind] != UNLIMITED).then_some(kind)
        })
    }
    /// `target_of` says which of the targets `left` the name of an object has, if any.
    fn shrink_by(&self, unnamed: Unnamed, left: &mut [i64], target_of: impl Fn(&Object) -> Option<usize>) -> Self {
        let mut kept = Vec::new();
        for object in self.objects() {
            let Some(at) = target_of(&object) else {
                if unnamed == Unnamed::Keep {
                    extra::add(&mut kept, &object);
                }
                continue;
            };
            let whole = object.value.quantity().0;
            if whole <= left[at] {
                left[at] -= whole;
                extra::add(&mut kept, &object);
            } else if left[at] > 0
                && let Some(part) = cut(&object, left[at])
            {
                left[at] = 0;
                extra::add(&mut kept, &part);
            }
        }
        Self::from_parts(Quantities::ZERO, kept)
    }
}

/// A part of an object, if it can be cut: as upstream asks, if it contains a smaller one of itself.
fn cut(object: &Object, amount: i64) -> Option<Object> {
    let Value::Scalar(_) = object.value else { return None };
    let part = Object { value: Value::Scalar(Milli(amount)), ..object.clone() };
    object.contains(&part).then_some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn r(text: &str) -> Resources {
        Resources::parse(text).unwrap()
    }
    fn target(rows: &[(&str, i64)]) -> BTreeMap<Arc<str>, Milli> {
        rows.iter().map(|&(name, amount)| (name.into(), Milli(amount * 1000))).collect()
    }

    #[test]
    fn quantities_drop_and_limits_keep_other_names() {
        let all = r("cpus:4; mem:512; fpga:2; ports:[1-10]");
        let cpus = target(&[("cpus", 3)]);
        assert_eq!(all.shrink_to(&cpus, Unnamed::Drop), r("cpus:3"));
        assert_eq!(all.shrink_to(&cpus, Unnamed::Keep), r("cpus:3; mem:512; fpga:2; ports:[1-10]"));
        assert_eq!(all.shrink_to_quantities(Quantities([3_000, 0, 0, 0])), r("cpus:3"));
        let limits = Quantities([0, UNLIMITED, UNLIMITED, UNLIMITED]);
        assert_eq!(all.shrink_to_limits(limits), r("mem:512; fpga:2; ports:[1-10]"));
    }

    #[test]
    fn an_empty_quantity_yields_nothing_and_an_empty_limit_everything() {
        for all in [r("cpus:4; mem:512"), r("cpus:4; ports:[1-10]"), r("cpus:1;disk[MOUNT:/a]:3")] {
            assert!(all.shrink_to(&target(&[]), Unnamed::Drop).is_empty());
            assert!(all.shrink_to_quantities(Quantities::ZERO).is_empty());
            assert_eq!(all.shrink_to(&target(&[]), Unnamed::Keep), all);
            assert_eq!(all.shrink_to_limits(Quantities([UNLIMITED; 4])), all);
        }
    }

    #[test]
    fn whole_disks_are_taken_or_skipped_in_their_order() {
        let shrunk = |all: &str, disk: i64| r(all).shrink_to(&target(&[("disk", disk)]), Unnamed::Drop);
        let (a, b) = ("disk[MOUNT:/a]:50", "disk[MOUNT:/b]:40");
        assert_eq!(shrunk(&format!("{a}; {b}"), 60), r(a));
        assert_eq!(shrunk(&format!("{a}; {b}"), 45), r(b));
        assert_eq!(shrunk(&format!("{a}; {b}"), 30), Resources::EMPTY);
        assert_eq!(shrunk(&format!("{a}; disk:100"), 120), r("disk[MOUNT:/a]:50; disk:70"));
        assert_eq!(shrunk(&format!("disk:100; {a}"), 120), r("disk:100"));
        assert_eq!(shrunk("disk[PATH:/a]:50", 30), r("disk[PATH:/a]:30"));
        assert_eq!(shrunk(&format!("disk:100; {a}"), -1), Resources::EMPTY);
    }
}
