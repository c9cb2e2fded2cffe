//! Who holds what: giving, taking back, and what is left free on each agent.
//!
//! An agent that is offered whole is lent: two numbers change. Anything else goes through the list
//! of holdings. What is free is kept, or, on agents where the order or the kind of objects matters,
//! counted anew from the total as upstream does.

use super::agents::NOBODY;
use super::amounts::Amounts;
use super::bundle::NOTHING;
use super::core::{Core, Used};
use super::fault::{self, Fault};
use super::filter::Instant;
use super::policy::Sharing;
use super::quota::Load;
use crate::base::id::{AgentId, FrameworkId, Names, RoleId};
use crate::base::quantity::Quantities;
use crate::base::time::Time;
use crate::mesos::message::{OfferBatch, Refuse};
use crate::mesos::resource::Resources;

impl<S: Sharing, C> Core<S, C> {
    // ---- what is free ----

    pub(super) fn set_free(&mut self, slot: u32, free: &Resources) {
        let like = self.agent(slot).number;
        let number = self.bundles.number_like(free, like);
        self.hot[slot as usize].free = number;
        if self.hot[slot as usize].exact || !self.agent(slot).revocable.is_empty() {
            let revocable = Amounts::of(&free.revocable());
            self.revocable_free.add(&revocable);
            let old = std::mem::replace(&mut self.agent_mut(slot).revocable, revocable);
            self.revocable_free.subtract(&old);
        }
    }

    /// What is free, from the total and what is held. Shared objects are always free.
    pub(super) fn count_anew(&mut self, slot: u32) {
        let (agent, exact) = (self.agent(slot), self.hot[slot as usize].exact);
        let mut over = false;
        let mut free = if exact { agent.total.non_shared() } else { agent.total.clone() };
        if let Some(taken) = &agent.taken {
            for object in taken.objects() {
                let one = Resources::from_objects([&*object]).without_allocation_role().non_shared();
                over |= !free.contains(&one);
                free -= &one;
            }
        } else {
            let hot = &self.hot[slot as usize];
            let held = agent.held.iter().map(|(_, held)| held);
            let held = held.chain(agent.strangers.iter().map(|stranger| &stranger.held));
            let loan = (hot.lent_to != NOBODY).then(|| self.bundles.resources(hot.lent));
            for held in held.chain(loan) {
                let own = if exact { held.non_shared() } else { held.clone() };
                over |= !free.contains(&own);
                free -= &own;
            }
        }
        if exact {
            free += &agent.total.shared();
        } else if over {
            self.hot[slot as usize].exact = true;
        }
        self.set_free(slot, &free);
    }

    /// Notes in the order of givings what is taken under a role, and lessens what is free.
    pub(super) fn take(&mut self, slot: u32, role: &str, resources: &Resources) {
        let free = self.bundles.resources(self.hot[slot as usize].free);
        let fits = free.contains(resources);
        let agent = self.agents.at_mut(slot).expect("a known agent");
        if let Some(taken) = &mut agent.taken {
            **taken += &resources.with_allocation_role(role);
        }
        if self.hot[slot as usize].exact || !fits {
            self.count_anew(slot);
        } else {
            let free = free.clone() - resources;
            self.set_free(slot, &free);
        }
    }
    /// The reverse.
    fn give_back(&mut self, slot: u32, role: &str, resources: &Resources) {
        let agent = self.agents.at_mut(slot).expect("a known agent");
        if let Some(taken) = &mut agent.taken {
            **taken -= &resources.with_allocation_role(role);
        }
        if self.hot[slot as usize].exact {
            self.count_anew(slot);
        } else {
            let free = self.bundles.resources(self.hot[slot as usize].free).clone() + resources;
            self.set_free(slot, &free);
        }
    }

    // ---- holdings ----

    /// What the client holds on the agent.
    pub(super) fn holds(&self, slot: u32, client: u32) -> Resources {
        let hot = &self.hot[slot as usize];
        let mut sum = if hot.lent_to == client { self.bundles.resources(hot.lent).clone() } else { Resources::EMPTY };
        self.agent(slot).held.iter().filter(|(of, _)| *of == client).for_each(|(_, held)| sum += held);
        sum
    }
    fn hold(&mut self, slot: u32, client: u32, resources: &Resources) {
        let held = &mut self.agent_mut(slot).held;
        match held.iter_mut().find(|h| h.0 == client) {
            Some((_, sum)) => *sum += resources,
            None => held.push((client, resources.clone())),
        }
    }
    /// A loan becomes a holding like others.
    pub(super) fn settle_loan(&mut self, slot: u32) {
        let hot = &mut self.hot[slot as usize];
        let (client, lent) = (hot.lent_to, hot.lent);
        if client != NOBODY {
            (hot.lent_to, hot.lent) = (NOBODY, NOTHING);
            let resources = self.bundles.resources(lent).clone();
            self.hold(slot, client, &resources);
        }
    }
    /// Lends all that is free to the client; books are made up by the caller.
    #[inline]
    pub(super) fn lend(&mut self, slot: u32, client: u32) {
        if self.hot[slot as usize].lent_to != NOBODY {
            self.settle_loan(slot);
        }
        let hot = &mut self.hot[slot as usize];
        (hot.lent_to, hot.lent, hot.free) = (client, hot.free, NOTHING);
    }

