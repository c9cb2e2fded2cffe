//! What a leader does from time to time (15.3 of the notes): looks for launches that take too
//! long, for lost instances to forget, at the number of instances of every app, and asks Mesos
//! what became of all tasks.
//!
//! A job without anything to look at has no timer; its next tick is on the same grid.

use super::flags::Quirks;
use super::scaling;
use super::update::Operation;
use super::writes::{Change, Then};
use super::{Marathon, Work, timer};
use crate::actor::{Cx, TimerKey};
use crate::base::id::Symbol;
use crate::base::map::Map;
use crate::base::time::Span;
use crate::fact::{Condition, Goal, KillReason};
use crate::marathon::model::app::Unreachable;
use crate::marathon::model::instance::{Instance, InstanceId, ReservationState, is_terminal};
use crate::marathon::model::path::PathId;
use crate::mesos::message::{Msg, TaskQuery};
use std::collections::BTreeMap;
use std::sync::Arc;

const OVERDUE_FIRST: Span = Span::from_secs(30);
const OVERDUE_EVERY: Span = Span::from_secs(5);
const BACKOFF_EVERY: Span = Span::from_secs(10);

/// A scale check that is not through.
#[derive(Clone, Debug)]
struct Scaling {
    path: PathId,
    /// Instances whose end it waits for, with their incarnation.
    waiting: BTreeMap<InstanceId, u32>,
    to_start: u32,
}

/// Apps that a deployment or a scale check works on: other scale checks keep off.
#[derive(Clone, Default, Debug)]
pub(super) struct Locks {
    deploying: Map<Symbol, Symbol>,
    scaling: Map<Symbol, Scaling>,
    overdue_armed: bool,
    expunge_armed: bool,
    backoff_armed: bool,
}

impl Locks {
    pub(super) fn deploy(&mut self, app: Symbol, deployment: Symbol) {
        self.deploying.insert(app, deployment);
        self.scaling.swap_remove(&app);
    }
    pub(super) fn release_deployment(&mut self, app: Symbol, deployment: Symbol) {
        if self.deploying.get(&app) == Some(&deployment) {
            self.deploying.swap_remove(&app);
        }
    }
    pub(super) fn release_scaling(&mut self, app: Symbol) {
        self.scaling.swap_remove(&app);
    }
    fn is_locked(&self, app: Symbol) -> bool {
        self.deploying.contains_key(&app) || self.scaling.contains_key(&app)
    }
}

impl Marathon {
    pub(super) fn begin_jobs(&mut self, cx: &mut Cx) {
        cx.timer(TimerKey::new(timer::SCALE, 0), self.flags.scale_apps_initial_delay);
        cx.timer(TimerKey::new(timer::RECONCILE, 0), self.flags.reconciliation_initial_delay);
        self.arm_overdue(cx);
        self.arm_expunge(cx);
    }

    // ---- overdue launches ----

    pub(super) fn arm_overdue(&mut self, cx: &mut Cx) {
        let idle = self.tracker.coming_up.is_empty() && self.tracker.reserving.is_empty();
        if !self.locks.overdue_armed && !idle {
            self.locks.overdue_armed = true;
            cx.timer(TimerKey::new(timer::OVERDUE, 0), self.until_tick(cx.now, OVERDUE_FIRST, OVERDUE_EVERY));
        }
    }

    pub(super) fn find_overdue(&mut self, cx: &mut Cx) {
        self.locks.overdue_armed = false;
        let (confirm, launch) = (self.flags.task_launch_confirm_timeout, self.flags.task_launch_timeout);
        let late = |instance: &Instance| {
            let staged = instance.tasks.iter().map(|task| task.staged_at).min();
            let limit = if instance.state.condition == Condition::Provisioned { confirm } else { launch };
            staged.is_some_and(|at| cx.wall - at > limit)
        };
        let known = self.tracker.coming_up.iter().filter_map(|id| self.tracker.get(*id));
        let overdue: Vec<InstanceId> = known.filter(|instance| late(instance)).map(|i| i.id).collect();
        for id in overdue {
            self.kill(cx, id, KillReason::Overdue);
        }
        // Whatever their goal is: a scaling down would wait for ever for one that was never launched.
        let late = |instance: &Instance| match instance.reservation.as_ref().map(|reservation| reservation.state) {
            Some(ReservationState::New { deadline }) => deadline <= cx.wall,
            _ => false,
        };
        let known = self.tracker.reserving.iter().filter_map(|id| self.tracker.get(*id));
        let unseen: Vec<InstanceId> = known.filter(|instance| late(instance)).map(|i| i.id).collect();
        for id in unseen {
            self.operate(id, Operation::ReservationTimeout, Then::Nothing);
        }
        self.arm_overdue(cx);
    }

    // ---- lost instances ----

    pub(super) fn arm_expunge(&mut self, cx: &mut Cx) {
        if !self.locks.expunge_armed && !self.tracker.inactive.is_empty() {
            self.locks.expunge_armed = true;
            let (first, every) = (self.flags.task_lost_expunge_initial_delay, self.flags.task_lost_expunge_interval);
            cx.timer(TimerKey::new(timer::EXPUNGE, 0), self.until_tick(cx.now, first, every));
        }
    }

