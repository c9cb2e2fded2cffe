//! Mesos' allocation cycle (`HierarchicalAllocatorProcess`), with the sharing policy and the chunk
//! policy as parameters.
//!
//! A run is requested by events for some agents or all, and by the batch timer for all; requests
//! are merged while a run is queued, and the run itself is one more message behind those already
//! in the mailbox. An allocator to which nothing happened since a run that found nothing to give
//! answers the next tick in O(1).

use super::chunk::Chunk;
use super::filter::{Filters, Instant};
use super::policy::{Sharing, Throw};
use super::sorter::{Client, Sorter};
use super::{Allocate, Flags, Work};
use crate::actor::{Cx, Input, Mailbox, TimerKey};
use crate::base::dice::{self, Site};
use crate::base::id::{AgentId, FrameworkId, RoleId};
use crate::base::map::{Lookup, Map};
use crate::base::quantity::Quantities;
use crate::base::slab::Slab;
use crate::base::time::Time;
use crate::fact::Fact;
use crate::mesos::message::{AgentInfo, Allocation, FrameworkInfo, Msg, OfferBatch, OfferEntry, Refuse};
use crate::mesos::resource::Resources;
use crate::mesos::slots::AgentIndex;
use smallvec::SmallVec;
use std::sync::Arc;

const SHUFFLE: Site = Site::new("allocator-shuffle");
const SORTER: Site = Site::new("allocator-sorter");
const BATCH_TIMER: TimerKey = TimerKey::new(1, 0);

#[derive(Clone, Debug)]
struct Agent {
    id: AgentId,
    available: Resources,
    total: Resources,
    active: bool,
    has_gpu: bool,
    /// What each client holds here, offered or allocated.
    held: SmallVec<[(u32, Resources); 2]>,
    /// In use by frameworks that the allocator does not know (yet).
    strangers: Vec<(FrameworkId, RoleId, Resources)>,
    /// More is in use than there is: an agent may come back with tasks that nobody expected.
    overbooked: bool,
}

impl Agent {
    /// Resources that were in use already when the allocator heard of it.
    fn take(&mut self, resources: &Resources) {
        self.overbooked |= !self.available.contains(resources);
        self.available -= resources;
    }

    /// Resources that are no longer held.
    #[inline]
    fn give_back(&mut self, resources: &Resources) {
        if self.overbooked {
            self.count_anew();
        } else {
            self.available += resources;
        }
    }

    /// What is free, from what is held: while that is more than there is, what comes back is not
    /// free at once.
    #[cold]
    fn count_anew(&mut self) {
        let mut used = Resources::default();
        self.held.iter().for_each(|(_, held)| used += held);
        self.strangers.iter().for_each(|(_, _, held)| used += held);
        self.overbooked = !self.total.contains(&used);
        self.available = self.total.clone() - &used;
    }
}

/// A (framework, role) pair.
#[derive(Clone, Debug)]
struct ClientState {
    framework: FrameworkId,
    role: RoleId,
    leaf: Client,
    gpu_capable: bool,
    filters: Filters,
    /// What this run gives it.
    given: Vec<OfferEntry>,
    given_total: Quantities,
}

#[derive(Clone, Debug)]
struct Role {
    client: Client,
    sorter: Sorter,
    /// Client of each leaf of `sorter`.
    clients: Vec<u32>,
    frameworks: u32,
}

#[derive(Clone, Debug)]
struct Framework {
    active: bool,
    suppressed: bool,
    client: u32,
}

#[derive(Clone, Debug, PartialEq)]
enum Candidates {
    Some(Vec<u32>),
    All,
}

/// The allocator with Mesos' cycle.
#[derive(Clone, Debug)]
pub struct Cycle<S, C> {
    sharing: S,
    chunk: C,
    flags: Flags,
    agents: Slab<Agent>,
    agent_index: AgentIndex,
    frameworks: Map<FrameworkId, Framework>,
    clients: Slab<ClientState>,
    client_index: Lookup<(FrameworkId, RoleId), u32>,
    roles: Map<RoleId, Role>,
    /// Role of each leaf of `role_sorter`.
    role_of: Vec<RoleId>,
    role_sorter: Sorter,
    /// Agents that the queued run will look at; `None`: no run is queued.
    pending: Option<(Candidates, Instant)>,
    /// Something happened since the last full run that found nothing.
    dirty: bool,
    /// Inputs handled so far: the order in which timers are armed.
    inputs: u64,
    tick_armed: u64,
    run: u64,
    work: Work,
    // Scratch space of a run, kept so that a run allocates nothing.
    order: Vec<u32>,
    touched: Vec<u32>,
    roles_left: Vec<u32>,
    /// Roles (leaves of the role sorter) with a framework that can be offered anything.
    live_roles: Vec<u32>,
    /// One client alone can be offered anything in this run: its books are made up at the end.
    alone: bool,
}

