//! The allocator as plain operations: what happens to frameworks, roles, quotas and weights. The
//! mailbox (`cycle.rs`) and the replay of recordings drive the same operations.
//!
//! Other files of the same struct: `agents` (agents and their totals), `books` (who holds what),
//! `run` (the allocation run), `metrics`. Every operation either happens or returns why not and
//! leaves everything as it was.

use super::agents::{Agent, Hot};
use super::amounts::{Amounts, Limits};
use super::bundle::Bundles;
use super::fault::{self, Fault};
use super::filter::{Filters, Instant};
use super::policy::Sharing;
use super::quota::{Quota, Tops};
use super::run::{Given, Scratch};
use super::sorter::{Client, Excluded, Ground, Sorter};
use super::{Flags, RunOrder, Work};
use crate::base::dice::SiteKey;
use crate::base::id::{AgentId, FrameworkId, Names, RoleId, Symbol};
use crate::base::map::{Lookup, Map, Set};
use crate::base::slab::Slab;
use crate::base::time::{Span, Time};
use crate::mesos::resource::Resources;
use crate::mesos::slots::AgentIndex;
use std::sync::Arc;

/// What a framework can deal with, as far as the allocator looks at it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Gates {
    pub gpu_resources: bool,
    pub revocable_resources: bool,
    pub shared_resources: bool,
    pub reservation_refinement: bool,
}

/// A framework as it registers or changes itself.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Profile {
    pub roles: Vec<RoleId>,
    /// Those of `roles` for which it wants no offers.
    pub suppressed: Vec<RoleId>,
    pub gates: Gates,
    /// Minimum sets in place of the general ones, by role; empty: anything.
    pub minima: Vec<(RoleId, Vec<Amounts>)>,
}

/// What is said of a framework's present use of agents when it registers.
#[derive(Clone, Copy, Debug)]
pub enum Used<'a> {
    /// All that agents reported.
    Reported,
    /// Agent, role and resources.
    Listed(&'a [(AgentId, RoleId, Resources)]),
}

/// A (framework, role) pair.
#[derive(Clone, Debug)]
pub(super) struct ClientState {
    pub framework: FrameworkId,
    /// Slot of the role.
    pub role: u32,
    pub leaf: Client,
    /// The framework has the role; otherwise it only holds something under it.
    pub subscribed: bool,
    pub suppressed: bool,
    pub gates: Gates,
    /// In place of the general minimum sets.
    pub minima: Option<Box<[Amounts]>>,
    pub filters: Filters,
    /// What this run gives it.
    pub given: Given,
}

#[derive(Clone, Debug)]
pub(super) struct Role {
    pub id: RoleId,
    pub path: Arc<str>,
    pub client: Client,
    pub sorter: Sorter,
    /// Client of each leaf of `sorter`.
    pub clients: Vec<u32>,
    /// Index of its role at the top.
    pub top: u32,
    /// It is one.
    pub is_top: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Framework {
    pub active: bool,
    pub profile: Profile,
}

/// The agents that a run looks at.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Candidates {
    Some(Vec<u32>),
    All,
}

/// Mesos' allocator with a sharing policy and a chunk policy.
#[derive(Clone, Debug)]
pub struct Core<S, C> {
    pub(super) sharing: S,
    pub(super) chunk: C,
    pub(super) filter_gpu: bool,
    pub(super) interval: Span,
    pub(super) excluded: Excluded,
    pub(super) bundles: Bundles,

    pub(super) agents: Slab<Agent>,
    pub(super) hot: Vec<Hot>,
    pub(super) agent_index: AgentIndex,
    pub(super) whitelist: Option<Set<Symbol>>,
    /// Holdings of frameworks that are not known, on all agents.
    pub(super) strangers: u32,
    /// Of all agents.
    pub(super) total: Amounts,
    /// Changes with `total`.
    pub(super) version: u64,
    /// Reservations of all agents, and the part that is offered or allocated.
    pub(super) reserved: Amounts,
    pub(super) reserved_held: Amounts,
    /// Revocable scalars that are free.
    pub(super) revocable_free: Amounts,

