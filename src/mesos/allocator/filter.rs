//! Offer filters of one (framework, role): what was refused on which agent, and until when.
//!
//! A filter is judged when a run looks at it; there is no timer per filter. Those that end at one
//! instant form a group, and an agent's filter is two numbers: its group and what was refused.
//! Upstream removes a filter two queue hops after its timer, exactly as a batch run comes two hops
//! after its own, so at one instant the order in which the timers were armed decides
//! (`hierarchical.cpp`, `OfferFilter`, MESOS-4302); `Instant` carries that order.

use super::bundle::Bundles;
use crate::base::time::Time;
use crate::mesos::resource::Resources;
use std::collections::VecDeque;

/// When a run happens, or a filter ends, in the order of timers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Instant {
    pub at: Time,
    /// When the timer was armed. `u64::MAX` for a run caused by an event: timers of its instant
    /// have acted before it.
    pub armed: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct Filter {
    /// Serial number of the group; 0 stands for none.
    group: u32,
    refused: u32,
}

/// All filters of one client. Reviving forgets them in O(1).
#[derive(Clone, Debug)]
pub(super) struct Filters {
    /// Serial number of the first of `groups`.
    first: u32,
    /// When each group ends.
    groups: VecDeque<Instant>,
    /// By agent slot; empty until the first refusal.
    by_agent: Vec<Filter>,
    /// Further filters of the same agent, which do not contain one another; rare.
    more: Vec<(u32, Filter)>,
    /// No filter ends later than this.
    horizon: Option<Instant>,
    /// No filter ends earlier than this.
    earliest: Option<Time>,
}

impl Default for Filters {
    fn default() -> Self {
        Self {
            first: 1,
            groups: VecDeque::new(),
            by_agent: Vec::new(),
            more: Vec::new(),
            horizon: None,
            earliest: None,
        }
    }
}

