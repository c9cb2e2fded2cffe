//! The recount: what every agent has, holds and has on offer, and what runs on every machine,
//! counted from outside out of facts and messages alone.
//!
//! It never reads the books of a core, so an error in those cannot hide. A task holds its
//! resources from `TaskLaunched` or `TaskReported` to `TaskTerminal`, an offer from the OFFERS that carries it to
//! its `OffersEnded`. The executors of task groups hold theirs beside their tasks (`executors`). What
//! cannot be booked is noted, and invariants judge it. Scalars only.

mod executors;

use crate::base::id::{AgentId, FrameworkId, JobId, OfferId, Symbol, TaskId};
use crate::base::map::{Lookup, Map};
use crate::base::quantity::Quantities;
use crate::fact::{Fact, ProcessKind};
use crate::mesos::message::{Msg, OfferBatch, Reregistration};
use crate::mesos::resource::Resources;
use crate::mesos::slots::AgentIndex;
use crate::mesos::task_state::Reason;
use crate::world::Seen;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A value per task: dense for jobs, which are serial within a run and so name their owner too;
/// by id for services, whose numbers are not.
#[derive(Clone, Debug)]
pub struct TaskTable<T> {
    jobs: Vec<Vec<T>>,
    services: Map<TaskId, T>,
}

impl<T> Default for TaskTable<T> {
    fn default() -> Self {
        Self { jobs: Vec::new(), services: Map::default() }
    }
}

impl<T: Copy + Default> TaskTable<T> {
    #[must_use]
    pub fn get(&self, task: TaskId) -> T {
        if task.template.is_service() {
            return self.services.get(&task).copied().unwrap_or_default();
        }
        self.jobs.get(task.template.0 as usize).and_then(|job| job.get(task.n as usize)).copied().unwrap_or_default()
    }
    pub fn at(&mut self, task: TaskId) -> &mut T {
        if task.template.is_service() {
            return self.services.entry(task).or_default();
        }
        let (job, n) = (task.template.0 as usize, task.n as usize);
        if self.jobs.len() <= job {
            self.jobs.resize_with(job + 1, Vec::new);
        }
        let tasks = &mut self.jobs[job];
        if tasks.len() <= n {
            tasks.resize(n + 1, T::default());
        }
        &mut tasks[n]
    }
    fn for_all(&mut self, change: impl Fn(&mut T)) {
        self.jobs.iter_mut().flatten().chain(self.services.values_mut()).for_each(change);
    }
}

/// The recount of one agent.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Row {
    pub agent: AgentId,
    host: Symbol,
    /// Nothing while the master does not have the agent.
    pub total: Quantities,
    pub used: Quantities,
    pub offered: Quantities,
    pub registered: bool,
    /// It came back with more than there is, because of strays, and has it until some have ended.
    pub excused: bool,
    /// How often the master took it in, or back.
    returns: u32,
    touched: bool,
    raised: bool,
}

/// What could not be booked.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Noted {
    /// Offers were made with ids that are not new.
    OfferedAgain { first: OfferId, count: u32 },
    /// This offer of the framework was ended and was not outstanding.
    EndedAgain { framework: FrameworkId, offer: OfferId },
    /// The task was launched on the agent and holds resources already.
    LaunchedAgain { task: TaskId, agent: AgentId },
    /// The task became terminal on the agent and held nothing there.
    ReleasedAgain { task: TaskId, agent: AgentId },
    /// The agent left the master with this still booked.
    LeftBehind { agent: AgentId, used: Quantities, offered: Quantities },
}

#[derive(Clone, Debug)]
struct Open {
    batch: Arc<OfferBatch>,
    left: u32,
    /// Bit i set: offer i of the batch is outstanding.
    bits: Vec<u64>,
}

#[derive(Clone, Copy, Default, Debug)]
struct Task {
    /// Row of the agent where the master has it, + 1.
    booked: u32,
    /// Containers in truth, and where.
    running: u32,
    host: Symbol,
    /// Its agent was given it after it had sent the report with which the master took it back.
    late: bool,
    /// The master wrote it off with its agent.
    written_off: bool,
    /// With which: its row, and its returns until then.
    off: (u32, u32),
}

