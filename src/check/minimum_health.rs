//! An upgrade leaves as many instances as `minimumHealthCapacity` asks for, also when the leader changes.
//!
//! Upstream promises it in its documentation of deployments, and keeps it in `TaskReplaceActor` for
//! what the deployment itself does: instances that die by themselves count as if they were there. A
//! leader that takes up an upgrade broke it once (MARATHON-8716): it took what ran for healthy.
//!
//! AREAS VERIFIED: after each kill by a deployment that replaces instances, the app has at least
//! `ceil(instances * minimumHealthCapacity)` instances that are wanted, or died by themselves during
//! that deployment, and that were healthy once, if they are checked. AREAS NOT VERIFIED: readiness;
//! health that was lost again, as upstream; apps that are deleted, or whose definition changes again
//! under way; Marathons that keep their state in memory. Exceptions, as upstream: a stateful app that
//! could not move otherwise has one less; an app that had fewer, because it grows as it is upgraded,
//! keeps as many as it had; where an overridden deployment left instances behind, as many as are too
//! many may go. Upstream kills an old one whenever a new one comes up (of an app without checks, of
//! which it takes every wanted instance for healthy) or is found healthy: so new instances that wait
//! when a leader takes up the upgrade, that come back after they could not be reached or ended, or whose
//! health a new leader finds out again by checks of Marathon's own, cost one more old one each.

use super::marathons::{Fleet, Known, Room};
use super::{Hears, Invariant, View};
use crate::base::id::Symbol;
use crate::base::map::{Lookup, Map, Set};
use crate::fact::{At, Condition, Fact, Goal, KillReason};
use crate::marathon::model::instance::is_terminal;
use crate::marathon::model::plan::Action;
use crate::marathon::model::version::Version;

pub const SUMMARY: &str = "a deployment's kills leave minimumHealthCapacity";

/// A deployment that replaces the instances of an app.
#[derive(Clone)]
struct Upgrade {
    deployment: Symbol,
    version: Version,
    least: u32,
    /// Wanted, and well if they are checked.
    here: Set<Symbol>,
    /// Died by themselves, or were taken away by somebody else.
    lost: Set<Symbol>,
    /// By the deployment.
    killed: Set<Symbol>,
}

#[derive(Clone, Default)]
pub struct MinimumHealth {
    /// By number of the fleet and app.
    upgrades: Map<(u32, Symbol), Upgrade>,
    /// Instances that were healthy.
    well: Lookup<Symbol, ()>,
}

fn is_checked(known: &Known) -> bool {
    known.spec().is_some_and(|spec| !spec.health_checks.is_empty())
}

fn healthy_by_executor(known: &Known) -> bool {
    known.record.as_ref().is_some_and(|record| record.state.healthy == Some(true))
}

impl MinimumHealth {
    fn counts(&self, instance: Symbol, known: &Known) -> bool {
        let well = || self.well.contains(&instance) || healthy_by_executor(known);
        known.goal == Goal::Running && (!is_checked(known) || well())
    }

    fn begins(&mut self, view: View, by: u32, deployment: Symbol, app: Symbol) {
        let (Some(number), Some(fleet)) = (view.marathons.number(by), view.marathons.fleet(by)) else { return };
        self.upgrades.swap_remove(&(number, app));
        let text = view.world.names().text(app);
        let actions = fleet.plans.get(&deployment).into_iter().flat_map(|plan| plan.steps.iter().flatten());
        let mut replaced = actions.filter_map(|action| match action {
            Action::Restart(spec) if spec.id.as_str() == text => Some(spec),
            _ => None,
        });
        let Some(spec) = replaced.next_back() else { return };
        let here: Set<Symbol> = fleet.of_app(app).filter(|(id, i)| self.counts(*id, i)).map(|(id, _)| id).collect();
        let all = fleet.of_app(app).count() as u32;
        // One goes for each that comes, even if there are too few: the app grows as it is upgraded.
        let mut least = Room::of(spec).least.min(here.len() as u32);
        // As many as are too many are killed at once, wherever the others are.
        if all > spec.instances {
            least = least.min((here.len() as u32).saturating_sub(all - spec.instances));
        }
        let version = spec.versions.version;
        // New ones of an earlier leader's, which are going to come up, or to be found healthy, once more.
        let again = |(id, i): &(Symbol, &Known)| {
            let counted = i.goal == Goal::Running && is_new(i, version) && here.contains(id);
            counted && if is_checked(i) { !healthy_by_executor(i) } else { i.condition != Condition::Running }
        };
        let cheap = fleet.of_app(app).filter(again).count() as u32;
        least = least.saturating_sub(cheap);
        let (lost, killed) = (Set::default(), Set::default());
        self.upgrades.insert((number, app), Upgrade { deployment, version, least, here, lost, killed });
    }

