//! Scaling: victims first, then what is missing is started until all of it counts
//! (`AppStartActor`, `TaskStartActor`).

use super::super::scaling::{self, propose};
use super::super::writes::Change;
use super::super::{Marathon, timer};
use super::{Gate, Stage};
use crate::actor::{Cx, TimerKey};
use crate::base::id::Symbol;
use crate::base::time::Span;
use crate::fact::{Condition, Goal};
use crate::marathon::model::app::RunSpec;
use crate::marathon::model::instance::{Instance, InstanceId};
use std::sync::Arc;

/// The number of instances is looked at after this, and then at these intervals.
const FIRST_SYNC: Span = Span::from_secs(1);
const SYNC: Span = Span::from_secs(5);

#[derive(Clone, Default, Debug)]
pub(super) struct Start {
    /// How many are to come up; computed once.
    wanted: u32,
    pub(super) gate: Gate,
}

pub(super) fn sync_timer(app: Symbol) -> TimerKey {
    TimerKey::new(timer::SYNC, u64::from(app.0))
}

impl Marathon {
    pub(super) fn scale_victims(
        &mut self,
        cx: &mut Cx,
        app: Symbol,
        spec: &RunSpec,
        sentenced: &[InstanceId],
    ) -> Vec<InstanceId> {
        let counted = self.tracker.app(app).map_or(0, |known| known.counted);
        if sentenced.is_empty() && counted <= spec.instances {
            return Vec::new();
        }
        let all: Vec<Arc<Instance>> = self.tracker.of_app(app).filter(|i| scaling::counts(i)).cloned().collect();
        let candidates: Vec<&Instance> = all.iter().map(|instance| &**instance).collect();
        propose(cx.names, &mut self.tracker.fields, spec, &candidates, sentenced, spec.instances).victims
    }

    fn missing(&self, app: Symbol, spec: &RunSpec) -> u32 {
        spec.instances.saturating_sub(self.tracker.app(app).map_or(0, |known| known.there))
    }

    /// When the last victim is gone, the start begins.
    pub(super) fn check_killed(&mut self, cx: &mut Cx, app: Symbol) {
        let Some(action) = self.deployments.actions.get_mut(&app) else { return };
        if !matches!(&action.stage, Stage::Killing(waiting) if waiting.is_empty()) {
            return;
        }
        let spec = action.spec.clone();
        let wanted = self.missing(app, &spec);
        let Some(action) = self.deployments.actions.get_mut(&app) else { return };
        action.stage = Stage::Starting(Start { wanted, gate: Gate::default() });
        if wanted > 0 {
            cx.timer(sync_timer(app), FIRST_SYNC);
            self.add_instances(cx, &spec, wanted, false);
        }
        self.check_started(cx, app);
    }

    /// The start is through when exactly those that were wanted are healthy and ready.
    pub(super) fn check_started(&mut self, cx: &mut Cx, app: Symbol) {
        let Some(action) = self.deployments.actions.get(&app) else { return };
        let (deployment, Stage::Starting(start)) = (action.deployment, &action.stage) else { return };
        if start.gate.has(start.wanted) {
            self.action_done(cx, app, deployment);
        }
    }

    pub(in super::super) fn sync_action(&mut self, cx: &mut Cx, app: Symbol) {
        let Some(action) = self.deployments.actions.get(&app) else { return };
        if !matches!(action.stage, Stage::Starting(_)) {
            return;
        }
        let spec = action.spec.clone();
        cx.timer(sync_timer(app), SYNC);
        let missing = self.missing(app, &spec);
        if missing > 0 {
            self.add_instances(cx, &spec, missing, false);
        }
    }

    pub(super) fn start_saw(&mut self, cx: &mut Cx, app: Symbol, change: &Change) {
        let Some(action) = self.deployments.actions.get_mut(&app) else { return };
        let (spec, Stage::Starting(start)) = (action.spec.clone(), &mut action.stage) else { return };
        if change.after.spec.versions.version != spec.versions.version {
            return;
        }
        if change.expunged || change.after.is_considered_terminal() {
            start.gate.leaves(change.id);
            if change.after.state.goal != Goal::Running {
                // Taken away from outside: another one.
                self.add_instances(cx, &spec, 1, false);
            }
            self.check_started(cx, app);
        } else if change.after.state.condition == Condition::Running {
            self.new_instance_runs(cx, app, change.id);
        }
    }
}