    pub(super) frameworks: Map<FrameworkId, Framework>,
    pub(super) clients: Slab<ClientState>,
    pub(super) client_index: Lookup<(FrameworkId, RoleId), u32>,
    pub(super) roles: Slab<Role>,
    pub(super) role_index: Lookup<RoleId, u32>,
    /// Role of each leaf of `role_sorter`.
    pub(super) role_of: Vec<u32>,
    pub(super) role_sorter: Sorter,
    pub(super) tops: Tops,
    /// Clients with minimum sets of their own.
    pub(super) choosy: u32,

    /// Agents that the queued run will look at; `None`: no run is queued.
    pub(super) pending: Option<(Candidates, Instant)>,
    /// Something happened since the last full run that found nothing.
    pub(super) dirty: bool,
    /// When the next filter may end.
    pub(super) next_end: Option<Time>,
    /// How often the batch timer was armed.
    pub(super) ticks: u64,
    pub(super) runs: u64,
    pub(super) work: Work,
    /// Somebody wants to know how the last run went about agents; that run, if it looked at any.
    pub(super) watched: Option<Option<RunOrder>>,
    pub(super) scratch: Scratch,
}

impl<S: Sharing, C> Core<S, C> {
    #[must_use]
    pub fn new(sharing: S, chunk: C, flags: &Flags) -> Self {
        let mut role_sorter = Sorter::weighted();
        for (path, weight) in &flags.weights {
            role_sorter.set_weight(path, *weight);
        }
        let mut tops = Tops::default();
        for (role, quota) in &flags.quotas {
            tops.set(role, quota.clone());
        }
        Self {
            sharing,
            chunk,
            filter_gpu: flags.filter_gpu,
            interval: flags.allocation_interval,
            excluded: flags.excluded.clone(),
            bundles: Bundles::new(flags.min_allocatable.clone()),
            agents: Slab::default(),
            hot: Vec::new(),
            agent_index: AgentIndex::default(),
            whitelist: None,
            strangers: 0,
            total: Amounts::NOTHING,
            version: 1,
            reserved: Amounts::NOTHING,
            reserved_held: Amounts::NOTHING,
            revocable_free: Amounts::NOTHING,
            frameworks: Map::default(),
            clients: Slab::default(),
            client_index: Lookup::default(),
            roles: Slab::default(),
            role_index: Lookup::default(),
            role_of: Vec::new(),
            role_sorter,
            tops,
            choosy: 0,
            pending: None,
            dirty: true,
            next_end: None,
            ticks: 0,
            runs: 0,
            work: Work::default(),
            watched: None,
            scratch: Scratch::default(),
        }
    }

    pub(super) fn client(&self, index: u32) -> &ClientState {
        self.clients.at(index).expect("a tracked client")
    }
    pub(super) fn client_mut(&mut self, index: u32) -> &mut ClientState {
        self.clients.at_mut(index).expect("a tracked client")
    }
    pub(super) fn role(&self, index: u32) -> &Role {
        self.roles.at(index).expect("a tracked role")
    }
    pub(super) fn role_mut(&mut self, index: u32) -> &mut Role {
        self.roles.at_mut(index).expect("a tracked role")
    }

    // ---- requests for runs ----