    /// Resources of the agent go to the client; counts as `times` allocations.
    pub(super) fn book(&mut self, slot: u32, client: u32, resources: &Resources, times: u64) {
        self.settle_loan(slot);
        self.hold(slot, client, resources);
        let role = self.role(self.client(client).role).path.clone();
        self.take(slot, &role, resources);
        self.book_sorters(slot, client, resources, times);
    }
    pub(super) fn book_sorters(&mut self, slot: u32, client: u32, resources: &Resources, times: u64) {
        let load = Load::of(resources);
        self.book_amounts(client, &load.amounts, &load.quota, times);
        self.reserved_held.add(&load.reserved);
        if !load.shared.is_empty() {
            let state = self.clients.at(client).expect("a tracked client");
            let role = self.roles.at_mut(state.role).expect("a tracked role");
            role.sorter.share(state.leaf, slot, &load.shared);
            // Shared objects are reserved ones; what two roles hold is taken once.
            let before = self.role_sorter.allocation().clone();
            self.role_sorter.share(role.client, slot, &load.shared);
            self.reserved_held.add(self.role_sorter.allocation());
            self.reserved_held.subtract(&before);
        }
    }
    /// Amounts that nobody shares go to the client; `quota` of them count in quotas.
    #[inline]
    pub(super) fn book_amounts(&mut self, client: u32, amounts: &Amounts, quota: &Amounts, times: u64) {
        let state = self.clients.at(client).expect("a tracked client");
        let role = self.roles.at_mut(state.role).expect("a tracked role");
        role.sorter.allocated(state.leaf, amounts, times);
        self.role_sorter.allocated(role.client, amounts, times);
        self.tops.at_mut(role.top).held.add(quota);
    }
    fn unbook_amounts(&mut self, client: u32, amounts: &Amounts, quota: &Amounts) {
        let state = self.clients.at(client).expect("a tracked client");
        let role = self.roles.at_mut(state.role).expect("a tracked role");
        role.sorter.unallocated(state.leaf, amounts);
        self.role_sorter.unallocated(role.client, amounts);
        let top = self.tops.at_mut(role.top);
        top.held.subtract(quota);
    }
    /// What the client held on the agent leaves its shares.
    pub(super) fn unbook(&mut self, slot: u32, client: u32, resources: &Resources) {
        let load = Load::of(resources);
        self.unbook_amounts(client, &load.amounts, &load.quota);
        self.reserved_held.subtract(&load.reserved);
        if !load.shared.is_empty() {
            let state = self.clients.at(client).expect("a tracked client");
            let role = self.roles.at_mut(state.role).expect("a tracked role");
            role.sorter.give_up_shared(state.leaf, slot, &load.shared);
            let before = self.role_sorter.allocation().clone();
            self.role_sorter.give_up_shared(role.client, slot, &load.shared);
            self.reserved_held.add(self.role_sorter.allocation());
            self.reserved_held.subtract(&before);
        }
    }
    /// Takes from what the client holds; false if it does not hold that. The loan is settled.
    fn unhold(&mut self, slot: u32, client: u32, resources: &Resources) -> bool {
        let held = &mut self.agent_mut(slot).held;
        let Some(at) = held.iter().position(|h| h.0 == client && h.1.contains(resources)) else { return false };
        held[at].1 -= resources;
        if held[at].1.is_empty() {
            held.swap_remove(at);
        }
        true
    }
    /// For a conversion: out of the books, but the client stays tracked and its counts too.
    pub(super) fn unbook_keeping_counts(&mut self, slot: u32, client: u32, resources: &Resources) {
        if self.unhold(slot, client, resources) {
            let role = self.role(self.client(client).role).path.clone();
            self.give_back(slot, &role, resources);
            self.unbook(slot, client, resources);
        }
    }

