//! The allocation run, as `HierarchicalAllocatorProcess::__generateOffers` does it: stage 1 serves
//! guarantees, stage 2 the fair share. Agents are visited one by one, roles in their order, the
//! frameworks of each in theirs; the orders are those at the start of the agent and of the role.
//!
//! What cannot come to anything is skipped in bulk: a run after nothing happened, agents with
//! nothing that anybody may be offered, clients that want nothing (they stand in no order). One
//! client alone needs neither orders nor books per offer.

use super::RunOrder;
use super::agents::NOBODY;
use super::amounts::{Amounts, counts_in_quota, pick};
use super::bundle::{NOTHING, allocatable};
use super::chunk::Chunk;
use super::core::{Candidates, Core};
use super::filter::Instant;
use super::policy::{Sharing, Throw};
use super::sorter::{Cursor, Ground};
use crate::base::dice::{self, SiteKey};
use crate::base::id::{AgentId, Names};
use crate::base::map::{Lookup, Map};
use crate::base::quantity::Quantities;
use crate::mesos::message::{Allocation, Lot, LotEntry};
use crate::mesos::resource::{Object, Resources, Value};
use std::sync::Arc;

/// In which order a run visits agents.
#[derive(Clone, Copy, Debug)]
pub enum Order<'a> {
    /// By the bytes of their ids, as the recordings do.
    Ids(&'a Names),
    /// Shuffled anew in each stage, as Mesos does.
    Shuffled(SiteKey),
    /// Given for each stage.
    Listed(&'a [AgentId], &'a [AgentId]),
}

/// What a run did.
#[derive(Clone, Default, Debug)]
pub struct Report {
    pub run: u64,
    /// Agents visited.
    pub candidates: u32,
    pub offers: u32,
    /// One answer per framework and role, in the order in which they were added.
    pub answers: Vec<Arc<Allocation>>,
}

/// What a run has given to one client so far.
#[derive(Clone, Default, Debug)]
pub(super) struct Given {
    entries: Vec<LotEntry>,
    lots: Vec<Lot>,
    total: Quantities,
}

/// Memory that is kept between runs, so that a run allocates nothing but its answers.
#[derive(Clone, Default, Debug)]
pub(super) struct Scratch {
    order: Vec<u32>,
    touched: Vec<u32>,
    role_cursor: Cursor,
    framework_cursor: Cursor,
    /// Slots in the order of ids, until agents come or go.
    pub by_id: Option<Vec<u32>>,
    /// The number of the total of the agent that was added last.
    pub last_total: u32,
    /// Serial number of an answer.
    stamp: u64,
    /// Entry of each (client, agent), if agents may be given in parts.
    entry_of: Lookup<(u32, u32), u32>,
    /// Shared objects that were given out in this run, by agent.
    shared_given: Map<u32, Resources>,
}

/// The state of one run.
#[derive(Debug)]
struct Run {
    now: Instant,
    first_stage: bool,
    key: SiteKey,
    number: u64,
    /// Some role has a quota.
    quotas: bool,
    /// What guarantees still need, and what there is for them.
    required: Amounts,
    available: Amounts,
    /// Roles with guarantees that are not met.
    hungry: u32,
}

impl Run {
    /// What is free beyond what guarantees need.
    fn surplus(&self) -> Amounts {
        self.available.without(&self.required)
    }
    fn throw(&self, slot: u32) -> Throw {
        let stage = u64::from(self.first_stage) << 31;
        Throw { key: self.key, entity: self.number << 32 | stage | u64::from(slot) }
    }
}

/// An offer that is not just all that is free.
struct Part {
    offer: Resources,
    /// Serves a guarantee.
    guaranteed: Amounts,
    /// Counts in quotas.
    counted: Amounts,
}

/// What comes of looking at one client.
enum Look {
    /// Nothing for it here.
    Skip,
    /// Nothing for its role here.
    Stop,
    Offer(Part),
}

