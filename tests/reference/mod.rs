//! A second allocator, for tests: slow and obvious, written from the description of Mesos.
//!
//! Ids are texts, everything is a `BTreeMap`, every sum is made anew when it is needed. It shares
//! resource arithmetic with the simulator and nothing else.
#![allow(dead_code, reason = "every test uses a part")]

mod cycle;
pub(crate) mod duel;
pub(crate) mod script;
mod sorter;

use mesosim::base::time::{Span, Time};
use mesosim::mesos::resource::Resources;
use mesosim::replay::{
    AgentUse, Amounts, Body, Capability, Event, Fault, Framework, FrameworkUse, Init, Offers, Player, Ranking, Step,
};
use sorter::{Holding, Sorter, Totals, scalar_quantities};
use std::collections::{BTreeMap, BTreeSet};

/// Holder of resources on an agent.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Holder {
    framework: String,
    role: String,
}

#[derive(Clone, Debug)]
struct Agent {
    total: Resources,
    hostname: String,
    active: bool,
    /// What is offered or in use and thus not available.
    taken: BTreeMap<Holder, Resources>,
    /// The same in one list, allocated to roles, in the order in which it was taken: whole disks
    /// are cut in the order in which they stand, and what is taken away changes that order.
    taken_list: Resources,
    /// The part of it that the sorters know: that of frameworks that are there.
    booked: BTreeMap<Holder, Resources>,
}

#[derive(Clone, Debug)]
struct Member {
    now: Framework,
    active: bool,
    suppressed: BTreeSet<String>,
}

#[derive(Clone, Debug)]
struct Filter {
    framework: String,
    role: String,
    agent: String,
    refused: Resources,
    expires: Time,
    /// When its timer was armed, in the count of `Reference::armed`.
    armed: u64,
}

#[derive(Clone, Default, Debug)]
struct Quota {
    guarantees: Amounts,
    limits: Amounts,
}

/// The batch timer.
#[derive(Clone, Copy, Debug)]
struct Batch {
    due: Time,
    armed: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Reference {
    init: Init,
    now: Time,
    /// How many timers were armed.
    armed: u64,
    batch: Batch,
    /// The timer whose run comes next, in a case whose runs are given.
    ticked: u64,
    agents: BTreeMap<String, Agent>,
    frameworks: BTreeMap<String, Member>,
    role_sorter: Sorter,
    /// By role.
    framework_sorters: BTreeMap<String, Sorter>,
    quotas: BTreeMap<String, Quota>,
    whitelist: Option<BTreeSet<String>>,
    filters: Vec<Filter>,
}

impl Agent {
    fn available(&self) -> Resources {
        let taken = self.taken_list.without_allocation_role();
        // What is shared can be offered although somebody uses it.
        self.total.non_shared() - &taken.non_shared() + &self.total.shared()
    }
    fn take(&mut self, holder: &Holder, resources: &Resources) {
        *self.taken.entry(holder.clone()).or_default() += resources;
        self.taken_list += &resources.with_allocation_role(&holder.role);
    }
    fn give_back(&mut self, holder: &Holder, resources: &Resources) {
        subtract(&mut self.taken, holder, resources);
        self.taken_list -= &resources.with_allocation_role(&holder.role);
    }
}

fn subtract(from: &mut BTreeMap<Holder, Resources>, holder: &Holder, resources: &Resources) {
    if let Some(held) = from.get_mut(holder) {
        *held -= resources;
        if held.is_empty() {
            from.remove(holder);
        }
    }
}

fn holder(framework: &str, role: &str) -> Holder {
    Holder { framework: framework.to_owned(), role: role.to_owned() }
}

impl Player for Reference {
    fn start(init: &Init) -> Result<Self, Fault> {
        if init.sorter != "drf" {
            return Err(Fault::new(format!("no sorter `{}`", init.sorter), "write `drf`"));
        }
        Ok(Self {
            now: Time::ZERO,
            armed: 1,
            batch: Batch { due: Time::ZERO + init.allocation_interval, armed: 0 },
            ticked: 0,
            agents: BTreeMap::new(),
            frameworks: BTreeMap::new(),
            role_sorter: Sorter::new(BTreeMap::new(), init.fairness_exclude.clone()),
            framework_sorters: BTreeMap::new(),
            quotas: BTreeMap::new(),
            whitelist: None,
            filters: Vec::new(),
            init: init.clone(),
        })
    }

