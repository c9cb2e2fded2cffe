//! The recount of executors of task groups: what they hold on agents beside their tasks, and what runs
//! on machines in truth.
//!
//! The id of an executor is used again when its instance is launched again, possibly elsewhere, so
//! each is known by its machine, too. Like tasks, those that the master cannot know of are strays.

use super::{Ledger, Noted};
use crate::base::id::{AgentId, Symbol, TaskId};
use crate::base::map::Map;
use crate::mesos::task_state::Reason;

#[derive(Clone, Copy, Default, PartialEq, Debug)]
struct Record {
    /// Row of the agent where the master has it, + 1.
    booked: u32,
    running: bool,
    /// Its agent was given it after it had sent its report to the master.
    late: bool,
    /// The master wrote it off with its agent, ...
    written_off: bool,
    /// ... or because it was not in the agent's report, which may be older than its launch.
    unreported: bool,
}

impl Record {
    fn is_stray(self) -> bool {
        self.late && self.written_off || self.unreported
    }
    /// Nothing depends on it: one that was written off may still be on its way.
    fn is_over(self) -> bool {
        !self.running && self.booked == 0 && !self.late && !self.written_off && !self.unreported
    }
    /// It runs no more; what is booked stays.
    fn end(&mut self) {
        *self = Self { booked: self.booked, ..Self::default() };
    }
    fn counts(self) -> bool {
        self.running && !self.is_stray()
    }
}

/// By executor and machine.
#[derive(Clone, Default, Debug)]
pub(super) struct Executors(Map<(TaskId, Symbol), Record>);

impl Ledger {
    /// Changes a record, and what counts on its machine with it.
    fn change_executor(&mut self, executor: TaskId, host: Symbol, change: impl FnOnce(&mut Record)) {
        let record = self.executors.0.entry((executor, host)).or_default();
        let before = *record;
        change(record);
        let after = *record;
        if after.is_over() {
            self.executors.0.swap_remove(&(executor, host));
        }
        if before.counts() != after.counts() {
            self.run(executor, host, if after.counts() { 1 } else { -1 });
        }
    }

    pub(super) fn executor_given(&mut self, address: u32, executor: TaskId) {
        if let Some(joining) = self.joining.get(&address).filter(|joining| joining.is_late()) {
            self.change_executor(executor, joining.host, |record| record.late = true);
        }
    }

    /// The master takes an agent back: executors that it wrote off with it and that are still on their
    /// way are not in the report.
    pub(super) fn executors_overtaken(&mut self, host: Symbol) {
        for ((_, at), record) in &mut self.executors.0 {
            record.late |= *at == host && record.written_off && !record.running;
        }
    }

    pub(super) fn executor_held(&mut self, executor: TaskId, agent: AgentId) {
        let (row, each) = (self.find(agent), self.each(executor.template));
        let host = self.rows[row as usize].host;
        let before = self.executors.0.get(&(executor, host)).copied().unwrap_or_default();
        if before.booked != 0 {
            return self.noted.push(Noted::LaunchedAgain { task: executor, agent });
        }
        self.change_executor(executor, host, |record| {
            *record = Record { booked: row + 1, running: record.running, ..Record::default() };
        });
        self.raise(row);
        let row = self.touch(row);
        row.used += each;
        row.excused |= before.is_stray();
    }

    pub(super) fn executor_released(&mut self, executor: TaskId, agent: AgentId, reason: Reason) {
        let (row, each) = (self.find(agent), self.each(executor.template));
        let host = self.rows[row as usize].host;
        if self.executors.0.get(&(executor, host)).is_none_or(|record| record.booked != row + 1) {
            return self.noted.push(Noted::ReleasedAgain { task: executor, agent });
        }
        let with_agent = matches!(reason, Reason::AgentRemoved | Reason::AgentDisconnected);
        self.change_executor(executor, host, |record| {
            record.booked = 0;
            record.written_off |= with_agent;
            record.unreported |= reason == Reason::Reconciliation;
        });
        let row = self.touch(row);
        row.used -= each;
        row.excused &= !row.total.contains(row.used);
    }

    pub(super) fn executor_started(&mut self, executor: TaskId, host: Symbol) {
        self.change_executor(executor, host, |record| record.running = true);
    }

    pub(super) fn executor_ended(&mut self, executor: TaskId, host: Symbol) {
        self.change_executor(executor, host, Record::end);
    }