impl<S: Sharing, C: Chunk> Core<S, C> {
    /// Makes the run that was asked for, if any. `key`: dice for policies that draw.
    pub fn run(&mut self, order: Order, key: SiteKey) -> Option<Report> {
        let (candidates, now) = self.pending.take()?;
        self.runs += 1;
        let mut report = Report { run: self.runs, ..Report::default() };
        let full = candidates == Candidates::All;
        // A filter that has ended since may let something through.
        let ended = self.next_end.is_some_and(|end| end <= now.at);
        // Nobody who could take an offer: the state stays as it is for the next run.
        let idle = self.role_sorter.wanted() == 0 || !self.dirty && !ended;
        let mut slots = std::mem::take(&mut self.scratch.order);
        slots.clear();
        if let Some(last) = &mut self.watched {
            *last = None;
        }
        if !idle || self.role_sorter.is_unpinned() {
            self.list(candidates, order, &mut slots);
            if !slots.is_empty() {
                self.role_sorter.pin_weights();
            }
        }
        if idle {
            self.scratch.order = slots;
            self.work.idle_runs += 1;
            return Some(report);
        }
        self.work.runs += 1;
        report.candidates = slots.len() as u32;
        let mut run = self.begin(now, key);
        let mut first = Vec::new();
        if run.hungry > 0 {
            run.first_stage = true;
            self.arrange(order, 1, run.number, &mut slots);
            first.extend(self.ids(&slots));
            for &slot in &slots {
                if run.hungry == 0 {
                    break;
                }
                self.visit(slot, &mut run);
            }
            run.first_stage = false;
        }
        self.arrange(order, 2, run.number, &mut slots);
        if self.watched.is_some() {
            let again = self.ids(&slots);
            let agents = if first.is_empty() { again.clone() } else { first };
            self.watched = Some(Some(RunOrder { asked: now, agents, again }));
        }
        match self.alone(&run) {
            Some(client) => self.lend_all(client, &slots, &mut run),
            None => slots.iter().for_each(|&slot| self.visit(slot, &mut run)),
        }
        self.scratch.order = slots;
        self.answer(&mut report);
        self.work.agent_visits += u64::from(report.candidates);
        self.work.offers += u64::from(report.offers);
        self.scratch.shared_given.clear();
        if ended || self.next_end.is_some() {
            let ends = self.clients.iter_mut().filter_map(|(_, client)| client.filters.next_end(now));
            self.next_end = ends.min();
        }
        // The same state offers nothing next time either, whatever the order of agents.
        self.dirty = !(full && report.offers == 0);
        Some(report)
    }

    /// Candidates that take part, in the order of slots or of ids.
    fn list(&mut self, candidates: Candidates, order: Order, slots: &mut Vec<u32>) {
        if let Order::Listed(first, _) = order {
            slots.extend(first.iter().filter_map(|id| self.agent_index.get(*id)));
            slots.retain(|&slot| self.hot[slot as usize].active && self.hot[slot as usize].welcome);
            return;
        }
        if let Order::Ids(names) = order {
            self.sort_ids(names);
        }
        let takes_part = |slot: &u32| {
            let hot = &self.hot[*slot as usize];
            hot.active && hot.welcome
        };
        match candidates {
            Candidates::All => match (&self.scratch.by_id, order) {
                (Some(by_id), Order::Ids(_)) => slots.extend(by_id.iter().copied().filter(takes_part)),
                _ => slots.extend((0..self.hot.len() as u32).filter(takes_part)),
            },
            Candidates::Some(mut some) => {
                some.sort_unstable();
                some.dedup();
                slots.extend(some.into_iter().filter(takes_part));
                if let Order::Ids(names) = order {
                    slots.sort_by(|&a, &b| self.compare_ids(names, a, b));
                }
            }
        }
    }
    /// Ids of agents, if somebody wants to know them.
    fn ids(&self, slots: &[u32]) -> Vec<AgentId> {
        if self.watched.is_none() {
            return Vec::new();
        }
        slots.iter().map(|&slot| self.hot[slot as usize].id).collect()
    }
    fn compare_ids(&self, names: &Names, a: u32, b: u32) -> std::cmp::Ordering {
        names.compare_agents(self.hot[a as usize].id, self.hot[b as usize].id)
    }
    fn sort_ids(&mut self, names: &Names) {
        if self.scratch.by_id.is_none() {
            let mut all: Vec<u32> = self.agents.iter().map(|(slot, _)| slot).collect();
            all.sort_by(|&a, &b| self.compare_ids(names, a, b));
            self.scratch.by_id = Some(all);
        }
    }
    fn arrange(&mut self, order: Order, stage: u64, run: u64, slots: &mut Vec<u32>) {
        match order {
            Order::Ids(_) => {}
            Order::Shuffled(key) => dice::permute(key, run, stage, slots),
            Order::Listed(first, second) => {
                slots.clear();
                let listed = if stage == 1 { first } else { second };
                slots.extend(listed.iter().filter_map(|id| self.agent_index.get(*id)));
                slots.retain(|&slot| self.hot[slot as usize].active && self.hot[slot as usize].welcome);
            }
        }
    }

