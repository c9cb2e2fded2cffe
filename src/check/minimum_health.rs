//! An upgrade leaves as many instances as `minimumHealthCapacity` asks for.
//!
//! Upstream promises it in its documentation of deployments, and keeps it in `TaskReplaceActor` for
//! what the deployment itself does: instances that die by themselves count as if they were there.
//!
//! AREAS VERIFIED: after each kill by a deployment that replaces instances, the app has at least
//! `ceil(instances * minimumHealthCapacity)` instances that are wanted, or died by themselves during
//! that deployment. AREAS NOT VERIFIED: how well those are: without health checks upstream takes all
//! for healthy; apps that are deleted, or whose definition changes again under way; Marathons that
//! keep their state in memory. Exceptions, as upstream: a stateful app that could not move otherwise
//! has one less; an app that had fewer, because it grows as it is upgraded, keeps as many as it had;
//! where an overridden deployment left instances behind, as many as are too many may go, those that
//! are dying already included.
//!
//! It fires on what upstream does, too: without health checks, a leader that takes up an upgrade counts
//! new instances that only wait as healthy, kills an old one for each, and one more when each runs.

use super::{Hears, Invariant, View};
use crate::base::id::Symbol;
use crate::base::map::{Map, Set};
use crate::fact::{At, Condition, Fact, Goal, KillReason, ProcessKind};
use crate::marathon::model::app::RunSpec;
use crate::marathon::model::instance::{Instance, is_terminal};
use crate::marathon::model::plan::{Action, Plan};
use crate::mesos::message::Msg;
use crate::world::Seen;
use crate::zk::wire::{Answer, Data, Request};
use std::sync::Arc;

pub const SUMMARY: &str = "a deployment's kills leave minimumHealthCapacity";

/// What is known of an instance.
#[derive(Clone, Copy)]
struct Known {
    condition: Condition,
    wanted: bool,
}

/// A deployment that replaces the instances of an app.
#[derive(Clone, Default)]
struct Upgrade {
    least: u32,
    /// Died by themselves, or were taken away by somebody else.
    lost: Set<Symbol>,
    /// By the deployment.
    killed: Set<Symbol>,
}

#[derive(Clone, Default)]
pub struct MinimumHealth {
    instances: Map<Symbol, Map<Symbol, Known>>,
    /// How many instances of the apps that a deployment replaces must stay and how many there are to
    /// be, by text of the app.
    plans: Map<Symbol, Map<String, (u32, u32)>>,
    upgrades: Map<Symbol, Upgrade>,
    /// Apps of deployments that have begun.
    apps: Map<Symbol, Vec<Symbol>>,
}

/// Of the apps that the plan replaces.
fn least(plan: &Plan) -> Map<String, (u32, u32)> {
    let restarts = plan.steps.iter().flatten().filter_map(|action| match action {
        Action::Restart(spec) => Some(spec),
        _ => None,
    });
    let row = |spec: &Arc<RunSpec>| {
        let (n, strategy) = (f64::from(spec.instances), spec.upgrade);
        let least = libm::ceil(n * strategy.minimum_health_capacity) as u32;
        let most = libm::floor(n * (1.0 + strategy.maximum_over_capacity)) as u32;
        let stuck = least == most && spec.is_resident();
        (spec.id.as_str().to_owned(), (least.saturating_sub(u32::from(stuck)), spec.instances))
    };
    restarts.map(row).collect()
}

impl MinimumHealth {
    fn plan(&mut self, record: &Data) {
        if let Data::Record(record) = record
            && let Some(plan) = record.get::<Plan>()
        {
            self.plans.insert(plan.id, least(plan));
        }
    }

    fn begins(&mut self, view: View, deployment: Symbol, app: Symbol) {
        self.upgrades.swap_remove(&app);
        let text = view.world.names().text(app);
        let Some(&(least, target)) = self.plans.get(&deployment).and_then(|apps| apps.get(text)) else { return };
        let known = self.instances.entry(app).or_default();
        let dying = known.values().filter(|i| !i.wanted).count() as u32;
        // As many as are too many are killed at once, wherever the others are.
        let crowded = known.len() as u32 > target;
        let least = if crowded { least.min(target.saturating_sub(dying)) } else { least };
        // One goes for each that comes, even if there are too few: the app grows as it is upgraded.
        let least = least.min(known.len() as u32 - dying);
        self.upgrades.insert(app, Upgrade { least, ..Upgrade::default() });
        self.apps.entry(deployment).or_default().push(app);
    }
}