    fn apply(&mut self, event: &Event) -> Result<Vec<Step>, Fault> {
        // The agents over which the event asks for a run.
        let mut run: Option<Vec<String>> = None;
        let all = |agents: &BTreeMap<String, Agent>| Some(agents.keys().cloned().collect::<Vec<_>>());
        match event {
            Event::Init(_) => return Err(Fault::new("a second `init`", "begin a case of its own")),
            Event::AddAgent { id, total, hostname, used } => {
                self.add_agent(id, total, hostname.as_ref().unwrap_or(id), used);
                run = Some(vec![id.clone()]);
            }
            Event::UpdateAgent { id, total, hostname } => {
                let agent = self.agents.get_mut(id).expect("checked");
                let hostname = hostname.clone().unwrap_or_else(|| agent.hostname.clone());
                if agent.total != *total || agent.hostname != hostname {
                    (agent.total, agent.hostname) = (total.clone(), hostname);
                    run = Some(vec![id.clone()]);
                }
            }
            Event::RemoveAgent { id } => self.remove_agent(id),
            Event::ActivateAgent { id } => self.agents.get_mut(id).expect("checked").active = true,
            Event::DeactivateAgent { id } => self.agents.get_mut(id).expect("checked").active = false,
            Event::AddFramework { framework, active, used } => {
                self.add_framework(framework, *active, used);
                if *active {
                    run = all(&self.agents);
                }
            }
            Event::UpdateFramework(framework) => self.update_framework(framework),
            Event::RemoveFramework { id } => self.remove_framework(id),
            Event::ActivateFramework { id } => {
                self.set_active(id, true);
                run = all(&self.agents);
            }
            Event::DeactivateFramework { id } => self.set_active(id, false),
            Event::Suppress { framework, roles } => {
                let roles = self.roles_or_all(framework, roles);
                self.suppress(framework, &roles);
            }
            Event::Revive { framework, roles } => {
                let roles = self.roles_or_all(framework, roles);
                self.revive(framework, &roles);
                run = all(&self.agents);
            }
            Event::Recover { framework, role, agent, resources, refuse, .. } => {
                self.recover(framework, role, agent, resources, *refuse);
            }
            // Offered or in use is the same to offers.
            Event::Accept { .. } => {}
            Event::UpdateWeights { weights } => {
                weights.iter().for_each(|(role, weight)| self.role_sorter.set_weight(role, *weight));
            }
            Event::UpdateQuota { role, guarantees, limits } => {
                self.quotas.insert(role.clone(), Quota { guarantees: guarantees.clone(), limits: limits.clone() });
            }
            Event::Whitelist { hostnames } => self.whitelist.clone_from(hostnames),
            Event::Reserve { agent, resources } => {
                let from = popped(resources)?;
                return Ok(self.convert_available(agent, &from, resources));
            }
            Event::Unreserve { agent, resources } => {
                let to = popped(resources)?;
                return Ok(self.convert_available(agent, resources, &to));
            }
            Event::ReserveOffered { framework, role, agent, resources, .. } => {
                self.convert_offered(&holder(framework, role), agent, &popped(resources)?, resources);
            }
            Event::UnreserveOffered { framework, role, agent, resources, .. } => {
                self.convert_offered(&holder(framework, role), agent, resources, &popped(resources)?);
            }
            Event::ConvertOffered { framework, role, agent, resources, into } => {
                self.convert_offered(&holder(framework, role), agent, resources, into);
            }
            Event::Advance { by } => return Ok(self.advance(*by)),
            Event::Allocate(None) => {
                let agents: Vec<String> = self.agents.keys().cloned().collect();
                let offers = self.run(&agents, &agents);
                return Ok(vec![self.told(offers)]);
            }
            Event::Allocate(Some(visits)) => {
                let armed = if visits.batch { self.ticked } else { u64::MAX };
                self.expire(Time(self.now.0 - visits.ago.0), armed);
                let offers = self.run(&visits.agents, &visits.again);
                return Ok(vec![self.told(offers)]);
            }
            Event::Tick => {
                self.ticked = self.batch.armed;
                self.arm_batch();
            }
        }
        match run {
            Some(mut agents) if self.init.event_driven && !self.init.runs_given => {
                agents.sort();
                let offers = self.run(&agents, &agents);
                Ok(self.told_if_any(offers))
            }
            _ => Ok(Vec::new()),
        }
    }
}

fn popped(resources: &Resources) -> Result<Resources, Fault> {
    resources.pop_reservation().map_err(|error| Fault::new(error.what, error.mend))
}

impl Reference {
    fn arm_batch(&mut self) {
        self.batch = Batch { due: self.now + self.init.allocation_interval, armed: self.armed };
        self.armed += 1;
    }