    /// Quotas as they stand at the start.
    fn begin(&mut self, now: Instant, key: SiteKey) -> Run {
        let mut run = Run {
            now,
            first_stage: false,
            key,
            number: self.runs,
            quotas: self.tops.quotas > 0,
            required: Amounts::NOTHING,
            available: Amounts::NOTHING,
            hungry: 0,
        };
        self.scratch.entry_of.clear();
        if !run.quotas {
            return run;
        }
        for top in self.tops.iter_mut().filter(|top| !top.quota.is_default()) {
            top.consumed.clone_from(&top.reserved);
            top.consumed.add(&top.held);
            let unsatisfied = top.unsatisfied();
            run.hungry += u32::from(!unsatisfied.is_empty());
            run.required.add(&unsatisfied);
        }
        run.available = self.total.without(self.role_sorter.allocation());
        run.available.take(&self.reserved.without(&self.reserved_held));
        run.available.take(&self.revocable_free);
        run
    }

    // ---- orders ----

    fn settle_roles(&mut self, throw: Throw) {
        let Self { role_sorter, sharing, total, version, excluded, .. } = self;
        role_sorter.settle(&Ground { sharing, total, version: *version, excluded, throw });
    }
    fn settle_frameworks(&mut self, role: u32, throw: Throw) {
        let Self { roles, sharing, total, version, excluded, .. } = self;
        let sorter = &mut roles.at_mut(role).expect("a tracked role").sorter;
        sorter.settle(&Ground { sharing, total, version: *version, excluded, throw });
    }

    // ---- one agent ----

    /// Whether nobody may be offered any part of what is free on the agent.
    #[inline]
    fn is_spent(&self, slot: u32) -> bool {
        let free = self.hot[slot as usize].free;
        free == NOTHING || self.choosy == 0 && !self.bundles.row(free).ready
    }
    /// The same, given that guarantees are kept from others: in stage 2 of an agent of simple
    /// resources nobody gets more than the surplus.
    fn is_held_back(&self, slot: u32, run: &Run) -> bool {
        let row = self.bundles.row(self.hot[slot as usize].free);
        !run.first_stage
            && row.simple
            && !run.required.is_empty()
            && !self.is_enough(row.amounts.usual.min(run.available.usual.saturating_sub(run.required.usual)))
    }
    /// Whether so much may reach a minimum of somebody; collections beside it are not known here.
    #[inline]
    fn is_enough(&self, cut: Quantities) -> bool {
        let minima = self.bundles.minima();
        self.choosy > 0
            || minima.is_empty()
            || minima.iter().any(|set| !set.others().is_empty() || cut.contains(set.usual))
    }

    /// Whether the limits of a role leave too little of simple resources for any of its frameworks.
    fn is_full(&self, slot: u32, role: u32) -> bool {
        let row = self.bundles.row(self.hot[slot as usize].free);
        let top = self.tops.at(self.role(role).top);
        let (limits, used) = (top.quota.limits.usual, top.consumed.usual.0);
        let room = Quantities(std::array::from_fn(|kind| limits[kind].saturating_sub(used[kind]).max(0)));
        row.simple && !self.is_enough(row.amounts.usual.min(room))
    }

