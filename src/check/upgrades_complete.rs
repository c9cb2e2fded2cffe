//! After an upgrade, or its rolling back, nothing of another version is left.
//!
//! Upstream promises it by ending a deployment when the old instances are gone, and by rolling back
//! with a deployment of its own (DCOS-51375, where a cancelled one left instances behind).
//!
//! AREAS VERIFIED: a minute after a deployment succeeded, every wanted instance of an app that it
//! replaced has the configuration of its plan, and of an app that it stopped none is wanted, provided
//! that no other deployment has begun with the app and the leader has stayed. AREAS NOT VERIFIED: apps
//! whose deployment was cancelled by force, which stay half-way as upstream; how many there are
//! (`no-surplus`, `apps-converge`); what runs in truth (`no-strays`).

use super::marathons::config_of;
use super::{Hears, Invariant, View};
use crate::base::id::{JobId, Symbol};
use crate::base::time::{Span, Time};
use crate::fact::{At, DeploymentEnd, Fact, Goal, ProcessKind};
use crate::marathon::model::plan::Action;

pub const SUMMARY: &str = "after an upgrade or its rolling back no other version is left";

const GRACE: Span = Span::from_secs(60);

#[derive(Clone)]
struct Due {
    at: Time,
    /// The process that leads.
    by: u32,
    app: Symbol,
    /// `None`: nothing is to be left.
    config: Option<JobId>,
}

#[derive(Clone, Default)]
pub struct UpgradesComplete {
    dues: Vec<Due>,
}

impl Invariant for UpgradesComplete {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Facts, Hears::Time]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["DeploymentEnded", "DeploymentStep", "LeaderElected"]
    }

    fn said(&mut self, view: View, fact: &At<Fact>) -> Result<(), String> {
        match fact.what {
            Fact::DeploymentStep { app, .. } => self.dues.retain(|due| (due.by, due.app) != (fact.by, app)),
            Fact::LeaderElected { kind: ProcessKind::Marathon, slot, .. } => {
                let fleet = view.marathons.number(slot);
                self.dues.retain(|due| view.marathons.number(due.by) != fleet);
            }
            Fact::DeploymentEnded { deployment, how: DeploymentEnd::Succeeded } => {
                let names = view.world.names();
                let plan = view.marathons.fleet(fact.by).and_then(|fleet| fleet.plans.get(&deployment));
                for action in plan.iter().flat_map(|plan| &plan.steps).flatten() {
                    let spec = action.spec();
                    let config = match action {
                        Action::Restart(_) if spec.instances > 0 => config_of(names, spec),
                        Action::Stop(_) => None,
                        _ => continue,
                    };
                    if let Some(app) = names.find(spec.id.as_str()) {
                        self.dues.push(Due { at: fact.at + GRACE, by: fact.by, app, config });
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn passed(&mut self, view: View, now: Time) -> Result<(), String> {
        let (due, later) = std::mem::take(&mut self.dues).into_iter().partition(|due: &Due| due.at <= now);
        self.dues = later;
        for Due { by, app, config, .. } in due {
            let Some(fleet) = view.marathons.fleet(by) else { continue };
            let left = fleet.of_app(app).find(|(_, i)| {
                i.goal == Goal::Running && config.is_none_or(|config| i.config.is_some_and(|own| own != config))
            });
            if let Some((instance, _)) = left {
                let (app, instance) = (view.world.names().text(app), view.world.names().text(instance));
                return Err(format!("a deployment of {app} succeeded and left {instance} of another version"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::fact::Condition;
    use crate::marathon::core::testing::spec;
    use crate::marathon::model::group::Group;
    use crate::marathon::model::path::PathId;
    use crate::marathon::model::plan::Plan;
    use crate::marathon::model::version::Version;
    use std::sync::Arc;

    /// An upgrade of `/app` succeeds while an instance of that template and one of another run.
    fn run(template: &str, then: Option<Fact>) -> Vec<String> {
        let mut stage = Stage::new("upgrades-complete");
        let own = JobId::service(stage.name(template));
        let upgraded = spec("/app", 1);
        stage.name(&format!("/app@{}", upgraded.versions.last_config_change));
        let group = Arc::new(Group::empty(PathId::root(), Version(1)));
        let steps = vec![vec![Action::Restart(Arc::new(upgraded))]];
        let plan = Plan { id: Symbol(0), version: Version(1), original: group.clone(), target: group, steps };
        let running = Fact::InstanceChanged {
            app: APP,
            instance: Symbol(2),
            config: own,
            condition: Condition::Running,
            goal: Goal::Running,
            host: HOST,
        };
        let began = Fact::DeploymentBegan { deployment: Symbol(0), steps: 1 };
        let ended = Fact::DeploymentEnded { deployment: Symbol(0), how: DeploymentEnd::Succeeded };
        let now = Time::from_secs;
        stage.moment(now(1), 0, &[(true, store(1, "deployments/m", plan))], &[began, running, ended]);
        if let Some(fact) = then {
            stage.at(now(5), &[fact]);
        }
        stage.at(now(70), &[serves(0)])
    }

    #[test]
    fn fires_when_an_old_instance_stays() {
        let new = format!("/app@{}", spec("/app", 1).versions.last_config_change);
        assert!(run(&new, None).is_empty());
        let step = Fact::DeploymentStep { deployment: Symbol(1), step: 1, app: APP };
        assert!(run("/app@old", Some(step)).is_empty(), "another is on its way");
        assert_eq!(run("/app@old", None), ["a deployment of /app succeeded and left f of another version"]);
    }
}