impl<S: Sharing, C: Chunk> Cycle<S, C> {
    #[must_use]
    pub fn new(sharing: S, chunk: C, flags: Flags) -> Self {
        let mut role_sorter = Sorter::new(flags.excluded_kinds);
        for (path, weight) in &flags.weights {
            role_sorter.set_weight(path, *weight);
        }
        Self {
            sharing,
            chunk,
            agents: Slab::default(),
            agent_index: AgentIndex::default(),
            frameworks: Map::default(),
            clients: Slab::default(),
            client_index: Lookup::default(),
            roles: Map::default(),
            role_of: Vec::new(),
            role_sorter,
            pending: None,
            dirty: true,
            inputs: 0,
            tick_armed: 0,
            run: 0,
            work: Work::default(),
            order: Vec::new(),
            touched: Vec::new(),
            roles_left: Vec::new(),
            live_roles: Vec::new(),
            alone: false,
            flags,
        }
    }

    fn client(&mut self, index: u32) -> &mut ClientState {
        self.clients.at_mut(index).expect("a tracked client")
    }

    // ---- requests for runs ----

    fn request(&mut self, cx: &mut Cx, agents: Candidates, armed: u64) {
        self.dirty = true;
        match &mut self.pending {
            None => {
                self.pending = Some((agents, Instant { at: cx.now, armed }));
                cx.dispatch(Mailbox::ALLOCATOR, Msg::RunAllocation);
            }
            Some((all @ Candidates::Some(_), _)) if agents == Candidates::All => *all = agents,
            Some((Candidates::Some(some), _)) => {
                if let Candidates::Some(more) = agents {
                    some.extend(more);
                }
            }
            Some((Candidates::All, _)) => {}
        }
    }

    fn request_all(&mut self, cx: &mut Cx) {
        self.request(cx, Candidates::All, u64::MAX);
    }

    // ---- frameworks ----

    fn add_framework(&mut self, cx: &mut Cx, id: FrameworkId, info: &FrameworkInfo, active: bool) {
        let excluded = self.flags.excluded_kinds;
        let total = self.role_sorter.total();
        if !self.roles.contains_key(&info.role) {
            let client = self.role_sorter.add(cx.names.text(info.role));
            self.role_sorter.activate(client);
            let mut sorter = Sorter::new(excluded);
            sorter.add_total(total);
            self.roles.insert(info.role, Role { client, sorter, clients: Vec::new(), frameworks: 0 });
            if self.role_of.len() <= client.0 as usize {
                self.role_of.resize(client.0 as usize + 1, info.role);
            }
            self.role_of[client.0 as usize] = info.role;
        }
        let role = &mut self.roles[&info.role];
        role.frameworks += 1;
        let leaf = role.sorter.add(cx.names.framework(id));
        if active && !info.suppressed {
            role.sorter.activate(leaf);
        }
        let key = self.clients.insert(ClientState {
            framework: id,
            role: info.role,
            leaf,
            gpu_capable: info.capabilities.gpu_resources,
            filters: Filters::default(),
            given: Vec::new(),
            given_total: Quantities::ZERO,
        });
        let role = &mut self.roles[&info.role];
        if role.clients.len() <= leaf.0 as usize {
            role.clients.resize(leaf.0 as usize + 1, u32::MAX);
        }
        role.clients[leaf.0 as usize] = key.index;
        self.client_index.insert((id, info.role), key.index);
        self.frameworks.insert(id, Framework { active, suppressed: info.suppressed, client: key.index });
        self.adopt_strangers(id);
        if active {
            self.request_all(cx);
        }
    }