    /// The clock jumps; then all timers that fell due act, in the order of their instants, those of
    /// one instant in the order in which they were armed.
    fn advance(&mut self, by: Span) -> Vec<Step> {
        self.now += by;
        let mut steps = Vec::new();
        if self.init.runs_given {
            return steps;
        }
        if self.init.event_driven && self.batch.due <= self.now {
            self.expire(self.batch.due, self.batch.armed);
            self.arm_batch();
            let agents: Vec<String> = self.agents.keys().cloned().collect();
            let offers = self.run(&agents, &agents);
            steps = self.told_if_any(offers);
        }
        self.expire(self.now, u64::MAX);
        steps
    }
    /// Filters end whose timers come before the given one.
    fn expire(&mut self, at: Time, armed: u64) {
        self.filters.retain(|filter| (filter.expires, filter.armed) >= (at, armed));
    }

    fn add_agent(&mut self, id: &str, total: &Resources, hostname: &str, used: &[AgentUse]) {
        let agent = Agent {
            total: total.clone(),
            hostname: hostname.to_owned(),
            active: true,
            taken: BTreeMap::new(),
            taken_list: Resources::EMPTY,
            booked: BTreeMap::new(),
        };
        self.agents.insert(id.to_owned(), agent);
        let mut by_holder = BTreeMap::<Holder, Resources>::new();
        for one in used {
            *by_holder.entry(holder(&one.framework, &one.role)).or_default() += &one.resources;
        }
        for (holder, resources) in by_holder {
            self.agents.get_mut(id).expect("just added").take(&holder, &resources);
            if self.frameworks.contains_key(&holder.framework) {
                self.book(id, &holder, &resources);
            }
        }
    }
    fn remove_agent(&mut self, id: &str) {
        let agent = self.agents.remove(id).expect("checked");
        self.filters.retain(|filter| filter.agent != id);
        agent.booked.keys().for_each(|holder| self.forget_if_unused(holder));
    }

