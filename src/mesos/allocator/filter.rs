//! Offer filters of one (framework, role): what was refused on which agent, and until when.
//!
//! A filter keeps its expiry and is judged when a run looks at it; there is no timer per filter.
//! Upstream removes a filter two queue hops after its timer, exactly as a batch run comes two hops
//! after its own, so at one instant the order in which the timers were armed decides
//! (`hierarchical.cpp`, `OfferFilter`, MESOS-4302); `Instant` carries that order.

use crate::base::time::Time;
use crate::mesos::resource::Resources;

/// When a run happens, in the order of timers.
#[derive(Clone, Copy, Debug)]
pub struct Instant {
    pub at: Time,
    /// When the timer that caused the run was armed, in the allocator's count of inputs.
    /// `u64::MAX` for a run caused by an event: timers of its instant have acted before it.
    pub armed: u64,
}

#[derive(Clone, Debug)]
struct Filter {
    /// Valid only while equal to the set's.
    epoch: u32,
    expires: Time,
    armed: u64,
    refused: Resources,
}

impl Filter {
    fn is_live(&self, epoch: u32, now: Instant) -> bool {
        self.epoch == epoch && (self.expires, self.armed) >= (now.at, now.armed)
    }
}

/// All filters of one client. Reviving forgets them in O(1).
#[derive(Clone, Debug, Default)]
pub struct Filters {
    epoch: u32,
    /// By agent slot; empty until the first refusal.
    by_agent: Vec<Option<Filter>>,
    /// Further filters of the same agent, which do not contain one another; rare.
    more: Vec<(u32, Filter)>,
    /// No filter ends later than this.
    horizon: Option<(Time, u64)>,
    /// No filter ends earlier than this (unless it was dropped).
    pub earliest: Option<Time>,
}

impl Filters {
    /// Forgets all.
    pub fn clear(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
        self.more.clear();
        self.horizon = None;
        self.earliest = None;
    }

    /// Forgets those of one agent.
    pub fn clear_agent(&mut self, agent: u32) {
        if let Some(slot) = self.by_agent.get_mut(agent as usize) {
            *slot = None;
        }
        self.more.retain(|(a, _)| *a != agent);
    }

    /// `agents`: how many agent slots there are.
    pub fn add(&mut self, agent: u32, agents: usize, expires: Time, armed: u64, refused: &Resources) {
        if self.by_agent.len() < agents {
            self.by_agent.resize(agents, None);
        }
        self.horizon = self.horizon.max(Some((expires, armed)));
        self.earliest = Some(self.earliest.map_or(expires, |e| e.min(expires)));
        let filter = Filter { epoch: self.epoch, expires, armed, refused: refused.clone() };
        let slot = &mut self.by_agent[agent as usize];
        match slot {
            // A live filter that ends later or covers what the new one does not stays beside it.
            Some(old)
                if old.epoch == self.epoch && (old.expires > expires || !filter.refused.contains(&old.refused)) =>
            {
                self.more.push((agent, filter));
            }
            _ => *slot = Some(filter),
        }
    }

    /// Whether any filter may be alive at all.
    #[inline]
    #[must_use]
    pub fn any(&self, now: Instant) -> bool {
        self.horizon.is_some_and(|h| h >= (now.at, now.armed))
    }

    /// Whether a live filter covers this offer. Several filters do not add up.
    #[inline]
    #[must_use]
    pub fn blocks(&self, agent: u32, offer: &Resources, now: Instant) -> bool {
        let first = self.by_agent.get(agent as usize).and_then(Option::as_ref);
        first.is_some_and(|f| f.is_live(self.epoch, now) && f.refused.contains(offer))
            || !self.more.is_empty()
                && self.more.iter().any(|(a, f)| *a == agent && f.is_live(self.epoch, now) && f.refused.contains(offer))
    }

    /// The next instant at which a live filter may end; drops the dead ones from the side list.
    pub fn next_end(&mut self, now: Instant) -> Option<Time> {
        let epoch = self.epoch;
        self.more.retain(|(_, f)| f.is_live(epoch, now));
        if !self.any(now) {
            self.horizon = None;
            self.earliest = None;
        } else if self.earliest.is_some_and(|e| e <= now.at) {
            let all = self.by_agent.iter().flatten().chain(self.more.iter().map(|(_, f)| f));
            self.earliest = all.filter(|f| f.is_live(epoch, now)).map(|f| f.expires).min();
        }
        self.earliest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::quantity::Quantities;

    fn cpus(n: i64) -> Resources {
        Resources::from_scalars(Quantities([n, 0, 0, 0]))
    }
    fn at(s: i64, armed: u64) -> Instant {
        Instant { at: Time::from_secs(s), armed }
    }

    #[test]
    fn subsets_are_blocked_until_the_end() {
        let mut f = Filters::default();
        f.add(1, 3, Time::from_secs(5), 10, &cpus(3));
        assert!(f.blocks(1, &cpus(3), at(4, 0)) && f.blocks(1, &cpus(2), at(4, 0)));
        assert!(!f.blocks(1, &cpus(4), at(4, 0)) && !f.blocks(2, &cpus(1), at(4, 0)));
        assert!(!f.blocks(1, &cpus(3), at(6, 0)));
        f.clear();
        assert!(!f.blocks(1, &cpus(3), at(4, 0)) && !f.any(at(4, 0)));
    }

    #[test]
    fn at_one_instant_the_order_of_arming_decides() {
        let mut f = Filters::default();
        f.add(0, 1, Time::from_secs(5), 10, &cpus(3));
        assert!(!f.blocks(0, &cpus(3), at(5, 11)), "armed before the tick: ends first");
        assert!(f.blocks(0, &cpus(3), at(5, 9)), "armed after the tick: still in force");
        assert!(!f.blocks(0, &cpus(3), at(5, u64::MAX)));
    }

    #[test]
    fn two_filters_of_one_agent_do_not_add_up() {
        let mut f = Filters::default();
        f.add(0, 1, Time::from_secs(9), 1, &cpus(3));
        f.add(0, 1, Time::from_secs(5), 2, &cpus(4));
        assert!(f.blocks(0, &cpus(4), at(4, 0)));
        assert!(!f.blocks(0, &cpus(4), at(6, 0)) && f.blocks(0, &cpus(3), at(6, 0)));
        assert_eq!(f.next_end(at(6, 0)), Some(Time::from_secs(9)));
        assert_eq!(f.next_end(at(10, 0)), None);
    }
}
