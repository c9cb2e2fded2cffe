//! Deployments: which run, what they lock, their steps (`DeploymentManagerActor`,
//! `DeploymentActor`).
//!
//! An app takes part in at most one running deployment, and there in at most one action at a time,
//! so what happens to an instance concerns one action.

mod gate;
mod replace;
mod scale;

use super::writes::Change;
use super::{Marathon, Work};
use crate::actor::Cx;
use crate::actor::bug::Bug;
use crate::base::id::Symbol;
use crate::base::map::{Map, Set};
use crate::fact::{Condition, DeploymentEnd, Fact, Goal, KillReason};
use crate::marathon::model::app::RunSpec;
use crate::marathon::model::instance::{Instance, InstanceId};
use crate::marathon::model::plan::{self, Plan};
use crate::marathon::rest::event::Event;
use gate::Gate;
use replace::Replace;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone, Debug)]
struct Deployment {
    plan: Arc<Plan>,
    /// Steps begun; the last of them is under way.
    step: usize,
    /// Apps whose actions of that step are not through.
    open: Set<Symbol>,
}

/// What is being done with an app.
#[derive(Clone, Debug)]
struct Action {
    deployment: Symbol,
    spec: Arc<RunSpec>,
    stage: Stage,
}

#[derive(Clone, Debug)]
enum Stage {
    /// Everything is to go; instances with their incarnation.
    Stopping(BTreeMap<InstanceId, u32>),
    /// Victims go first, then what is missing is started.
    Killing(BTreeMap<InstanceId, u32>),
    Starting(scale::Start),
    Replacing(Box<Replace>),
}

impl Stage {
    fn gate(&mut self) -> Option<&mut Gate> {
        match self {
            Self::Starting(start) => Some(&mut start.gate),
            Self::Replacing(replace) => Some(&mut replace.gate),
            Self::Stopping(_) | Self::Killing(_) => None,
        }
    }
}

#[derive(Clone, Default, Debug)]
pub(super) struct Deployments {
    running: Map<Symbol, Deployment>,
    actions: Map<Symbol, Action>,
    /// Left by a predecessor, to be taken up.
    pub(super) reloaded: Vec<Arc<Plan>>,
}

impl Deployments {
    /// In the order in which they began, with the step (from 1) that is under way.
    pub(super) fn running(&self) -> impl Iterator<Item = (&Arc<Plan>, u32)> {
        self.running.values().map(|deployment| (&deployment.plan, deployment.step as u32))
    }
    pub(super) fn len(&self) -> usize {
        self.running.len()
    }
    pub(super) fn ids(&self) -> Vec<Symbol> {
        self.running.keys().copied().collect()
    }
    /// Deployments that touch some of the same apps.
    pub(super) fn in_conflict(&self, plan: &Plan) -> Vec<Symbol> {
        let ours = plan.affected();
        let meets = |d: &Deployment| d.plan.affected().iter().any(|id| ours.contains(id));
        self.running.iter().filter(|(_, d)| meets(d)).map(|(id, _)| *id).collect()
    }
}

impl Marathon {
    // ---- begin and end ----

    /// Begins a deployment; those in its way have been cancelled.
    pub(super) fn deploy(&mut self, cx: &mut Cx, plan: Arc<Plan>) {
        let id = plan.id;
        cx.fact(Fact::DeploymentBegan { deployment: id, steps: plan.steps.len() as u32 });
        for path in plan.affected() {
            let app = cx.names.intern(path.as_str());
            self.locks.deploy(app, id);
        }
        self.deployments.running.insert(id, Deployment { plan, step: 0, open: Set::default() });
        self.work.push_back(Work::Deploy(id));
    }

    /// Stops a deployment where it is: goals that were set stay as they are.
    pub(super) fn cancel_deployment(&mut self, cx: &mut Cx, id: Symbol) {
        self.end_deployment(cx, id, DeploymentEnd::Cancelled);
    }

