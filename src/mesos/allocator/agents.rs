//! What happens to agents: they come and go, change, are put aside and reserved.

use super::amounts::Amounts;
use super::bundle::NOTHING;
use super::core::{Candidates, Core};
use super::fault::{self, Fault};
use super::filter::Instant;
use super::policy::Sharing;
use crate::base::id::{AgentId, FrameworkId, Names, RoleId, Symbol};
use crate::base::map::Set;
use crate::base::time::Time;
use crate::mesos::message::AgentInfo;
use crate::mesos::resource::Resources;
use smallvec::SmallVec;
use std::sync::Arc;

/// Nobody.
pub(super) const NOBODY: u32 = u32::MAX;

/// What a run reads of an agent, and what it changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hot {
    pub id: AgentId,
    /// What is free.
    pub free: u32,
    /// The client that was given all of `lent`, and has not answered yet.
    pub lent_to: u32,
    pub lent: u32,
    pub active: bool,
    /// Its host is on the whitelist, or there is none.
    pub welcome: bool,
    pub gpu: bool,
    /// What is free is counted from the total each time: there are shared or revocable objects, or
    /// ones whose order matters, or more is held than there is.
    pub exact: bool,
}

/// The rest.
#[derive(Clone, Debug)]
pub(super) struct Agent {
    pub total: Resources,
    /// The number of `total`.
    pub number: u32,
    pub hostname: Symbol,
    pub attributes: Vec<(Symbol, Symbol)>,
    /// What each client holds here beside a loan.
    pub held: SmallVec<[(u32, Resources); 1]>,
    /// In use by frameworks that the allocator does not know (yet).
    pub strangers: Vec<Stranger>,
    /// All that is held, in the order in which it was given, if order matters.
    pub taken: Option<Box<Resources>>,
    /// Revocable scalars that are free.
    pub revocable: Amounts,
}

/// What a framework uses that the allocator does not know.
#[derive(Clone, Debug)]
pub(super) struct Stranger {
    pub framework: FrameworkId,
    pub role: RoleId,
    pub path: Arc<str>,
    pub held: Resources,
}

impl<S: Sharing, C> Core<S, C> {
    pub(super) fn agent(&self, slot: u32) -> &Agent {
        self.agents.at(slot).expect("a known agent")
    }
    pub(super) fn agent_mut(&mut self, slot: u32) -> &mut Agent {
        self.agents.at_mut(slot).expect("a known agent")
    }
    #[inline]
    pub(super) fn slot(&self, id: AgentId) -> Result<u32, Fault> {
        self.agent_index.get(id).ok_or(Fault::UnknownAgent)
    }
    /// The host of an agent.
    #[must_use]
    pub fn hostname(&self, id: AgentId) -> Option<Symbol> {
        Some(self.agent(self.agent_index.get(id)?).hostname)
    }
    fn request_one(&mut self, slot: u32, at: Time) {
        self.request(Candidates::Some(vec![slot]), Instant { at, armed: u64::MAX });
    }

