//! The tracker's write path: operations on instances, one after the other for each instance,
//! written to the store before they count (`InstanceTrackerActor`, `InstanceUpdater`).

use super::update::{self, Effect, Operation, Status};
use super::{Marathon, tracker};
use crate::actor::Cx;
use crate::base::map::Map;
use crate::marathon::model::instance::{Instance, InstanceId};
use crate::mesos::message::StatusUpdate;
use std::collections::VecDeque;
use std::sync::Arc;

/// What follows when an operation is through.
#[derive(Clone, PartialEq, Debug)]
pub enum Then {
    Nothing,
    /// The agent may forget the update.
    Acknowledge(StatusUpdate),
    /// One of the launches on an offer.
    Launch {
        accept: u64,
        at: u32,
    },
    /// One of the instances that the launch queue adds.
    Added,
}

/// An instance's operations that are under way or wait.
#[derive(Clone, Default, Debug)]
struct Pending {
    busy: bool,
    waiting: VecDeque<(Operation, Then)>,
}

/// A write on its way.
#[derive(Clone, Debug)]
pub struct Writing {
    id: InstanceId,
    effect: Effect,
    status: Option<Status>,
    then: Then,
}

#[derive(Clone, Default, Debug)]
pub struct Writes {
    pending: Map<InstanceId, Pending>,
    /// Instances whose next operation may begin.
    ready: VecDeque<InstanceId>,
    under_way: u32,
}

/// A change of an instance that has been written down.
#[derive(Clone, Debug)]
pub struct Change {
    pub id: InstanceId,
    pub before: Option<Arc<Instance>>,
    /// Its last state if it is gone now.
    pub after: Arc<Instance>,
    pub expunged: bool,
    pub status: Option<Status>,
}

impl Marathon {
    pub(super) fn operate(&mut self, id: InstanceId, operation: Operation, then: Then) {
        let pending = self.writes.pending.entry(id).or_default();
        if !pending.busy && pending.waiting.is_empty() {
            self.writes.ready.push_back(id);
        }
        pending.waiting.push_back((operation, then));
    }

    /// Begins the next operation; false if there is none or too many writes are under way.
    pub(super) fn write_next(&mut self, cx: &mut Cx) -> bool {
        if self.writes.under_way >= self.flags.instance_tracker_num_parallel_updates {
            return false;
        }
        let Some(id) = self.writes.ready.pop_front() else { return false };
        let Some((operation, then)) = self.writes.pending.get_mut(&id).and_then(|p| p.waiting.pop_front()) else {
            return true;
        };
        let effect = update::apply(self.tracker.get(id), &operation, cx.wall, self.flags.quirks);
        let status = match operation {
            Operation::Status(status) => Some(status),
            _ => None,
        };
        let written = match &effect {
            Effect::Noop | Effect::Fail => None,
            Effect::Update(instance) => Some((instance.clone(), false)),
            Effect::Expunge(instance) => Some((instance.clone(), true)),
        };
        let writing = Writing { id, effect, status, then };
        match written {
            None => {
                self.next_of(id);
                self.concluded(cx, &writing.then, false);
            }
            Some((instance, expunged)) => {
                if let Some(pending) = self.writes.pending.get_mut(&id) {
                    pending.busy = true;
                }
                self.writes.under_way += 1;
                self.store_instance(cx, &instance, expunged, writing);
            }
        }
        true
    }

    /// The next operation of this instance may begin.
    fn next_of(&mut self, id: InstanceId) {
        let Some(pending) = self.writes.pending.get_mut(&id) else { return };
        pending.busy = false;
        if pending.waiting.is_empty() {
            self.writes.pending.swap_remove(&id);
        } else {
            self.writes.ready.push_back(id);
        }
    }

    /// The store has it.
    pub(super) fn written(&mut self, cx: &mut Cx, writing: Writing) {
        self.writes.under_way -= 1;
        let (id, before) = (writing.id, self.tracker.get(writing.id).cloned());
        let (after, expunged) = match writing.effect {
            Effect::Update(instance) => (instance, false),
            Effect::Expunge(instance) => (instance, true),
            Effect::Noop | Effect::Fail => return,
        };
        self.tracker.put(cx.names, id, (!expunged).then(|| after.clone()));
        let change = Change { id, before, after, expunged, status: writing.status };
        self.changed(cx, &change);
        self.next_of(id);
        self.concluded(cx, &writing.then, true);
    }

    /// What was asked for is through; `took`: it changed something.
    fn concluded(&mut self, cx: &mut Cx, then: &Then, took: bool) {
        match then {
            Then::Nothing => {}
            Then::Acknowledge(update) => self.acknowledge(cx, update),
            Then::Launch { accept, at } => self.provisioned(cx, *accept, *at, took),
            Then::Added => self.added(cx),
        }
    }

    /// Whether a look at the app's number of instances is called for.
    pub(super) fn needs_scale_check(change: &Change) -> bool {
        let before = change.before.as_ref().map(|instance| instance.state.condition);
        tracker::calls_for_scale_check(before, change.after.state.condition)
    }
}