    fn changed(&mut self, fleet: &Fleet, before: Option<&Known>, key: (u32, Symbol), instance: Symbol) {
        let known = fleet.instances.get(&instance);
        let wanted = known.is_some_and(|known| known.goal == Goal::Running);
        let comes_back = wanted && before.is_some_and(|before| before.goal != Goal::Running);
        // A stateful one that was stopped comes back as the new one.
        if known.is_none() || comes_back {
            self.well.remove(&instance);
        }
        let counts = known.is_some_and(|known| self.counts(instance, known));
        let Some(upgrade) = self.upgrades.get_mut(&key) else { return };
        if !wanted {
            if upgrade.here.swap_remove(&instance) {
                upgrade.lost.insert(instance);
            }
            return;
        }
        if comes_back {
            upgrade.killed.swap_remove(&instance);
        }
        if counts && !upgrade.killed.contains(&instance) {
            upgrade.lost.swap_remove(&instance);
            upgrade.here.insert(instance);
        }
        let Some((known, before)) = known.zip(before) else { return };
        let back = before.is_lost() && known.runs() && !is_checked(known);
        let relaunched = is_terminal(before.condition) && known.condition == Condition::Provisioned;
        if (back || relaunched && upgrade.here.contains(&instance)) && is_new(known, upgrade.version) {
            upgrade.least = upgrade.least.saturating_sub(1);
        }
    }

    fn killed(&mut self, view: View, known: &Known, key: (u32, Symbol), instance: Symbol) -> Result<(), String> {
        let Some(upgrade) = self.upgrades.get_mut(&key) else { return Ok(()) };
        if !upgrade.here.swap_remove(&instance) {
            upgrade.killed.insert(instance);
            return Ok(());
        }
        if is_terminal(known.condition) || known.is_lost() {
            upgrade.lost.insert(instance);
            return Ok(());
        }
        upgrade.killed.insert(instance);
        let left = (upgrade.here.len() + upgrade.lost.len()) as u32;
        if left < upgrade.least {
            let (names, least) = (view.world.names(), upgrade.least);
            let (app, instance) = (names.text(key.1), names.text(instance));
            return Err(format!("an upgrade killed {instance} and left {left} of {app}; {least} must stay"));
        }
        Ok(())
    }
}

/// Whether the upgrade has made it.
fn is_new(known: &Known, version: Version) -> bool {
    known.spec().is_some_and(|spec| spec.versions.version == version)
}