    /// `used`: what frameworks hold there already.
    ///
    /// # Errors
    /// It is there already, or a role is none.
    pub fn add_agent(
        &mut self,
        names: &Names,
        now: Time,
        id: AgentId,
        info: &AgentInfo,
        used: &[(FrameworkId, RoleId, Resources)],
    ) -> Result<(), Fault> {
        if self.agent_index.get(id).is_some() {
            return Err(Fault::AgentExists);
        }
        used.iter().try_for_each(|(_, role, _)| fault::role(names.text(*role)))?;
        // Fleets are added group by group, and the machines of a group are alike.
        let number = self.bundles.number_like(&info.total, self.scratch.last_total);
        self.scratch.last_total = number;
        let key = self.agents.insert(Agent {
            total: Resources::EMPTY,
            number,
            hostname: info.hostname,
            attributes: info.attributes.clone(),
            held: SmallVec::new(),
            strangers: Vec::new(),
            taken: None,
            revocable: Amounts::NOTHING,
        });
        let slot = key.index;
        let hot = Hot {
            id,
            free: NOTHING,
            lent_to: NOBODY,
            lent: NOTHING,
            active: true,
            welcome: self.is_welcome(info.hostname),
            gpu: false,
            exact: false,
        };
        if self.hot.len() <= slot as usize {
            self.hot.push(hot);
        } else {
            self.hot[slot as usize] = hot;
        }
        self.agent_index.insert(id, slot);
        self.scratch.by_id = None;
        self.set_total(slot, &info.total);
        // As upstream, which knows of one allocation for each framework and role.
        let mut merged: Vec<(FrameworkId, RoleId, Resources)> = Vec::new();
        for (framework, role, resources) in used {
            match merged.iter_mut().find(|one| (one.0, one.1) == (*framework, *role)) {
                Some(one) => one.2 += resources,
                None => merged.push((*framework, *role, resources.clone())),
            }
        }
        for (framework, role, resources) in &merged {
            if self.frameworks.contains_key(framework) {
                let client = self.track(names, *framework, *role);
                self.book(slot, client, resources, 1);
            } else {
                let path: Arc<str> = names.text(*role).into();
                let (held, path_of) = (resources.clone(), path.clone());
                self.agent_mut(slot).strangers.push(Stranger {
                    framework: *framework,
                    role: *role,
                    path: path_of,
                    held,
                });
                self.strangers += 1;
                self.take(slot, &path, resources);
            }
        }
        self.request_one(slot, now);
        self.collect_bundles();
        Ok(())
    }

    /// # Errors
    /// It is not there.
    pub fn remove_agent(&mut self, id: AgentId) -> Result<(), Fault> {
        let slot = self.slot(id)?;
        self.settle_loan(slot);
        let held = std::mem::take(&mut self.agent_mut(slot).held);
        for (client, resources) in &held {
            self.unbook(slot, *client, resources);
        }
        for (_, client) in self.clients.iter_mut() {
            client.filters.clear_agent(slot);
        }
        self.set_free(slot, &Resources::EMPTY);
        self.set_total(slot, &Resources::EMPTY);
        self.strangers -= self.agent(slot).strangers.len() as u32;
        let key = self.agents.key_at(slot).expect("indexed");
        self.agents.remove(key);
        self.agent_index.remove(id);
        self.hot[slot as usize].active = false;
        self.scratch.by_id = None;
        held.iter().for_each(|(client, _)| self.untrack_if_idle(*client));
        self.dirty = true;
        Ok(())
    }

    /// Replaces the total in all books and counts anew what is free.
    fn set_total(&mut self, slot: u32, total: &Resources) {
        let old = std::mem::replace(&mut self.agent_mut(slot).total, total.clone());
        if old == *total && !total.is_empty() {
            return;
        }
        self.tops.count_reserved(&old, false);
        self.tops.count_reserved(total, true);
        self.reserved.subtract(&Amounts::of(&old.reserved()));
        self.reserved.add(&Amounts::of(&total.reserved()));
        let (before, after) = (Amounts::of(&old), Amounts::of(total));
        if before != after {
            self.total.subtract(&before);
            self.total.add(&after);
            self.version += 1;
        }
        let number = self.bundles.number_like(total, self.agent(slot).number);
        let ordered = total.objects().any(|object| {
            object.standard_scalar().is_some()
                && !object.is_reserved()
                && !object.meta().revocable
                && *object.meta() != Default::default()
        });
        let exact = ordered || !total.shared().is_empty() || !total.revocable().is_empty();
        let hot = &mut self.hot[slot as usize];
        (hot.gpu, hot.exact) = (total.quantities().gpus().0 > 0, exact);
        let agent = self.agent_mut(slot);
        agent.number = number;
        if ordered && agent.taken.is_none() {
            let mut taken = Resources::EMPTY;
            let held: Vec<_> = agent.held.clone().into_iter().collect();
            let strangers = agent.strangers.clone();
            for (client, held) in &held {
                taken += &held.with_allocation_role(&self.role(self.client(*client).role).path);
            }
            strangers.iter().for_each(|s| taken += &s.held.with_allocation_role(&s.path));
            self.agent_mut(slot).taken = Some(Box::new(taken));
        } else if !ordered {
            agent.taken = None;
        }
        self.count_anew(slot);
    }