impl Invariant for MinimumHealth {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Messages, Hears::Facts]
    }

    fn messages(&self) -> &'static [&'static str] {
        &["store", "stored"]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["DeploymentEnded", "DeploymentStep", "InstanceChanged", "InstanceKill"]
    }

    fn lens(from: ProcessKind, msg: &Msg, sent: bool) -> bool {
        let looked_at = match msg {
            Msg::Store { .. } => sent,
            Msg::Stored { .. } => !sent,
            _ => false,
        };
        looked_at && from == ProcessKind::Marathon
    }

    fn message(&mut self, view: View, seen: &Seen) -> Result<(), String> {
        match &seen.msg {
            Msg::Store { request, .. } => {
                if let Request::Create { data, .. } = &**request {
                    self.plan(data);
                }
            }
            Msg::Stored { answer, .. } => {
                let Answer::Tree(nodes) = &**answer else { return Ok(()) };
                for (_, data, _) in nodes {
                    self.plan(data);
                    if let Data::Record(record) = data
                        && let Some(instance) = record.get::<Instance>()
                        && let Some(app) = view.world.names().find(instance.spec.id.as_str())
                    {
                        let (condition, wanted) = (instance.state.condition, instance.state.goal == Goal::Running);
                        self.instances.entry(app).or_default().insert(instance.id.0, Known { condition, wanted });
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn said(&mut self, view: View, fact: &At<Fact>) -> Result<(), String> {
        match fact.what {
            Fact::DeploymentStep { deployment, app, .. } => self.begins(view, deployment, app),
            Fact::DeploymentEnded { deployment, .. } => {
                self.plans.swap_remove(&deployment);
                for app in self.apps.swap_remove(&deployment).unwrap_or_default() {
                    self.upgrades.swap_remove(&app);
                }
            }
            Fact::InstanceChanged { app, instance, condition, goal, .. } => {
                let known = self.instances.entry(app).or_default();
                let wanted = goal == Goal::Running && condition != Condition::Expunged;
                let before = if condition == Condition::Expunged {
                    known.swap_remove(&instance)
                } else {
                    known.insert(instance, Known { condition, wanted })
                };
                let Some(upgrade) = self.upgrades.get_mut(&app) else { return Ok(()) };
                match before.map(|before| (before.wanted, wanted)) {
                    Some((true, false)) if !upgrade.killed.contains(&instance) => {
                        upgrade.lost.insert(instance);
                    }
                    // A stateful one that was stopped comes back as the new one.
                    Some((false, true)) => {
                        upgrade.killed.swap_remove(&instance);
                        upgrade.lost.swap_remove(&instance);
                    }
                    _ => {}
                }
            }
            Fact::InstanceKill { app, instance, why } => {
                let (Some(known), Some(upgrade)) = (self.instances.get(&app), self.upgrades.get_mut(&app)) else {
                    return Ok(());
                };
                let Some(Known { condition, wanted }) = known.get(&instance).copied() else { return Ok(()) };
                let gone = is_terminal(condition)
                    || matches!(condition, Condition::Unreachable | Condition::UnreachableInactive);
                if gone || why != KillReason::Deployment {
                    upgrade.lost.insert(instance);
                    return Ok(());
                }
                let is_new = upgrade.killed.insert(instance);
                let stays = |id: &Symbol| known.get(id).is_some_and(|i| i.wanted) && !upgrade.killed.contains(id);
                let lost = upgrade.lost.iter().filter(|id| !stays(id)).count();
                let left = known.keys().filter(|id| stays(id)).count() + lost;
                if is_new && wanted && (left as u32) < upgrade.least {
                    let names = view.world.names();
                    let (app, instance) = (names.text(app), names.text(instance));
                    let least = upgrade.least;
                    return Err(format!("an upgrade killed {instance} and left {left} of {app}; {least} must stay"));
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
    use crate::base::id::{JobId, Symbol};
    use crate::fact::{Condition, Fact, Goal, KillReason};
    use crate::marathon::core::testing::spec;
    use crate::marathon::model::group::Group;
    use crate::marathon::model::path::PathId;
    use crate::marathon::model::plan::{Action, Plan};
    use crate::marathon::model::version::Version;
    use crate::mesos::message::Msg;
    use crate::zk::wire::{Data, Opaque, Request};
    use std::sync::Arc;

    fn changed(n: u32, condition: Condition) -> Fact {
        let (config, goal) = (JobId::service(Symbol(9)), Goal::Running);
        Fact::InstanceChanged { app: APP, instance: Symbol(n), config, condition, goal, host: HOST }
    }

    fn kill(n: u32) -> Fact {
        Fact::InstanceKill { app: APP, instance: Symbol(n), why: KillReason::Deployment }
    }

    /// Two old instances, and a deployment that must keep two.
    fn stage() -> Stage {
        let group = Arc::new(Group::empty(PathId::root(), Version(1)));
        let steps = vec![vec![Action::Restart(Arc::new(spec("/app", 2)))]];
        let plan = Plan { id: Symbol(0), version: Version(1), original: group.clone(), target: group, steps };
        let (path, data) = ("/marathon/state/deployments/m".into(), Data::Record(Opaque(Arc::new(plan))));
        let request = Arc::new(Request::Create { path, data, ephemeral: false, sequential: false });
        let mut stage = Stage::new("minimum-health");
        let step = Fact::DeploymentStep { deployment: Symbol(0), step: 1, app: APP };
        assert!(stage.facts(&[changed(0, Condition::Running), changed(1, Condition::Running)]).is_empty());
        assert!(stage.step(&[(true, Msg::Store { token: 0, request })], &[step]).is_empty());
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
        let with_goal = |goal| match changed(0, Condition::Running) {
            Fact::InstanceChanged { app, instance, config, condition, host, .. } => {
                Fact::InstanceChanged { app, instance, config, condition, goal, host }
            }
            other => other,
        };
        let mut stage = stage();
        let facts = [changed(2, Condition::Running), kill(0), with_goal(Goal::Stopped), with_goal(Goal::Running)];
        assert!(stage.facts(&facts).is_empty());
        assert!(stage.facts(&[kill(1)]).is_empty(), "it is there again");
        assert_eq!(stage.facts(&[kill(2)]).len(), 1);
    }
}
