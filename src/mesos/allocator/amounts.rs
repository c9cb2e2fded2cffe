//! Scalar amounts by resource name, whatever their metadata (`ResourceQuantities` and
//! `ResourceLimits` of `src/common/resource_quantities.hpp`).
//!
//! The four usual kinds are a dense vector of integers; other names, which are rare, stand beside
//! them and cost nothing while there are none.

use crate::base::quantity::{KINDS, Milli, Quantities};
use crate::mesos::resource::{Object, Resources, UNLIMITED, Unnamed, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How much of each name; a name that is not there is zero.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Amounts {
    pub usual: Quantities,
    /// Other names in order; none of them zero.
    more: Vec<(Arc<str>, i64)>,
}

impl From<Quantities> for Amounts {
    fn from(usual: Quantities) -> Self {
        Self { usual, more: Vec::new() }
    }
}

impl Amounts {
    pub const NOTHING: Self = Self { usual: Quantities::ZERO, more: Vec::new() };

    /// Scalars of all objects, each object once however many copies there are.
    #[must_use]
    pub fn of(resources: &Resources) -> Self {
        if resources.is_plain() {
            return resources.scalars().into();
        }
        let mut sum = Self::from(resources.quantities());
        for object in resources.objects().filter(|object| object.standard_scalar().is_none()) {
            if let Value::Scalar(amount) = object.value() {
                sum.change(object.name(), amount.0);
            }
        }
        sum
    }
    /// Pairs of name and amount.
    #[must_use]
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, Milli)>) -> Self {
        let mut sum = Self::default();
        pairs.into_iter().for_each(|(name, amount)| sum.change(name, amount.0));
        sum
    }
    fn change(&mut self, name: &str, by: i64) {
        if let Some(kind) = KINDS.iter().position(|kind| *kind == name) {
            self.usual.0[kind] += by;
            return;
        }
        match self.more.binary_search_by(|(have, _)| (**have).cmp(name)) {
            Ok(at) => {
                self.more[at].1 += by;
                if self.more[at].1 == 0 {
                    self.more.remove(at);
                }
            }
            Err(at) if by != 0 => self.more.insert(at, (name.into(), by)),
            Err(_) => {}
        }
    }
    #[must_use]
    pub fn get(&self, name: &str) -> Milli {
        match KINDS.iter().position(|kind| *kind == name) {
            Some(kind) => Milli(self.usual.0[kind]),
            None => self.other(name),
        }
    }
    fn other(&self, name: &str) -> Milli {
        let at = self.more.binary_search_by(|(have, _)| (**have).cmp(name));
        Milli(at.map_or(0, |at| self.more[at].1))
    }
    /// The names beside the usual four.
    #[inline]
    #[must_use]
    pub fn others(&self) -> &[(Arc<str>, i64)] {
        &self.more
    }
    /// Names with an amount, the usual ones first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Milli)> {
        let usual = KINDS.into_iter().zip(self.usual.0).filter(|(_, amount)| *amount != 0);
        let more = self.more.iter().map(|(name, amount)| (&**name, Milli(*amount)));
        usual.map(|(name, amount)| (name, Milli(amount))).chain(more)
    }
    /// Whether no name has anything.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.usual.is_empty() && self.more.iter().all(|(_, amount)| *amount <= 0)
    }
    #[inline]
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.usual.0.iter().any(|&amount| amount < 0) || self.more.iter().any(|(_, amount)| *amount < 0)
    }
    #[inline]
    pub fn add(&mut self, other: &Self) {
        self.usual += other.usual;
        other.more.iter().for_each(|(name, amount)| self.change(name, *amount));
    }
    #[inline]
    pub fn subtract(&mut self, other: &Self) {
        self.usual -= other.usual;
        other.more.iter().for_each(|(name, amount)| self.change(name, -*amount));
    }
    /// Takes away what is there: no name falls below zero.
    #[inline]
    pub fn take(&mut self, other: &Self) {
        self.usual = self.usual.saturating_sub(other.usual);
        for (name, amount) in &other.more {
            let have = self.other(name).0;
            self.change(name, -have.min(*amount).max(0));
        }
    }
    /// What is left of this without the other, no name below zero.
    #[inline]
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let mut rest = self.clone();
        rest.take(other);
        rest
    }
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.usual.contains(other.usual) && other.more.iter().all(|(name, amount)| self.other(name).0 >= *amount)
    }
    /// Whether the resources have at least this much of each name: amounts, counts of numbers and
    /// of words.
    #[inline]
    #[must_use]
    pub fn fits_in(&self, resources: &Resources) -> bool {
        resources.quantities().contains(self.usual)
            && self.more.iter().all(|(name, amount)| resources.quantity_of(name).0 >= *amount)
    }
    /// At most this much of each name of the resources, and nothing else.
    #[must_use]
    pub fn shrink(&self, resources: &Resources) -> Resources {
        if self.more.is_empty() {
            return resources.shrink_to_quantities(self.usual);
        }
        let target: BTreeMap<Arc<str>, Milli> = self.iter().map(|(name, amount)| (name.into(), amount)).collect();
        resources.shrink_to(&target, Unnamed::Drop)
    }
}

