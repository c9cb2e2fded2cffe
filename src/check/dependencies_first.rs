//! A step of a deployment begins when the step before it is done: what others depend on comes first.
//!
//! Upstream promises it by its plans, whose steps are layers of the graph of dependencies, and by
//! `DeploymentActor`, which waits for every action of a step.
//!
//! AREAS VERIFIED: when a step begins, each app that the step before replaced has its number of
//! instances of the new configuration that have come up, and were healthy since (if they are checked);
//! each one that it scaled has so many together with those that were there; of each one that it stopped
//! none can be reached. AREAS NOT VERIFIED: readiness, of which nothing tells; health that was lost
//! again, as upstream; that the plan's layers are right (`group/plan` has its own tests); Marathons that
//! keep their state in memory.

use super::marathons::{Fleet, config_of};
use super::{Hears, Invariant, View};
use crate::base::id::Symbol;
use crate::base::map::{Lookup, Map, Set};
use crate::fact::{At, Condition, Fact, Goal, ProcessKind};
use crate::marathon::model::instance::is_terminal;
use crate::marathon::model::plan::Action;

pub const SUMMARY: &str = "a deployment's step begins when all apps of the step before are up";

/// The last step of a deployment, and for each of its apps those instances that were there.
type Step = (u32, Map<Symbol, Set<Symbol>>);

#[derive(Clone, Default)]
pub struct DependenciesFirst {
    /// Instances that have come up since their task was launched, and whether they were healthy.
    up: Lookup<Symbol, bool>,
    /// By process and deployment.
    steps: Map<(u32, Symbol), Step>,
}

impl DependenciesFirst {
    fn is_up(&self, fleet: &Fleet, instance: Symbol) -> bool {
        let Some(known) = fleet.instances.get(&instance) else { return false };
        let by_executor = known.record.as_ref().is_some_and(|record| record.state.healthy == Some(true));
        let checked = known.spec().is_some_and(|spec| !spec.health_checks.is_empty());
        known.is_live() && self.up.get(&instance).is_some_and(|healthy| *healthy || by_executor || !checked)
    }

    fn step(&mut self, view: View, by: u32, deployment: Symbol, step: u32, app: Symbol) -> Result<(), String> {
        let Some(fleet) = view.marathons.fleet(by) else { return Ok(()) };
        // Those that are counted as there, also if they are being killed.
        let counts = |known: &super::marathons::Known| {
            known.condition != Condition::UnreachableInactive
                && (known.goal == Goal::Running || !is_terminal(known.condition))
        };
        let there: Set<Symbol> = fleet.of_app(app).filter(|(_, known)| counts(known)).map(|(id, _)| id).collect();
        let entry = self.steps.entry((by, deployment)).or_default();
        if entry.0 == step {
            entry.1.insert(app, there);
            return Ok(());
        }
        let (last, before) = std::mem::replace(entry, (step, Map::from_iter([(app, there)])));
        if step < 2 || last != step - 1 {
            return Ok(());
        }
        let names = view.world.names();
        let Some(plan) = fleet.plans.get(&deployment) else { return Ok(()) };
        for action in plan.steps.get(step as usize - 2).into_iter().flatten() {
            let spec = action.spec();
            let Some(app) = names.find(spec.id.as_str()) else { continue };
            let up = |(instance, _): &(Symbol, _)| self.is_up(fleet, *instance);
            let (has, wants) = match action {
                Action::Restart(_) => {
                    let config = config_of(names, spec);
                    (fleet.of_app(app).filter(|(_, i)| i.config == config).filter(up).count() as u32, spec.instances)
                }
                Action::Scale { .. } => {
                    let old = before.get(&app);
                    let is_new = |(id, _): &(Symbol, _)| old.is_none_or(|old| !old.contains(id));
                    let new = fleet.of_app(app).filter(is_new).filter(up).count();
                    ((old.map_or(0, Set::len) + new) as u32, spec.instances)
                }
                Action::Stop(_) => {
                    let live = fleet.of_app(app).find(|(_, i)| i.is_live() && i.goal != Goal::Running);
                    (u32::from(live.is_none()), 1)
                }
                Action::Start(_) => continue,
            };
            if has < wants {
                let (app, deployment) = (names.text(app), names.text(deployment));
                let what = action.name();
                return Err(format!("step {step} of {deployment} begins, and {what} of {app} has {has} of {wants}"));
            }
        }
        Ok(())
    }
}

