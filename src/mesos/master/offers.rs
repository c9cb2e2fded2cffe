//! Offers at the master: made from the allocator's answers, accepted, declined, rescinded.
//!
//! Offers of one answer form a batch with contiguous ids, and a bit per offer says whether it is
//! still outstanding. Every exit of an offer gives back exactly once what was not used.

use super::{Framework, Master, OFFER_TIMER, OpenBatch, Task};
use crate::actor::{Cx, ProcessId, TimerKey};
use crate::base::id::{AgentId, FrameworkId, OfferId, RoleId, TaskId};
use crate::base::quantity::Quantities;
use crate::fact::{Fact, OfferEnd};
use crate::job::TaskSpec;
use crate::mesos::message::{
    AgentInfo, Allocation, Launch, Launches, Msg, OfferBatch, OfferEntry, OfferRange, OfferRanges, Refuse,
};
use crate::mesos::resource::Resources;
use crate::mesos::task_state::{Reason, TaskState};
use std::sync::Arc;

impl OpenBatch {
    fn new(batch: Arc<OfferBatch>) -> Self {
        let count = batch.len();
        let mut bits = vec![u64::MAX; count.div_ceil(64) as usize];
        if !count.is_multiple_of(64) {
            *bits.last_mut().expect("at least one offer") = (1 << (count % 64)) - 1;
        }
        Self { batch, open: count, bits }
    }
    pub(super) fn is_open(&self, index: u32) -> bool {
        self.bits[index as usize / 64] >> (index % 64) & 1 == 1
    }
    fn close(&mut self, index: u32) -> bool {
        let was = self.is_open(index);
        self.bits[index as usize / 64] &= !(1 << (index % 64));
        self.open -= u32::from(was);
        was
    }
}

impl Master {
    /// The allocator's answer. What a framework or an agent that has gone meanwhile would get goes
    /// back at once.
    pub(super) fn allocated(&mut self, cx: &mut Cx, allocation: Arc<Allocation>) {
        let slot = self.framework_index.get(&allocation.framework).copied();
        let wants = |f: &&Framework| f.active && f.info.roles.contains(&allocation.role);
        let process = slot.map(|s| self.framework(s)).filter(wants).and_then(|f| f.process);
        let Some(process) = process else {
            return self.hand_back(cx, allocation);
        };
        let standing = |agent| self.agent_index.get(agent).is_some_and(|a| self.agent(a).connected);
        // Nothing left that the allocator had not heard of: all agents stand.
        let up_to_date = allocation.departures == self.departures;
        let allocation = if up_to_date || allocation.iter().all(|e| standing(e.agent)) {
            allocation
        } else {
            let (framework, role) = (allocation.framework, allocation.role);
            let all = allocation.iter().map(|e| OfferEntry { agent: e.agent, resources: e.resources.clone() });
            let (good, gone): (Vec<_>, Vec<_>) = all.partition(|e| standing(e.agent));
            self.hand_back(cx, Arc::new(Allocation::new(framework, role, gone)));
            Arc::new(Allocation::new(framework, role, good))
        };
        if allocation.is_empty() {
            return;
        }
        let (framework, role, count) = (allocation.framework, allocation.role, allocation.len());
        let first = OfferId::new(self.id, self.next_offer);
        self.next_offer += u64::from(count);
        let total = allocation.total(0, count);
        let described = self.describe(slot.expect("it has a process"), &allocation);
        let batch = Arc::new(OfferBatch { first, allocation, described });
        self.offers.insert(first.n(), OpenBatch::new(batch.clone()));
        cx.fact(Fact::Offered { framework, role, first, count, total });
        cx.send(process, Msg::Offers(batch));
        if let Some(timeout) = self.flags.offer_timeout {
            cx.timer(TimerKey::new(OFFER_TIMER, first.n()), timeout);
        }
    }

    /// Agents of the allocation that this subscription has not heard of yet.
    fn describe(&mut self, slot: u32, allocation: &Allocation) -> Vec<(AgentId, Arc<AgentInfo>)> {
        let words = self.agents.slots().div_ceil(64);
        let framework = self.frameworks.at_mut(slot).expect("a framework's slot");
        if framework.agents_described as usize == self.agents.len() {
            return Vec::new();
        }
        framework.described.resize(words.max(framework.described.len()), 0);
        let mut new = Vec::new();
        for entry in allocation.iter() {
            let agent = self.agent_index.get(entry.agent).expect("standing");
            let (word, bit) = (&mut framework.described[agent as usize / 64], 1 << (agent % 64));
            if *word & bit == 0 {
                *word |= bit;
                framework.agents_described += 1;
                new.push((entry.agent, self.agents.at(agent).expect("standing").info.clone()));
            }
        }
        new
    }