    fn end_deployment(&mut self, cx: &mut Cx, id: Symbol, how: DeploymentEnd) {
        let Some(deployment) = self.deployments.running.shift_remove(&id) else { return };
        for path in deployment.plan.affected() {
            let app = cx.names.intern(path.as_str());
            if self.deployments.actions.get(&app).is_some_and(|action| action.deployment == id) {
                self.drop_action(cx, app);
            }
            self.locks.release_deployment(app, id);
        }
        cx.fact(Fact::DeploymentEnded { deployment: id, how });
        self.forget_plan(cx, id);
        let plan = deployment.plan;
        self.event(cx, |_| match how {
            DeploymentEnd::Succeeded => Event::DeploymentSucceeded { plan },
            DeploymentEnd::Failed => Event::DeploymentFailed { plan, reason: "failed".to_owned() },
            DeploymentEnd::Cancelled => Event::DeploymentFailed { plan, reason: "cancelled".to_owned() },
        });
    }

    fn drop_action(&mut self, cx: &mut Cx, app: Symbol) {
        self.deployments.actions.swap_remove(&app);
        cx.cancel(scale::sync_timer(app));
    }

    // ---- steps ----

    /// Begins the next step, unless one is under way.
    pub(super) fn next_step(&mut self, cx: &mut Cx, id: Symbol) {
        let Some(deployment) = self.deployments.running.get_mut(&id) else { return };
        if !deployment.open.is_empty() {
            return;
        }
        let plan = deployment.plan.clone();
        let Some(step) = plan.steps.get(deployment.step) else {
            return self.end_deployment(cx, id, DeploymentEnd::Succeeded);
        };
        let index = deployment.step;
        deployment.step += 1;
        let number = deployment.step as u32;
        let apps: Vec<Symbol> = step.iter().map(|action| cx.names.intern(action.spec().id.as_str())).collect();
        deployment.open.extend(apps.iter().copied());
        self.event(cx, |_| Event::DeploymentInfo { plan: plan.clone(), step: index });
        for (app, action) in apps.into_iter().zip(step) {
            cx.fact(Fact::DeploymentStep { deployment: id, step: number, app });
            self.begin_action(cx, id, app, action);
        }
    }

    fn begin_action(&mut self, cx: &mut Cx, deployment: Symbol, app: Symbol, action: &plan::Action) {
        let spec = action.spec().clone();
        if !matches!(action, plan::Action::Stop(_)) {
            self.add_health_checks(cx, app, &spec);
        }
        let begin = |stage| Action { deployment, spec: spec.clone(), stage };
        match action {
            plan::Action::Start(_) => self.action_done(cx, app, deployment),
            plan::Action::Stop(_) => {
                self.remove_all_health_checks(cx, app);
                let all: BTreeMap<InstanceId, u32> =
                    self.tracker.of_app(app).map(|instance| (instance.id, instance.incarnation)).collect();
                let ids: Vec<InstanceId> = all.keys().copied().collect();
                self.deployments.actions.insert(app, begin(Stage::Stopping(all)));
                for id in ids {
                    self.set_goal(cx, id, Goal::Decommissioned, KillReason::Deployment);
                }
                self.check_stopped(cx, app);
            }
            plan::Action::Scale { kill, .. } => {
                let sentenced: Vec<InstanceId> = kill.iter().map(|id| InstanceId(*id)).collect();
                let victims = self.scale_victims(cx, app, &spec, &sentenced);
                let waiting = victims.iter().filter_map(|id| Some((*id, self.tracker.get(*id)?.incarnation))).collect();
                self.deployments.actions.insert(app, begin(Stage::Killing(waiting)));
                for id in victims {
                    self.decommission(cx, id, KillReason::ScaleDown);
                }
                self.check_killed(cx, app);
            }
            plan::Action::Restart(_) => self.begin_replace(cx, deployment, app, &spec),
        }
    }

    /// The action is through: the step, if it was the last.
    fn action_done(&mut self, cx: &mut Cx, app: Symbol, id: Symbol) {
        if self.deployments.actions.get(&app).is_some_and(|action| action.deployment == id) {
            self.drop_action(cx, app);
        }
        let Some(deployment) = self.deployments.running.get_mut(&id) else { return };
        deployment.open.swap_remove(&app);
        if deployment.open.is_empty() {
            let (plan, step) = (deployment.plan.clone(), deployment.step.saturating_sub(1));
            self.event(cx, |_| Event::StepSucceeded { plan, step });
            self.work.push_back(Work::Deploy(id));
        }
    }

