//! A change of Marathon's leader alone kills and launches nothing.
//!
//! The rule that the peer broke most often (its issues 1553, 2477, 2308, 3783): the set of running
//! tasks before and after is the same, given no other trouble.
//!
//! AREAS VERIFIED: for two minutes after a new leader serves, no kill and no placement, provided
//! that nothing else was going on: every app had its target of running instances when the old
//! leader ended, no deployment was open, no agent was lost, came back or was missing within the last quarter of an
//! hour, no task ended meanwhile, and nobody asked for a change since. AREAS NOT VERIFIED: leader
//! changes in the middle of something else.

use super::{Hears, Invariant, View};
use crate::base::id::Symbol;
use crate::base::map::{Map, Set};
use crate::base::time::{Span, Time};
use crate::fact::{At, Condition, Fact, Goal, ProcessKind};

pub const SUMMARY: &str = "a change of Marathon's leader alone kills and places nothing";

const LOOK_BACK: Span = Span::from_secs(15 * 60);
const WATCH: Span = Span::from_secs(120);

#[derive(Clone, Default)]
pub struct RestartHarmless {
    /// Until when kills and placements are violations.
    until: Option<Time>,
    targets: Map<Symbol, u32>,
    running: Map<Symbol, Set<Symbol>>,
    deployments: Set<Symbol>,
    /// Last time that something happened which may justify a kill or a launch.
    trouble: Option<Time>,
}

impl RestartHarmless {
    fn is_calm(&self, at: Time) -> bool {
        let recent = self.trouble.is_some_and(|then| at < then + LOOK_BACK);
        let whole = self.targets.iter().all(|(app, target)| {
            self.running.get(app).map_or(0, |set| set.len() as u32) == *target
        });
        !recent && whole && self.deployments.is_empty() && !self.targets.is_empty()
    }

    fn troubled(&mut self, at: Time) {
        self.trouble = Some(at);
        self.until = None;
    }
}

impl Invariant for RestartHarmless {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Facts]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["LeaderReady", "AppTarget", "DeploymentBegan", "DeploymentEnded", "ProcessStopped", "ProcessStarted", "AgentUnreachable", "AgentDisconnected", "AgentReregistered", "TaskEnded", "InstanceHealth", "InstanceKill", "InstanceChanged"]
    }

    fn said(&mut self, view: View, fact: &At<Fact>) -> Result<(), String> {
        let at = fact.at;
        match fact.what {
            Fact::LeaderReady { kind: ProcessKind::Marathon, .. } => {
                self.until = self.is_calm(at).then(|| at + WATCH);
            }
            Fact::AppTarget { app, instances } if self.targets.insert(app, instances) != Some(instances) => {
                self.troubled(at);
            }
            Fact::DeploymentBegan { deployment, .. } => {
                self.deployments.insert(deployment);
                self.troubled(at);
            }
            Fact::DeploymentEnded { deployment, .. } => {
                self.deployments.swap_remove(&deployment);
            }
            Fact::ProcessStopped { kind, .. } | Fact::ProcessStarted { kind, .. } if kind == ProcessKind::Agent => {
                self.troubled(at);
            }
            Fact::AgentUnreachable { .. } | Fact::AgentDisconnected { .. } | Fact::AgentReregistered { .. } => {
                self.troubled(at);
            }
            Fact::TaskEnded { task, .. } if task.template.is_service() => self.troubled(at),
            Fact::InstanceHealth { healthy: Some(false), .. } => self.troubled(at),
            Fact::InstanceKill { instance, why, .. } if self.until.is_some_and(|until| at < until) => {
                let instance = view.world.names().text(instance);
                return Err(format!("a new leader killed {instance} ({why:?}); nothing else had happened"));
            }
            Fact::InstanceChanged { app, instance, condition, goal, .. } => {
                let set = self.running.entry(app).or_default();
                if condition == Condition::Running && goal == Goal::Running {
                    set.insert(instance);
                } else {
                    set.swap_remove(&instance);
                }
                if condition == Condition::Provisioned && self.until.is_some_and(|until| at < until) {
                    let instance = view.world.names().text(instance);
                    return Err(format!("a new leader placed {instance}; nothing else had happened"));
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
    use crate::base::time::Time;
    use crate::fact::{Condition, Fact, Goal, KillReason, ProcessKind};

    const APP: Symbol = Symbol(2);
    const INSTANCE: Symbol = Symbol(1);

    fn run(asked_at_s: i64) -> Vec<String> {
        let (kind, slot, incarnation) = (ProcessKind::Marathon, 0, 0);
        let condition = Condition::Running;
        let config = JobId::service(Symbol(9));
        let mut stage = Stage::new("restart-harmless");
        let (app, instance, goal, host) = (APP, INSTANCE, Goal::Running, HOST);
        let changed = Fact::InstanceChanged { app, instance, config, condition, goal, host };
        stage.at(Time::from_secs(10), &[Fact::AppTarget { app: APP, instances: 1 }, changed]);
        if asked_at_s > 0 {
            stage.at(Time::from_secs(asked_at_s), &[Fact::AppTarget { app: APP, instances: 2 }]);
        }
        stage.at(Time::from_secs(2_000), &[Fact::LeaderReady { kind, slot, incarnation }]);
        let kill = Fact::InstanceKill { app: APP, instance: INSTANCE, why: KillReason::OverCapacity };
        stage.at(Time::from_secs(2_010), &[kill])
    }

    #[test]
    fn fires_when_a_calm_cluster_loses_an_instance_to_a_new_leader() {
        assert_eq!(run(0), ["a new leader killed host (OverCapacity); nothing else had happened"]);
        assert!(run(1_900).is_empty(), "somebody had asked for more");
    }
}
