//! What Marathon launches it has written down before.
//!
//! Upstream promises it as the write-ahead rule of its guide to high availability, and keeps it in
//! `OfferProcessorImpl`, which saves instances and then accepts the offer: whoever leads next finds
//! every task that may run.
//!
//! AREAS VERIFIED: each task that a Marathon launches stands, not yet known to Mesos, in a record
//! of an instance that ZooKeeper acknowledged to this process before the ACCEPT leaves, and is
//! launched once. AREAS NOT VERIFIED: reservations; Marathons that keep their state in memory, which
//! promise nothing.

use super::{Hears, Invariant, View};
use crate::base::id::{Symbol, TaskId};
use crate::base::map::{Map, Set};
use crate::marathon::model::instance::Instance;
use crate::fact::ProcessKind;
use crate::mesos::message::{Launch, Msg};
use crate::world::Seen;
use crate::zk::wire::{Answer, Data, Request};

pub const SUMMARY: &str = "Marathon's store has every task's record before the task is launched";

#[derive(Clone, Default)]
pub struct IntentFirst {
    /// Processes that write to a store: it is none in memory.
    writers: Set<u32>,
    /// Tasks in records that are on their way, by process and token.
    under_way: Map<(u32, u64), Vec<TaskId>>,
    /// Tasks that were written down by a process and not launched yet.
    durable: Set<(u32, TaskId)>,
}

/// The tasks of a record that Mesos has not heard of.
fn intended(request: &Request) -> Vec<TaskId> {
    let (Request::Set { data: Data::Record(record), .. } | Request::Create { data: Data::Record(record), .. }) =
        request
    else {
        return Vec::new();
    };
    let tasks = record.get::<Instance>().into_iter().flat_map(|instance| &instance.tasks);
    tasks.filter(|task| task.mesos.is_none()).map(|task| task.id).collect()
}

impl IntentFirst {
    fn launched(&mut self, view: View, slot: u32, task: TaskId) -> Result<(), String> {
        if self.writers.contains(&slot) && !self.durable.swap_remove(&(slot, task)) {
            let task = view.world.names().text(Symbol(task.n));
            return Err(format!("{task} was launched, and its store does not have it yet"));
        }
        Ok(())
    }
}

impl Invariant for IntentFirst {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Messages]
    }

    fn messages(&self) -> &'static [&'static str] {
        &["store", "stored", "ACCEPT"]
    }

    fn lens(from: ProcessKind, msg: &Msg, sent: bool) -> bool {
        let looked_at = match msg {
            Msg::Store { .. } | Msg::Accept { .. } | Msg::AcceptBulk(_) => sent,
            Msg::Stored { .. } => !sent,
            _ => false,
        };
        looked_at && from == ProcessKind::Marathon
    }

    fn message(&mut self, view: View, seen: &Seen) -> Result<(), String> {
        let slot = seen.from.slot;
        match &seen.msg {
            Msg::Store { token, request } => {
                if matches!(**request, Request::Set { .. } | Request::Create { .. }) {
                    self.writers.insert(slot);
                }
                let tasks = intended(request);
                // A process counts its requests from 0 again in its next life.
                self.under_way.swap_remove(&(slot, *token));
                if !tasks.is_empty() {
                    self.under_way.insert((slot, *token), tasks);
                }
                Ok(())
            }
            Msg::Stored { token, answer } => {
                let tasks = self.under_way.swap_remove(&(seen.to.slot, *token)).unwrap_or_default();
                if !matches!(**answer, Answer::Refused(_)) {
                    self.durable.extend(tasks.into_iter().map(|task| (seen.to.slot, task)));
                }
                Ok(())
            }
            Msg::Accept { launches, .. } => {
                let mut tasks = launches.as_slice().iter().flat_map(Launch::tasks);
                tasks.try_for_each(|task| self.launched(view, slot, task))
            }
            Msg::AcceptBulk(acceptance) => {
                acceptance.tasks().try_for_each(|task| self.launched(view, slot, task))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::base::id::OfferId;
    use crate::base::time::Span;
    use crate::job::{Behaviour, TaskSpec};
    use crate::marathon::core::testing::{scheduled, spec, task, task_id};
    use crate::marathon::model::instance::Instance;
    use crate::mesos::message::{Launch, Launches, Msg, Refuse};
    use crate::zk::wire::{Answer, Data, Opaque, Refused, Request};
    use std::sync::Arc;

    fn store(token: u64, tasks: &[u32]) -> Msg {
        let tasks = tasks.iter().map(|n| task(*n)).collect();
        let instance = Instance { tasks, ..scheduled(1, Arc::new(spec("/app", 1))) };
        let data = Data::Record(Opaque(Arc::new(instance)));
        let request = Request::Set { path: "/marathon/state/instances/i".into(), data, version: None };
        Msg::Store { token, request: Arc::new(request) }
    }

    fn stored(token: u64, answer: Answer) -> Msg {
        Msg::Stored { token, answer: Arc::new(answer) }
    }

    fn accept(n: u32) -> Msg {
        let behaviour = Behaviour::fixed(Span::from_secs(1));
        let spec = Arc::new(TaskSpec::plain(task_id(n).template, FRAMEWORK.0, cpus(1), behaviour));
        let launches = Launches::One(Launch { spec, first: n, count: 1 });
        let offer = OfferId::new(MASTER, 0);
        Msg::Accept { framework: FRAMEWORK, offer, more: None, refuse: Refuse::NONE, launches }
    }

    #[test]
    fn fires_when_a_launch_overtakes_its_record() {
        let done = || Answer::Done { version: 1 };
        let mut stage = Stage::new("intent-first");
        assert!(stage.send(accept(1)).is_empty(), "a store in memory");
        stage.send(store(0, &[1]));
        assert!(stage.step(&[(false, stored(0, done())), (true, accept(1))], &[]).is_empty());
        let mut late = Stage::new("intent-first");
        late.send(store(0, &[1]));
        assert_eq!(late.send(accept(1)), ["host was launched, and its store does not have it yet"]);
        let mut refused = Stage::new("intent-first");
        refused.send(store(0, &[1]));
        refused.step(&[(false, stored(0, Answer::Refused(Refused::NoNode)))], &[]);
        assert!(refused.send(accept(1))[0].contains("does not have it"));
        stage.send(store(1, &[]));
        assert!(stage.step(&[(false, stored(1, done())), (true, accept(2))], &[])[0].starts_with('f'), "another");
    }
}
