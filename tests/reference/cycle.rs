//! The allocation cycle of the reference: guarantees first, then fair shares.

use super::sorter::{Totals, scalar_quantities};
use super::{Holder, Quota, Reference, holder};
use mesosim::base::quantity::Milli;
use mesosim::mesos::resource::{Resources, Unnamed, is_strict_descendant};
use mesosim::replay::{Amounts, Capability, Offers};
use std::collections::BTreeMap;

/// What a cycle keeps while it goes on.
struct Cycle {
    /// Of each top-level role with a quota.
    consumed: BTreeMap<String, Totals>,
    required_headroom: Totals,
    available_headroom: Totals,
    /// Shared resources by agent, each offered once in a cycle.
    offered_shared: BTreeMap<String, Resources>,
    offers: Offers,
}

fn totals(amounts: &Amounts) -> Totals {
    amounts.iter().filter(|(_, amount)| amount.0 > 0).map(|(name, amount)| (name.as_str().into(), *amount)).collect()
}

/// Name by name, never below zero; what is used up is left out.
fn minus(a: &Totals, b: &Totals) -> Totals {
    let rest = |(name, amount): (&std::sync::Arc<str>, &Milli)| {
        let left = amount.0 - b.get(name).map_or(0, |taken| taken.0);
        (left > 0).then(|| (name.clone(), Milli(left)))
    };
    a.iter().filter_map(rest).collect()
}

/// As `minus`, but a limit that is used up remains a limit.
fn limits_minus(limits: &Amounts, b: &Totals) -> Totals {
    let rest = |(name, amount): (&String, &Milli)| {
        let left = amount.0 - b.get(name.as_str()).map_or(0, |taken| taken.0);
        (name.as_str().into(), Milli(left.max(0)))
    };
    limits.iter().map(rest).collect()
}

fn add(sum: &mut Totals, more: &Totals) {
    for (name, amount) in more {
        sum.entry(name.clone()).or_default().0 += amount.0;
    }
}

/// What quota, limits and headroom are about.
fn plain(resources: &Resources) -> Resources {
    resources.unreserved().non_revocable().scalars_only()
}

fn is_at_or_below(role: &str, top: &str) -> bool {
    role == top || is_strict_descendant(role, top)
}

impl Reference {
    /// One run; `agents` and `again` are the candidates in the order of the two stages.
    pub(super) fn run(&mut self, agents: &[String], again: &[String]) -> Offers {
        let mut cycle = Cycle {
            consumed: self.consumed(),
            required_headroom: Totals::new(),
            available_headroom: self.available_headroom(),
            offered_shared: BTreeMap::new(),
            offers: Offers::new(),
        };
        for (role, quota) in &self.quotas {
            let consumed = cycle.consumed.get(role).cloned().unwrap_or_default();
            add(&mut cycle.required_headroom, &minus(&totals(&quota.guarantees), &consumed));
        }
        for agent in self.candidates(agents) {
            self.guarantees(&agent, &mut cycle);
        }
        for agent in self.candidates(again) {
            self.fair_share(&agent, &mut cycle);
        }
        cycle.offers
    }
    fn candidates(&self, agents: &[String]) -> Vec<String> {
        let welcome = |id: &&String| {
            self.agents.get(*id).is_some_and(|agent| {
                agent.active && self.whitelist.as_ref().is_none_or(|all| all.contains(&agent.hostname))
            })
        };
        agents.iter().filter(welcome).cloned().collect()
    }
    /// All reservations to the role and below, and what is unreserved and held there.
    fn consumed(&self) -> BTreeMap<String, Totals> {
        let mut all = BTreeMap::new();
        for role in self.quotas.keys() {
            let mut sum = Totals::new();
            for agent in self.agents.values() {
                for object in agent.total.reserved().objects() {
                    if object.reservation_role().is_some_and(|to| is_at_or_below(to, role)) {
                        add(&mut sum, &scalar_quantities(&Resources::from_objects([&*object])));
                    }
                }
                for (who, resources) in &agent.booked {
                    if is_at_or_below(&who.role, role) {
                        add(&mut sum, &scalar_quantities(&plain(resources)));
                    }
                }
            }
            all.insert(role.clone(), sum);
        }
        all
    }
    fn available_headroom(&self) -> Totals {
        let (mut held, mut reserved, mut held_reserved) = (Totals::new(), Totals::new(), Totals::new());
        let mut revocable = Totals::new();
        for agent in self.agents.values() {
            let mut on_agent = Resources::EMPTY;
            agent.booked.values().for_each(|one| on_agent += one);
            add(&mut held, &scalar_quantities(&on_agent));
            add(&mut held_reserved, &scalar_quantities(&on_agent.reserved()));
            add(&mut reserved, &scalar_quantities(&agent.total.reserved()));
            add(&mut revocable, &scalar_quantities(&agent.available().revocable()));
        }
        let free = minus(&self.totals(), &held);
        minus(&minus(&free, &minus(&reserved, &held_reserved)), &revocable)
    }