    fn add_framework(&mut self, framework: &Framework, active: bool, used: &[FrameworkUse]) {
        let id = &framework.id;
        let member = Member { now: framework.clone(), active: true, suppressed: framework.suppressed.clone() };
        self.frameworks.insert(id.clone(), member);
        for role in &framework.roles {
            self.track(id, role);
            if !framework.suppressed.contains(role) {
                self.framework_sorter(role).activate(id);
            }
        }
        let mut by_agent = BTreeMap::<(&str, Holder), Resources>::new();
        for one in used.iter().filter(|one| self.agents.contains_key(&one.agent)) {
            *by_agent.entry((&one.agent, holder(id, &one.role))).or_default() += &one.resources;
        }
        for ((agent, holder), resources) in by_agent {
            self.book(agent, &holder, &resources);
        }
        if !active {
            self.set_active(id, false);
        }
    }
    fn update_framework(&mut self, framework: &Framework) {
        let id = &framework.id;
        let old = self.frameworks[id].clone();
        self.frameworks.get_mut(id).expect("checked").now = framework.clone();
        for role in framework.roles.iter().filter(|role| !old.now.roles.contains(role)) {
            self.track(id, role);
            // Upstream makes a client active even if its framework is not, and a run that met it
            // would not survive; but its activation always comes before the next run.
            if old.active {
                self.framework_sorter(role).activate(id);
            }
        }
        for role in old.now.roles.iter().filter(|role| !framework.roles.contains(role)) {
            self.framework_sorter(role).deactivate(id);
            self.filters.retain(|filter| (&filter.framework, &filter.role) != (id, role));
            self.frameworks.get_mut(id).expect("checked").suppressed.remove(role);
            self.forget_if_unused(&holder(id, role));
        }
        let before = self.frameworks[id].suppressed.clone();
        let newly: Vec<String> = framework.suppressed.difference(&before).cloned().collect();
        let no_longer: Vec<String> = before.difference(&framework.suppressed).cloned().collect();
        self.suppress(id, &newly);
        self.revive(id, &no_longer);
    }
    fn remove_framework(&mut self, id: &str) {
        let roles: Vec<String> = self.framework_sorters.keys().cloned().collect();
        for agent in self.agents.values_mut() {
            for (holder, resources) in agent.taken.clone().iter().filter(|(holder, _)| holder.framework == id) {
                agent.give_back(holder, resources);
            }
            agent.booked.retain(|holder, _| holder.framework != id);
        }
        self.frameworks.remove(id);
        self.filters.retain(|filter| filter.framework != id);
        roles.iter().for_each(|role| self.forget_if_unused(&holder(id, role)));
    }
    fn set_active(&mut self, id: &str, active: bool) {
        let member = self.frameworks.get_mut(id).expect("checked");
        member.active = active;
        let member = member.clone();
        for role in &member.now.roles {
            if !active {
                self.framework_sorter(role).deactivate(id);
            } else if !member.suppressed.contains(role) {
                self.framework_sorter(role).activate(id);
            }
        }
        if !active {
            self.filters.retain(|filter| filter.framework != id);
        }
    }
    fn roles_or_all(&self, framework: &str, roles: &[String]) -> Vec<String> {
        if roles.is_empty() { self.frameworks[framework].now.roles.clone() } else { roles.to_vec() }
    }
    fn suppress(&mut self, framework: &str, roles: &[String]) {
        for role in roles {
            self.framework_sorter(role).deactivate(framework);
            self.frameworks.get_mut(framework).expect("checked").suppressed.insert(role.clone());
        }
    }
    fn revive(&mut self, framework: &str, roles: &[String]) {
        for role in roles {
            self.filters.retain(|filter| (&*filter.framework, &filter.role) != (framework, role));
            if self.frameworks[framework].active {
                self.framework_sorter(role).activate(framework);
            }
            self.frameworks.get_mut(framework).expect("checked").suppressed.remove(role);
        }
    }

    fn recover(&mut self, framework: &str, role: &str, agent: &str, resources: &Resources, refuse: Option<Span>) {
        if !self.frameworks.contains_key(framework) || !self.agents.contains_key(agent) {
            return;
        }
        let holder = holder(framework, role);
        let there = self.agents.get_mut(agent).expect("checked");
        there.give_back(&holder, resources);
        subtract(&mut there.booked, &holder, resources);
        self.forget_if_unused(&holder);
        let Some(refuse) = refuse.filter(|span| *span != Span::ZERO) else { return };
        let year = Span::from_secs(365 * 86_400);
        let lasts = if refuse < Span::ZERO { Span::from_secs(5) } else { refuse.min(year) };
        self.filters.push(Filter {
            framework: framework.to_owned(),
            role: role.to_owned(),
            agent: agent.to_owned(),
            refused: resources.clone(),
            expires: self.now + lasts.max(self.init.allocation_interval),
            armed: self.armed,
        });
        self.armed += 1;
    }

    /// An operation on resources that nobody has at present.
    fn convert_available(&mut self, id: &str, from: &Resources, to: &Resources) -> Vec<Step> {
        let agent = self.agents.get_mut(id).expect("checked");
        let available = agent.available();
        if !available.contains(from) {
            let text = format!("{available} does not contain {from}");
            return vec![Step { clock: self.now, body: Body::Error(text) }];
        }
        agent.total = agent.total.clone() - from + to;
        Vec::new()
    }
    fn convert_offered(&mut self, holder: &Holder, id: &str, from: &Resources, to: &Resources) {
        let agent = self.agents.get_mut(id).expect("checked");
        agent.total = agent.total.clone() - from + to;
        agent.give_back(holder, from);
        agent.take(holder, to);
        if let Some(held) = agent.booked.get_mut(holder) {
            *held = held.clone() - from + to;
        }
    }

