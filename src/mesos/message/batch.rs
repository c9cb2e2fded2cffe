//! Offers in batches: what an allocation run gives one framework in one role, with contiguous offer
//! ids. How a batch holds its entries is private to this file.

use super::AgentInfo;
use crate::base::id::{AgentId, FrameworkId, OfferId, RoleId};
use crate::base::quantity::Quantities;
use crate::mesos::resource::Resources;
use std::sync::Arc;

/// One offer of a batch: these resources of this agent.
#[derive(Clone, PartialEq, Debug)]
pub struct OfferEntry {
    pub agent: AgentId,
    pub resources: Resources,
}

/// The same, where it stands in its allocation.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Offered<'a> {
    pub agent: AgentId,
    pub resources: &'a Resources,
}

/// Resources of which an allocation may have many: machines are much alike.
#[derive(Clone, PartialEq, Debug)]
pub struct Lot {
    pub resources: Resources,
    /// Of `resources`.
    pub quantities: Quantities,
    /// A note of the allocator to itself; (0, 0) for none.
    pub mark: (u32, u32),
}

/// An agent and the index of its lot.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LotEntry {
    pub agent: AgentId,
    pub lot: u32,
}

/// What an allocation run gives one framework in one role: the allocator's answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Allocation {
    pub framework: FrameworkId,
    pub role: RoleId,
    /// How many agents the allocator knew to have left or to be away; a master that has told of no
    /// more than that knows that all agents in here stand.
    pub departures: u64,
    lots: Vec<Lot>,
    entries: Vec<LotEntry>,
    /// Scalars of all entries.
    total: Quantities,
}

impl Allocation {
    #[must_use]
    pub fn new(framework: FrameworkId, role: RoleId, entries: Vec<OfferEntry>) -> Self {
        let (mut lots, mut total) = (Vec::with_capacity(entries.len()), Quantities::ZERO);
        let entries = entries.into_iter().enumerate().map(|(i, entry)| {
            let quantities = entry.resources.quantities();
            total += quantities;
            lots.push(Lot { resources: entry.resources, quantities, mark: (0, 0) });
            LotEntry { agent: entry.agent, lot: i as u32 }
        });
        let entries = entries.collect();
        Self { framework, role, departures: 0, lots, entries, total }
    }
    /// `total`: scalars of all entries.
    #[must_use]
    pub fn from_lots(
        framework: FrameworkId,
        role: RoleId,
        lots: Vec<Lot>,
        entries: Vec<LotEntry>,
        total: Quantities,
    ) -> Self {
        Self { framework, role, departures: 0, lots, entries, total }
    }
    #[must_use]
    pub fn len(&self) -> u32 {
        self.entries.len() as u32
    }
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
    fn offered(&self, entry: LotEntry) -> Offered<'_> {
        Offered { agent: entry.agent, resources: &self.lots[entry.lot as usize].resources }
    }
    #[must_use]
    pub fn entry(&self, index: u32) -> Offered<'_> {
        self.offered(self.entries[index as usize])
    }
    pub fn iter(&self) -> impl Iterator<Item = Offered<'_>> {
        self.entries.iter().map(|&entry| self.offered(entry))
    }
    pub fn range(&self, from: u32, count: u32) -> impl Iterator<Item = Offered<'_>> {
        self.entries[from as usize..(from + count) as usize].iter().map(|&entry| self.offered(entry))
    }
    /// Agents with their lots.
    pub fn lots(&self, from: u32, count: u32) -> impl Iterator<Item = (AgentId, &Lot)> {
        let entries = &self.entries[from as usize..(from + count) as usize];
        entries.iter().map(|entry| (entry.agent, &self.lots[entry.lot as usize]))
    }
    /// Scalars of some entries together.
    #[must_use]
    pub fn total(&self, from: u32, count: u32) -> Quantities {
        if (from, count) == (0, self.len()) {
            return self.total;
        }
        if let [lot] = &self.lots[..] {
            return lot.quantities.times(i64::from(count));
        }
        self.lots(from, count).fold(Quantities::ZERO, |sum, (_, lot)| sum + lot.quantities)
    }
}

/// Offers of one allocation with contiguous ids.
#[derive(Clone, PartialEq, Debug)]
pub struct OfferBatch {
    pub first: OfferId,
    pub allocation: Arc<Allocation>,
    /// Every offer carries its agent's attributes and hostname; on the wire an agent is described
    /// once in a subscription, with the first offer of it.
    pub described: Vec<(AgentId, Arc<AgentInfo>)>,
}

impl OfferBatch {
    #[must_use]
    pub fn len(&self) -> u32 {
        self.allocation.len()
    }
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.allocation.is_empty()
    }
    #[must_use]
    pub fn id(&self, index: u32) -> OfferId {
        self.first.plus(u64::from(index))
    }
    /// The index of an offer id in this batch.
    #[must_use]
    pub fn index_of(&self, id: OfferId) -> Option<u32> {
        let k = id.n().checked_sub(self.first.n())?;
        (id.master == self.first.master && k < u64::from(self.len())).then_some(k as u32)
    }
}

/// `count` offers with contiguous ids.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OfferRange {
    pub first: OfferId,
    pub count: u32,
}

/// Some ranges of offers; a single one needs no memory.
#[derive(Clone, PartialEq, Debug)]
pub enum OfferRanges {
    One(OfferRange),
    Many(Arc<[OfferRange]>),
}

impl OfferRanges {
    #[must_use]
    pub fn from_slice(ranges: &[OfferRange]) -> Self {
        match ranges {
            [one] => Self::One(*one),
            many => Self::Many(many.into()),
        }
    }
    #[must_use]
    pub fn as_slice(&self) -> &[OfferRange] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
    /// How many offers in all.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.as_slice().iter().map(|r| u64::from(r.count)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::Symbol;

    fn batch(cpus: &[i64]) -> OfferBatch {
        let agent = |n| AgentId { master: Symbol(0), n };
        let resources = |n: &i64| Resources::from_scalars(Quantities([*n, 0, 0, 0]));
        let entries = (0..).zip(cpus).map(|(n, cpus)| OfferEntry { agent: agent(n), resources: resources(cpus) });
        let allocation = Allocation::new(FrameworkId(Symbol(1)), Symbol(2), entries.collect());
        let first = OfferId::new(Symbol(0), 40);
        OfferBatch { first, allocation: Arc::new(allocation), described: Vec::new() }
    }

    #[test]
    fn totals_of_ranges_are_sums_of_their_offers() {
        for cpus in [&[1000][..], &[500, 2000, 1, 7]] {
            let batch = batch(cpus);
            for from in 0..=batch.len() {
                for count in 0..=batch.len() - from {
                    let slow: i64 = cpus[from as usize..(from + count) as usize].iter().sum();
                    assert_eq!(batch.allocation.total(from, count), Quantities([slow, 0, 0, 0]), "{from}, {count}");
                }
            }
        }
    }

    #[test]
    fn ids_are_contiguous_and_found_again() {
        let batch = batch(&[1, 2, 3]);
        assert!((0..3).all(|i| batch.index_of(batch.id(i)) == Some(i)));
        let strangers = [OfferId::new(Symbol(0), 39), OfferId::new(Symbol(0), 43), OfferId::new(Symbol(9), 40)];
        assert!(strangers.iter().all(|id| batch.index_of(*id).is_none()));
    }
}
