//! Clusters on which the real allocator was timed (`hierarchical_allocator_benchmarks.cpp`), as
//! operations on the core: for benchmarks, and for tests that count work.
//!
//! Nothing allocates by itself here: a cycle is one batch run over all agents, visited in the
//! order of the bytes of their ids, so that a replay of the same set-up makes the same offers.

use super::Flags;
use super::amounts::{Amounts, Limits};
use super::chunk::whole::Whole;
use super::core::{Core, Gates, Profile, Used};
use super::policy::Sharing;
use super::run::Order;
use super::sorter::Excluded;
use crate::base::dice::SiteKey;
use crate::base::digest::Digest;
use crate::base::id::{AgentId, FrameworkId, Names, OfferId, RoleId, Symbol};
use crate::base::quantity::Milli;
use crate::base::time::{Span, Time};
use crate::mesos::message::{AgentInfo, OfferBatch, Refuse};
use crate::mesos::resource::Resources;
use std::sync::Arc;

/// What the agents of most set-ups have.
pub const AGENT: &str = "cpus:24;mem:4096;disk:4096;ports:[31000-32000]";

/// How frameworks spread over roles.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Roles {
    /// So many, side by side.
    Flat(u32),
    /// So many, three levels deep.
    Nested(u32),
}

impl Roles {
    /// The role of framework `i`.
    #[must_use]
    pub fn of(self, i: u32) -> String {
        match self {
            Self::Flat(count) => format!("role-{}", i % count),
            Self::Nested(count) => {
                let role = i % count;
                format!("top-{}/middle-{}/role-{role}", role % 3, role % 9)
            }
        }
    }
}

/// A cluster in the middle of a measurement.
#[derive(Clone, Debug)]
pub struct Setup<S> {
    pub core: Core<S, Whole>,
    pub names: Names,
    pub now: Time,
    /// Frameworks with their roles, in the order in which they were added.
    pub frameworks: Vec<(FrameworkId, RoleId)>,
    agents: Vec<AgentId>,
    /// What the last cycle offered.
    pub offers: Vec<Arc<OfferBatch>>,
}

/// Name of agent, of framework: the same in a replay.
#[must_use]
pub fn agent_name(n: u32) -> String {
    format!("agent-S{n}")
}
#[must_use]
pub fn framework_name(n: u32) -> String {
    format!("framework-{n}")
}

/// Digest of offers as (framework, role, agent, resources).
#[must_use]
pub fn checksum(mut offers: Vec<[String; 4]>) -> String {
    offers.sort_unstable();
    let mut digest = Digest::default();
    offers.iter().flatten().for_each(|text| digest.put_text(text));
    digest.hex()[..16].to_owned()
}

impl<S: Sharing> Setup<S> {
    #[must_use]
    pub fn new(sharing: S) -> Self {
        let minima = [("cpus", Milli(10)), ("mem", Milli::from_int(32))];
        let flags = Flags {
            allocation_interval: Span::from_secs(1),
            min_allocatable: minima.map(|set| Amounts::from_pairs([set])).to_vec(),
            filter_gpu: true,
            excluded: Excluded::default(),
            weights: Vec::new(),
            quotas: Vec::new(),
        };
        let mut core = Core::new(sharing, Whole, &flags);
        core.arm();
        Self {
            core,
            names: Names::default(),
            now: Time::ZERO,
            frameworks: Vec::new(),
            agents: Vec::new(),
            offers: Vec::new(),
        }
    }

