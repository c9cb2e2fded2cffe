//! Rolling replacement of an app's instances by those of a new version (`TaskReplaceActor`).

use super::super::Marathon;
use super::super::limiter::ConfigKey;
use super::super::writes::Change;
use super::{Action, Gate, Stage, considered_healthy};
use crate::actor::Cx;
use crate::actor::bug::Bug;
use crate::base::id::Symbol;
use crate::fact::{Condition, Goal, KillReason};
use crate::marathon::model::app::{RunSpec, UpgradeStrategy};
use crate::marathon::model::instance::{Instance, InstanceId};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// How many may be there at a time, and how many old ones go at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Pace {
    max_capacity: u32,
    kill_now: u32,
}

/// `there`: instances of any version; `healthy`: of these wanted and healthy; `rigid`: an old bug.
fn pace(target: u32, strategy: UpgradeStrategy, resident: bool, there: u32, healthy: u32, rigid: bool) -> Pace {
    let n = f64::from(target);
    let min_healthy = libm::ceil(n * strategy.minimum_health_capacity) as u32;
    let mut max_capacity = libm::floor(n * (1.0 + strategy.maximum_over_capacity)) as u32;
    let mut kill_now = healthy.saturating_sub(min_healthy);
    if min_healthy == max_capacity && max_capacity <= healthy && !rigid {
        // No room to move: one fewer, where a volume cannot be had twice, otherwise one more.
        if resident {
            kill_now = healthy - min_healthy + 1;
        } else {
            max_capacity += 1;
        }
    }
    if target < there {
        // Left over by a deployment that was overridden.
        kill_now = kill_now.max(there - target);
    }
    Pace { max_capacity, kill_now }
}

#[derive(Clone, Debug)]
pub(super) struct Replace {
    pub(super) gate: Gate,
    /// Wanted instances of other versions that are not over yet.
    old: BTreeSet<InstanceId>,
    /// Old ones in the order in which they go.
    kill_queue: VecDeque<InstanceId>,
    /// New instances that were there or were started.
    started: u32,
    max_capacity: u32,
}

impl Marathon {
    pub(super) fn begin_replace(&mut self, cx: &mut Cx, deployment: Symbol, app: Symbol, spec: &Arc<RunSpec>) {
        let version = spec.versions.version;
        if spec.instances == 0 {
            return self.action_done(cx, app, deployment);
        }
        let all: Vec<Arc<Instance>> = self.tracker.of_app(app).cloned().collect();
        let wanted = |i: &Instance| i.state.goal == Goal::Running;
        let running_will_do = cx.shows(Bug::RunningIsHealthy);
        let well = |i: &Instance| considered_healthy(i) || (running_will_do && i.state.condition == Condition::Running);
        let healthy = all.iter().filter(|i| wanted(i) && well(i)).count() as u32;
        let rigid = cx.shows(Bug::NoRoomToMove);
        let pace = pace(spec.instances, spec.upgrade, spec.is_resident(), all.len() as u32, healthy, rigid);
        let (new, old): (Vec<_>, Vec<_>) = all.iter().partition(|i| i.spec.versions.version == version);
        let old: Vec<&Arc<Instance>> = old.into_iter().filter(|i| wanted(i)).collect();
        let (well, ill): (Vec<&Arc<Instance>>, Vec<&Arc<Instance>>) = old.iter().partition(|i| considered_healthy(i));
        let replace = Replace {
            gate: Gate::default(),
            old: old.iter().map(|i| i.id).collect(),
            kill_queue: ill.into_iter().chain(well).map(|i| i.id).collect(),
            started: new.len() as u32,
            max_capacity: pace.max_capacity,
        };
        let stage = Stage::Replacing(Box::new(replace));
        self.deployments.actions.insert(app, Action { deployment, spec: spec.clone(), stage });
        for instance in new {
            self.examine(cx, app, instance);
        }
        for _ in 0..pace.kill_now {
            self.kill_next_old(cx, app);
        }
        self.launch_new(cx, app);
        let config = ConfigKey { app, changed: spec.versions.last_config_change };
        self.reset_delay(cx, &spec.id, Some(config));
        self.check_replaced(cx, app);
    }