/// At most how much of each name; a name that is not there is without limit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// `UNLIMITED` where there is none.
    pub usual: [i64; 4],
    more: BTreeMap<Arc<str>, Milli>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { usual: [UNLIMITED; 4], more: BTreeMap::new() }
    }
}

impl Limits {
    #[must_use]
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, Milli)>) -> Self {
        let mut limits = Self::default();
        for (name, amount) in pairs {
            match KINDS.iter().position(|kind| *kind == name) {
                Some(kind) => limits.usual[kind] = amount.0,
                None => {
                    limits.more.insert(name.into(), amount);
                }
            }
        }
        limits
    }
    /// Names with a limit.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Milli)> {
        let usual = KINDS.into_iter().zip(self.usual).filter(|(_, limit)| *limit != UNLIMITED);
        usual.map(|(name, limit)| (name, Milli(limit))).chain(self.more.iter().map(|(name, limit)| (&**name, *limit)))
    }
    #[must_use]
    pub fn is_unlimited(&self) -> bool {
        self.usual == [UNLIMITED; 4] && self.more.is_empty()
    }
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.iter().any(|(_, limit)| limit.0 < 0)
    }
    /// What is left of the limits, none below zero.
    #[must_use]
    pub fn without(&self, used: &Amounts) -> Self {
        let left = |limit: i64, used: i64| if limit == UNLIMITED { limit } else { (limit - used).max(0) };
        let usual = std::array::from_fn(|kind| left(self.usual[kind], used.usual.0[kind]));
        let more = self.more.iter().map(|(name, limit)| (name.clone(), Milli(left(limit.0, used.other(name).0))));
        Self { usual, more: more.collect() }
    }
    /// At most this much of the names with a limit, all of the rest.
    #[must_use]
    pub fn shrink(&self, resources: &Resources) -> Resources {
        if self.more.is_empty() {
            return resources.shrink_to_limits(Quantities(self.usual));
        }
        let target: BTreeMap<Arc<str>, Milli> = self.iter().map(|(name, limit)| (name.into(), limit)).collect();
        resources.shrink_to(&target, Unnamed::Keep)
    }
}

/// The objects for which `keep` holds, in their order.
#[must_use]
pub(super) fn pick(resources: &Resources, keep: impl Fn(&Object) -> bool) -> Resources {
    let kept: Vec<_> = resources.objects().filter(|object| keep(object)).collect();
    Resources::from_objects(kept.iter().map(AsRef::as_ref))
}

/// Whether an object counts in quotas: an unreserved scalar that cannot be revoked.
#[must_use]
pub(super) fn counts_in_quota(object: &Object) -> bool {
    !object.is_reserved() && !object.meta().revocable && matches!(object.value(), Value::Scalar(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn r(text: &str) -> Resources {
        Resources::parse(text).unwrap()
    }

    #[test]
    fn other_names_count_as_the_usual_ones_do() {
        let mut sum = Amounts::of(&r("cpus:2;fpga:3;ports:[1-9];fpga(a):1"));
        assert_eq!(sum.iter().collect::<Vec<_>>(), [("cpus", Milli(2_000)), ("fpga", Milli(4_000))]);
        let fpga = Amounts::from_pairs([("fpga", Milli(5_000))]);
        assert!(!sum.contains(&fpga));
        sum.add(&fpga);
        assert!(sum.contains(&fpga) && fpga.fits_in(&r("fpga:5")) && !fpga.fits_in(&r("fpga:4;cpus:9")));
        sum.subtract(&fpga);
        sum.subtract(&Amounts::of(&r("fpga:4")));
        assert_eq!(sum, Amounts::from(Quantities([2_000, 0, 0, 0])));
        sum.take(&Amounts::of(&r("cpus:3;fpga:1")));
        assert!(sum.is_empty() && !sum.is_negative() && sum.others().is_empty());
    }

    #[test]
    fn numbers_and_words_can_be_asked_for() {
        let ports = Amounts::from_pairs([("ports", Milli(3_000))]);
        assert!(ports.fits_in(&r("ports:[1-3]")) && !ports.fits_in(&r("ports:[1-2]")));
    }

    #[test]
    fn limits_bind_what_they_name() {
        let limits = Limits::from_pairs([("cpus", Milli(3_000)), ("fpga", Milli(1_000))]);
        assert_eq!(limits.shrink(&r("cpus:4;mem:8;fpga:2")), r("cpus:3;mem:8;fpga:1"));
        let left = limits.without(&Amounts::of(&r("cpus:1;mem:9;fpga:5")));
        assert_eq!(left.shrink(&r("cpus:4;mem:8;fpga:2")), r("cpus:2;mem:8"));
        assert!(Limits::default().is_unlimited() && !left.is_unlimited());
        assert_eq!(Amounts::from_pairs([("fpga", Milli(500))]).shrink(&r("cpus:4;fpga:2")), r("fpga:0.5"));
    }

    #[test]
    fn what_counts_in_quotas() {
        assert_eq!(pick(&r("cpus:1;cpus(a):2;cpus{REV}:4;ports:[1-2];fpga:1"), counts_in_quota), r("cpus:1;fpga:1"));
    }
}