    fn info(&mut self, n: u32, total: &Resources) -> (AgentId, AgentInfo) {
        let hostname = self.names.intern(&agent_name(n));
        let id = AgentId { master: self.names.intern("agent"), n };
        (id, AgentInfo { hostname, total: total.clone(), attributes: Vec::new(), devices: 0, address: 0 })
    }
    /// Idle agents, all alike.
    pub fn add_agents(&mut self, count: u32, total: &Resources) {
        self.add_used_agents(count, total, &Resources::EMPTY);
    }
    /// Agents on each of which one of the frameworks, in turn, uses some resources.
    pub fn add_used_agents(&mut self, count: u32, total: &Resources, used: &Resources) {
        for n in self.agents.len() as u32..self.agents.len() as u32 + count {
            let (id, info) = self.info(n, total);
            let used = match self.frameworks.get(n as usize % self.frameworks.len().max(1)) {
                Some(&(framework, role)) if !used.is_empty() => vec![(framework, role, used.clone())],
                _ => Vec::new(),
            };
            let done = self.core.add_agent(&self.names, self.now, id, &info, &used);
            debug_assert_eq!(done, Ok(()));
            self.agents.push(id);
        }
    }
    /// All agents get another total.
    pub fn update_agents(&mut self, total: &Resources) {
        for n in 0..self.agents.len() as u32 {
            let (id, info) = self.info(n, total);
            let done = self.core.update_agent(self.now, id, &info);
            debug_assert_eq!(done, Ok(()));
        }
    }
    pub fn add_frameworks(&mut self, count: u32, roles: Roles) {
        for n in self.frameworks.len() as u32..self.frameworks.len() as u32 + count {
            let role = roles.of(n);
            self.add_framework(&framework_name(n), &role);
        }
    }
    pub fn add_framework(&mut self, name: &str, role: &str) {
        let (id, role) = (FrameworkId(self.names.intern(name)), self.names.intern(role));
        let gates = Gates { reservation_refinement: true, ..Gates::default() };
        let profile = Profile { roles: vec![role], gates, ..Profile::default() };
        let done = self.core.add_framework(&self.names, self.now, id, profile, true, Used::Reported);
        debug_assert_eq!(done, Ok(()));
        self.frameworks.push((id, role));
    }
    /// Guarantee and limit at once.
    pub fn set_quota(&mut self, role: &str, quota: &Resources) {
        let amounts = Amounts::of(quota);
        let limits = Limits::from_pairs(amounts.iter());
        let done = self.core.update_quota(role, amounts, limits);
        debug_assert_eq!(done, Ok(()));
    }

    /// One batch run over all agents; gives the number of offers.
    pub fn cycle(&mut self) -> u32 {
        self.core.request_all(self.now);
        self.core_run()
    }
    /// A tick of the batch timer: as `cycle`, but nothing happened.
    pub fn tick(&mut self) -> u32 {
        self.now += Span::from_secs(1);
        self.core.tick(self.now);
        self.core_run()
    }
    fn core_run(&mut self) -> u32 {
        let report = self.core.run(Order::Ids(&self.names), SiteKey::default()).unwrap_or_default();
        let first = OfferId::new(Symbol(0), 0);
        let batch = |allocation| Arc::new(OfferBatch { first, allocation, described: Vec::new() });
        self.offers = report.answers.into_iter().map(batch).collect();
        report.offers
    }
    /// All offers of the last cycle come back.
    pub fn give_back(&mut self, refuse: Refuse) {
        for batch in std::mem::take(&mut self.offers) {
            self.core.recover_offers(self.now, &batch, 0, batch.len(), refuse);
        }
    }
    /// Digest of the offers of the last cycle.
    #[must_use]
    pub fn checksum(&self) -> String {
        let rows = self.offers.iter().flat_map(|batch| {
            let framework = self.names.framework(batch.allocation.framework);
            let role = self.names.text(batch.allocation.role);
            batch.allocation.iter().map(|offer| {
                let agent = self.names.agent(offer.agent);
                [framework.to_owned(), role.to_owned(), agent, offer.resources.to_string()]
            })
        });
        checksum(rows.collect())
    }
}

/// Roles with a quota of half an agent and of two agents, one framework each; as many agents as
/// roles. Frameworks and quotas come after the agents.
impl<S: Sharing> Setup<S> {
    pub const QUOTA_AGENT: &str = "cpus:2;mem:2048;disk:2048";
    pub const SMALL_QUOTA: &str = "cpus:1;mem:1024;disk:1024";
    pub const LARGE_QUOTA: &str = "cpus:4;mem:4096;disk:4096";

