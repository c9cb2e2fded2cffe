//! Terminal stays terminal: a task whose container ended, or whose agent sent a terminal update,
//! never runs again under its id.
//!
//! Upstream promises it in `mesos.proto`, where the states of a task that its executor or agent
//! cannot leave are marked as terminal, and keeps it in `task_status_update_manager.cpp`: the
//! acknowledgement of a terminal update closes the stream of the task.
//!
//! AREAS VERIFIED: no container of the task starts after one has ended in truth or after the
//! agent's terminal update; the agent sends no other than terminal updates after that. An update
//! made before the container ended may be sent after, because only the head of a stream is in
//! flight; that is no violation.
//!
//! AREAS NOT VERIFIED: states that the master makes up (TASK_LOST, TASK_UNREACHABLE,
//! TASK_GONE_BY_OPERATOR, TASK_UNKNOWN, TASK_KILLED of a removed framework) bind nobody upstream
//! and may be followed by TASK_RUNNING (`master.cpp`, MESOS-9940, MESOS-6608), so they are not
//! held against the task; ids that a framework uses again, because ours never does.

use super::ledger::TaskTable;
use super::{Hears, Invariant, View};
use crate::fact::{Fact, ProcessKind};
use crate::mesos::message::Msg;
use crate::world::Seen;

pub const SUMMARY: &str = "a task that ended, in truth or by its agent's word, never runs again";

#[derive(Clone, Copy, PartialEq, Default, Debug)]
struct Past {
    /// A container of it ended.
    ended: bool,
    /// Its agent sent a terminal update.
    told: bool,
}

#[derive(Clone, Default)]
pub struct TerminalStays {
    tasks: TaskTable<Past>,
}

impl Invariant for TerminalStays {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Messages, Hears::Facts]
    }

    fn messages(&self) -> &'static [&'static str] {
        &["STATUS_UPDATE"]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["TaskStarted", "TaskEnded"]
    }

    fn lens(_: ProcessKind, msg: &Msg, sent: bool) -> bool {
        matches!(msg, Msg::Status(_)) && sent
    }

    fn message(&mut self, view: View, seen: &Seen) -> Result<(), String> {
        let Msg::Status(update) = &seen.msg else { return Ok(()) };
        let past = self.tasks.at(update.task);
        if update.state.is_terminal() {
            past.told = true;
        } else if past.told {
            let (task, state, agent) = (update.task, update.state.name(), view.agent(update.agent));
            return Err(format!("{task} is {state} by the word of agent {agent}, which said before that it ended"));
        }
        Ok(())
    }

    fn fact(&mut self, view: View, fact: &Fact) -> Result<(), String> {
        match *fact {
            Fact::TaskEnded { task, .. } => self.tasks.at(task).ended = true,
            Fact::TaskStarted { task, host, .. } => {
                let why = match self.tasks.get(task) {
                    Past { ended: true, .. } => "a container of it ended before",
                    Past { told: true, .. } => "its agent said before that it ended",
                    _ => return Ok(()),
                };
                return Err(format!("{task} started on {} and {why}", view.world.names().text(host)));
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::mesos::message::Msg;
    use crate::mesos::task_state::TaskState;

    fn says(uuid: u64, state: TaskState) -> Msg {
        Msg::Status(update(uuid, state))
    }

    #[test]
    fn no_container_follows_the_end() {
        let mut stage = Stage::new("terminal-stays");
        assert!(stage.facts(&[started(TASK), stopped(TASK), stopped(TASK)]).is_empty());
        assert!(stage.send(says(1, TaskState::Running)).is_empty(), "was queued");
        assert_eq!(stage.facts(&[started(TASK)]), ["job-0.0 started on host and a container of it ended before"]);
        let mut stage = Stage::new("terminal-stays");
        assert!(stage.send(says(1, TaskState::Killed)).is_empty());
        assert_eq!(stage.facts(&[started(TASK)]), ["job-0.0 started on host and its agent said before that it ended"]);
    }

    #[test]
    fn no_other_update_follows_a_terminal_one() {
        let mut stage = Stage::new("terminal-stays");
        assert!(stage.step(&[(true, Msg::Update(update(0, TaskState::Lost)))], &[]).is_empty(), "the master's word");
        for (uuid, state) in [(1, TaskState::Running), (2, TaskState::Finished), (2, TaskState::Finished)] {
            assert!(stage.send(says(uuid, state)).is_empty());
        }
        assert!(stage.send(says(3, TaskState::Lost)).is_empty());
        assert_eq!(
            stage.send(says(4, TaskState::Running)),
            ["job-0.0 is TASK_RUNNING by the word of agent m-S0, which said before that it ended"]
        );
    }
}