    fn hand_back(&self, cx: &mut Cx, allocation: Arc<Allocation>) {
        let count = allocation.len();
        let first = OfferId::new(self.id, u64::MAX >> 8);
        let batch = Arc::new(OfferBatch { first, allocation, described: Vec::new() });
        self.tell_allocator(cx, Msg::RecoverOffers { batch, from: 0, count, refuse: Refuse::NONE });
    }

    fn open_batch(&mut self, id: OfferId) -> Option<(u64, u32)> {
        if id.master != self.id {
            return None;
        }
        let (&key, open) = self.offers.range(..=id.n()).next_back()?;
        let index = open.batch.index_of(id)?;
        open.is_open(index).then_some((key, index))
    }

    /// Closes open offers `from..to` of a batch and gives them back, run by run.
    fn close_range(&mut self, cx: &mut Cx, key: u64, from: u32, to: u32, refuse: Refuse, how: OfferEnd) {
        let mut runs: smallvec::SmallVec<[(u32, u32); 4]> = smallvec::SmallVec::new();
        let open = self.offers.get_mut(&key).expect("an open batch");
        let batch = open.batch.clone();
        let mut i = from;
        while i < to {
            // Whole words of open offers close at once.
            if i.is_multiple_of(64) && to - i >= 64 && open.bits[i as usize / 64] == u64::MAX {
                open.bits[i as usize / 64] = 0;
                open.open -= 64;
                extend(&mut runs, i, 64);
                i += 64;
            } else {
                if open.close(i) {
                    extend(&mut runs, i, 1);
                }
                i += 1;
            }
        }
        let framework = batch.allocation.framework;
        let empty = open.open == 0;
        for (from, count) in runs {
            let total = batch.allocation.total(from, count);
            cx.fact(Fact::OffersEnded { framework, first: batch.id(from), count, how, total });
            self.tell_allocator(cx, Msg::RecoverOffers { batch: batch.clone(), from, count, refuse });
        }
        if empty {
            self.offers.remove(&key);
        }
    }

    pub(super) fn decline(
        &mut self,
        cx: &mut Cx,
        from: ProcessId,
        id: FrameworkId,
        ranges: &OfferRanges,
        refuse: Refuse,
    ) {
        if self.caller(from, id).is_none() {
            return;
        }
        for range in ranges.as_slice() {
            self.close_ids(cx, id, *range, refuse, OfferEnd::Declined);
        }
    }

    /// Closes those of a range of ids that are open and belong to the framework.
    fn close_ids(&mut self, cx: &mut Cx, id: FrameworkId, range: OfferRange, refuse: Refuse, how: OfferEnd) {
        if range.first.master != self.id {
            return;
        }
        let (mut n, end) = (range.first.n(), range.first.n() + u64::from(range.count));
        while n < end {
            let at = self.offers.range(..=n).next_back().filter(|(k, o)| n < *k + u64::from(o.batch.len()));
            let Some((&key, open)) = at.or_else(|| self.offers.range(n..end).next()) else { break };
            let (len, owner) = (u64::from(open.batch.len()), open.batch.allocation.framework);
            let (from, to) = (n.max(key) - key, len.min(end - key));
            if owner == id {
                self.close_range(cx, key, from as u32, to as u32, refuse, how);
            }
            n = key + to;
        }
    }

    pub(super) fn offer_timeout(&mut self, cx: &mut Cx, key: u64) {
        let Some(open) = self.offers.get(&key) else { return };
        let (id, count) = (open.batch.allocation.framework, open.batch.len());
        let slot = *self.framework_index.get(&id).expect("offers end with their framework");
        self.rescind_range(cx, slot, key, 0, count, true);
    }

    fn rescind_range(&mut self, cx: &mut Cx, framework: u32, key: u64, from: u32, to: u32, tell: bool) {
        let open = &self.offers[&key];
        if tell && let Some(process) = self.framework(framework).process {
            let runs = runs((from..to).filter(|&i| open.is_open(i)));
            let ranges: Vec<OfferRange> =
                runs.iter().map(|&(i, count)| OfferRange { first: open.batch.id(i), count }).collect();
            if !ranges.is_empty() {
                cx.send(process, Msg::Rescind { offers: OfferRanges::from_slice(&ranges) });
            }
        }
        self.close_range(cx, key, from, to, Refuse::NONE, OfferEnd::Rescinded);
    }

