//! Status updates arrive in order: what a framework is given of a task, without repeats, is a
//! subsequence of what the task's agent sent, in the same order and with the same states.
//!
//! Upstream promises it in `docs/high-availability-framework-guide` and by construction: of each
//! stream only the oldest update is in flight, the next follows the acknowledgement
//! (`task_status_update_manager.cpp`), and connections keep the order (MESOS-1799, MESOS-1389 and
//! MESOS-4671 were violations).
//!
//! AREAS VERIFIED: every update with a uuid that is given to a framework was sent by the agent
//! with that state; none comes after a later one (not even as a repeat, because a repeat of what
//! has been acknowledged is never sent); before the terminal update the agent itself never goes
//! back, from STARTING over RUNNING to KILLING.
//!
//! AREAS NOT VERIFIED: updates without a uuid (the master's own and answers to reconciliation),
//! which upstream lets interleave; what an agent sends after a terminal update, which is the
//! business of `terminal-stays`; whether every update arrives, because that needs a bound in time.

use super::ledger::TaskTable;
use super::{Hears, Invariant, View};
use crate::base::slab::Slab;
use crate::fact::ProcessKind;
use crate::mesos::message::{Msg, StatusUpdate};
use crate::mesos::task_state::TaskState;
use crate::world::Seen;
use smallvec::SmallVec;

pub const SUMMARY: &str = "updates of a task reach its framework in the order of its agent";

/// Updates that the agent has sent, oldest first; those before `delivered` lie behind.
#[derive(Clone, Default)]
struct Stream {
    sent: SmallVec<[(u64, TaskState); 3]>,
    delivered: usize,
}

#[derive(Clone, Default)]
pub struct UpdatesInOrder {
    /// Streams whose terminal update has not been delivered.
    live: Slab<Stream>,
    /// Of each task the index of its stream, + 1.
    streams: TaskTable<u32>,
    /// The terminal update that was delivered, so that its repeats are known.
    last: TaskTable<u64>,
}

/// How far a task has come, as its agent tells it.
fn rank(state: TaskState) -> u8 {
    match state {
        TaskState::Staging => 0,
        TaskState::Starting => 1,
        TaskState::Running => 2,
        TaskState::Killing => 3,
        _ => 4,
    }
}

impl UpdatesInOrder {
    fn sent(&mut self, update: &StatusUpdate) -> Result<(), String> {
        let (task, uuid, state) = (update.task, update.uuid, update.state);
        if self.last.get(task) == uuid {
            return Ok(());
        }
        let index = self.streams.at(task);
        if *index == 0 {
            *index = self.live.insert(Stream::default()).index + 1;
        }
        let stream = self.live.at_mut(*index - 1).expect("just found");
        if stream.sent.iter().any(|s| s.0 == uuid) {
            return Ok(());
        }
        let before = stream.sent.last().map(|s| s.1);
        stream.sent.push((uuid, state));
        match before {
            Some(before) if !before.is_terminal() && rank(state) < rank(before) => {
                Err(format!("the agent of {task} sent {} after {}", state.name(), before.name()))
            }
            _ => Ok(()),
        }
    }

    fn delivered(&mut self, update: &StatusUpdate) -> Result<(), String> {
        let (task, uuid, state) = (update.task, update.uuid, update.state);
        let name = state.name();
        let index = self.streams.get(task);
        let Some(stream) = index.checked_sub(1).and_then(|index| self.live.at_mut(index)) else {
            return if self.last.get(task) == uuid {
                Ok(())
            } else {
                Err(format!("{name} of {task} was delivered after its last update"))
            };
        };
        let Some(at) = stream.sent.iter().position(|s| s.0 == uuid) else {
            // A repeat of an earlier terminal update, when the agent has begun a stream anew.
            if self.last.get(task) == uuid {
                return Ok(());
            }
            return Err(format!("{name} of {task} was delivered and its agent never sent it"));
        };
        let told = stream.sent[at].1;
        if told != state {
            return Err(format!("{} of {task} was delivered as {name}", told.name()));
        }
        if at < stream.delivered {
            let later = stream.sent[stream.delivered].1.name();
            return Err(format!("{name} of {task} was delivered after {later}"));
        }
        stream.delivered = at;
        if state.is_terminal() {
            // An agent that came back without the task may have begun to say that it is lost.
            if at + 1 == stream.sent.len() {
                self.live.key_at(index - 1).and_then(|key| self.live.remove(key));
                *self.streams.at(task) = 0;
            }
            *self.last.at(task) = uuid;
        }
        Ok(())
    }
}

