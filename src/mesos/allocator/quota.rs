//! Quotas, and what roles consume of them.
//!
//! A quota belongs to a role at the top and counts everything below it: all that is reserved to
//! the subtree, offered or not, and the unreserved scalars offered or allocated there that cannot
//! be revoked (`src/master/allocator/mesos/hierarchical.cpp`, `Role::quotaConsumed`).

use super::amounts::{Amounts, Limits};
use crate::base::map::Map;
use crate::mesos::resource::Resources;

/// Guarantees and limits of a role; without any there is no quota.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Quota {
    pub guarantees: Amounts,
    pub limits: Limits,
}

impl Quota {
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.guarantees == Amounts::NOTHING && self.limits.is_unlimited()
    }
}

/// A role at the top, with everything below it.
#[derive(Clone, Default, Debug)]
pub(super) struct Top {
    pub quota: Quota,
    /// Reservations on all agents.
    pub reserved: Amounts,
    /// Unreserved scalars offered or allocated that cannot be revoked.
    pub held: Amounts,
    /// The part of `held` that was accepted, as far as the allocator was told.
    pub accepted: Amounts,
    /// What a run has given so far on top of that to the role itself.
    pub consumed: Amounts,
}

impl Top {
    pub(super) fn is_limited(&self) -> bool {
        !self.quota.limits.is_unlimited()
    }
    pub(super) fn has_guarantees(&self) -> bool {
        !self.quota.guarantees.is_empty()
    }
    /// What the guarantees still ask for.
    pub(super) fn unsatisfied(&self) -> Amounts {
        self.quota.guarantees.without(&self.consumed)
    }
    /// What the limits still allow.
    pub(super) fn room(&self) -> Limits {
        self.quota.limits.without(&self.consumed)
    }
}

/// The first part of a role's path.
pub(super) fn top_of(role: &str) -> &str {
    role.split('/').next().unwrap_or(role)
}

/// All top-level roles that were ever named.
#[derive(Clone, Default, Debug)]
pub(super) struct Tops {
    rows: Map<Box<str>, Top>,
    /// Roles with a quota.
    pub quotas: u32,
}

impl Tops {
    /// The index of the role's top.
    pub(super) fn index(&mut self, role: &str) -> u32 {
        let top = top_of(role);
        let at = match self.rows.get_index_of(top) {
            Some(at) => at,
            None => self.rows.insert_full(top.into(), Top::default()).0,
        };
        at as u32
    }
    #[inline]
    pub(super) fn at(&self, index: u32) -> &Top {
        &self.rows[index as usize]
    }
    #[inline]
    pub(super) fn at_mut(&mut self, index: u32) -> &mut Top {
        &mut self.rows[index as usize]
    }
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Top)> {
        self.rows.iter().map(|(path, top)| (&**path, top))
    }
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Top> {
        self.rows.values_mut()
    }
    pub(super) fn set(&mut self, role: &str, quota: Quota) {
        let index = self.index(role);
        let top = &mut self.rows[index as usize];
        self.quotas -= u32::from(!top.quota.is_default());
        self.quotas += u32::from(!quota.is_default());
        top.quota = quota;
    }
    /// Reservations of an agent come or go.
    pub(super) fn count_reserved(&mut self, total: &Resources, come: bool) {
        if total.is_plain() {
            return;
        }
        for object in total.objects() {
            let Some(role) = object.reservation_role() else { continue };
            let amount = Amounts::of(&Resources::from_objects([&*object]));
            let index = self.index(role);
            let reserved = &mut self.rows[index as usize].reserved;
            if come {
                reserved.add(&amount);
            } else {
                reserved.subtract(&amount);
            }
        }
    }
}

/// What of a bundle counts where.
#[derive(Clone, Debug)]
pub(super) struct Load {
    /// Scalars of objects that are not shared.
    pub amounts: Amounts,
    /// The part that counts in quotas.
    pub quota: Amounts,
    /// The reserved part.
    pub reserved: Amounts,
    /// Shared objects.
    pub shared: Resources,
}

impl Load {
    pub(super) fn of(resources: &Resources) -> Self {
        if resources.is_plain() {
            let amounts = Amounts::of(resources);
            return Self { quota: amounts.clone(), amounts, reserved: Amounts::NOTHING, shared: Resources::EMPTY };
        }
        let own = resources.non_shared();
        Self {
            amounts: Amounts::of(&own),
            quota: Amounts::of(&super::amounts::pick(&own, super::amounts::counts_in_quota)),
            reserved: Amounts::of(&own.reserved()),
            shared: resources.shared(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::quantity::Milli;

    #[test]
    fn what_counts_where() {
        let load =
            Load::of(&Resources::parse("cpus:1;cpus(a):2;cpus{REV}:4;disk(a)[v:d]<SHARED>:8;ports:[1-2]").unwrap());
        let cpus = |amounts: &Amounts| amounts.get("cpus").0 / 1000;
        assert_eq!((cpus(&load.amounts), cpus(&load.quota), cpus(&load.reserved)), (7, 1, 2));
        assert_eq!(load.shared.quantities().disk(), Milli::from_int(8));
    }

    #[test]
    fn reservations_count_at_the_top() {
        let mut tops = Tops::default();
        let total = Resources::parse("cpus(a/b):2;cpus(a):1;mem(c):5;ports(a):[1-2];cpus:9").unwrap();
        tops.count_reserved(&total, true);
        let index = tops.index("a/x");
        assert_eq!(tops.at(index).reserved, Amounts::from_pairs([("cpus", Milli::from_int(3))]));
        tops.count_reserved(&total, false);
        assert_eq!(tops.at(index).reserved, Amounts::NOTHING);
        let quota = Quota { guarantees: Amounts::from_pairs([("cpus", Milli(1))]), limits: Limits::default() };
        tops.set("a", quota.clone());
        tops.set("a", quota);
        assert_eq!(tops.quotas, 1);
        tops.set("a", Quota::default());
        assert_eq!(tops.quotas, 0);
    }
}