    /// Books what agents reported for a framework before it was known.
    fn adopt_strangers(&mut self, id: FrameworkId) {
        let with: Vec<u32> = self.agents.iter().filter(|(_, a)| !a.strangers.is_empty()).map(|(i, _)| i).collect();
        for slot in with {
            let agent = self.agents.at_mut(slot).expect("just listed");
            let (known, rest) = std::mem::take(&mut agent.strangers).into_iter().partition(|s| s.0 == id);
            agent.strangers = rest;
            let known: Vec<_> = known;
            agent.count_anew();
            for (framework, role, resources) in known {
                self.book(slot, framework, role, &resources, 1);
            }
        }
    }

    fn remove_framework(&mut self, id: FrameworkId) {
        let Some(framework) = self.frameworks.shift_remove(&id) else { return };
        let client = framework.client;
        let slots: Vec<u32> =
            self.agents.iter().filter(|(_, a)| a.held.iter().any(|h| h.0 == client)).map(|(i, _)| i).collect();
        for slot in slots {
            let agent = self.agents.at_mut(slot).expect("just listed");
            let at = agent.held.iter().position(|h| h.0 == client).expect("just listed");
            let (_, resources) = agent.held.remove(at);
            agent.give_back(&resources);
            self.unbook_sorters(client, resources.quantities());
        }
        let key = self.clients.key_at(client).expect("a tracked client");
        let state = self.clients.remove(key).expect("a tracked client");
        self.client_index.remove(&(id, state.role));
        let role = &mut self.roles[&state.role];
        role.sorter.remove(state.leaf);
        role.clients[state.leaf.0 as usize] = u32::MAX;
        role.frameworks -= 1;
        if role.frameworks == 0 {
            let role = self.roles.shift_remove(&state.role).expect("present");
            self.role_sorter.remove(role.client);
        }
        self.dirty = true;
    }

    fn set_active(&mut self, id: FrameworkId, active: bool) {
        let Some(framework) = self.frameworks.get_mut(&id) else { return };
        framework.active = active;
        let (client, suppressed) = (framework.client, framework.suppressed);
        self.activate_leaf(client, active && !suppressed);
        if !active {
            self.client(client).filters.clear();
        }
        self.dirty = true;
    }

    fn activate_leaf(&mut self, client: u32, active: bool) {
        let (role, leaf) = {
            let state = self.client(client);
            (state.role, state.leaf)
        };
        let sorter = &mut self.roles[&role].sorter;
        if active {
            sorter.activate(leaf);
        } else {
            sorter.deactivate(leaf);
        }
    }

    fn suppress(&mut self, id: FrameworkId) {
        let Some(framework) = self.frameworks.get_mut(&id) else { return };
        framework.suppressed = true;
        let client = framework.client;
        self.activate_leaf(client, false);
    }

    fn revive(&mut self, cx: &mut Cx, id: FrameworkId) {
        let Some(framework) = self.frameworks.get_mut(&id) else { return };
        framework.suppressed = false;
        let client = framework.client;
        self.client(client).filters.clear();
        self.activate_leaf(client, true);
        self.request_all(cx);
    }

    // ---- agents ----

    fn add_agent(&mut self, cx: &mut Cx, id: AgentId, info: &AgentInfo, used: &[(FrameworkId, RoleId, Resources)]) {
        if self.agent_index.get(id).is_some() {
            return;
        }
        let total = info.total.clone();
        let scalars = total.quantities();
        self.change_totals(|s| s.add_total(scalars));
        let key = self.agents.insert(Agent {
            id,
            available: total.clone(),
            has_gpu: scalars.gpus().0 > 0,
            total,
            active: true,
            held: SmallVec::new(),
            strangers: Vec::new(),
            overbooked: false,
        });
        self.agent_index.insert(id, key.index);
        for (framework, role, resources) in used {
            if self.client_index.contains(&(*framework, *role)) {
                self.book(key.index, *framework, *role, resources, 1);
            } else {
                let agent = self.agents.at_mut(key.index).expect("just added");
                agent.take(resources);
                agent.strangers.push((*framework, *role, resources.clone()));
            }
        }
        self.request(cx, Candidates::Some(vec![key.index]), u64::MAX);
    }

    fn remove_agent(&mut self, id: AgentId) {
        let Some(slot) = self.agent_index.remove(id) else { return };
        let key = self.agents.key_at(slot).expect("indexed");
        let agent = self.agents.remove(key).expect("indexed");
        for (client, resources) in &agent.held {
            self.unbook_sorters(*client, resources.quantities());
        }
        for (_, client) in self.clients.iter_mut() {
            client.filters.clear_agent(slot);
        }
        let scalars = agent.total.quantities();
        self.change_totals(|s| s.remove_total(scalars));
        self.dirty = true;
    }

