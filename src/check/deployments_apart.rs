//! What a deployment kills of an app is caused by that app.
//!
//! Upstream promises it by giving each app of a step an actor of its own, which looks at changes of
//! that app alone (DCOS-54927, where it took those of others for its own).
//!
//! AREAS VERIFIED: each kill by a deployment comes in the instant in which the app's step begins, or
//! one of its instances changes in condition, goal or health. AREAS NOT VERIFIED: apps with readiness
//! checks, whose answers nothing tells of; launches, which wait for offers; kills that a change of the
//! same app causes wrongly.

use super::{Hears, Invariant, View};
use crate::base::id::Symbol;
use crate::base::map::Lookup;
use crate::base::time::Time;
use crate::fact::{At, Fact, KillReason};

pub const SUMMARY: &str = "a deployment kills instances of an app when something happens to that app";

#[derive(Clone, Default)]
pub struct DeploymentsApart {
    /// When something last happened to an app, by process that says so.
    touched: Lookup<(u32, Symbol), Time>,
}

impl Invariant for DeploymentsApart {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Facts]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["DeploymentStep", "InstanceChanged", "InstanceHealth", "InstanceKill"]
    }

    fn said(&mut self, view: View, fact: &At<Fact>) -> Result<(), String> {
        match fact.what {
            Fact::DeploymentStep { app, .. } | Fact::InstanceChanged { app, .. } | Fact::InstanceHealth { app, .. } => {
                self.touched.insert((fact.by, app), fact.at);
            }
            Fact::InstanceKill { app, instance, why: KillReason::Deployment | KillReason::ScaleDown } => {
                if self.touched.get(&(fact.by, app)) == Some(&fact.at) {
                    return Ok(());
                }
                let fleet = view.marathons.fleet(fact.by);
                let names = view.world.names();
                let polled = |(_, known): (Symbol, &super::marathons::Known)| {
                    known.spec().is_some_and(|spec| !spec.readiness_checks.is_empty())
                };
                if fleet.is_none_or(|fleet| !fleet.of_app(app).any(polled)) {
                    let (app, instance) = (names.text(app), names.text(instance));
                    return Err(format!("a deployment killed {instance}, and nothing had happened to {app}"));
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
    use crate::base::id::Symbol;
    use crate::base::time::Time;
    use crate::fact::{Fact, KillReason};

    #[test]
    fn fires_when_another_app_is_the_cause() {
        let kill = Fact::InstanceKill { app: APP, instance: HOST, why: KillReason::Deployment };
        let health = |app| Fact::InstanceHealth { app, instance: HOST, healthy: Some(true) };
        let mut stage = Stage::new("deployments-apart");
        let now = Time::from_secs;
        let step = Fact::DeploymentStep { deployment: Symbol(0), step: 1, app: APP };
        assert!(stage.at(now(1), &[step, kill]).is_empty());
        assert!(stage.at(now(2), &[health(APP), kill]).is_empty());
        let by_hand = Fact::InstanceKill { app: APP, instance: HOST, why: KillReason::Operator };
        assert!(stage.at(now(3), &[health(Symbol(2)), by_hand]).is_empty());
        assert_eq!(
            stage.at(now(4), &[health(Symbol(2)), kill]),
            ["a deployment killed host, and nothing had happened to /app"]
        );
    }
}