    fn framework_sorter(&mut self, role: &str) -> &mut Sorter {
        self.framework_sorters.get_mut(role).expect("a role of a framework is tracked")
    }
    /// Makes the framework a client of the role, and the role one of the cluster.
    fn track(&mut self, framework: &str, role: &str) {
        if !self.framework_sorters.contains_key(role) {
            self.role_sorter.add(role);
            self.role_sorter.activate(role);
            let sorter = Sorter::new(BTreeMap::new(), self.init.fairness_exclude.clone());
            self.framework_sorters.insert(role.to_owned(), sorter);
        }
        let sorter = self.framework_sorter(role);
        if !sorter.contains(framework) {
            sorter.add(framework);
        }
    }
    /// A client stays as long as it is subscribed or holds something.
    fn forget_if_unused(&mut self, holder: &Holder) {
        let subscribed = |member: &Member| member.now.roles.contains(&holder.role);
        let holds = self.agents.values().any(|agent| agent.booked.contains_key(holder));
        if holds || self.frameworks.get(&holder.framework).is_some_and(subscribed) {
            return;
        }
        let Some(sorter) = self.framework_sorters.get_mut(&holder.role) else { return };
        if sorter.contains(&holder.framework) {
            sorter.remove(&holder.framework);
        }
        let role_in_use = self.frameworks.keys().any(|id| self.framework_sorters[&holder.role].contains(id));
        if !role_in_use {
            self.framework_sorters.remove(&holder.role);
            self.role_sorter.remove(&holder.role);
        }
    }
    /// Tells the sorters that somebody has something on an agent.
    fn book(&mut self, agent: &str, holder: &Holder, resources: &Resources) {
        self.track(&holder.framework, &holder.role);
        *self.agents.get_mut(agent).expect("checked").booked.entry(holder.clone()).or_default() += resources;
        self.role_sorter.count(&holder.role);
        self.framework_sorter(&holder.role).count(&holder.framework);
    }

    fn totals(&self) -> Totals {
        let mut sum = Totals::new();
        for agent in self.agents.values() {
            for (name, amount) in scalar_quantities(&agent.total) {
                sum.entry(name).or_default().0 += amount.0;
            }
        }
        sum
    }
    fn sorted_roles(&mut self) -> Vec<String> {
        let totals = self.totals();
        let holdings: Vec<Holding> = self
            .agents
            .iter()
            .flat_map(|(id, agent)| {
                agent.booked.iter().map(|(who, resources)| Holding { client: &who.role, agent: id, resources })
            })
            .collect();
        self.role_sorter.sort(&holdings, &totals)
    }
    fn sorted_frameworks(&mut self, role: &str) -> Vec<String> {
        let totals = self.totals();
        let holdings: Vec<Holding> = self
            .agents
            .iter()
            .flat_map(|(id, agent)| {
                let of_role = agent.booked.iter().filter(|(who, _)| who.role == role);
                of_role.map(|(who, resources)| Holding { client: &who.framework, agent: id, resources })
            })
            .collect();
        self.framework_sorters.get_mut(role).expect("a role of a framework is tracked").sort(&holdings, &totals)
    }

    fn told(&mut self, offers: Offers) -> Step {
        let ranking = (!self.agents.is_empty()).then(|| {
            self.sorted_roles();
            let mut ranking = Ranking {
                roles: self.role_sorter.standings(),
                frameworks: BTreeMap::new(),
                tree: self.role_sorter.tree(),
            };
            for role in self.framework_sorters.keys().cloned().collect::<Vec<_>>() {
                self.sorted_frameworks(&role);
                let standings = self.framework_sorters[&role].standings();
                ranking.frameworks.insert(role, standings);
            }
            ranking
        });
        Step { clock: self.now, body: Body::Allocation { offers, ranking } }
    }
    fn told_if_any(&mut self, offers: Offers) -> Vec<Step> {
        if offers.is_empty() { Vec::new() } else { vec![self.told(offers)] }
    }
    fn can(&self, framework: &str, capability: Capability) -> bool {
        self.frameworks[framework].now.can(capability)
    }
}