    fn change_totals(&mut self, change: impl Fn(&mut Sorter)) {
        change(&mut self.role_sorter);
        for role in self.roles.values_mut() {
            change(&mut role.sorter);
        }
    }

    fn activate_agent(&mut self, id: AgentId, active: bool) {
        if let Some(slot) = self.agent_index.get(id) {
            self.agents.at_mut(slot).expect("indexed").active = active;
            self.dirty = true;
        }
    }

    // ---- books ----

    /// Resources of the agent go to the client; counts as `times` allocations.
    fn book(&mut self, slot: u32, framework: FrameworkId, role: RoleId, resources: &Resources, times: u64) {
        let Some(&client) = self.client_index.get(&(framework, role)) else { return };
        let agent = self.agents.at_mut(slot).expect("a known agent");
        agent.take(resources);
        hold(&mut agent.held, client, resources);
        self.book_sorters(client, resources.quantities(), times);
    }

    fn book_sorters(&mut self, client: u32, amount: Quantities, times: u64) {
        let state = self.clients.at(client).expect("a tracked client");
        let role = &mut self.roles[&state.role];
        role.sorter.allocated(state.leaf, amount, times, &self.sharing);
        self.role_sorter.allocated(role.client, amount, times, &self.sharing);
    }

    fn unbook_sorters(&mut self, client: u32, amount: Quantities) {
        let state = self.clients.at(client).expect("a tracked client");
        let role = &mut self.roles[&state.role];
        role.sorter.unallocated(state.leaf, amount);
        self.role_sorter.unallocated(role.client, amount);
    }

    fn filter_end(&self, cx: &Cx, refuse: Refuse) -> Option<Time> {
        refuse.span().map(|span| cx.now.saturating_add(span.max(self.flags.allocation_interval)))
    }

    /// Untouched offers come back: no more than a few words of memory are touched for each.
    fn recover_offers(&mut self, cx: &Cx, batch: &OfferBatch, from: u32, count: u32, refuse: Refuse) {
        let allocation = &batch.allocation;
        let client = self.client_index.get(&(allocation.framework, allocation.role)).copied();
        let expires = self.filter_end(cx, refuse);
        let (agents, armed) = (self.agents.slots(), self.inputs);
        let mut sum = Quantities::ZERO;
        let mut filters = client.map(|c| std::mem::take(&mut self.client(c).filters));
        for entry in allocation.range(from, count) {
            let Some(slot) = self.agent_index.get(entry.agent) else { continue };
            let agent = self.agents.at_mut(slot).expect("indexed");
            let Some(client) = client else { continue };
            if !unhold(&mut agent.held, client, &entry.resources) {
                continue;
            }
            agent.give_back(&entry.resources);
            sum += entry.resources.quantities();
            if let (Some(expires), Some(filters)) = (expires, &mut filters) {
                filters.add(slot, agents, expires, armed, &entry.resources);
            }
        }
        if let (Some(client), Some(filters)) = (client, filters) {
            self.client(client).filters = filters;
            self.unbook_sorters(client, sum);
        }
        self.dirty = true;
    }

    fn recover(
        &mut self,
        cx: &Cx,
        of: (FrameworkId, RoleId),
        agent_id: AgentId,
        resources: &Resources,
        refuse: Refuse,
    ) {
        let Some(slot) = self.agent_index.get(agent_id) else { return };
        let agent = self.agents.at_mut(slot).expect("indexed");
        let Some(&client) = self.client_index.get(&of) else {
            // Usage of a framework that was never known: it only held the resources back.
            if let Some(i) = agent.strangers.iter().position(|s| (s.0, s.1) == of && s.2.contains(resources)) {
                agent.strangers[i].2 -= resources;
                agent.give_back(resources);
                if agent.strangers[i].2.is_empty() {
                    agent.strangers.remove(i);
                }
            }
            return;
        };
        if !unhold(&mut agent.held, client, resources) {
            return;
        }
        agent.give_back(resources);
        self.unbook_sorters(client, resources.quantities());
        if let Some(expires) = self.filter_end(cx, refuse) {
            let (agents, armed) = (self.agents.slots(), self.inputs);
            self.client(client).filters.add(slot, agents, expires, armed, resources);
        }
        self.dirty = true;
    }

    // ---- the run ----