    pub(super) fn request(&mut self, agents: Candidates, now: Instant) {
        self.dirty = true;
        match &mut self.pending {
            None => self.pending = Some((agents, now)),
            Some((all @ Candidates::Some(_), _)) if agents == Candidates::All => *all = agents,
            Some((Candidates::Some(some), _)) => {
                if let Candidates::Some(more) = agents {
                    some.extend(more);
                }
            }
            Some((Candidates::All, _)) => {}
        }
    }
    /// Asks for a run over all agents because of an event.
    pub fn request_all(&mut self, at: Time) {
        self.request(Candidates::All, Instant { at, armed: u64::MAX });
    }
    /// The batch timer fires and is armed anew.
    pub fn tick(&mut self, at: Time) {
        let was_dirty = self.dirty;
        let now = self.batch_instant(at);
        self.request(Candidates::All, now);
        self.arm();
        self.dirty = was_dirty;
    }
    /// The instant of a run that the batch timer causes.
    #[must_use]
    pub fn batch_instant(&self, at: Time) -> Instant {
        Instant { at, armed: 2 * self.ticks }
    }
    /// The batch timer is armed.
    pub fn arm(&mut self) {
        self.ticks += 1;
    }
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }
    /// Asks for a run whose order is given, at that instant.
    pub fn request_listed(&mut self, now: Instant) {
        self.request(Candidates::Some(Vec::new()), now);
    }
    /// What the first sort does beside sorting: weights are fixed.
    pub fn pin_weights(&mut self) {
        self.role_sorter.pin_weights();
    }
    /// Drops a request: the run comes by itself.
    pub fn drop_request(&mut self) {
        self.pending = None;
    }

    // ---- roles and clients ----

    /// The client of a framework under a role; makes it if there is none, unwanted.
    pub(super) fn track(&mut self, names: &Names, id: FrameworkId, role: RoleId) -> u32 {
        if let Some(&client) = self.client_index.get(&(id, role)) {
            return client;
        }
        let slot = match self.role_index.get(&role) {
            Some(&slot) => slot,
            None => self.add_role(names, role),
        };
        let framework = &self.frameworks[&id];
        let minima = framework.profile.minima.iter().find(|(of, _)| *of == role);
        let minima = minima.map(|(_, sets)| sets.clone().into_boxed_slice());
        let (gates, subscribed) = (framework.profile.gates, framework.profile.roles.contains(&role));
        self.choosy += u32::from(minima.is_some());
        let record = self.roles.at_mut(slot).expect("a tracked role");
        let leaf = record.sorter.add(names.framework(id));
        let key = self.clients.insert(ClientState {
            framework: id,
            role: slot,
            leaf,
            subscribed,
            suppressed: false,
            gates,
            minima,
            filters: Filters::default(),
            given: Given::default(),
        });
        let at = leaf.0 as usize;
        if record.clients.len() <= at {
            record.clients.resize(at + 1, u32::MAX);
        }
        record.clients[at] = key.index;
        self.client_index.insert((id, role), key.index);
        key.index
    }

    fn add_role(&mut self, names: &Names, id: RoleId) -> u32 {
        let path: Arc<str> = names.text(id).into();
        let client = self.role_sorter.add(&path);
        let (top, is_top) = (self.tops.index(&path), !path.contains('/'));
        let role = Role { id, path, client, sorter: Sorter::new(), clients: Vec::new(), top, is_top };
        let slot = self.roles.insert(role).index;
        self.role_index.insert(id, slot);
        let at = client.0 as usize;
        if self.role_of.len() <= at {
            self.role_of.resize(at + 1, u32::MAX);
        }
        self.role_of[at] = slot;
        slot
    }

    /// Forgets a client that holds nothing; the role goes with its last client.
    pub(super) fn untrack(&mut self, client: u32) {
        self.set_wanted(client, false);
        let key = self.clients.key_at(client).expect("a tracked client");
        let state = self.clients.remove(key).expect("a tracked client");
        self.choosy -= u32::from(state.minima.is_some());
        let role = self.role_mut(state.role);
        role.sorter.remove(state.leaf);
        role.clients[state.leaf.0 as usize] = u32::MAX;
        let id = role.id;
        self.client_index.remove(&(state.framework, id));
        if self.role(state.role).clients.iter().all(|&client| client == u32::MAX) {
            let key = self.roles.key_at(state.role).expect("a tracked role");
            let role = self.roles.remove(key).expect("a tracked role");
            self.role_sorter.remove(role.client);
            self.role_index.remove(&id);
        }
    }

    /// Whether runs look at the client.
    fn set_wanted(&mut self, client: u32, wanted: bool) {
        let (slot, leaf) = (self.client(client).role, self.client(client).leaf);
        let role = self.role_mut(slot);
        role.sorter.set_wanted(leaf, wanted);
        let (any, role_client) = (role.sorter.wanted() > 0, role.client);
        self.role_sorter.set_wanted(role_client, any);
    }
    fn refresh(&mut self, client: u32) {
        let state = self.client(client);
        let wanted = state.subscribed && !state.suppressed && self.frameworks[&state.framework].active;
        self.set_wanted(client, wanted);
    }

    // ---- frameworks ----

    fn check_profile(names: &Names, profile: &Profile) -> Result<(), Fault> {
        for (i, role) in profile.roles.iter().enumerate() {
            fault::role(names.text(*role))?;
            if profile.roles[..i].contains(role) {
                return Err(Fault::RoleTwice);
            }
        }
        if profile.suppressed.iter().all(|role| profile.roles.contains(role)) {
            Ok(())
        } else {
            Err(Fault::NotSubscribed)
        }
    }

    /// # Errors
    /// It is there already, or its roles or use are wrong.
    pub fn add_framework(
        &mut self,
        names: &Names,
        now: Time,
        id: FrameworkId,
        profile: Profile,
        active: bool,
        used: Used,
    ) -> Result<(), Fault> {
        if self.frameworks.contains_key(&id) {
            return Err(Fault::FrameworkExists);
        }
        Self::check_profile(names, &profile)?;
        if let Used::Listed(list) = used {
            self.check_reported(names, id, list)?;
        }
        let (roles, suppressed) = (profile.roles.clone(), profile.suppressed.clone());
        self.frameworks.insert(id, Framework { active, profile });
        for role in roles {
            let client = self.track(names, id, role);
            self.client_mut(client).suppressed = suppressed.contains(&role);
            self.refresh(client);
        }
        self.adopt(names, id, used);
        if active {
            self.request_all(now);
        }
        Ok(())
    }

    /// # Errors
    /// It is not there, or its roles are wrong.
    pub fn update_framework(&mut self, names: &Names, id: FrameworkId, profile: Profile) -> Result<(), Fault> {
        if !self.frameworks.contains_key(&id) {
            return Err(Fault::UnknownFramework);
        }
        Self::check_profile(names, &profile)?;
        let old = std::mem::replace(&mut self.frameworks[&id].profile, profile.clone());
        // New roles come before old ones go, as upstream: it shows in the counts of inner nodes.
        for &role in &profile.roles {
            let client = self.track(names, id, role);
            let minima = profile.minima.iter().find(|(of, _)| *of == role);
            let suppressed = profile.suppressed.contains(&role);
            let state = self.client_mut(client);
            let was_choosy = state.minima.is_some();
            state.minima = minima.map(|(_, sets)| sets.clone().into_boxed_slice());
            let is_choosy = state.minima.is_some();
            state.gates = profile.gates;
            if state.suppressed && !suppressed {
                state.filters.clear();
            }
            (state.subscribed, state.suppressed) = (true, suppressed);
            self.choosy = self.choosy + u32::from(is_choosy) - u32::from(was_choosy);
            self.refresh(client);
        }
        for role in old.roles.iter().filter(|role| !profile.roles.contains(role)) {
            let client = self.client_index.get(&(id, *role)).copied().expect("a role of the framework");
            let state = self.client_mut(client);
            (state.subscribed, state.suppressed) = (false, false);
            state.filters.clear();
            self.refresh(client);
            self.untrack_if_idle(client);
        }
        self.dirty = true;
        Ok(())
    }

    /// Everything that it holds is free again.
    ///
    /// # Errors
    /// It is not there.
    pub fn remove_framework(&mut self, id: FrameworkId) -> Result<(), Fault> {
        if !self.frameworks.contains_key(&id) {
            return Err(Fault::UnknownFramework);
        }
        let clients: Vec<u32> = self.clients.iter().filter(|(_, c)| c.framework == id).map(|(i, _)| i).collect();
        self.release(&clients);
        for client in clients {
            self.untrack(client);
        }
        self.frameworks.swap_remove(&id);
        self.dirty = true;
        Ok(())
    }

    /// Clients of the roles that the framework has.
    fn own_clients(&self, id: FrameworkId) -> Result<Vec<u32>, Fault> {
        let framework = self.frameworks.get(&id).ok_or(Fault::UnknownFramework)?;
        let client = |role: &RoleId| self.client_index.get(&(id, *role)).copied();
        Ok(framework.profile.roles.iter().filter_map(client).collect())
    }
    /// Of some of its roles; none: of all.
    fn named_clients(&self, id: FrameworkId, roles: &[RoleId]) -> Result<Vec<u32>, Fault> {
        let own = self.own_clients(id)?;
        if roles.is_empty() {
            return Ok(own);
        }
        let client = |role: &RoleId| {
            let client = self.client_index.get(&(id, *role)).copied();
            client.filter(|client| own.contains(client)).ok_or(Fault::NotSubscribed)
        };
        roles.iter().map(client).collect()
    }

    /// # Errors
    /// It is not there.
    pub fn activate_framework(&mut self, now: Time, id: FrameworkId) -> Result<(), Fault> {
        let clients = self.own_clients(id)?;
        self.frameworks[&id].active = true;
        clients.into_iter().for_each(|client| self.refresh(client));
        self.request_all(now);
        Ok(())
    }
    /// # Errors
    /// It is not there.
    pub fn deactivate_framework(&mut self, id: FrameworkId) -> Result<(), Fault> {
        let clients = self.own_clients(id)?;
        self.frameworks[&id].active = false;
        for client in clients {
            self.client_mut(client).filters.clear();
            self.refresh(client);
        }
        self.dirty = true;
        Ok(())
    }
    /// # Errors
    /// It is not there or has not got a role.
    pub fn suppress(&mut self, id: FrameworkId, roles: &[RoleId]) -> Result<(), Fault> {
        for client in self.named_clients(id, roles)? {
            self.client_mut(client).suppressed = true;
            self.refresh(client);
        }
        Ok(())
    }
    /// # Errors
    /// It is not there, is not active or has not got a role.
    pub fn revive(&mut self, now: Time, id: FrameworkId, roles: &[RoleId]) -> Result<(), Fault> {
        let clients = self.named_clients(id, roles)?;
        if !self.frameworks[&id].active {
            return Err(Fault::Inactive);
        }
        for client in clients {
            let state = self.client_mut(client);
            state.suppressed = false;
            state.filters.clear();
            self.refresh(client);
        }
        self.request_all(now);
        Ok(())
    }

    // ---- weights, quotas ----

    /// # Errors
    /// A weight is not above zero, a role is none; then none is changed.
    pub fn update_weights<'a>(&mut self, weights: impl Iterator<Item = (&'a str, f64)> + Clone) -> Result<(), Fault> {
        for (role, weight) in weights.clone() {
            fault::role(role)?;
            if !(weight > 0.0 && weight.is_finite()) {
                return Err(Fault::Weight);
            }
        }
        weights.for_each(|(role, weight)| self.role_sorter.set_weight(role, weight));
        self.dirty = true;
        Ok(())
    }
    /// Replaces the quota of a role; an empty one is none.
    ///
    /// # Errors
    /// The role is nested or none, an amount negative.
    pub fn update_quota(&mut self, role: &str, guarantees: Amounts, limits: Limits) -> Result<(), Fault> {
        fault::role(role)?;
        if role.contains('/') {
            return Err(Fault::NestedQuota);
        }
        if guarantees.is_negative() || limits.is_negative() {
            return Err(Fault::Negative);
        }
        self.tops.set(role, Quota { guarantees, limits });
        self.dirty = true;
        Ok(())
    }

    // ---- views ----

    /// What orders are computed from, without dice.
    #[must_use]
    pub fn ground(&self) -> Ground<'_, S> {
        let throw = super::policy::Throw { key: SiteKey::default(), entity: 0 };
        let Self { sharing, total, version, excluded, .. } = self;
        Ground { sharing, total, version: *version, excluded, throw }
    }
    /// The sorter of roles.
    #[must_use]
    pub fn role_sorter(&self) -> &Sorter {
        &self.role_sorter
    }
    /// The framework sorters, with the paths of their roles.
    pub fn framework_sorters(&self) -> impl Iterator<Item = (&str, &Sorter)> {
        self.roles.iter().map(|(_, role)| (&*role.path, &role.sorter))
    }
    #[must_use]
    pub fn has_framework(&self, id: FrameworkId) -> bool {
        self.frameworks.contains_key(&id)
    }
    #[must_use]
    pub fn has_agents(&self) -> bool {
        !self.agents.is_empty()
    }
    /// Work done so far, in units that do not depend on the machine.
    #[must_use]
    pub fn work(&self) -> Work {
        let mut work = self.work;
        for sorter in self.roles.iter().map(|(_, role)| &role.sorter).chain([&self.role_sorter]) {
            work.sorts += sorter.sorts;
            work.moves += sorter.moves;
            work.comparisons += sorter.comparisons;
        }
        work
    }
}