    fn visit(&mut self, slot: u32, run: &mut Run) {
        if self.is_spent(slot) || run.quotas && self.is_held_back(slot, run) {
            return;
        }
        let throw = run.throw(slot);
        self.settle_roles(throw);
        let mut cursor = std::mem::take(&mut self.scratch.role_cursor);
        self.role_sorter.start(&mut cursor);
        while let Some(leaf) = self.role_sorter.next(&mut cursor) {
            let role = self.role_of[leaf as usize];
            if !self.serve(slot, role, throw, run) {
                break;
            }
        }
        self.scratch.role_cursor = cursor;
    }

    /// Offers to the frameworks of one role; false when nothing is left for anybody.
    fn serve(&mut self, slot: u32, role: u32, throw: Throw, run: &mut Run) -> bool {
        let (mut limited, mut unsatisfied) = (false, Amounts::NOTHING);
        if run.quotas {
            let record = self.role(role);
            let top = self.tops.at(record.top);
            limited = record.is_top && top.is_limited();
            if run.first_stage {
                if !record.is_top || !top.has_guarantees() {
                    return true;
                }
                unsatisfied = top.unsatisfied();
                if unsatisfied.is_empty() {
                    return true;
                }
            }
        }
        if limited && !run.first_stage && self.is_full(slot, role) {
            return true;
        }
        self.settle_frameworks(role, throw);
        let mut cursor = std::mem::take(&mut self.scratch.framework_cursor);
        self.role(role).sorter.start(&mut cursor);
        let mut goes_on = true;
        while let Some(leaf) = self.role(role).sorter.next(&mut cursor) {
            let client = self.role(role).clients[leaf as usize];
            let hot = &self.hot[slot as usize];
            let state = self.client(client);
            if self.filter_gpu && hot.gpu && !state.gates.gpu_resources {
                continue;
            }
            let row = self.bundles.row(hot.free);
            if C::WHOLE && row.simple && !limited && !run.first_stage && run.required.is_empty() {
                let ready = state.minima.as_ref().map_or(row.ready, |minima| allocatable(&row.resources, minima));
                if !ready || state.filters.any(run.now) && state.filters.blocks(slot, hot.free, &self.bundles, run.now)
                {
                    continue;
                }
                self.give_whole(slot, client, run);
            } else {
                match self.look(slot, role, client, limited, &unsatisfied, run) {
                    Look::Skip => continue,
                    Look::Stop => break,
                    Look::Offer(part) => self.give_part(slot, client, part, &mut unsatisfied, run),
                }
                if run.first_stage && unsatisfied.is_empty() {
                    goes_on = !self.is_spent(slot);
                    break;
                }
            }
            if self.is_spent(slot) {
                goes_on = false;
                break;
            }
        }
        self.scratch.framework_cursor = cursor;
        goes_on
    }