    /// All that these clients hold anywhere is free again.
    pub(super) fn release(&mut self, clients: &[u32]) {
        for slot in 0..self.hot.len() as u32 {
            if clients.contains(&self.hot[slot as usize].lent_to) {
                self.settle_loan(slot);
            }
            let Some(agent) = self.agents.at(slot) else { continue };
            let theirs: Vec<_> = agent.held.iter().filter(|(client, _)| clients.contains(client)).cloned().collect();
            for (client, resources) in theirs {
                self.unbook_keeping_counts(slot, client, &resources);
            }
        }
    }

    /// Forgets a client whose framework dropped the role once it holds nothing.
    pub(super) fn untrack_if_idle(&mut self, client: u32) {
        let Some(state) = self.clients.at(client) else { return };
        if state.subscribed || !self.role(state.role).sorter.holds(state.leaf).is_empty() {
            return;
        }
        let holds = |(slot, agent): (u32, &super::agents::Agent)| {
            self.hot[slot as usize].lent_to == client || agent.held.iter().any(|(of, _)| *of == client)
        };
        if !self.agents.iter().any(holds) {
            self.untrack(client);
        }
    }

    // ---- frameworks that agents know before they register ----

    pub(super) fn check_reported(
        &self,
        names: &Names,
        id: FrameworkId,
        list: &[(AgentId, RoleId, Resources)],
    ) -> Result<(), Fault> {
        for (i, (agent, role, resources)) in list.iter().enumerate() {
            fault::role(names.text(*role))?;
            let Some(slot) = self.agent_index.get(*agent) else { continue };
            let mut left = Resources::EMPTY;
            let strangers = self.agent(slot).strangers.iter().filter(|s| (s.framework, s.role) == (id, *role));
            strangers.for_each(|stranger| left += &stranger.held);
            let same = list[..i].iter().filter(|(a, r, _)| (a, r) == (agent, role));
            same.for_each(|(_, _, earlier)| left -= earlier);
            if !left.contains(resources) {
                return Err(Fault::NotHeld);
            }
        }
        Ok(())
    }
    /// Books what agents reported for a framework before it was known.
    pub(super) fn adopt(&mut self, names: &Names, id: FrameworkId, used: Used) {
        let list: Vec<(u32, RoleId, Resources)> = match used {
            Used::Reported if self.strangers == 0 => return,
            Used::Reported => {
                let known = |(slot, agent): (u32, &super::agents::Agent)| {
                    let own = agent.strangers.iter().filter(|stranger| stranger.framework == id);
                    own.map(|stranger| (slot, stranger.role, stranger.held.clone())).collect::<Vec<_>>()
                };
                self.agents.iter().flat_map(known).collect()
            }
            Used::Listed(list) => {
                let known = |(agent, role, held): &(AgentId, RoleId, Resources)| {
                    Some((self.agent_index.get(*agent)?, *role, held.clone()))
                };
                list.iter().filter_map(known).collect()
            }
        };
        for (slot, role, resources) in list {
            // The agent counted it already.
            self.forget_stranger(slot, (id, role), &resources);
            let client = self.track(names, id, role);
            self.settle_loan(slot);
            self.hold(slot, client, &resources);
            self.book_sorters(slot, client, &resources, 1);
        }
    }
    /// The path of the role, if such a stranger holds that.
    fn forget_stranger(
        &mut self,
        slot: u32,
        of: (FrameworkId, RoleId),
        resources: &Resources,
    ) -> Option<std::sync::Arc<str>> {
        let strangers = &mut self.agent_mut(slot).strangers;
        let at = strangers.iter().position(|s| (s.framework, s.role) == of && s.held.contains(resources))?;
        strangers[at].held -= resources;
        let path = strangers[at].path.clone();
        if strangers[at].held.is_empty() {
            strangers.remove(at);
            self.strangers -= 1;
        }
        Some(path)
    }

    // ---- giving back ----

    fn filter_end(&self, now: Time, refuse: Refuse) -> Option<Instant> {
        let at = now.saturating_add(refuse.span()?.max(self.interval));
        Some(Instant { at, armed: 2 * self.ticks + 1 })
    }