impl Filters {
    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.first += self.groups.len() as u32;
        self.groups.clear();
        self.more.clear();
        self.horizon = None;
        self.earliest = None;
    }

    /// Forgets those of one agent.
    pub(super) fn clear_agent(&mut self, agent: u32) {
        if let Some(filter) = self.by_agent.get_mut(agent as usize) {
            *filter = Filter::default();
        }
        self.more.retain(|(a, _)| *a != agent);
    }

    #[inline]
    fn end(&self, filter: Filter) -> Option<Instant> {
        self.groups.get(filter.group.wrapping_sub(self.first) as usize).copied()
    }
    #[inline]
    fn is_live(&self, filter: Filter, now: Instant) -> bool {
        self.end(filter).is_some_and(|end| end >= now)
    }

    /// The group of filters that end then. `agents`: how many agent slots there are.
    pub(super) fn group(&mut self, ends: Instant, agents: usize) -> u32 {
        if self.by_agent.len() < agents {
            self.by_agent.resize(agents, Filter::default());
        }
        if self.groups.back() != Some(&ends) {
            self.groups.push_back(ends);
        }
        self.horizon = self.horizon.max(Some(ends));
        self.earliest = Some(self.earliest.map_or(ends.at, |e| e.min(ends.at)));
        self.first + self.groups.len() as u32 - 1
    }

    /// Adds a filter to a group that was just asked for.
    #[inline]
    pub(super) fn add(&mut self, agent: u32, group: u32, refused: u32, bundles: &Bundles) {
        let filter = Filter { group, refused };
        let old = self.by_agent[agent as usize];
        if old.group.wrapping_sub(self.first) < self.groups.len() as u32 && old != filter {
            self.add_beside(agent, old, filter, bundles);
        } else {
            self.by_agent[agent as usize] = filter;
        }
    }
    /// A live filter that ends later or covers what the new one does not stays beside it.
    #[cold]
    fn add_beside(&mut self, agent: u32, old: Filter, filter: Filter, bundles: &Bundles) {
        let covers =
            old.refused == filter.refused || bundles.resources(filter.refused).contains(bundles.resources(old.refused));
        if self.end(old) > self.end(filter) || !covers {
            self.more.push((agent, filter));
        } else {
            self.by_agent[agent as usize] = filter;
        }
    }

    /// Whether any filter may be alive at all.
    #[inline]
    pub(super) fn any(&self, now: Instant) -> bool {
        self.horizon.is_some_and(|horizon| horizon >= now)
    }

    #[inline]
    fn covers(&self, filter: Filter, offer: u32, bundles: &Bundles, now: Instant) -> bool {
        self.is_live(filter, now)
            && (filter.refused == offer || bundles.resources(filter.refused).contains(bundles.resources(offer)))
    }
    /// Whether a live filter covers this offer. Several filters do not add up.
    #[inline]
    pub(super) fn blocks(&self, agent: u32, offer: u32, bundles: &Bundles, now: Instant) -> bool {
        self.by_agent.get(agent as usize).is_some_and(|&filter| self.covers(filter, offer, bundles, now))
            || !self.more.is_empty()
                && self.more.iter().any(|&(a, filter)| a == agent && self.covers(filter, offer, bundles, now))
    }

    /// The same for an offer that has no number.
    pub(super) fn blocks_part(&self, agent: u32, offer: &Resources, bundles: &Bundles, now: Instant) -> bool {
        let first = self.by_agent.get(agent as usize).copied();
        let more = self.more.iter().filter(|(a, _)| *a == agent).map(|(_, filter)| *filter);
        let mut all = first.into_iter().chain(more);
        all.any(|filter| self.is_live(filter, now) && bundles.resources(filter.refused).contains(offer))
    }

    /// Drops what is over and says when the next group ends.
    pub(super) fn next_end(&mut self, now: Instant) -> Option<Time> {
        if self.groups.is_empty() {
            return None;
        }
        while self.groups.front().is_some_and(|end| *end < now) {
            self.groups.pop_front();
            self.first += 1;
        }
        if self.earliest.is_some_and(|e| e <= now.at) {
            self.earliest = self.groups.iter().filter(|end| **end >= now).map(|end| end.at).min();
        }
        if !self.any(now) {
            self.clear();
        }
        if !self.more.is_empty() {
            let mut more = std::mem::take(&mut self.more);
            more.retain(|(_, filter)| self.is_live(*filter, now));
            self.more = more;
        }
        self.earliest
    }

    /// How many filters are in force.
    pub(super) fn live(&self, now: Instant) -> usize {
        let all = self.by_agent.iter().chain(self.more.iter().map(|(_, filter)| filter));
        all.filter(|filter| self.is_live(**filter, now)).count()
    }
    /// What all filters name in the table of bundles.
    pub(super) fn named(&self) -> impl Iterator<Item = u32> + '_ {
        let all = self.by_agent.iter().chain(self.more.iter().map(|(_, filter)| filter));
        all.filter(|filter| self.end(**filter).is_some()).map(|filter| filter.refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::quantity::Quantities;

    /// Numbers of 0 to 4 cpus.
    fn cpus() -> (Bundles, [u32; 5]) {
        let mut bundles = Bundles::new(Vec::new());
        let numbers = [0, 1, 2, 3, 4].map(|n| bundles.number(&Resources::from_scalars(Quantities([n, 0, 0, 0]))));
        (bundles, numbers)
    }
    fn at(s: i64, armed: u64) -> Instant {
        Instant { at: Time::from_secs(s), armed }
    }
    fn add(f: &mut Filters, agent: u32, ends: Instant, refused: u32, bundles: &Bundles) {
        let group = f.group(ends, 3);
        f.add(agent, group, refused, bundles);
    }

    #[test]
    fn subsets_are_blocked_until_the_end() {
        let (bundles, cpus) = cpus();
        let mut f = Filters::default();
        add(&mut f, 1, at(5, 10), cpus[3], &bundles);
        let blocks = |f: &Filters, agent, n: usize, now| f.blocks(agent, cpus[n], &bundles, now);
        assert!(blocks(&f, 1, 3, at(4, 0)) && blocks(&f, 1, 2, at(4, 0)));
        assert!(!blocks(&f, 1, 4, at(4, 0)) && !blocks(&f, 2, 1, at(4, 0)));
        assert!(!blocks(&f, 1, 3, at(6, 0)));
        f.clear();
        assert!(!blocks(&f, 1, 3, at(4, 0)) && !f.any(at(4, 0)));
        add(&mut f, 0, at(5, 10), cpus[3], &bundles);
        assert!(!blocks(&f, 1, 3, at(4, 0)), "a new group does not wake an old filter");
    }

    #[test]
    fn at_one_instant_the_order_of_arming_decides() {
        let (bundles, cpus) = cpus();
        let mut f = Filters::default();
        add(&mut f, 0, at(5, 10), cpus[3], &bundles);
        assert!(!f.blocks(0, cpus[3], &bundles, at(5, 11)), "armed before the tick: ends first");
        assert!(f.blocks(0, cpus[3], &bundles, at(5, 9)), "armed after the tick: still in force");
        assert!(!f.blocks(0, cpus[3], &bundles, at(5, u64::MAX)));
    }

    #[test]
    fn two_filters_of_one_agent_do_not_add_up() {
        let (bundles, cpus) = cpus();
        let mut f = Filters::default();
        add(&mut f, 0, at(9, 1), cpus[3], &bundles);
        add(&mut f, 0, at(5, 2), cpus[4], &bundles);
        assert!(f.blocks(0, cpus[4], &bundles, at(4, 0)));
        assert_eq!(f.live(at(4, 0)), 2);
        assert!(!f.blocks(0, cpus[4], &bundles, at(6, 0)) && f.blocks(0, cpus[3], &bundles, at(6, 0)));
        assert_eq!(f.next_end(at(6, 0)), Some(Time::from_secs(9)));
        assert!(f.blocks(0, cpus[3], &bundles, at(6, 0)));
        assert_eq!(f.next_end(at(10, 0)), None);
    }
}