impl Task {
    /// Both: the master cannot know that it runs.
    fn is_stray(self) -> bool {
        self.late && self.written_off
    }
}

/// An agent that registers again.
#[derive(Clone, Debug, Default)]
struct Joining {
    /// Its last report, as long as the master has not been given it.
    under_way: Option<Arc<Reregistration>>,
    /// It has not been answered.
    open: bool,
    host: Symbol,
}

impl Joining {
    /// What comes now comes too late for its report. An answered agent may have a second report
    /// under way, which is as old.
    fn is_late(&self) -> bool {
        self.open || self.under_way.is_some()
    }
}

#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Slot of the master whose books these are: the one that last began to serve.
    leader: Option<u32>,
    jobs: Vec<Quantities>,
    services: Lookup<JobId, Quantities>,
    tasks: TaskTable<Task>,
    executors: executors::Executors,
    index: AgentIndex,
    rows: Vec<Row>,
    /// By master and serial number of the first offer.
    open: BTreeMap<(Symbol, u64), Open>,
    /// First serial number of an offer that the master has not used.
    next_offer: Lookup<Symbol, u64>,
    outstanding: u64,
    /// What runs on each machine, strays apart.
    hosts: Lookup<Symbol, Quantities>,
    /// Agents that register again, by address.
    joining: Lookup<u32, Joining>,
    noted: Vec<Noted>,
    /// Rows that changed in this instant, and rows whose bookings grew in this step.
    touched: Vec<u32>,
    raised: Vec<u32>,
}

impl Ledger {
    // ---- what it says ----