    /// All offers of a framework end; `tell` it or not.
    pub(super) fn rescind_framework(&mut self, cx: &mut Cx, slot: u32, tell: bool) {
        let id = self.framework(slot).id;
        let of = |(key, open): (&u64, &OpenBatch)| {
            (open.batch.allocation.framework == id).then_some((*key, open.batch.len()))
        };
        let batches: Vec<(u64, u32)> = self.offers.iter().filter_map(of).collect();
        for (key, count) in batches {
            self.rescind_range(cx, slot, key, 0, count, tell);
        }
    }

    /// Offers of a framework end that are of roles which it has not got any more.
    pub(super) fn rescind_roles(&mut self, cx: &mut Cx, slot: u32) {
        let framework = self.framework(slot);
        let (id, roles) = (framework.id, &framework.info.roles);
        let gone = |(key, open): (&u64, &OpenBatch)| {
            let allocation = &open.batch.allocation;
            (allocation.framework == id && !roles.contains(&allocation.role)).then_some((*key, open.batch.len()))
        };
        let batches: Vec<(u64, u32)> = self.offers.iter().filter_map(gone).collect();
        for (key, count) in batches {
            self.rescind_range(cx, slot, key, 0, count, true);
        }
    }

    /// All offers of an agent end and their frameworks hear of it.
    pub(super) fn rescind_agent(&mut self, cx: &mut Cx, id: AgentId) {
        let mut doomed = Vec::new();
        for (&key, open) in &self.offers {
            let of_agent = open.batch.allocation.iter().enumerate().filter(|(_, e)| e.agent == id);
            doomed.extend(of_agent.map(|(i, _)| (key, open.batch.allocation.framework, i as u32)));
        }
        for (key, framework, i) in doomed {
            if self.offers.get(&key).is_some_and(|o| o.is_open(i)) {
                let slot = *self.framework_index.get(&framework).expect("offers end with their framework");
                self.rescind_range(cx, slot, key, i, i + 1, true);
            }
        }
    }

    /// ACCEPT with LAUNCH operations.
    #[expect(clippy::too_many_arguments, reason = "the fields of one message")]
    pub(super) fn accept(
        &mut self,
        cx: &mut Cx,
        from: ProcessId,
        id: FrameworkId,
        offer: OfferId,
        more: Option<&[OfferId]>,
        refuse: Refuse,
        launches: &Launches,
    ) {
        let Some(slot) = self.caller(from, id) else { return };
        let Some((agent, role, mut rest)) = self.take_offers(cx, id, offer, more) else {
            return self.refuse_launches(cx, slot, launches.as_slice().iter().flat_map(Launch::tasks));
        };
        let agent_id = self.agent(agent).id;
        for launch in launches.as_slice() {
            for n in launch.first..launch.first + launch.count {
                self.launch(cx, slot, (agent, role), launch, n, &mut rest);
            }
        }
        if !rest.is_empty() {
            self.tell_allocator(cx, Msg::recover(id, role, agent_id, rest, refuse));
        }
    }

    /// Ends the offers of an ACCEPT and sums them up, or, if any is not valid, gives the valid
    /// ones back without a filter. They are of one agent and one role.
    pub(super) fn take_offers(
        &mut self,
        cx: &mut Cx,
        id: FrameworkId,
        offer: OfferId,
        more: Option<&[OfferId]>,
    ) -> Option<(u32, RoleId, Resources)> {
        let ids = || std::iter::once(offer).chain(more.into_iter().flatten().copied());
        let mut of: Option<(u32, RoleId)> = None;
        let mut valid = true;
        for (i, offer) in ids().enumerate() {
            let found = self.open_batch(offer).and_then(|(key, index)| {
                let allocation = &self.offers[&key].batch.allocation;
                let entry = allocation.entry(index);
                let slot = self.agent_index.get(entry.agent)?;
                let here = (slot, allocation.role);
                let fits = allocation.framework == id && of.is_none_or(|of| of == here);
                (fits && self.agent(slot).connected && !ids().take(i).any(|o| o == offer)).then_some(here)
            });
            match found {
                Some(here) => of = Some(here),
                None => valid = false,
            }
        }
        let mut sum = Resources::default();
        for offer in ids() {
            let Some((key, index)) = self.open_batch(offer) else { continue };
            if self.offers[&key].batch.allocation.framework != id {
                continue;
            }
            if !valid {
                self.close_range(cx, key, index, index + 1, Refuse::NONE, OfferEnd::Rescinded);
                continue;
            }
            let open = self.offers.get_mut(&key).expect("just found");
            open.close(index);
            let entry = open.batch.allocation.entry(index);
            sum += entry.resources;
            let total: Quantities = entry.resources.quantities();
            let first = open.batch.id(index);
            let empty = open.open == 0;
            cx.fact(Fact::OffersEnded { framework: id, first, count: 1, how: OfferEnd::Accepted, total });
            if empty {
                self.offers.remove(&key);
            }
        }
        if valid { of.map(|(agent, role)| (agent, role, sum)) } else { None }
    }