    /// Part of what a framework holds on an agent comes back; `accepted`: it had been accepted.
    ///
    /// # Errors
    /// The agent is not there, or that is not held.
    pub fn recover(
        &mut self,
        now: Time,
        of: (FrameworkId, RoleId),
        agent: AgentId,
        resources: &Resources,
        refuse: Refuse,
        accepted: bool,
    ) -> Result<(), Fault> {
        let slot = self.slot(agent)?;
        if resources.is_empty() {
            return Ok(());
        }
        let Some(&client) = self.client_index.get(&of) else {
            // Usage of a framework that was never known: it only held the resources back.
            let role = self.forget_stranger(slot, of, resources).ok_or(Fault::NotHeld)?;
            self.give_back(slot, &role, resources);
            self.dirty = true;
            return Ok(());
        };
        self.settle_loan(slot);
        if !self.unhold(slot, client, resources) {
            return Err(Fault::NotHeld);
        }
        let role = self.role(self.client(client).role).path.clone();
        self.give_back(slot, &role, resources);
        self.unbook(slot, client, resources);
        if accepted {
            let top = self.role(self.client(client).role).top;
            self.tops.at_mut(top).accepted.take(&Load::of(resources).quota);
        }
        if let Some(ends) = self.filter_end(now, refuse) {
            let number = match self.bundles.resources(self.hot[slot as usize].free) {
                free if *free == *resources => self.hot[slot as usize].free,
                _ => self.bundles.number(resources),
            };
            let filters = &mut self.clients.at_mut(client).expect("a tracked client").filters;
            let group = filters.group(ends, self.hot.len());
            filters.add(slot, group, number, &self.bundles);
            self.note_end(ends.at);
        }
        self.untrack_if_idle(client);
        self.dirty = true;
        self.collect_bundles();
        Ok(())
    }
    fn note_end(&mut self, at: Time) {
        self.next_end = Some(self.next_end.map_or(at, |end| end.min(at)));
    }

    /// Untouched offers come back: no more than a few words of memory are touched for each.
    pub fn recover_offers(&mut self, now: Time, batch: &OfferBatch, from: u32, count: u32, refuse: Refuse) {
        let allocation = &batch.allocation;
        let of = (allocation.framework, allocation.role);
        let Some(&client) = self.client_index.get(&of) else { return };
        let ends = self.filter_end(now, refuse);
        let agents = self.hot.len();
        let mut filters = std::mem::take(&mut self.client_mut(client).filters);
        let group = ends.map(|ends| filters.group(ends, agents));
        let mut sum = Quantities::ZERO;
        let mut slow = Vec::new();
        for (agent, lot) in allocation.lots(from, count) {
            let Some(slot) = self.agent_index.get(agent) else { continue };
            let hot = &mut self.hot[slot as usize];
            let (number, generation) = lot.mark;
            let whole = hot.lent_to == client && hot.lent == number && hot.free == NOTHING;
            if !whole || !self.bundles.is(number, generation) {
                slow.push((agent, &lot.resources));
                continue;
            }
            (hot.free, hot.lent_to, hot.lent) = (number, NOBODY, NOTHING);
            sum += lot.quantities;
            if let Some(group) = group {
                filters.add(slot, group, number, &self.bundles);
            }
        }
        self.client_mut(client).filters = filters;
        if let Some(ends) = ends {
            self.note_end(ends.at);
        }
        let sum = sum.into();
        self.unbook_amounts(client, &sum, &sum);
        for (agent, resources) in slow {
            let _ = self.recover(now, of, agent, resources, refuse, false);
        }
        self.untrack_if_idle(client);
        self.dirty = true;
    }

    /// Offered resources become allocated: that shows in metrics alone.
    ///
    /// # Errors
    /// The agent is not there, or nobody holds that under the role.
    pub fn accept(&mut self, agent: AgentId, role: RoleId, resources: &Resources) -> Result<(), Fault> {
        let slot = self.slot(agent)?;
        let mut sum = Resources::EMPTY;
        let strangers = self.agent(slot).strangers.iter().filter(|stranger| stranger.role == role);
        strangers.for_each(|stranger| sum += &stranger.held);
        let known = self.role_index.get(&role).copied();
        for (client, _) in self.clients.iter().filter(|(_, state)| Some(state.role) == known) {
            sum += &self.holds(slot, client);
        }
        if !sum.contains(resources) {
            return Err(Fault::NotHeld);
        }
        if let Some(known) = known {
            let top = self.role(known).top;
            self.tops.at_mut(top).accepted.add(&Load::of(resources).quota);
        }
        Ok(())
    }

    /// Frees rows of the table of bundles that nobody names, if it has grown enough.
    pub(super) fn collect_bundles(&mut self) {
        if !self.bundles.is_crowded() {
            return;
        }
        let agents = self.agents.iter().flat_map(|(slot, agent)| {
            let hot = &self.hot[slot as usize];
            [agent.number, hot.free, hot.lent]
        });
        let filters = self.clients.iter().flat_map(|(_, client)| client.filters.named());
        self.bundles.collect(agents.chain(filters));
    }
}
