//! Metrics of the allocator under the names that Mesos gives them (`allocator/mesos/...`,
//! `src/master/allocator/mesos/metrics.cpp`).

use super::agents::NOBODY;
use super::amounts::Amounts;
use super::core::Core;
use super::filter::Instant;
use super::policy::Sharing;
use super::sorter::Kind;
use crate::base::id::{AgentId, FrameworkId};
use crate::base::quantity::Quantities;
use crate::base::time::Time;
use crate::mesos::resource::Resources;
use std::collections::BTreeMap;

impl<S: Sharing, C> Core<S, C> {
    /// What is free on an agent.
    #[must_use]
    pub fn free(&self, agent: AgentId) -> Option<Resources> {
        let slot = self.agent_index.get(agent)?;
        Some(self.bundles.resources(self.hot[slot as usize].free).clone())
    }
    /// The scalars of that.
    #[must_use]
    pub fn free_quantities(&self, agent: AgentId) -> Option<Quantities> {
        let slot = self.agent_index.get(agent)?;
        Some(self.bundles.resources(self.hot[slot as usize].free).quantities())
    }
    /// What a framework holds on an agent.
    #[must_use]
    pub fn held(&self, agent: AgentId, framework: FrameworkId) -> Option<Resources> {
        let slot = self.agent_index.get(agent)?;
        let theirs = |client: u32| self.client(client).framework == framework;
        let mut sum = Resources::EMPTY;
        let hot = &self.hot[slot as usize];
        if hot.lent_to != NOBODY && theirs(hot.lent_to) {
            sum += self.bundles.resources(hot.lent);
        }
        self.agent(slot).held.iter().filter(|(client, _)| theirs(*client)).for_each(|(_, held)| sum += held);
        Some(sum)
    }

    /// All metrics as of `now`, by name.
    #[must_use]
    pub fn metrics(&self, now: Time) -> BTreeMap<String, f64> {
        let mut all = BTreeMap::new();
        let mut put = |name: String, value: f64| all.insert(format!("allocator/mesos/{name}"), value);
        put("allocation_runs".into(), self.runs as f64);
        put("event_queue_dispatches".into(), f64::from(u8::from(self.is_pending())));
        let held = self.role_sorter.allocation();
        for name in ["cpus", "disk", "mem"] {
            put(format!("resources/{name}/total"), self.total.get(name).to_f64());
            put(format!("resources/{name}/offered_or_allocated"), held.get(name).to_f64());
        }
        for row in self.role_sorter.rows(&self.ground()).iter().filter(|row| row.kind == Kind::Leaf) {
            let path = row.path.strip_suffix("/.").unwrap_or(row.path);
            put(format!("roles/{path}/shares/dominant"), row.share);
        }
        let now = Instant { at: now, armed: u64::MAX };
        let mut filters: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, client) in self.clients.iter() {
            *filters.entry(&self.role(client.role).path).or_default() += client.filters.live(now);
        }
        for (path, live) in filters {
            put(format!("offer_filters/roles/{path}/active"), live as f64);
        }
        for (path, top) in self.tops.iter().filter(|(_, top)| !top.quota.is_default()) {
            let mut consumed = top.reserved.clone();
            consumed.add(&top.accepted);
            let mut offered = top.reserved.clone();
            offered.add(&top.held);
            let mut put_each = |what: &str, amounts: &Amounts| {
                for (name, amount) in amounts.iter() {
                    put(format!("quota/roles/{path}/resources/{name}/{what}"), amount.to_f64());
                }
            };
            put_each("guarantee", &top.quota.guarantees);
            put_each("consumed", &consumed);
            put_each("offered_or_allocated", &offered);
            for (name, limit) in top.quota.limits.iter() {
                put(format!("quota/roles/{path}/resources/{name}/limit"), limit.to_f64());
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::super::policy::drf::Drf;
    use super::super::setups::{Roles, Setup};
    use super::*;
    use crate::base::time::Span;
    use crate::mesos::message::Refuse;

    #[test]
    fn names_and_values_are_those_of_mesos() {
        let r = |text: &str| Resources::parse(text).unwrap();
        let mut setup = Setup::new(Drf);
        setup.add_agents(2, &r("cpus:4;mem:1024;cpus(role-0):1"));
        setup.add_frameworks(2, Roles::Flat(2));
        setup.set_quota("role-0", &r("cpus:6;mem:2048"));
        setup.cycle();
        let metrics = |setup: &Setup<Drf>| setup.core.metrics(setup.now);
        let get = |setup: &Setup<Drf>, name: &str| metrics(setup).get(&format!("allocator/mesos/{name}")).copied();
        let shown = [
            ("allocation_runs", 1.0),
            ("event_queue_dispatches", 0.0),
            ("resources/cpus/total", 10.0),
            ("resources/mem/offered_or_allocated", 2048.0),
            ("roles/role-0/shares/dominant", 1.0),
            ("roles/role-1/shares/dominant", 0.4),
            ("offer_filters/roles/role-0/active", 0.0),
            ("quota/roles/role-0/resources/cpus/guarantee", 6.0),
            ("quota/roles/role-0/resources/mem/limit", 2048.0),
            ("quota/roles/role-0/resources/cpus/consumed", 2.0),
            ("quota/roles/role-0/resources/cpus/offered_or_allocated", 6.0),
        ];
        for (name, value) in shown {
            assert_eq!(
                get(&setup, name).map(f64::to_bits),
                Some(f64::to_bits(value)),
                "{name}: {:?}",
                get(&setup, name)
            );
        }
        let (framework, role) = setup.frameworks[0];
        let batch = setup.offers.iter().find(|batch| batch.allocation.framework == framework).unwrap();
        let offer = batch.allocation.entry(0);
        let accepted = r("cpus:1;mem:1");
        setup.core.accept(offer.agent, role, &accepted).unwrap();
        assert_eq!(get(&setup, "quota/roles/role-0/resources/cpus/consumed"), Some(3.0));
        setup.give_back(Refuse::seconds(Span::from_secs(10)));
        let filters = get(&setup, "offer_filters/roles/role-0/active");
        assert!(filters >= Some(1.0) && filters <= Some(2.0), "{filters:?}");
    }
}