    fn allocatable(&self, resources: &Resources) -> bool {
        let minima = &self.flags.min_allocatable;
        if minima.is_empty() {
            return !resources.is_empty();
        }
        let have = resources.quantities();
        minima.iter().any(|&least| have.contains(least))
    }

    fn perform(&mut self, cx: &mut Cx) {
        let Some((candidates, trigger)) = self.pending.take() else { return };
        self.run += 1;
        // A filter that has ended since may let something through.
        let ended = self.clients.iter().any(|(_, c)| c.filters.earliest.is_some_and(|e| e <= trigger.at));
        let full = candidates == Candidates::All;
        let live = self.roles.values().filter(|r| r.sorter.active_clients() > 0);
        self.live_roles.clear();
        self.live_roles.extend(live.map(|r| r.client.0));
        self.alone = match self.live_roles[..] {
            [only] => self.roles[&self.role_of[only as usize]].sorter.active_clients() == 1,
            _ => false,
        };
        // Nobody who could take an offer: the state stays as it is for the next run.
        if self.live_roles.is_empty() || !self.dirty && !ended {
            self.work.idle_runs += 1;
            return;
        }
        self.work.runs += 1;
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        match candidates {
            Candidates::All => order.extend(self.agents.iter().filter(|(_, a)| a.active).map(|(i, _)| i)),
            Candidates::Some(mut some) => {
                some.sort_unstable();
                some.dedup();
                order.extend(some.iter().filter(|&&i| self.agents.at(i).is_some_and(|a| a.active)));
            }
        }
        // Stage 1 serves quota guarantees; without any it and its shuffle change nothing. Stage 2:
        let visited = order.len() as u32;
        dice::permute(cx.dice.key(SHUFFLE), self.run, 2, &mut order);
        let key = cx.dice.key(SORTER);
        for &slot in &order {
            self.visit(slot, Throw { key, entity: self.run << 32 | u64::from(slot) }, trigger);
        }
        self.order = order;
        let offers = self.answer(cx);
        if offers > 0 {
            cx.fact(Fact::AllocationRun { run: self.run, candidates: visited, offers });
        }
        self.work.agent_visits += u64::from(visited);
        self.work.offers += u64::from(offers);
        for (_, client) in self.clients.iter_mut() {
            client.filters.next_end(trigger);
        }
        // The same state offers nothing next time either, whatever the order of agents.
        self.dirty = !(full && offers == 0);
    }

    /// Deals out one agent: roles in order, frameworks of each in order. The order is that at the
    /// start of the agent, so what remains of it is kept aside before an allocation changes it.
    fn visit(&mut self, slot: u32, throw: Throw, now: Instant) {
        if !self.allocatable(&self.agents.at(slot).expect("a candidate").available) {
            return;
        }
        let mut roles = std::mem::take(&mut self.roles_left);
        roles.clear();
        // Roles without a taker change nothing, so one role with takers needs no order.
        match self.live_roles[..] {
            [only] => roles.push(only),
            _ => roles.extend_from_slice(self.role_sorter.order(&self.sharing, throw)),
        }
        'roles: for &role_leaf in &roles {
            let role_id = self.role_of[role_leaf as usize];
            let mut at = 0;
            let mut frozen: Option<Vec<u32>> = None;
            loop {
                let role = &mut self.roles[&role_id];
                let leaf = match &frozen {
                    Some(order) => order.get(at).copied(),
                    None => role.sorter.order(&self.sharing, throw).get(at).copied(),
                };
                let Some(leaf) = leaf else { break };
                at += 1;
                let client = role.clients[leaf as usize];
                let agent = self.agents.at(slot).expect("a candidate");
                let state = self.clients.at(client).expect("a tracked client");
                if self.flags.filter_gpu && agent.has_gpu && !state.gpu_capable {
                    continue;
                }
                let part = self.chunk.carve(&agent.available);
                let offer = part.as_ref().unwrap_or(&agent.available);
                if part.is_some() && !self.allocatable(offer)
                    || state.filters.any(now) && state.filters.blocks(slot, offer, now)
                {
                    continue;
                }
                if part.is_some() && frozen.is_none() {
                    frozen = Some(self.roles[&role_id].sorter.order(&self.sharing, throw).to_vec());
                }
                self.give(slot, client, part);
                if !self.allocatable(&self.agents.at(slot).expect("a candidate").available) {
                    break 'roles;
                }
            }
        }
        self.roles_left = roles;
    }

    fn give(&mut self, slot: u32, client: u32, part: Option<Resources>) {
        let agent = self.agents.at_mut(slot).expect("a candidate");
        let resources = match part {
            None => std::mem::take(&mut agent.available),
            Some(part) => {
                agent.available -= &part;
                part
            }
        };
        hold(&mut agent.held, client, &resources);
        let (id, amount) = (agent.id, resources.quantities());
        let state = self.clients.at_mut(client).expect("a tracked client");
        if state.given.is_empty() {
            self.touched.push(client);
        }
        state.given.push(OfferEntry { agent: id, resources });
        state.given_total += amount;
        if !self.alone {
            self.book_sorters(client, amount, 1);
        }
    }

    /// One answer per framework and role, in the order in which they were added.
    fn answer(&mut self, cx: &mut Cx) -> u32 {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        let mut offers = 0;
        for &client in &touched {
            let state = self.client(client);
            let entries = std::mem::take(&mut state.given);
            let total = std::mem::take(&mut state.given_total);
            let count = entries.len() as u32;
            offers += count;
            let allocation = Arc::new(Allocation::new(state.framework, state.role, entries));
            cx.dispatch(Mailbox::MAIN, Msg::Allocated(allocation));
            if self.alone {
                self.book_sorters(client, total, u64::from(count));
            }
        }
        touched.clear();
        self.touched = touched;
        offers
    }
}

