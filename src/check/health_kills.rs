//! Ill health kills what can be reached and had its time to come up.
//!
//! Upstream promises it in `HealthCheckActor.checkConsecutiveFailures` (marathon#3728, #3942): none is
//! killed for its health that is unreachable, nor in the grace period before it was well for the first
//! time.
//!
//! AREAS VERIFIED: both, for each instance that is killed for its health; the second for apps with one
//! health check. AREAS NOT VERIFIED: how many failures there were; apps with several checks, of which
//! facts tell the sum alone. That a Marathon that is cut off from everybody kills nobody is asked for
//! upstream (marathon#3317), and not promised.

use super::{Hears, Invariant, View};
use crate::base::id::Symbol;
use crate::base::map::Lookup;
use crate::base::time::Span;
use crate::fact::{At, Condition, Fact, KillReason};

pub const SUMMARY: &str = "ill health kills nothing that is unreachable, or in its grace period";

/// What is written takes a while to be said.
const SLACK: Span = Span::from_secs(2);

#[derive(Clone, Default)]
pub struct HealthKills {
    /// Instances that were well since their task was launched.
    well: Lookup<Symbol, ()>,
}

impl Invariant for HealthKills {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Facts]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["InstanceChanged", "InstanceHealth", "InstanceKill"]
    }

    fn said(&mut self, view: View, fact: &At<Fact>) -> Result<(), String> {
        match fact.what {
            Fact::InstanceHealth { instance, healthy: Some(true), .. } => {
                self.well.insert(instance, ());
            }
            Fact::InstanceChanged { instance, condition: Condition::Provisioned | Condition::Expunged, .. } => {
                self.well.remove(&instance);
            }
            Fact::InstanceKill { instance, why: KillReason::Health, .. } => {
                let known = view.marathons.fleet(fact.by).and_then(|fleet| fleet.instances.get(&instance));
                let Some(known) = known else { return Ok(()) };
                let name = view.world.names().text(instance);
                if known.is_lost() {
                    return Err(format!("{name} was killed for its health; it is {:?}", known.condition));
                }
                let Some([check]) = known.spec().map(|spec| &spec.health_checks[..]) else { return Ok(()) };
                let age = fact.at - known.since;
                if !self.well.contains(&instance) && age + SLACK < check.grace_period {
                    let grace = check.grace_period;
                    return Err(format!("{name} was killed for its health when it had run for {age}, of {grace} grace"));
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
    use crate::fact::Goal;
    use crate::marathon::core::testing::{health_check, scheduled, spec};
    use crate::marathon::model::app::RunSpec;
    use std::sync::Arc;

    fn run(condition: Condition, well: bool, at_s: i64) -> Vec<String> {
        let mut stage = Stage::new("health-kills");
        let app = Arc::new(RunSpec { health_checks: vec![health_check(60)], ..spec("/app", 1) });
        let record = store(1, "instances/host", scheduled(1, app));
        let now = Time::from_secs;
        let is = |condition| instance(1, condition, Goal::Running);
        stage.moment(now(1), 0, &[(true, record)], &[is(Condition::Provisioned), is(Condition::Running)]);
        if well {
            stage.at(now(2), &[Fact::InstanceHealth { app: APP, instance: HOST, healthy: Some(true) }]);
        }
        let kill = Fact::InstanceKill { app: APP, instance: HOST, why: KillReason::Health };
        stage.at(now(at_s), &[is(condition), kill])
    }

    #[test]
    fn fires_when_an_instance_has_no_chance() {
        assert!(run(Condition::Running, false, 70).is_empty());
        assert!(run(Condition::Running, true, 30).is_empty());
        assert_eq!(
            run(Condition::Running, false, 30),
            ["host was killed for its health when it had run for 29s, of 1m grace"]
        );
        assert_eq!(run(Condition::Unreachable, true, 90), ["host was killed for its health; it is Unreachable"]);
    }
}