    fn guarantees(&mut self, agent: &str, cycle: &mut Cycle) {
        for role in self.sorted_roles() {
            let Some(quota) = self.quotas.get(&role).filter(|quota| !quota.guarantees.is_empty()).cloned() else {
                continue;
            };
            let consumed = cycle.consumed[&role].clone();
            let mut unsatisfied = minus(&totals(&quota.guarantees), &consumed);
            if unsatisfied.is_empty() {
                continue;
            }
            for framework in self.sorted_frameworks(&role) {
                if unsatisfied.is_empty() {
                    break;
                }
                let Some(available) = self.offerable(agent, &holder(&framework, &role), cycle) else { continue };
                let plain = plain(&available);
                let guaranteed = plain.shrink_to(&unsatisfied, Unnamed::Drop);
                if guaranteed.is_empty() {
                    continue;
                }
                let given = scalar_quantities(&guaranteed);
                let extra = self.bounded(plain.clone() - &guaranteed, &quota, &role, &given, cycle);
                let offer = available - &plain + &guaranteed + &extra;
                if !self.acceptable(agent, &holder(&framework, &role), &offer) {
                    continue;
                }
                let mut more = given.clone();
                add(&mut more, &scalar_quantities(&extra));
                unsatisfied = minus(&unsatisfied, &more);
                add(cycle.consumed.entry(role.clone()).or_default(), &more);
                cycle.required_headroom = minus(&cycle.required_headroom, &given);
                cycle.available_headroom = minus(&cycle.available_headroom, &more);
                self.offer(agent, &holder(&framework, &role), offer, cycle);
            }
        }
    }

    fn fair_share(&mut self, agent: &str, cycle: &mut Cycle) {
        for role in self.sorted_roles() {
            let quota = self.quotas.get(&role).cloned().unwrap_or_default();
            for framework in self.sorted_frameworks(&role) {
                let Some(available) = self.offerable(agent, &holder(&framework, &role), cycle) else { continue };
                let plain = plain(&available);
                let extra = self.bounded(plain.clone(), &quota, &role, &Totals::new(), cycle);
                let offer = available - &plain + &extra;
                if !self.acceptable(agent, &holder(&framework, &role), &offer) {
                    continue;
                }
                let more = scalar_quantities(&extra);
                if let Some(consumed) = cycle.consumed.get_mut(&role) {
                    add(consumed, &more);
                }
                cycle.available_headroom = minus(&cycle.available_headroom, &more);
                self.offer(agent, &holder(&framework, &role), offer, cycle);
            }
        }
    }

    /// What of an agent the framework could get in the role, if it is enough and it can deal with it.
    fn offerable(&self, agent: &str, who: &Holder, cycle: &Cycle) -> Option<Resources> {
        let there = &self.agents[agent];
        let mut available = there.available().allocatable_to(&who.role);
        if let Some(shared) = cycle.offered_shared.get(agent) {
            available -= shared;
        }
        if !self.is_enough(who, &available) {
            return None;
        }
        let gpus = there.total.quantity_of("gpus").0 > 0;
        if gpus && self.init.filter_gpu && !self.can(&who.framework, Capability::GpuResources) {
            return None;
        }
        if !self.can(&who.framework, Capability::SharedResources) {
            available = available.non_shared();
        }
        if !self.can(&who.framework, Capability::RevocableResources) {
            available = available.non_revocable();
        }
        if !self.can(&who.framework, Capability::ReservationRefinement) {
            available = available.unrefined();
        }
        Some(available)
    }
    /// What limits and headroom leave of unreserved scalars.
    fn bounded(&self, extra: Resources, quota: &Quota, role: &str, given: &Totals, cycle: &Cycle) -> Resources {
        let mut extra = extra;
        if !quota.limits.is_empty() {
            let mut consumed = cycle.consumed.get(role).cloned().unwrap_or_default();
            add(&mut consumed, given);
            extra = extra.shrink_to(&limits_minus(&quota.limits, &consumed), Unnamed::Keep);
        }
        if !cycle.required_headroom.is_empty() {
            let surplus = minus(&cycle.available_headroom, &cycle.required_headroom);
            extra = extra.shrink_to(&surplus, Unnamed::Drop);
        }
        extra
    }
    fn acceptable(&self, agent: &str, who: &Holder, offer: &Resources) -> bool {
        let filtered = self.filters.iter().any(|filter| {
            filter.agent == agent
                && filter.framework == who.framework
                && filter.role == who.role
                && filter.refused.contains(offer)
        });
        self.is_enough(who, offer) && !filtered
    }
    fn is_enough(&self, who: &Holder, resources: &Resources) -> bool {
        let minima = &self.frameworks[&who.framework].now.min_allocatable;
        let sets = minima.get(&who.role).unwrap_or(&self.init.min_allocatable);
        let has = resources.all_quantities();
        let reaches = |set: &Amounts| {
            set.iter().all(|(name, least)| has.get(name.as_str()).copied().unwrap_or_default() >= *least)
        };
        !resources.is_empty() && (sets.is_empty() || sets.iter().any(reaches))
    }
    fn offer(&mut self, agent: &str, who: &Holder, offer: Resources, cycle: &mut Cycle) {
        *cycle.offered_shared.entry(agent.to_owned()).or_default() += &offer.shared();
        self.agents.get_mut(agent).expect("a candidate is there").take(who, &offer);
        self.book(agent, who, &offer);
        let by_role = cycle.offers.entry(who.framework.clone()).or_default();
        let by_agent = by_role.entry(who.role.clone()).or_default();
        *by_agent.entry(agent.to_owned()).or_default() += &offer;
    }
}
