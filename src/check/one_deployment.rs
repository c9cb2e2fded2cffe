//! One deployment of an app at a time.
//!
//! Upstream promises it by its locks: a request that would touch an app of a running deployment is
//! answered with 409, or, by force, begins when that one has been cancelled
//! (`DeploymentManagerActor`).
//!
//! AREAS VERIFIED: no step with an app begins while a deployment that has begun a step with the same
//! app goes on, in one leader's term. AREAS NOT VERIFIED: apps of later steps; that a refused request
//! changed nothing.

use super::{Hears, Invariant, View};
use crate::base::id::Symbol;
use crate::base::map::Map;
use crate::fact::{At, Fact, ProcessKind};

pub const SUMMARY: &str = "an app takes part in one deployment at a time";

#[derive(Clone, Default)]
pub struct OneDeployment {
    /// What a process does with an app.
    deploying: Map<(u32, Symbol), Symbol>,
}

impl Invariant for OneDeployment {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Facts]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["DeploymentStep", "DeploymentEnded", "ProcessStopped", "LeaderLost"]
    }

    fn said(&mut self, view: View, fact: &At<Fact>) -> Result<(), String> {
        match fact.what {
            Fact::DeploymentStep { deployment, app, .. } => {
                let before = self.deploying.insert((fact.by, app), deployment);
                if let Some(other) = before.filter(|other| *other != deployment) {
                    let names = view.world.names();
                    let (app, new, old) = (names.text(app), names.text(deployment), names.text(other));
                    return Err(format!("deployment {new} begins with {app}, while {old} goes on"));
                }
            }
            Fact::DeploymentEnded { deployment, .. } => {
                self.deploying.retain(|(by, _), other| *by != fact.by || *other != deployment);
            }
            // A successor takes up what its predecessor had not ended.
            Fact::ProcessStopped { slot, kind: ProcessKind::Marathon, .. }
            | Fact::LeaderLost { slot, kind: ProcessKind::Marathon, .. } => {
                self.deploying.retain(|(by, _), _| *by != slot);
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
    use crate::fact::{DeploymentEnd, Fact, ProcessKind};

    #[test]
    fn fires_when_a_second_deployment_takes_the_app() {
        let step = |deployment, step| Fact::DeploymentStep { deployment: Symbol(deployment), step, app: Symbol(2) };
        let (kind, name) = (ProcessKind::Marathon, Symbol(2));
        let mut stage = Stage::new("one-deployment");
        assert!(stage.facts(&[step(0, 1), step(0, 2)]).is_empty());
        let ended = Fact::DeploymentEnded { deployment: Symbol(0), how: DeploymentEnd::Cancelled };
        assert!(stage.facts(&[ended, step(1, 1)]).is_empty());
        assert!(stage.facts(&[Fact::ProcessStopped { slot: 0, incarnation: 0, kind, name }, step(0, 1)]).is_empty());
        assert_eq!(stage.facts(&[step(1, 1)]), ["deployment host begins with f, while m goes on"]);
    }
}