    /// Asks for a run over the agent if anything changed. New attributes end all filters there.
    ///
    /// # Errors
    /// It is not there.
    pub fn update_agent(&mut self, now: Time, id: AgentId, info: &AgentInfo) -> Result<(), Fault> {
        let slot = self.slot(id)?;
        self.settle_loan(slot);
        let welcome = self.is_welcome(info.hostname);
        let agent = self.agent_mut(slot);
        let new_host = agent.hostname != info.hostname;
        let new_attributes = agent.attributes != info.attributes;
        let new_total = agent.total != info.total;
        agent.hostname = info.hostname;
        if new_attributes {
            agent.attributes.clone_from(&info.attributes);
            for (_, client) in self.clients.iter_mut() {
                client.filters.clear_agent(slot);
            }
        }
        if new_total {
            self.set_total(slot, &info.total);
        }
        self.hot[slot as usize].welcome = welcome;
        if new_host || new_attributes || new_total {
            self.request_one(slot, now);
        }
        self.collect_bundles();
        Ok(())
    }

    /// Whether it takes part in runs.
    ///
    /// # Errors
    /// It is not there.
    pub fn set_agent_active(&mut self, id: AgentId, active: bool) -> Result<(), Fault> {
        let slot = self.slot(id)?;
        self.hot[slot as usize].active = active;
        self.dirty = true;
        Ok(())
    }

    fn is_welcome(&self, hostname: Symbol) -> bool {
        self.whitelist.as_ref().is_none_or(|list| list.contains(&hostname))
    }
    /// Hosts whose agents are offered; `None`: all.
    pub fn update_whitelist(&mut self, hostnames: Option<Set<Symbol>>) {
        self.whitelist = hostnames;
        for slot in 0..self.hot.len() as u32 {
            if let Some(agent) = self.agents.at(slot) {
                self.hot[slot as usize].welcome = self.is_welcome(agent.hostname);
            }
        }
        self.dirty = true;
    }

    // ---- operations on what nobody holds ----

    /// Reserves free resources (`updateAvailable`); `reserved` as they are afterwards.
    ///
    /// # Errors
    /// The agent is not there, or that is not free now.
    pub fn reserve(&mut self, id: AgentId, reserved: &Resources) -> Result<(), Fault> {
        let before = reserved.pop_reservation().map_err(|error| Fault::Operation(error.to_string()))?;
        self.change_available(id, &before, reserved)
    }
    /// Takes the topmost reservation off free resources; `reserved` as they are before.
    ///
    /// # Errors
    /// The agent is not there, or that is not free now.
    pub fn unreserve(&mut self, id: AgentId, reserved: &Resources) -> Result<(), Fault> {
        let after = reserved.pop_reservation().map_err(|error| Fault::Operation(error.to_string()))?;
        self.change_available(id, reserved, &after)
    }
    fn change_available(&mut self, id: AgentId, before: &Resources, after: &Resources) -> Result<(), Fault> {
        let slot = self.slot(id)?;
        let free = self.bundles.resources(self.hot[slot as usize].free);
        if !free.contains(before) {
            return Err(Fault::Operation(format!("{before} is not in what is free there, {free}")));
        }
        self.settle_loan(slot);
        let total = self.agent(slot).total.clone() - before + after;
        self.set_total(slot, &total);
        self.dirty = true;
        self.collect_bundles();
        Ok(())
    }

    /// Converts a part of what a framework holds, `before` into `after`, and the agent's total with
    /// it (`updateAllocation`).
    ///
    /// # Errors
    /// The framework does not hold `offered` there, or `before` is not a part of it.
    pub fn convert(
        &mut self,
        of: (FrameworkId, RoleId),
        id: AgentId,
        offered: &Resources,
        before: &Resources,
        after: &Resources,
    ) -> Result<(), Fault> {
        let slot = self.slot(id)?;
        let client = self.client_index.get(&of).copied().ok_or(Fault::NotHeld)?;
        if !offered.contains(before) || !self.holds(slot, client).contains(offered) {
            return Err(Fault::NotHeld);
        }
        self.settle_loan(slot);
        let updated = offered.clone() - before + after;
        self.unbook_keeping_counts(slot, client, offered);
        let total = self.agent(slot).total.clone() - before + after;
        self.set_total(slot, &total);
        self.book(slot, client, &updated, 0);
        self.dirty = true;
        Ok(())
    }
}