impl Invariant for MinimumHealth {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Facts]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["DeploymentEnded", "DeploymentStep", "InstanceChanged", "InstanceHealth", "InstanceKill"]
    }

    fn said(&mut self, view: View, fact: &At<Fact>) -> Result<(), String> {
        let Some(number) = view.marathons.number(fact.by) else { return Ok(()) };
        let Some(fleet) = view.marathons.fleet(fact.by) else { return Ok(()) };
        match fact.what {
            Fact::DeploymentStep { deployment, app, .. } => self.begins(view, fact.by, deployment, app),
            Fact::DeploymentEnded { deployment, .. } => {
                self.upgrades.retain(|(of, _), upgrade| *of != number || upgrade.deployment != deployment);
            }
            Fact::InstanceHealth { app, instance, healthy: Some(true) } => {
                self.well.insert(instance, ());
                let Some(upgrade) = self.upgrades.get_mut(&(number, app)) else { return Ok(()) };
                let wanted = fleet.instances.get(&instance).is_some_and(|known| known.goal == Goal::Running);
                if wanted && !upgrade.killed.contains(&instance) {
                    upgrade.lost.swap_remove(&instance);
                    upgrade.here.insert(instance);
                }
            }
            Fact::InstanceChanged { app, instance, .. } => {
                let before = view.marathons.before().and_then(|before| before.known.as_ref());
                self.changed(fleet, before, (number, app), instance);
            }
            Fact::InstanceKill { app, instance, why: KillReason::Deployment } => {
                if let Some(known) = fleet.instances.get(&instance) {
                    return self.killed(view, known, (number, app), instance);
                }
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
    use crate::marathon::model::path::PathId;
    use crate::marathon::model::plan::Plan;
    use crate::mesos::message::Msg;
    use crate::zk::wire::{Answer, Data, Opaque};
    use std::sync::Arc;

    fn changed(n: u32, condition: Condition) -> Fact {
        instance(n, condition, Goal::Running)
    }

    fn kill(n: u32) -> Fact {
        Fact::InstanceKill { app: APP, instance: Symbol(n), why: KillReason::Deployment }
    }

    fn upgrade(app: Arc<RunSpec>) -> Plan {
        let group = Arc::new(Group::empty(PathId::root(), Version(1)));
        let steps = vec![vec![Action::Restart(app)]];
        Plan { id: Symbol(0), version: Version(1), original: group.clone(), target: group, steps }
    }

    const STEP: Fact = Fact::DeploymentStep { deployment: Symbol(0), step: 1, app: APP };

    /// Two old instances, and a deployment that must keep two.
    fn stage() -> Stage {
        let plan = store(0, "deployments/m", upgrade(Arc::new(spec("/app", 2))));
        let mut stage = Stage::new("minimum-health");
        assert!(stage.facts(&[changed(0, Condition::Running), changed(1, Condition::Running)]).is_empty());
        assert!(stage.step(&[(true, plan)], &[STEP]).is_empty());
        stage
    }

    #[test]
    fn fires_when_an_old_instance_goes_before_a_new_one_is_there() {
        let mut honest = stage();
        assert!(honest.facts(&[changed(2, Condition::Running), kill(0)]).is_empty());
        assert_eq!(honest.facts(&[kill(1)]), ["an upgrade killed host and left 1 of /app; 2 must stay"]);
        assert_eq!(stage().facts(&[kill(0)]), ["an upgrade killed m and left 1 of /app; 2 must stay"]);
    }

    #[test]
    fn what_dies_by_itself_is_no_fault_of_the_deployment() {
        let mut stage = stage();
        let new = changed(2, Condition::Running);
        assert!(stage.facts(&[changed(0, Condition::Failed), kill(0), new, kill(1)]).is_empty());
        assert_eq!(stage.facts(&[kill(2)]).len(), 1);
    }

    #[test]
    fn a_stateful_one_that_was_stopped_comes_back_as_the_new_one() {
        let with_goal = |goal| instance(0, Condition::Running, goal);
        let mut stage = stage();
        let facts = [changed(2, Condition::Running), kill(0), with_goal(Goal::Stopped), with_goal(Goal::Running)];
        assert!(stage.facts(&facts).is_empty());
        assert!(stage.facts(&[kill(1)]).is_empty(), "it is there again");
        assert_eq!(stage.facts(&[kill(2)]).len(), 1);
    }

    /// A leader has begun an upgrade that must keep one of two, another takes it up: an old one is well or
    /// needs no check, and a new one runs, or waits.
    fn taken_up(checked: bool, new: Condition, then: &[Fact]) -> Vec<String> {
        let app = |version| {
            let mut app = RunSpec { health_checks: vec![health_check(60)], ..spec("/app", 2) };
            app.upgrade.minimum_health_capacity = 0.5;
            app.versions.version = Version(version);
            if !checked {
                app.health_checks.clear();
            }
            Arc::new(app)
        };
        let record = |n: u32, version, condition| {
            let mut instance = scheduled(n, app(version));
            instance.state.condition = condition;
            let data = Data::Record(Opaque(Arc::new(instance)));
            (format!("/marathon/state/instances/{n}").into(), data, 1)
        };
        let mut stage = Stage::new("minimum-health");
        let (now, old) = (Time::from_secs, changed(0, Condition::Running));
        let well = Fact::InstanceHealth { app: APP, instance: Symbol(0), healthy: Some(true) };
        let messages = [opens_store(), store(0, "deployments/m", upgrade(app(2)))].map(|msg| (true, msg));
        stage.moment(now(1), 0, &messages, &[elected(0), old, well]);
        let plan = ("/marathon/state/deployments/m".into(), Data::Record(Opaque(Arc::new(upgrade(app(2))))), 1);
        let tree = Answer::Tree(vec![plan, record(0, 1, Condition::Running), record(1, 2, new)]);
        stage.moment(now(2), 1, &[(true, opens_store())], &[elected(1)]);
        let mut found = stage.moment(now(3), 1, &[(false, Msg::Stored { token: 9, answer: Arc::new(tree) })], &[STEP]);
        found.extend(stage.moment(now(4), 1, &[], then));
        found
    }

    /// As upstream: when a new one comes up again, one more goes.
    #[test]
    fn a_new_one_that_is_launched_again_costs_an_old_one() {
        let run = |ends: &[Fact]| {
            let mut stage = stage();
            let new = scheduled(2, Arc::new(spec("/app", 2)));
            stage.step(&[(true, store(1, "instances/f", new))], &[changed(2, Condition::Running), kill(0)]);
            stage.facts(ends);
            stage.facts(&[kill(1)])
        };
        assert_eq!(run(&[]).len(), 1);
        assert!(run(&[changed(2, Condition::Failed), changed(2, Condition::Provisioned)]).is_empty());
    }

    #[test]
    fn fires_when_a_new_leader_takes_what_runs_for_healthy() {
        let broken = ["an upgrade killed m and left 0 of /app; 1 must stay"];
        assert_eq!(taken_up(true, Condition::Running, &[kill(0)]), broken);
        let well = Fact::InstanceHealth { app: APP, instance: HOST, healthy: Some(true) };
        assert!(taken_up(true, Condition::Running, &[well, kill(0)]).is_empty());
        assert_eq!(taken_up(true, Condition::Running, &[well, kill(0), kill(1)]).len(), 1);
        assert!(taken_up(false, Condition::Running, &[kill(0)]).is_empty());
        assert_eq!(taken_up(false, Condition::Running, &[kill(0), kill(1)]).len(), 1);
        // As upstream: it counts at once, and again when it runs.
        assert!(taken_up(false, Condition::Scheduled, &[kill(0), kill(1)]).is_empty());
    }
}