    pub(super) fn refuse_launches(&self, cx: &mut Cx, slot: u32, tasks: impl Iterator<Item = TaskId>) {
        let framework = self.framework(slot);
        let Some(process) = framework.process else { return };
        let state = Self::lost_state(&framework.info, TaskState::Dropped);
        // The agent of a void offer is unknown; the update names none that exists.
        let nobody = AgentId { master: self.id, n: u32::MAX };
        for task in tasks {
            let update = Self::own_update(framework.id, nobody, task, state, Reason::InvalidOffers);
            cx.send(process, Msg::Update(update));
        }
    }

    pub(super) fn launch(
        &mut self,
        cx: &mut Cx,
        slot: u32,
        (agent, role): (u32, RoleId),
        launch: &Launch,
        n: u32,
        rest: &mut Resources,
    ) {
        let id = TaskId { template: launch.spec.template, n };
        let framework = self.frameworks.at_mut(slot).expect("a framework's slot");
        let needs = launch.spec.resources();
        let known = framework.tasks.contains_key(&id) || framework.unreachable.contains_key(&id);
        let agent_id = self.agents.at(agent).expect("an agent's slot").id;
        if known || needs.is_empty() || !rest.contains(&needs) {
            if let Some(process) = framework.process {
                let update = Self::own_update(framework.id, agent_id, id, TaskState::Error, Reason::TaskInvalid);
                cx.send(process, Msg::Update(update));
            }
            return;
        }
        *rest -= &needs;
        let (framework_id, info) = (framework.id, framework.info.clone());
        self.add_task(cx, slot, (agent, role), id, &launch.spec);
        let spec = launch.spec.clone();
        let process = self.agent(agent).process;
        cx.send(process, Msg::RunTask { framework: framework_id, role, task: id, spec, info });
    }

    /// A task holds its resources from now on.
    pub(super) fn add_task(
        &mut self,
        cx: &mut Cx,
        slot: u32,
        (agent, role): (u32, RoleId),
        id: TaskId,
        spec: &Arc<TaskSpec>,
    ) {
        let framework = self.frameworks.at_mut(slot).expect("a framework's slot");
        let key = self.tasks.insert(Task {
            id,
            framework: slot,
            agent,
            spec: spec.clone(),
            role,
            state: TaskState::Staging,
            forwarded: TaskState::Staging,
            uuid: 0,
        });
        framework.tasks.insert(id, key.index);
        let framework = framework.id;
        let record = self.agents.at_mut(agent).expect("an agent's slot");
        record.tasks.push(key.index);
        cx.fact(Fact::TaskLaunched { framework, task: id, agent: record.id });
    }
}

/// Appends `count` indices from `at` to the last run, or as a new run.
fn extend<A: smallvec::Array<Item = (u32, u32)>>(runs: &mut smallvec::SmallVec<A>, at: u32, count: u32) {
    match runs.last_mut() {
        Some((first, n)) if *first + *n == at => *n += count,
        _ => runs.push((at, count)),
    }
}

fn runs(indices: impl Iterator<Item = u32>) -> smallvec::SmallVec<[(u32, u32); 4]> {
    let mut all = smallvec::SmallVec::new();
    indices.for_each(|i| extend(&mut all, i, 1));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_follow_the_offers() {
        let entries = (0..70)
            .map(|n| OfferEntry {
                agent: AgentId { master: crate::base::id::Symbol(0), n },
                resources: Resources::from_scalars(Quantities([1, 1, 0, 0])),
            })
            .collect();
        let name = crate::base::id::Symbol(0);
        let allocation = Arc::new(Allocation::new(FrameworkId(name), name, entries));
        let mut open =
            OpenBatch::new(Arc::new(OfferBatch { first: OfferId::new(name, 5), allocation, described: Vec::new() }));
        assert_eq!((open.open, open.bits[1]), (70, 63));
        assert!(open.close(69) && !open.close(69));
        assert_eq!((open.open, open.is_open(68), open.is_open(69)), (69, true, false));
        assert_eq!(runs([1, 2, 3, 7, 9, 10].into_iter()).as_slice(), [(1, 3), (7, 1), (9, 2)]);
    }
}