    /// A new instance that an earlier attempt has started. Quirk: without health checks it counts, also
    /// if it only waits.
    fn examine(&mut self, cx: &mut Cx, app: Symbol, instance: &Arc<Instance>) {
        let Some(action) = self.deployments.actions.get_mut(&app) else { return };
        let (checked, polled) = (action.spec.is_checked(), !action.spec.readiness_checks.is_empty());
        let running = instance.state.condition == Condition::Running;
        let healthy = !checked || instance.state.healthy == Some(true);
        if let Some(gate) = action.stage.gate()
            && healthy
        {
            gate.is_healthy(instance.id, !polled);
        }
        if polled && running {
            self.begin_readiness(cx, app, instance.id);
        }
    }

    pub(super) fn kill_next_old(&mut self, cx: &mut Cx, app: Symbol) {
        let Some(action) = self.deployments.actions.get_mut(&app) else { return };
        let Stage::Replacing(replace) = &mut action.stage else { return };
        // Quirk: one that is gone already uses up the turn.
        if let Some(id) = replace.kill_queue.pop_front() {
            self.decommission(cx, id, KillReason::Deployment);
        }
    }

    /// Starts as many as there is room for. Those being killed take room until they are over.
    fn launch_new(&mut self, cx: &mut Cx, app: Symbol) {
        let Some(action) = self.deployments.actions.get_mut(&app) else { return };
        let (spec, Stage::Replacing(replace)) = (action.spec.clone(), &mut action.stage) else { return };
        let room = replace.max_capacity.saturating_sub(replace.old.len() as u32 + replace.started);
        let count = spec.instances.saturating_sub(replace.started).min(room);
        replace.started += count;
        if count > 0 {
            self.add_instances(cx, &spec, count, false);
        }
    }

    pub(super) fn check_replaced(&mut self, cx: &mut Cx, app: Symbol) {
        let Some(action) = self.deployments.actions.get(&app) else { return };
        let (deployment, Stage::Replacing(replace)) = (action.deployment, &action.stage) else { return };
        if replace.old.is_empty() && replace.gate.has(action.spec.instances) {
            self.action_done(cx, app, deployment);
        }
    }

    pub(super) fn replace_saw(&mut self, cx: &mut Cx, app: Symbol, change: &Change) {
        let Some(action) = self.deployments.actions.get_mut(&app) else { return };
        let Stage::Replacing(replace) = &mut action.stage else { return };
        let after = &change.after;
        let over = change.expunged || after.is_considered_terminal();
        let wanted = after.state.goal == Goal::Running;
        if after.spec.versions.version == action.spec.versions.version {
            if over {
                replace.gate.leaves(change.id);
                if change.expunged || !wanted {
                    replace.started = replace.started.saturating_sub(1);
                    self.launch_new(cx, app);
                }
            } else if after.state.condition == Condition::Running {
                self.new_instance_runs(cx, app, change.id);
            }
        } else if over || (after.state.condition == Condition::Scheduled && !wanted) {
            let was_old = replace.old.remove(&change.id);
            if was_old && wanted && !change.expunged {
                // It died by itself: not launched again, a new one takes its place.
                self.decommission(cx, change.id, KillReason::Deployment);
            } else {
                self.launch_new(cx, app);
            }
            self.check_replaced(cx, app);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of section 7 of the notes.
    #[test]
    fn the_pace_of_replacement() {
        let run = |resident, n, min, over, there, healthy| {
            let strategy = UpgradeStrategy { minimum_health_capacity: min, maximum_over_capacity: over };
            let Pace { max_capacity, kill_now } = pace(n, strategy, resident, there, healthy, false);
            (max_capacity, kill_now)
        };
        assert_eq!(run(true, 1, 0.5, 0.0, 1, 1), (1, 1));
        assert_eq!(run(true, 1, 0.5, 0.0, 1, 0), (1, 0));
        assert_eq!(run(true, 5, 0.5, 0.0, 5, 5), (5, 2));
        assert_eq!(run(true, 5, 1.0, 0.0, 7, 7), (5, 3));
        assert_eq!(run(true, 5, 1.0, 0.0, 5, 3), (5, 0));
        assert_eq!(run(true, 5, 1.0, 0.0, 5, 5), (5, 1));
        assert_eq!(run(false, 1, 0.5, 0.0, 1, 1), (2, 0));
        assert_eq!(run(false, 1, 0.5, 0.0, 0, 0), (1, 0));
        assert_eq!(run(false, 2, 0.5, 0.0, 2, 2), (2, 1));
        assert_eq!(run(false, 10, 0.1, 0.0, 1, 1), (10, 0));
        assert_eq!(run(false, 10, 0.1, 1.0, 10, 10), (20, 9));
        assert_eq!(run(false, 10, 1.0, 1.0, 10, 10), (20, 0));
    }
}