impl Invariant for DependenciesFirst {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Facts]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["DeploymentEnded", "DeploymentStep", "InstanceChanged", "InstanceHealth", "LeaderElected"]
    }

    fn said(&mut self, view: View, fact: &At<Fact>) -> Result<(), String> {
        match fact.what {
            Fact::InstanceChanged { instance, condition, .. } => match condition {
                Condition::Running => {
                    self.up.get_or_insert_with(instance, || false);
                }
                Condition::Killing => {}
                _ => {
                    self.up.remove(&instance);
                }
            },
            Fact::InstanceHealth { instance, healthy: Some(true), .. } => {
                if let Some(healthy) = self.up.get_mut(&instance) {
                    *healthy = true;
                }
            }
            Fact::DeploymentStep { deployment, step, app } => {
                return self.step(view, fact.by, deployment, step, app);
            }
            Fact::DeploymentEnded { deployment, .. } => {
                self.steps.swap_remove(&(fact.by, deployment));
            }
            Fact::LeaderElected { kind: ProcessKind::Marathon, slot, .. } => {
                self.steps.retain(|(by, _), _| *by != slot);
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::base::time::Time;
    use crate::marathon::core::testing::{health_check, scheduled, spec};
    use crate::marathon::model::app::RunSpec;
    use crate::marathon::model::group::Group;
    use crate::marathon::model::instance::Instance;
    use crate::marathon::model::path::PathId;
    use crate::marathon::model::plan::Plan;
    use crate::marathon::model::version::Version;
    use std::sync::Arc;

    fn now(s: i64) -> Time {
        Time::from_secs(s)
    }

    /// `/app` is scaled to two in the first step, then another follows; one instance was there.
    fn run(checked: bool, meanwhile: &[Fact]) -> Vec<String> {
        let mut stage = Stage::new("dependencies-first");
        let checks = if checked { vec![health_check(0)] } else { Vec::new() };
        let app = Arc::new(RunSpec { health_checks: checks, ..spec("/app", 2) });
        let group = Arc::new(Group::empty(PathId::root(), Version(1)));
        let steps = vec![
            vec![Action::Scale { spec: app.clone(), kill: Vec::new() }],
            vec![Action::Scale { spec: Arc::new(spec("/f", 1)), kill: Vec::new() }],
        ];
        let plan = Plan { id: Symbol(0), version: Version(1), original: group.clone(), target: group, steps };
        let second: Instance = scheduled(1, app);
        let messages = [(true, store(1, "deployments/m", plan)), (true, store(2, "instances/host", second))];
        let first = instance(0, Condition::Unreachable, Goal::Running);
        let step = |step, app| Fact::DeploymentStep { deployment: Symbol(0), step, app };
        stage.moment(now(1), 0, &messages, &[first, step(1, APP)]);
        stage.at(now(2), meanwhile);
        stage.at(now(3), &[step(2, Symbol(2))])
    }

    #[test]
    fn fires_when_what_it_depends_on_is_not_up() {
        let up = instance(1, Condition::Running, Goal::Running);
        let staging = instance(1, Condition::Staging, Goal::Running);
        let well = Fact::InstanceHealth { app: APP, instance: Symbol(1), healthy: Some(true) };
        let short = ["step 2 of m begins, and ScaleApplication of /app has 1 of 2"];
        assert!(run(false, &[staging, up]).is_empty());
        assert_eq!(run(false, &[staging]), short);
        assert_eq!(run(true, &[up]), short, "its health is not known");
        assert!(run(true, &[up, well]).is_empty());
    }
}