    /// What one client would be offered.
    fn look(&self, slot: u32, role: u32, client: u32, limited: bool, unsatisfied: &Amounts, run: &Run) -> Look {
        let state = self.client(client);
        let record = self.role(role);
        let row = self.bundles.row(self.hot[slot as usize].free);
        let room = limited.then(|| self.tops.at(record.top).room());
        if row.simple && state.minima.is_none() {
            // Most end here, without a look at objects.
            let mut most = row.amounts.usual;
            if !run.first_stage {
                if let Some(room) = &room {
                    most = most.min(Quantities(room.usual));
                }
                if !run.required.is_empty() {
                    most = most.min(run.available.usual.saturating_sub(run.required.usual));
                }
                if !self.is_enough(most) {
                    return Look::Skip;
                }
            } else if most.min(unsatisfied.usual).is_empty() {
                return Look::Skip;
            }
        }
        let minima = state.minima.as_deref().unwrap_or(self.bundles.minima());
        let mut available = row.resources.clone();
        if !row.simple {
            available = available.allocatable_to(&record.path);
            if let Some(given) = self.scratch.shared_given.get(&slot) {
                available -= given;
            }
        }
        if available.is_empty() {
            return Look::Stop;
        }
        if !allocatable(&available, minima) {
            return Look::Skip;
        }
        if !row.simple {
            if !state.gates.shared_resources {
                available = available.non_shared();
            }
            if !state.gates.revocable_resources {
                available = available.non_revocable();
            }
            if !state.gates.reservation_refinement {
                available = available.unrefined();
            }
        }
        let plain =
            if row.simple { Resources::from_scalars(available.scalars()) } else { pick(&available, counts_in_quota) };
        let mut guaranteed = Resources::EMPTY;
        let (mut offer, mut extra) = if run.first_stage {
            guaranteed = unsatisfied.shrink(&plain);
            if guaranteed.is_empty() {
                return Look::Skip;
            }
            let own = |object: &Object| {
                let scalar = matches!(object.value(), Value::Scalar(_));
                let mine = object.reservation_role() == Some(&record.path);
                !counts_in_quota(object) && (mine || !scalar || object.meta().revocable)
            };
            let own = if row.simple { available - &plain } else { pick(&available, own) };
            (own + &guaranteed, plain - &guaranteed)
        } else if row.simple {
            (available - &plain, plain)
        } else {
            (pick(&available, |object| !counts_in_quota(object)), plain)
        };
        let guaranteed = Amounts::of(&guaranteed);
        if let Some(room) = room {
            extra = room.without(&guaranteed).shrink(&extra);
        }
        if !run.required.is_empty() {
            extra = run.surplus().shrink(&extra);
        }
        let mut counted = guaranteed.clone();
        counted.add(&Amounts::of(&extra));
        offer += &extra;
        if !run.first_stage
            && let Some(slice) = self.chunk.carve(&offer)
        {
            counted = Amounts::of(&pick(&slice, counts_in_quota));
            offer = slice;
        }
        if !allocatable(&offer, minima)
            || state.filters.any(run.now) && state.filters.blocks_part(slot, &offer, &self.bundles, run.now)
        {
            return Look::Skip;
        }
        Look::Offer(Part { offer, guaranteed, counted })
    }

    // ---- giving ----

    fn give_whole(&mut self, slot: u32, client: u32, run: &mut Run) {
        let number = self.hot[slot as usize].free;
        if run.quotas || self.hot[slot as usize].exact {
            let offer = self.bundles.resources(number).clone();
            let counted = self.bundles.row(number).amounts.clone();
            let part = Part { offer, guaranteed: Amounts::NOTHING, counted };
            return self.give_part(slot, client, part, &mut Amounts::default(), run);
        }
        self.lend(slot, client);
        let row = self.bundles.row(number);
        let (lot, amounts) = (
            Lot { resources: row.resources.clone(), quantities: row.amounts.usual, mark: (number, row.generation) },
            row.amounts.clone(),
        );
        self.note(slot, client, lot);
        self.book_amounts(client, &amounts, &amounts, 1);
    }

    fn give_part(&mut self, slot: u32, client: u32, part: Part, unsatisfied: &mut Amounts, run: &mut Run) {
        self.book(slot, client, &part.offer, 1);
        let shared = part.offer.shared();
        if !shared.is_empty() {
            *self.scratch.shared_given.entry(slot).or_default() += &shared;
        }
        if run.quotas {
            let role = self.role(self.client(client).role);
            let (top, is_top) = (role.top, role.is_top);
            let top = self.tops.at_mut(top);
            if is_top && !top.quota.is_default() {
                let was_hungry = !top.unsatisfied().is_empty();
                top.consumed.add(&part.counted);
                run.hungry -= u32::from(was_hungry && top.unsatisfied().is_empty());
            }
            unsatisfied.take(&part.counted);
            run.required.take(&part.guaranteed);
            run.available.take(&part.counted);
        }
        // One agent is one entry, though it may be given in parts.
        if let Some(&at) = self.scratch.entry_of.get(&(client, slot)) {
            let given = &mut self.client_mut(client).given;
            let entry = &mut given.entries[at as usize];
            let sum = given.lots[entry.lot as usize].resources.clone() + &part.offer;
            entry.lot = given.lots.len() as u32;
            given.total += part.offer.quantities();
            given.lots.push(Lot { quantities: sum.quantities(), resources: sum, mark: (NOTHING, 0) });
            return;
        }
        let quantities = part.offer.quantities();
        self.note(slot, client, Lot { resources: part.offer, quantities, mark: (NOTHING, 0) });
        if run.quotas {
            let at = self.client(client).given.entries.len() as u32 - 1;
            self.scratch.entry_of.insert((client, slot), at);
        }
    }