    fn check_stopped(&mut self, cx: &mut Cx, app: Symbol) {
        let Some(action) = self.deployments.actions.get(&app) else { return };
        if !matches!(&action.stage, Stage::Stopping(waiting) if waiting.is_empty()) {
            return;
        }
        let (deployment, path) = (action.deployment, action.spec.id.clone());
        self.reset_delay(cx, &path, None);
        self.event(cx, |_| Event::AppTerminated { app: path });
        self.action_done(cx, app, deployment);
    }

    // ---- what happens meanwhile ----

    pub(super) fn deployments_saw(&mut self, cx: &mut Cx, app: Symbol, change: &Change) {
        let lost = [Condition::Unreachable, Condition::UnreachableInactive];
        if cx.shows(Bug::WaitsForUnreachable) && lost.contains(&change.after.state.condition) {
            return;
        }
        let Some(action) = self.deployments.actions.get_mut(&app) else { return };
        match &mut action.stage {
            Stage::Stopping(waiting) => {
                let after = &change.after;
                let gone = after.is_considered_terminal() || after.is_idle();
                let over = after.state.goal == Goal::Decommissioned && gone;
                if (change.expunged || over) && waiting.remove(&change.id).is_some() {
                    self.check_stopped(cx, app);
                }
            }
            Stage::Killing(waiting) => {
                let killed = waiting.get(&change.id).is_some_and(|n| super::jobs::is_killed(change, *n));
                if killed {
                    waiting.remove(&change.id);
                    self.check_killed(cx, app);
                }
            }
            Stage::Starting(_) => self.start_saw(cx, app, change),
            Stage::Replacing(_) => self.replace_saw(cx, app, change),
        }
    }

    /// All health checks of an instance are well.
    pub(super) fn deployments_healthy(&mut self, cx: &mut Cx, app: Symbol, id: InstanceId) {
        let Some(action) = self.deployments.actions.get_mut(&app) else { return };
        let version = action.spec.versions.version;
        if self.tracker.get(id).is_none_or(|instance| instance.spec.versions.version != version) {
            return;
        }
        let ready = action.spec.readiness_checks.is_empty();
        let Some(gate) = action.stage.gate() else { return };
        if gate.is_healthy(id, ready) {
            self.passed_gate(cx, app);
            if cx.shows(Bug::ForeignChanges) {
                let others: Vec<Symbol> = self.deployments.actions.keys().copied().filter(|o| *o != app).collect();
                others.into_iter().for_each(|other| self.passed_gate(cx, other));
            }
        }
    }

    /// One more new instance is both healthy and ready.
    fn passed_gate(&mut self, cx: &mut Cx, app: Symbol) {
        match self.deployments.actions.get(&app).map(|action| &action.stage) {
            Some(Stage::Starting(_)) => self.check_started(cx, app),
            Some(Stage::Replacing(_)) => {
                self.kill_next_old(cx, app);
                self.check_replaced(cx, app);
            }
            _ => {}
        }
    }

    /// A new instance runs: what does it take to count?
    fn new_instance_runs(&mut self, cx: &mut Cx, app: Symbol, id: InstanceId) {
        let Some(action) = self.deployments.actions.get_mut(&app) else { return };
        let (checked, polled) = (action.spec.is_checked(), !action.spec.readiness_checks.is_empty());
        let Some(gate) = action.stage.gate() else { return };
        if !checked {
            gate.is_healthy(id, !polled);
        }
        if polled {
            self.begin_readiness(cx, app, id);
        } else if !checked {
            // Quirk: also if it counted before, as when it was away.
            self.passed_gate(cx, app);
        }
    }
}

/// Whether a deployment counts an instance as healthy. Quirk: of checks that Marathon runs itself
/// the instance knows nothing, so with such it never is.
fn considered_healthy(instance: &Instance) -> bool {
    let spec = &instance.spec;
    let unchecked = !spec.is_checked() && !spec.has_check && spec.readiness_checks.is_empty();
    unchecked || instance.state.healthy == Some(true)
}