    /// Agents whose recount changed in this instant otherwise than by an offer that was made: that is
    /// seen when the offer ends.
    pub fn touched(&self) -> impl ExactSizeIterator<Item = &Row> + '_ {
        self.touched.iter().map(|&row| &self.rows[row as usize])
    }
    /// All agents that there were.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &Row> + '_ {
        self.rows.iter()
    }
    /// Agents on which something was booked in this step.
    pub fn raised(&self) -> impl ExactSizeIterator<Item = &Row> + '_ {
        self.raised.iter().map(|&row| &self.rows[row as usize])
    }
    /// What could not be booked in this step.
    #[must_use]
    pub fn noted(&self) -> &[Noted] {
        &self.noted
    }
    #[must_use]
    pub fn row(&self, agent: AgentId) -> Option<&Row> {
        Some(&self.rows[self.index.get(agent)? as usize])
    }
    /// What each task of the job asks for.
    #[must_use]
    pub fn each(&self, job: JobId) -> Quantities {
        if job.is_service() {
            return self.services.get(&job).copied().unwrap_or_default();
        }
        self.jobs.get(job.0 as usize).copied().unwrap_or_default()
    }
    /// What an outstanding offer carries.
    #[must_use]
    pub fn offered_as(&self, offer: OfferId) -> Option<&Resources> {
        let (_, open) = self.open.range(..=(offer.master, offer.n())).next_back()?;
        Some(open.batch.allocation.entry(open.batch.index_of(offer)?).resources)
    }
    /// Slot of the master whose books these are.
    #[must_use]
    pub fn leader(&self) -> Option<u32> {
        self.leader
    }
    /// What runs on the machine in truth, without strays: tasks that reached the agent while it was
    /// registering again, too late for its report, and that the master wrote off meanwhile.
    #[must_use]
    pub fn running_on(&self, host: Symbol) -> Quantities {
        self.hosts.get(&host).copied().unwrap_or_default()
    }
    /// Whether the master cannot know that the task runs.
    #[must_use]
    pub fn is_stray(&self, task: TaskId) -> bool {
        self.tasks.get(task).is_stray()
    }
    /// Offers outstanding.
    #[must_use]
    pub fn outstanding(&self) -> u64 {
        self.outstanding
    }

    // ---- booking ----

    pub fn end_step(&mut self) {
        self.noted.clear();
        for row in self.raised.drain(..) {
            self.rows[row as usize].raised = false;
        }
    }

    pub fn end_instant(&mut self) {
        for row in self.touched.drain(..) {
            self.rows[row as usize].touched = false;
        }
    }

    #[inline]
    fn find(&mut self, agent: AgentId) -> u32 {
        if let Some(row) = self.index.get(agent) {
            return row;
        }
        let (nothing, row) = (Quantities::ZERO, self.rows.len() as u32);
        let (used, offered) = (nothing, nothing);
        let (registered, excused, returns, touched, raised) = (false, false, 0, false, false);
        self.rows.push(Row {
            agent,
            host: Symbol::default(),
            total: nothing,
            used,
            offered,
            registered,
            excused,
            returns,
            touched,
            raised,
        });
        self.index.insert(agent, row);
        row
    }

    #[inline]
    fn touch(&mut self, row: u32) -> &mut Row {
        let at = &mut self.rows[row as usize];
        if !std::mem::replace(&mut at.touched, true) {
            self.touched.push(row);
        }
        at
    }

    #[inline]
    fn raise(&mut self, row: u32) -> &mut Row {
        let at = &mut self.rows[row as usize];
        if !std::mem::replace(&mut at.raised, true) {
            self.raised.push(row);
        }
        at
    }

    /// The labels of the messages that it books, and which of them.
    pub const MESSAGES: &[&str] = &["OFFERS", "REREGISTER_AGENT", "AGENT_REREGISTERED", "RUN_TASK"];
    #[must_use]
    pub fn lens(msg: &Msg, sent: bool) -> bool {
        match msg {
            Msg::Offers(_) => sent,
            Msg::ReregisterAgent(_) => true,
            Msg::AgentReregistered { .. } | Msg::RunTask { .. } | Msg::RunTaskGroup { .. } => !sent,
            _ => false,
        }
    }

    pub fn message(&mut self, seen: &Seen) {
        match (&seen.msg, seen.sent) {
            (Msg::Offers(batch), true) if self.hears(seen.from.slot) => self.offered(batch),
            (Msg::ReregisterAgent(report), true) => {
                let joining = Joining { under_way: Some(report.clone()), open: true, host: report.info.hostname };
                self.joining.insert(seen.from.slot, joining);
            }
            (Msg::ReregisterAgent(report), false) => {
                if let Some(joining) = self.joining.get_mut(&seen.from.slot) {
                    joining.under_way.take_if(|last| Arc::ptr_eq(last, report));
                }
            }
            (Msg::AgentReregistered { .. }, false) => {
                if let Some(joining) = self.joining.get_mut(&seen.to.slot) {
                    joining.open = false;
                }
            }
            (&Msg::RunTask { task, .. }, false) => self.task_given(seen.to.slot, task),
            (Msg::RunTaskGroup { group, .. }, false) => {
                group.tasks.iter().for_each(|member| self.task_given(seen.to.slot, member.id));
                self.executor_given(seen.to.slot, group.executor.id);
            }
            _ => {}
        }
    }

    fn task_given(&mut self, address: u32, task: TaskId) {
        let Task { written_off, off: (row, returns), .. } = self.tasks.get(task);
        // The master took the agent back while it was on its way.
        let is_back = || written_off && self.rows[row as usize].returns > returns;
        if self.joining.get(&address).is_some_and(Joining::is_late) || is_back() {
            self.judge(task, |t| t.late = true);
        }
    }

    fn offered(&mut self, batch: &Arc<OfferBatch>) {
        let (first, count) = (batch.first, batch.len());
        let next = self.next_offer.get_or_insert_with(first.master, || 0);
        if first.n() < *next {
            return self.noted.push(Noted::OfferedAgain { first, count });
        }
        *next = first.n() + u64::from(count);
        for entry in batch.allocation.iter() {
            let row = self.find(entry.agent);
            self.raise(row).offered += entry.resources.quantities();
        }
        let mut bits = vec![u64::MAX; count.div_ceil(64) as usize];
        if let (Some(last), rest @ 1..) = (bits.last_mut(), count % 64) {
            *last = (1 << rest) - 1;
        }
        self.outstanding += u64::from(count);
        self.open.insert((first.master, first.n()), Open { batch: batch.clone(), left: count, bits });
    }

    fn offers_ended(&mut self, framework: FrameworkId, first: OfferId, count: u32) {
        let before = self.open.range_mut(..=(first.master, first.n())).next_back();
        let found = before.and_then(|(key, open)| Some((*key, open.batch.index_of(first)?, open)));
        let Some((key, from, open)) = found.filter(|f| f.2.batch.allocation.framework == framework) else {
            return self.noted.push(Noted::EndedAgain { framework, offer: first });
        };
        let batch = open.batch.clone();
        let to = (from + count).min(batch.len());
        let mut bits = std::mem::take(&mut open.bits);
        let mut closed = 0;
        let mut stray = (to - from < count).then_some(to);
        for (i, entry) in (from..to).zip(batch.allocation.range(from, to - from)) {
            let (word, bit) = (&mut bits[i as usize / 64], 1 << (i % 64));
            if *word & bit == 0 {
                stray = stray.or(Some(i));
                continue;
            }
            *word &= !bit;
            closed += 1;
            let row = self.find(entry.agent);
            self.touch(row).offered -= entry.resources.quantities();
        }
        if let Some(i) = stray {
            self.noted.push(Noted::EndedAgain { framework, offer: batch.id(i) });
        }
        self.outstanding -= u64::from(closed);
        let open = self.open.get_mut(&key).expect("just found");
        open.bits = bits;
        open.left -= closed;
        if open.left == 0 {
            self.open.remove(&key);
        }
    }

    /// Whether the word of a master counts: there may be one that does not know that it no longer
    /// leads, and nobody follows it.
    fn hears(&self, by: u32) -> bool {
        self.leader.is_none_or(|leader| leader == by)
    }

    /// Books what the process in slot `by` says.
    pub fn fact(&mut self, by: u32, fact: &Fact) {
        match *fact {
            Fact::LeaderReady { kind: ProcessKind::Master, slot, .. } => {
                self.master_left();
                self.leader = Some(slot);
            }
            // Without elections there is one, and it leads when it starts.
            Fact::ProcessStarted { kind: ProcessKind::Master, slot, .. } if self.leader.is_none() => {
                self.leader = Some(slot);
            }
            Fact::ServiceTemplate { template, each, .. } => {
                self.services.insert(template, each);
            }
            Fact::AgentRegistered { .. }
            | Fact::AgentReregistered { .. }
            | Fact::AgentUnreachable { .. }
            | Fact::AgentRemoved { .. }
            | Fact::OffersEnded { .. }
            | Fact::TaskLaunched { .. }
            | Fact::TaskReported { .. }
            | Fact::TaskTerminal { .. }
            | Fact::ExecutorHeld { .. }
            | Fact::ExecutorReleased { .. }
                if !self.hears(by) => {}
            Fact::JobSubmitted { job, each, .. } => {
                let at = job.0 as usize;
                if self.jobs.len() <= at {
                    self.jobs.resize(at + 1, Quantities::ZERO);
                }
                self.jobs[at] = each;
            }
            Fact::AgentRegistered { agent, host, total } | Fact::AgentReregistered { agent, host, total } => {
                let row = self.find(agent);
                self.raise(row);
                let row = self.touch(row);
                (row.host, row.total, row.registered) = (host, total, true);
                row.returns += 1;
                // Every launch was judged when it was made; what is too much now, nobody could know of.
                row.excused |= !row.total.contains(row.used);
                self.executors_overtaken(host);
            }
            Fact::ExecutorHeld { executor, agent, .. } => self.executor_held(executor, agent),
            Fact::ExecutorReleased { executor, agent, reason, .. } => self.executor_released(executor, agent, reason),
            Fact::ExecutorStarted { executor, host, .. } => self.executor_started(executor, host),
            Fact::ExecutorEnded { executor, host, .. } => self.executor_ended(executor, host),
            Fact::AgentUnreachable { agent, .. } | Fact::AgentRemoved { agent, .. } => self.agent_left(agent),
            Fact::OffersEnded { framework, first, count, .. } => self.offers_ended(framework, first, count),
            Fact::TaskLaunched { task, agent, .. } => self.launched(task, agent),
            Fact::TaskReported { task, agent, state, .. } if !state.is_terminal() => self.launched(task, agent),
            Fact::TaskTerminal { task, agent, reason, .. } => {
                self.released(task, agent);
                let with_agent = matches!(reason, Reason::AgentRemoved | Reason::AgentDisconnected);
                if with_agent {
                    let row = self.find(agent);
                    let off = (row, self.rows[row as usize].returns);
                    self.judge(task, |t| (t.written_off, t.off) = (true, off));
                }
            }
            Fact::TaskStarted { task, host, .. } => {
                let record = self.tasks.at(task);
                record.running += 1;
                record.host = host;
                if !record.is_stray() {
                    self.run(task, host, 1);
                }
            }
            Fact::TaskEnded { task, host, .. } => {
                let record = self.tasks.at(task);
                // A container that its agent ended may die once more with the machine.
                if record.running > 0 {
                    record.running -= 1;
                    if !record.is_stray() {
                        self.run(task, host, -1);
                    }
                }
            }
            Fact::ProcessStopped { kind: ProcessKind::Agent, name, .. } => {
                // Nothing runs there any more, also what was announced and not begun.
                self.hosts.insert(name, Quantities::ZERO);
                self.executors_died(name);
            }
            Fact::ProcessStopped { kind: ProcessKind::Master, slot, .. } if self.hears(slot) => {
                self.master_left();
                self.leader = None;
            }
            _ => {}
        }
    }

    /// Containers of the task begin (or end) to count on the machine.
    fn run(&mut self, task: TaskId, host: Symbol, containers: i64) {
        let each = self.each(task.template);
        *self.hosts.get_or_insert_with(host, || Quantities::ZERO) += each.times(containers);
    }

    /// Changes what is known of a task; its containers count while it is no stray.
    fn judge(&mut self, task: TaskId, change: impl Fn(&mut Task)) {
        let record = self.tasks.at(task);
        let before = record.is_stray();
        change(record);
        let (after, host, running) = (record.is_stray(), record.host, i64::from(record.running));
        if before != after && running > 0 {
            self.run(task, host, if after { -running } else { running });
        }
    }

    fn launched(&mut self, task: TaskId, agent: AgentId) {
        // If it was a stray, its agent has reported it now.
        let stray = self.tasks.get(task).is_stray();
        self.judge(task, |t| (t.late, t.written_off) = (false, false));
        let (row, each) = (self.find(agent), self.each(task.template));
        let record = self.tasks.at(task);
        if record.booked != 0 {
            return self.noted.push(Noted::LaunchedAgain { task, agent });
        }
        record.booked = row + 1;
        self.raise(row);
        let row = self.touch(row);
        row.used += each;
        row.excused |= stray;
    }

    fn released(&mut self, task: TaskId, agent: AgentId) {
        let (row, each) = (self.find(agent), self.each(task.template));
        let record = self.tasks.at(task);
        if record.booked != row + 1 {
            return self.noted.push(Noted::ReleasedAgain { task, agent });
        }
        record.booked = 0;
        let row = self.touch(row);
        row.used -= each;
        row.excused &= !row.total.contains(row.used);
    }

    fn agent_left(&mut self, agent: AgentId) {
        let row = self.find(agent);
        let row = self.touch(row);
        let (used, offered) = (row.used, row.offered);
        (row.total, row.registered) = (Quantities::ZERO, false);
        if !used.is_zero() || !offered.is_zero() {
            self.noted.push(Noted::LeftBehind { agent, used, offered });
        }
    }

    /// A master takes its books and its offers with it; its successor begins with nothing.
    fn master_left(&mut self) {
        self.open.clear();
        self.outstanding = 0;
        self.tasks.for_all(|task| task.booked = 0);
        self.executors_forgotten();
        for row in &mut self.rows {
            (row.total, row.used, row.offered) = (Quantities::ZERO, Quantities::ZERO, Quantities::ZERO);
            (row.registered, row.excused) = (false, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::actor::{Mailbox, ProcessId};
    use crate::base::time::Time;
    use crate::fact::OfferEnd;
    use crate::mesos::task_state::TaskState;

    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.fact(0, &Fact::JobSubmitted { job: TASK.template, owner: Symbol(2), tasks: 2, each: cpus(1) });
        ledger.fact(0, &registered());
        ledger
    }
    fn send(ledger: &mut Ledger, msg: Msg) {
        let me = ProcessId { slot: 0, incarnation: 0 };
        let seen = Seen {
            at: Time::ZERO,
            from: me,
            sender: ProcessKind::Master,
            to: me,
            mailbox: Mailbox::MAIN,
            sent: true,
            msg,
        };
        ledger.message(&seen);
    }

    #[test]
    fn follows_offers_and_tasks() {
        let mut ledger = ledger();
        send(&mut ledger, offers(0, &[cpus(1), cpus(3)]));
        let books = |l: &Ledger| l.row(AGENT).map(|r| (r.used, r.offered)).expect("registered");
        assert_eq!((books(&ledger), ledger.outstanding()), ((Quantities::ZERO, cpus(4)), 2));
        ledger.fact(0, &ended(0, 1, OfferEnd::Accepted, cpus(1)));
        ledger.fact(0, &launched(TASK));
        assert_eq!((books(&ledger), ledger.outstanding()), ((cpus(1), cpus(3)), 1));
        ledger.fact(0, &ended(1, 1, OfferEnd::Declined, cpus(3)));
        ledger.fact(0, &terminal(TASK));
        assert_eq!((books(&ledger), ledger.outstanding()), ((Quantities::ZERO, Quantities::ZERO), 0));
        assert_eq!((ledger.noted(), ledger.touched().len(), ledger.raised().len()), (&[][..], 1, 1));
        ledger.end_step();
        ledger.end_instant();
        assert_eq!((ledger.touched().len(), ledger.raised().len()), (0, 0));
    }

    #[test]
    fn notes_what_it_cannot_book() {
        let mut ledger = ledger();
        send(&mut ledger, offers(5, &[cpus(1), cpus(3)]));
        send(&mut ledger, offers(6, &[cpus(1)]));
        ledger.fact(0, &ended(6, 2, OfferEnd::Declined, cpus(3)));
        ledger.fact(0, &ended(6, 1, OfferEnd::Declined, cpus(3)));
        ledger.fact(0, &terminal(TASK));
        ledger.fact(0, &launched(TASK));
        ledger.fact(0, &launched(TASK));
        let (id, agent) = (|n| OfferId::new(MASTER, n), AGENT);
        ledger.fact(0, &Fact::AgentRemoved { agent, host: HOST });
        let framework = FRAMEWORK;
        assert_eq!(
            ledger.noted(),
            [
                Noted::OfferedAgain { first: id(6), count: 1 },
                Noted::EndedAgain { framework, offer: id(7) },
                Noted::EndedAgain { framework, offer: id(6) },
                Noted::ReleasedAgain { task: TASK, agent },
                Noted::LaunchedAgain { task: TASK, agent },
                Noted::LeftBehind { agent, used: cpus(1), offered: cpus(1) },
            ]
        );
    }

    #[test]
    fn a_master_takes_its_books_with_it_and_a_machine_its_containers() {
        let mut ledger = ledger();
        send(&mut ledger, offers(0, &[cpus(4)]));
        ledger.fact(0, &launched(TASK));
        ledger.fact(0, &started(TASK));
        assert_eq!(ledger.running_on(HOST), cpus(1));
        ledger.fact(0, &process_stopped(ProcessKind::Master, MASTER));
        let row = ledger.row(AGENT).expect("kept");
        assert_eq!((row.registered, row.used, row.offered, ledger.outstanding()), (false, cpus(0), cpus(0), 0));
        ledger.fact(0, &reported(TASK));
        assert_eq!(ledger.noted(), []);
        ledger.fact(0, &stopped(TASK));
        ledger.fact(0, &stopped(TASK));
        assert_eq!(ledger.running_on(HOST), cpus(0));
        ledger.fact(0, &started(TASK));
        ledger.fact(0, &process_stopped(ProcessKind::Agent, HOST));
        assert_eq!(ledger.running_on(HOST), cpus(0));
    }

    /// The agent was taken back, with a report of before, while the task was on its way to it; whether
    /// it has been answered since says nothing.
    #[test]
    fn a_task_that_its_agent_overtakes_is_a_stray() {
        let written_off = Fact::TaskTerminal {
            framework: FRAMEWORK,
            task: TASK,
            agent: AGENT,
            state: TaskState::Unreachable,
            reason: Reason::AgentRemoved,
        };
        for back in [false, true] {
            let mut ledger = ledger();
            ledger.fact(0, &launched(TASK));
            ledger.fact(0, &written_off);
            if back {
                ledger.fact(0, &registered());
            }
            ledger.task_given(0, TASK);
            ledger.fact(0, &started(TASK));
            assert_eq!(ledger.running_on(HOST), cpus(if back { 0 } else { 1 }));
        }
    }

    /// More than there is, reported by an agent that comes back: until some of it has ended.
    #[test]
    fn what_an_agent_brings_back_is_excused() {
        let other = TaskId { n: 1, ..TASK };
        let excused = |ledger: &Ledger| ledger.row(AGENT).map(|row| row.excused);
        let mut ledger = ledger();
        ledger.fact(0, &Fact::JobSubmitted { job: TASK.template, owner: Symbol(2), tasks: 2, each: cpus(3) });
        for fact in [reported(TASK), registered()] {
            ledger.fact(0, &fact);
        }
        assert_eq!(excused(&ledger), Some(false), "it has room for one");
        for fact in [reported(other), registered()] {
            ledger.fact(0, &fact);
        }
        assert_eq!(excused(&ledger), Some(true));
        ledger.fact(0, &terminal(TASK));
        assert_eq!(excused(&ledger), Some(false));
    }

    /// The task overtakes nothing: the report was under way when the agent was given the task.
    #[test]
    fn a_task_too_late_for_the_report_is_a_stray() {
        let written_off = Fact::TaskTerminal {
            framework: FRAMEWORK,
            task: TASK,
            agent: AGENT,
            state: TaskState::Lost,
            reason: Reason::AgentRemoved,
        };
        for (late, first) in [(false, false), (false, true), (true, false), (true, true)] {
            let mut ledger = ledger();
            ledger.fact(0, &launched(TASK));
            if late {
                send(&mut ledger, report());
            }
            // Written off while on its way, or when it ran already.
            if first {
                ledger.fact(0, &written_off);
            }
            ledger.task_given(0, TASK);
            ledger.fact(0, &started(TASK));
            if !first {
                assert_eq!(ledger.running_on(HOST), cpus(1));
                ledger.fact(0, &written_off);
            }
            assert_eq!(ledger.running_on(HOST), cpus(if late { 0 } else { 1 }));
            ledger.fact(0, &reported(TASK));
            assert_eq!(ledger.running_on(HOST), cpus(1), "reported at last");
            assert_eq!(ledger.row(AGENT).map(|r| r.excused), Some(late));
            ledger.fact(0, &stopped(TASK));
            assert_eq!(ledger.running_on(HOST), cpus(0));
        }
    }
}