impl Invariant for UpdatesInOrder {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Messages]
    }

    fn messages(&self) -> &'static [&'static str] {
        &["STATUS_UPDATE", "UPDATE"]
    }

    fn lens(_: ProcessKind, msg: &Msg, sent: bool) -> bool {
        match msg {
            Msg::Status(_) => sent,
            Msg::Update(_) => !sent,
            _ => false,
        }
    }

    fn message(&mut self, _: View, seen: &Seen) -> Result<(), String> {
        match &seen.msg {
            Msg::Status(update) => self.sent(update),
            Msg::Update(update) if update.uuid != 0 => self.delivered(update),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use TaskState::{Finished, Lost, Running, Starting};

    /// Sends (`true`) and deliveries in turn; what the last one finds. All others are in order.
    fn play(turns: &[(bool, u64, TaskState)]) -> Vec<String> {
        let mut stage = Stage::new("updates-in-order");
        let mut turn = |&(sent, uuid, state): &(bool, u64, TaskState)| {
            let msg = if sent { Msg::Status(update(uuid, state)) } else { Msg::Update(update(uuid, state)) };
            stage.step(&[(sent, msg)], &[])
        };
        let (last, before) = turns.split_last().expect("not empty");
        for at in before {
            assert_eq!(turn(at), [""; 0], "{at:?}");
        }
        turn(last)
    }

    #[test]
    fn repeats_and_gaps_are_in_order() {
        let whole = [
            (true, 1, Starting),
            (false, 1, Starting),
            (true, 1, Starting),
            (true, 2, Running),
            (false, 1, Starting),
            (true, 3, Finished),
            (false, 3, Finished),
            (true, 3, Finished),
            (false, 3, Finished),
            (false, 0, Lost),
        ];
        assert_eq!(play(&whole), [""; 0]);
    }

    #[test]
    fn an_agent_may_come_back_without_the_task() {
        let lost = [(true, 1, Running), (true, 2, Finished), (true, 3, Lost), (false, 2, Finished), (false, 3, Lost)];
        assert_eq!(play(&lost), [""; 0]);
    }

    #[test]
    fn going_back_is_found() {
        let going = [(true, 1, Starting), (true, 2, Running), (false, 2, Running), (false, 1, Starting)];
        assert_eq!(play(&going), ["TASK_STARTING of job-0.0 was delivered after TASK_RUNNING"]);
        let over = [(true, 1, Running), (true, 2, Finished), (false, 2, Finished), (false, 1, Running)];
        assert_eq!(play(&over), ["TASK_RUNNING of job-0.0 was delivered after its last update"]);
        let swapped = [(true, 1, Running), (true, 2, Starting)];
        assert_eq!(play(&swapped), ["the agent of job-0.0 sent TASK_STARTING after TASK_RUNNING"]);
    }

    #[test]
    fn invented_and_altered_updates_are_found() {
        let invented = [(true, 1, Running), (false, 2, Finished)];
        assert_eq!(play(&invented), ["TASK_FINISHED of job-0.0 was delivered and its agent never sent it"]);
        let altered = [(true, 1, Running), (false, 1, Finished)];
        assert_eq!(play(&altered), ["TASK_RUNNING of job-0.0 was delivered as TASK_FINISHED"]);
    }
}