    pub fn add_quota_frameworks(&mut self, small: u32, large: u32) {
        (0..small).for_each(|i| self.add_framework(&format!("framework-small-{i}"), &format!("small-{i}")));
        (0..large).for_each(|i| self.add_framework(&format!("framework-large-{i}"), &format!("large-{i}")));
    }
    pub fn set_quotas(&mut self, small: u32, large: u32) {
        let parse = |text| Resources::parse(text).unwrap_or_default();
        let (few, many) = (parse(Self::SMALL_QUOTA), parse(Self::LARGE_QUOTA));
        (0..small).for_each(|i| self.set_quota(&format!("small-{i}"), &few));
        (0..large).for_each(|i| self.set_quota(&format!("large-{i}"), &many));
    }
}

#[cfg(test)]
mod tests {
    use super::super::policy::drf::Drf;
    use super::*;

    fn flat(agents: u32, frameworks: u32, roles: Roles) -> Setup<Drf> {
        let mut setup = Setup::new(Drf);
        setup.add_agents(agents, &Resources::parse(AGENT).unwrap());
        setup.add_frameworks(frameworks, roles);
        setup
    }

    /// Orders are repaired, not made anew: comparisons per offer grow with the logarithm.
    #[test]
    fn the_work_of_a_cycle_is_counted() {
        for (frameworks, most) in [(50, 12), (200, 16), (1000, 20)] {
            let mut setup = flat(2_000, frameworks, Roles::Flat(1));
            let before = setup.core.work();
            assert_eq!(setup.cycle(), 2_000);
            let after = setup.core.work();
            assert_eq!((after.agent_visits - before.agent_visits, after.sorts - before.sorts), (2_000, 1));
            assert!(after.moves - before.moves < 2_000);
            let first_sort = u64::from(frameworks) * 12;
            let comparisons = after.comparisons - before.comparisons;
            assert!(comparisons < first_sort + 2_000 * most, "{comparisons} with {frameworks} frameworks");
        }
    }

    #[test]
    fn idle_ticks_look_at_nothing() {
        let mut setup = flat(2_000, 100, Roles::Nested(50));
        setup.cycle();
        assert_eq!(setup.tick(), 0);
        let before = setup.core.work();
        (0..100).for_each(|_| assert_eq!(setup.tick(), 0));
        let after = setup.core.work();
        assert_eq!(after.idle_runs - before.idle_runs, 100);
        assert_eq!((after.agent_visits, after.comparisons), (before.agent_visits, before.comparisons));
        setup.offers.clear();
        assert_eq!(setup.checksum(), checksum(Vec::new()));
    }

    /// Suppressed frameworks and their roles stand in no order.
    #[test]
    fn who_wants_nothing_is_not_met() {
        let mut setup = flat(500, 300, Roles::Flat(300));
        for (framework, _) in setup.frameworks[1..].iter().copied() {
            setup.core.suppress(framework, &[]).unwrap();
        }
        let before = setup.core.work();
        assert_eq!(setup.cycle(), 500);
        let after = setup.core.work();
        assert_eq!((after.comparisons, after.sorts), (before.comparisons, before.sorts));
    }

    #[test]
    fn what_comes_back_is_offered_again() {
        let mut setup = flat(500, 7, Roles::Flat(3));
        assert_eq!(setup.cycle(), 500);
        setup.give_back(Refuse::NONE);
        assert_eq!(setup.cycle(), 500);
        setup.give_back(Refuse::seconds(Span::from_secs(60)));
        assert_eq!(setup.cycle(), 500, "to the other frameworks");
    }

    /// Quotas of half an agent and of two agents; what is beyond all limits stays.
    #[test]
    fn small_and_large_quotas() {
        let mut setup = Setup::new(Drf);
        setup.add_agents(30, &Resources::parse(Setup::<Drf>::QUOTA_AGENT).unwrap());
        setup.add_quota_frameworks(25, 5);
        setup.set_quotas(25, 5);
        assert_eq!(setup.cycle(), 36);
        assert_eq!(setup.cycle(), 0);
    }
}