    /// A machine is dead, and with it what ran there.
    pub(super) fn executors_died(&mut self, host: Symbol) {
        for ((_, at), record) in &mut self.executors.0 {
            if *at == host {
                record.end();
            }
        }
        self.executors.0.retain(|_, record| !record.is_over());
    }

    /// A master takes its books with it.
    pub(super) fn executors_forgotten(&mut self) {
        self.executors.0.values_mut().for_each(|record| record.booked = 0);
        self.executors.0.retain(|_, record| !record.is_over());
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::*;
    use super::*;
    use crate::base::id::JobId;
    use crate::base::quantity::Quantities;
    use crate::fact::{Fact, ProcessKind};

    const EXECUTOR: TaskId = TaskId { template: JobId(1 << 31 | 5), n: 9 };

    fn held() -> Fact {
        Fact::ExecutorHeld { framework: FRAMEWORK, executor: EXECUTOR, agent: AGENT }
    }
    fn released(reason: Reason) -> Fact {
        Fact::ExecutorReleased { framework: FRAMEWORK, executor: EXECUTOR, agent: AGENT, reason }
    }
    fn up() -> Fact {
        Fact::ExecutorStarted { executor: EXECUTOR, owner: Symbol(2), host: HOST }
    }
    fn down() -> Fact {
        Fact::ExecutorEnded { executor: EXECUTOR, owner: Symbol(2), host: HOST }
    }
    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        let (template, each) = (EXECUTOR.template, cpus(1));
        ledger.fact(0, &Fact::ServiceTemplate { template, owner: Symbol(2), app: Symbol(3), each });
        ledger.fact(0, &registered());
        ledger
    }
    fn used(ledger: &Ledger) -> Quantities {
        ledger.row(AGENT).map(|row| row.used).expect("registered")
    }

    #[test]
    fn an_executor_holds_its_resources_until_it_is_released() {
        let mut ledger = ledger();
        for fact in [held(), up()] {
            ledger.fact(0, &fact);
        }
        assert_eq!((used(&ledger), ledger.running_on(HOST)), (cpus(1), cpus(1)));
        ledger.fact(0, &held());
        ledger.fact(0, &down());
        ledger.fact(0, &released(Reason::ExecutorTerminated));
        assert_eq!((used(&ledger), ledger.running_on(HOST)), (cpus(0), cpus(0)));
        ledger.fact(0, &released(Reason::ExecutorTerminated));
        let (task, agent) = (EXECUTOR, AGENT);
        assert_eq!(ledger.noted(), [Noted::LaunchedAgain { task, agent }, Noted::ReleasedAgain { task, agent }]);
        assert!(ledger.executors.0.is_empty(), "nothing is kept of it");
    }

    #[test]
    fn it_dies_with_its_machine_and_leaves_the_books_with_its_master() {
        let mut ledger = ledger();
        for fact in [held(), up(), process_stopped(ProcessKind::Agent, HOST)] {
            ledger.fact(0, &fact);
        }
        assert_eq!((used(&ledger), ledger.running_on(HOST)), (cpus(1), cpus(0)));
        ledger.fact(0, &process_stopped(ProcessKind::Master, MASTER));
        assert_eq!((used(&ledger), ledger.executors.0.len()), (cpus(0), 0));
        for fact in [registered(), held()] {
            ledger.fact(0, &fact);
        }
        assert_eq!((used(&ledger), ledger.noted()), (cpus(1), &[][..]));
    }

    /// It was launched while the agent's report, without it, was on its way: the master cannot know
    /// that it runs, be it with its agent that it wrote it off or because of the report.
    #[test]
    fn what_the_master_cannot_know_is_a_stray() {
        use Reason::{AgentRemoved as R, Reconciliation as U};
        for (late, reason, stray) in [(true, R, true), (false, R, false), (true, U, true), (false, U, true)] {
            let mut ledger = ledger();
            ledger.fact(0, &held());
            if late {
                ledger.joining.insert(7, super::super::Joining { under_way: None, open: true, host: HOST });
            }
            ledger.executor_given(7, EXECUTOR);
            ledger.fact(0, &up());
            ledger.fact(0, &released(reason));
            assert_eq!(ledger.running_on(HOST), cpus(if stray { 0 } else { 1 }), "{late} {reason:?}");
            ledger.fact(0, &held());
            assert_eq!(ledger.running_on(HOST), cpus(1), "reported at last");
            assert_eq!(ledger.row(AGENT).map(|row| row.excused), Some(stray));
            ledger.fact(0, &down());
            ledger.fact(0, &released(reason));
            assert_eq!(ledger.running_on(HOST), cpus(0));
        }
    }
}