    pub(super) fn expunge_lost(&mut self, cx: &mut Cx) {
        self.locks.expunge_armed = false;
        let too_long = |instance: &Instance| match instance.spec.unreachable {
            Unreachable::Disabled => false,
            Unreachable::Enabled { expunge_after, .. } => {
                instance.tasks.iter().any(|t| t.unreachable_since.is_some_and(|at| cx.wall - at >= expunge_after))
            }
        };
        let known = self.tracker.inactive.iter().filter_map(|id| self.tracker.get(*id));
        let lost: Vec<InstanceId> = known.filter(|instance| too_long(instance)).map(|i| i.id).collect();
        for id in lost {
            self.operate(id, Operation::ForceExpunge, Then::Nothing);
        }
        self.arm_expunge(cx);
    }

    // ---- backoff ----

    pub(super) fn arm_backoff(&mut self, cx: &mut Cx) {
        if !self.locks.backoff_armed && !self.limiter.is_empty() {
            self.locks.backoff_armed = true;
            cx.timer(TimerKey::new(timer::BACKOFF, 0), self.until_tick(cx.now, BACKOFF_EVERY, BACKOFF_EVERY));
        }
    }

    pub(super) fn clean_up_backoff(&mut self, cx: &mut Cx) {
        self.locks.backoff_armed = false;
        for key in self.limiter.clean_up(cx.now) {
            self.look_at_launches(cx, key.app);
        }
        self.arm_backoff(cx);
    }

    // ---- scale checks ----

    pub(super) fn check_all(&mut self, cx: &mut Cx) {
        cx.timer(TimerKey::new(timer::SCALE, 0), self.flags.scale_apps_interval);
        let paths: Vec<PathId> = self.root.all_specs().into_keys().cloned().collect();
        self.work.extend(paths.into_iter().map(Work::ScaleCheck));
    }

    pub(super) fn check_scale(&mut self, cx: &mut Cx, path: &PathId) {
        let Some(spec) = self.spec(path).cloned() else { return };
        let app = cx.names.intern(path.as_str());
        if self.locks.is_locked(app) {
            return;
        }
        let counted = self.tracker.app(app).map_or(0, |known| known.counted);
        if counted < spec.instances {
            let scaling = Scaling { path: path.clone(), waiting: BTreeMap::new(), to_start: 0 };
            self.locks.scaling.insert(app, scaling);
            return self.add_instances(cx, &spec, spec.instances - counted, true);
        }
        if counted == spec.instances {
            return;
        }
        let all: Vec<Arc<Instance>> = self.tracker.of_app(app).filter(|i| scaling::counts(i)).cloned().collect();
        let candidates: Vec<&Instance> = all.iter().map(|instance| &**instance).collect();
        let fields = &mut self.tracker.fields;
        let proposal = scaling::propose(cx.names, fields, &spec, &candidates, &[], spec.instances);
        // Quirk: it waits for all instances of the app, survivors too, so that the lock stays until
        // a deployment of the app takes it over.
        let waiting = match self.flags.quirks {
            Quirks::Real => self.tracker.of_app(app).map(|i| (i.id, i.incarnation)).collect(),
            Quirks::Fixed => {
                let incarnation = |id: &InstanceId| Some((*id, self.tracker.get(*id)?.incarnation));
                proposal.victims.iter().filter_map(incarnation).collect()
            }
        };
        let scaling = Scaling { path: path.clone(), waiting, to_start: proposal.to_start };
        self.locks.scaling.insert(app, scaling);
        for id in proposal.victims {
            self.decommission(cx, id, KillReason::OverCapacity);
        }
    }

    /// A scale check may wait for this.
    pub(super) fn scaling_saw(&mut self, cx: &mut Cx, app: Symbol, change: &Change) {
        let Some(scaling) = self.locks.scaling.get_mut(&app) else { return };
        let Some(incarnation) = scaling.waiting.get(&change.id) else { return };
        if !is_killed(change, *incarnation) {
            return;
        }
        scaling.waiting.remove(&change.id);
        if !scaling.waiting.is_empty() {
            return;
        }
        let (to_start, path) = (scaling.to_start, scaling.path.clone());
        match self.spec(&path).cloned().filter(|_| to_start > 0) {
            Some(spec) => self.add_instances(cx, &spec, to_start, true),
            None => self.locks.release_scaling(app),
        }
    }

    // ---- reconciliation ----

    pub(super) fn reconcile(&mut self, cx: &mut Cx) {
        cx.timer(TimerKey::new(timer::RECONCILE, 0), self.flags.reconciliation_interval);
        let Some(framework) = self.driver.connected_as() else { return };
        let mut queries: Vec<TaskQuery> = Vec::new();
        let mut orphans: Vec<InstanceId> = Vec::new();
        for (app, known) in self.tracker.apps() {
            let orphaned = self.root.spec(&known.id).is_none();
            for instance in self.tracker.of_app(app) {
                let agent = instance.place.as_ref().map(|place| place.agent);
                let live = instance.tasks.iter().filter(|task| !is_terminal(task.condition));
                queries.extend(live.map(|task| TaskQuery { task: task.id, agent }));
                if orphaned {
                    orphans.push(instance.id);
                }
            }
        }
        if !queries.is_empty() {
            self.tell(cx, Msg::Reconcile { framework, tasks: queries.into() });
        }
        self.tell(cx, Msg::Reconcile { framework, tasks: Arc::new([]) });
        for id in orphans {
            self.set_goal(cx, id, Goal::Decommissioned, KillReason::Orphan);
        }
        self.reconcile_health(cx);
    }
}

/// As those who wait for the end of an instance's task see it: over, replaced or forgotten.
#[must_use]
pub(super) fn is_killed(change: &Change, incarnation: u32) -> bool {
    let after = &change.after;
    change.expunged || after.is_considered_terminal() || after.is_idle() || after.incarnation > incarnation
}