    /// Puts an offer into the client's answer.
    fn note(&mut self, slot: u32, client: u32, lot: Lot) {
        let agent = self.hot[slot as usize].id;
        let given = &mut self.clients.at_mut(client).expect("a tracked client").given;
        if given.entries.is_empty() {
            self.scratch.touched.push(client);
        }
        given.total += lot.quantities;
        if given.lots.last().is_none_or(|last| lot.mark.0 == NOTHING || last.mark != lot.mark) {
            given.lots.push(lot);
        }
        given.entries.push(LotEntry { agent, lot: given.lots.len() as u32 - 1 });
    }

    // ---- one client alone ----

    /// The only client that can be offered anything, if agents go to it whole.
    fn alone(&self, run: &Run) -> Option<u32> {
        if !C::WHOLE || run.quotas {
            return None;
        }
        let role = self.role(self.role_of[self.role_sorter.sole()? as usize]);
        Some(role.clients[role.sorter.sole()? as usize])
    }

    /// Everything goes to one client: its books are made up at the end.
    fn lend_all(&mut self, client: u32, slots: &[u32], run: &mut Run) {
        self.scratch.stamp += 1;
        let stamp = self.scratch.stamp;
        let state = self.client_mut(client);
        let mut given = std::mem::take(&mut state.given);
        let mut filters = std::mem::take(&mut state.filters);
        let (gpu_capable, minima) = (state.gates.gpu_resources, state.minima.clone());
        let (filtered, gpu_withheld) = (filters.any(run.now), self.filter_gpu && !gpu_capable);
        let (mut total, mut count) = (Quantities::ZERO, 0);
        given.entries.reserve(slots.len());
        for &slot in slots {
            let hot = &mut self.hot[slot as usize];
            let number = hot.free;
            let row = self.bundles.row_mut(number);
            if !row.simple || hot.exact {
                // The long way, in its turn.
                let state = self.client_mut(client);
                (state.given, state.filters) = (given, filters);
                self.visit(slot, run);
                let state = self.client_mut(client);
                given = std::mem::take(&mut state.given);
                filters = std::mem::take(&mut state.filters);
                continue;
            }
            let ready = minima.as_ref().map_or(row.ready, |minima| allocatable(&row.resources, minima));
            if !ready || gpu_withheld && hot.gpu || filtered && filters.blocks(slot, number, &self.bundles, run.now) {
                continue;
            }
            if hot.lent_to != NOBODY {
                self.settle_loan(slot);
            }
            let row = self.bundles.row_mut(number);
            if row.placed.0 != stamp {
                row.placed = (stamp, given.lots.len() as u32);
                let (resources, quantities) = (row.resources.clone(), row.amounts.usual);
                given.lots.push(Lot { resources, quantities, mark: (number, row.generation) });
            }
            let hot = &mut self.hot[slot as usize];
            (hot.lent_to, hot.lent, hot.free) = (client, number, NOTHING);
            total += row.amounts.usual;
            count += 1;
            given.entries.push(LotEntry { agent: hot.id, lot: row.placed.1 });
        }
        given.total += total;
        if !given.entries.is_empty() && !self.scratch.touched.contains(&client) {
            self.scratch.touched.push(client);
        }
        let state = self.client_mut(client);
        (state.given, state.filters) = (given, filters);
        let total = total.into();
        self.book_amounts(client, &total, &total, count);
    }

    fn answer(&mut self, report: &mut Report) {
        let mut touched = std::mem::take(&mut self.scratch.touched);
        touched.sort_unstable();
        for &client in &touched {
            let state = self.clients.at_mut(client).expect("a tracked client");
            let Given { entries, lots, total } = std::mem::take(&mut state.given);
            report.offers += entries.len() as u32;
            let (framework, role) = (state.framework, self.roles.at(state.role).expect("a tracked role").id);
            report.answers.push(Arc::new(Allocation::from_lots(framework, role, lots, entries, total)));
        }
        touched.clear();
        self.scratch.touched = touched;
    }
}