fn hold(held: &mut SmallVec<[(u32, Resources); 2]>, client: u32, resources: &Resources) {
    match held.iter_mut().find(|h| h.0 == client) {
        Some((_, sum)) => *sum += resources,
        None => held.push((client, resources.clone())),
    }
}

/// Takes resources from what the client holds; false if it does not hold them.
fn unhold(held: &mut SmallVec<[(u32, Resources); 2]>, client: u32, resources: &Resources) -> bool {
    let Some(at) = held.iter().position(|h| h.0 == client && h.1.contains(resources)) else { return false };
    held[at].1 -= resources;
    if held[at].1.is_empty() {
        held.swap_remove(at);
    }
    true
}

impl<S, C> Allocate for Cycle<S, C>
where
    S: Sharing + std::fmt::Debug,
    C: Chunk + std::fmt::Debug,
{
    fn handle(&mut self, cx: &mut Cx, input: Input) {
        self.inputs += 1;
        match input {
            Input::Start { .. } => {
                self.tick_armed = self.inputs;
                cx.timer(BATCH_TIMER, self.flags.allocation_interval);
            }
            // Two hops from the timer to the run, as upstream: tick, request, run.
            Input::Timer { .. } => {
                let armed = self.tick_armed;
                self.tick_armed = self.inputs;
                cx.timer(BATCH_TIMER, self.flags.allocation_interval);
                let was_dirty = self.dirty;
                self.request(cx, Candidates::All, armed);
                self.dirty = was_dirty;
            }
            Input::Message { msg, .. } => match msg {
                Msg::RunAllocation => self.perform(cx),
                Msg::AddFramework { framework, info, active } => self.add_framework(cx, framework, &info, active),
                Msg::RemoveFramework { framework } => self.remove_framework(framework),
                Msg::ActivateFramework { framework } => {
                    self.set_active(framework, true);
                    self.request_all(cx);
                }
                Msg::DeactivateFramework { framework } => self.set_active(framework, false),
                Msg::AddAgent { agent, info, used } => self.add_agent(cx, agent, &info, &used),
                Msg::RemoveAgent { agent } => self.remove_agent(agent),
                Msg::ActivateAgent { agent } => self.activate_agent(agent, true),
                Msg::DeactivateAgent { agent } => self.activate_agent(agent, false),
                Msg::ReviveOffers { framework } => self.revive(cx, framework),
                Msg::SuppressOffers { framework } => self.suppress(framework),
                Msg::RecoverOffers { batch, from, count, refuse } => {
                    self.recover_offers(cx, &batch, from, count, refuse);
                }
                Msg::Recover { framework, role, agent, scalars, refuse } => {
                    self.recover(cx, (framework, role), agent, &Resources::from_scalars(scalars), refuse);
                }
                Msg::RecoverBulk(r) => self.recover(cx, (r.framework, r.role), r.agent, &r.resources, r.refuse),
                _ => {}
            },
            _ => {}
        }
    }

    fn clone_box(&self) -> Box<dyn Allocate> {
        Box::new(self.clone())
    }

    fn free(&self, agent: AgentId) -> Option<Resources> {
        Some(self.agents.at(self.agent_index.get(agent)?)?.available.clone())
    }

    fn held(&self, agent: AgentId, framework: FrameworkId) -> Option<Resources> {
        let agent = self.agents.at(self.agent_index.get(agent)?)?;
        let mut sum = Resources::default();
        for (client, resources) in &agent.held {
            if self.clients.at(*client)?.framework == framework {
                sum += resources;
            }
        }
        Some(sum)
    }

    fn work(&self) -> Work {
        let sorts = self.role_sorter.sorts + self.roles.values().map(|r| r.sorter.sorts).sum::<u64>();
        Work { sorts, ..self.work }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::ProcessId;
    use crate::base::id::Symbol;
    use crate::base::quantity::Milli;
    use crate::base::time::Span;
    use crate::mesos::allocator::by_name;
    use crate::mesos::message::Capabilities;
    use crate::mesos::testing::Bench;

    const AGENT: AgentId = AgentId { master: Symbol(0), n: 0 };

    fn cpus(n: i64) -> Resources {
        Resources::from_scalars(Quantities::new(Milli::from_int(n), Milli::ZERO, Milli::ZERO, Milli::ZERO))
    }

    /// An allocator, and a hand to give it messages; `free` is what it believes to be free then.
    struct Desk {
        bench: Bench,
        allocator: Box<dyn Allocate>,
        framework: FrameworkId,
        role: RoleId,
    }

    impl Desk {
        fn new() -> Self {
            let mut bench = Bench::new();
            let flags = Flags {
                allocation_interval: Span::from_secs(1),
                min_allocatable: Vec::new(),
                filter_gpu: true,
                excluded_kinds: 0,
                weights: Vec::new(),
            };
            let (framework, role) = (FrameworkId(bench.names.intern("framework")), bench.names.intern("role"));
            let allocator = by_name("drf", "whole", Quantities::ZERO, flags).expect("both are listed");
            Self { bench, allocator, framework, role }
        }
        fn tell(&mut self, msg: Msg) -> Option<Resources> {
            let from = ProcessId { slot: 0, incarnation: 0 };
            self.bench.run(|cx| self.allocator.handle(cx, Input::Message { from, msg }));
            self.allocator.free(AGENT)
        }
        fn add_framework(&mut self) -> Option<Resources> {
            let info = FrameworkInfo {
                name: self.framework.0,
                id: Some(self.framework),
                role: self.role,
                failover_timeout: Span::ZERO,
                checkpoint: false,
                capabilities: Capabilities::default(),
                suppressed: true,
            };
            self.tell(Msg::AddFramework { framework: self.framework, info: Arc::new(info), active: false })
        }
        fn add_agent(&mut self, used: &[i64]) -> Option<Resources> {
            let info =
                AgentInfo { hostname: Symbol(0), total: cpus(4), attributes: Vec::new(), devices: 0, address: 0 };
            let used = used.iter().map(|&n| (self.framework, self.role, cpus(n))).collect();
            self.tell(Msg::AddAgent { agent: AGENT, info: Arc::new(info), used })
        }
        fn recover(&mut self, n: i64) -> Option<Resources> {
            let (framework, role, agent) = (self.framework, self.role, AGENT);
            self.tell(Msg::Recover { framework, role, agent, scalars: cpus(n).quantities(), refuse: Refuse::NONE })
        }
    }

    /// As upstream, which counts free resources anew from what is held.
    #[test]
    fn an_agent_that_came_back_with_more_than_it_has_is_not_offered_twice() {
        let mut desk = Desk::new();
        desk.add_framework();
        assert_eq!(desk.add_agent(&[3, 3]), Some(cpus(0)));
        assert_eq!(desk.recover(3), Some(cpus(1)));
        assert_eq!(desk.recover(3), Some(cpus(4)));
    }

    #[test]
    fn what_strangers_use_is_booked_once_when_they_are_known() {
        let mut desk = Desk::new();
        assert_eq!(desk.add_agent(&[1, 1]), Some(cpus(2)));
        assert_eq!(desk.add_framework(), Some(cpus(2)));
        assert_eq!(desk.recover(1), Some(cpus(3)));
        assert_eq!(desk.recover(1), Some(cpus(4)));
    }
}
