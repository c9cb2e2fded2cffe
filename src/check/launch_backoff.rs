//! What failed is not launched again before its delay is over.
//!
//! Upstream promises it by `RateLimiter`: each failure of a configuration raises the delay, up to
//! `maxLaunchDelaySeconds`, signs of life move it, a deployment or an operator resets it
//! (`NotifyRateLimiterStepImpl`).
//!
//! AREAS VERIFIED: an instance whose configuration failed in this leader's term is placed when at
//! least the delay has passed since the last failure or sign of life. AREAS NOT VERIFIED: that it is
//! placed soon after that, and so that the delay is not too long (`apps-converge` says that it ends);
//! launches within two seconds of what moved the delay, whose decision may be older. Ends that the
//! infrastructure caused raise the delay as well, as upstream (marathon#1456, #1083).

use super::{Hears, Invariant, View};
use crate::base::id::{JobId, Symbol};
use crate::base::map::Map;
use crate::base::time::{Span, Time};
use crate::fact::{At, Condition, Fact, ProcessKind};
use crate::http::Method;
use crate::mesos::message::Msg;
use crate::world::Seen;

pub const SUMMARY: &str = "what failed is not launched again before its delay is over";

const RECENT: Span = Span::from_secs(2);

#[derive(Clone, Copy)]
struct Delay {
    app: Symbol,
    reference: Time,
    delay: Span,
    /// Quiet for so long, it is forgotten.
    most: Span,
}

#[derive(Clone, Default)]
pub struct LaunchBackoff {
    /// By number of the fleet and configuration.
    delays: Map<(u32, JobId), Delay>,
}

impl Invariant for LaunchBackoff {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Messages, Hears::Facts]
    }

    fn messages(&self) -> &'static [&'static str] {
        &["HTTP"]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["DeploymentStep", "InstanceChanged", "LeaderElected"]
    }

    /// An operator resets a delay.
    fn lens(_: ProcessKind, msg: &Msg, sent: bool) -> bool {
        !sent
            && matches!(msg, Msg::Http { request, .. }
                if request.method == Method::Delete && request.path.starts_with("/v2/queue"))
    }

    fn message(&mut self, view: View, seen: &Seen) -> Result<(), String> {
        let fleet = view.marathons.number(seen.to.slot);
        self.delays.retain(|(of, _), _| Some(*of) != fleet);
        Ok(())
    }

    fn said(&mut self, view: View, fact: &At<Fact>) -> Result<(), String> {
        let Some(fleet) = view.marathons.number(fact.by) else { return Ok(()) };
        match fact.what {
            Fact::DeploymentStep { app, .. } => self.delays.retain(|(of, _), delay| (*of, delay.app) != (fleet, app)),
            Fact::LeaderElected { kind: ProcessKind::Marathon, .. } => self.delays.retain(|(of, _), _| *of != fleet),
            Fact::InstanceChanged { app, instance, config, condition, .. } => {
                use Condition as C;
                let before = view.marathons.before().and_then(|before| before.known.as_ref());
                if before.is_some_and(|before| before.condition == condition) {
                    return Ok(());
                }
                let (at, key) = (fact.at, (fleet, config));
                if self.delays.get(&key).is_some_and(|delay| at - delay.reference > delay.most) {
                    self.delays.swap_remove(&key);
                }
                match condition {
                    C::Dropped | C::Error | C::Failed | C::Gone | C::Finished => {
                        let known = view.marathons.fleet(fact.by).and_then(|fleet| fleet.instances.get(&instance));
                        let Some(backoff) = known.and_then(|known| Some(known.spec()?.backoff)) else { return Ok(()) };
                        let grown = self.delays.get(&key).map(|old| Span((old.delay.0 as f64 * backoff.factor) as i64));
                        let most = backoff.most;
                        let delay = grown.unwrap_or(backoff.first).min(most);
                        self.delays.insert(key, Delay { app, reference: at, delay, most });
                    }
                    C::Provisioned | C::Staging | C::Starting | C::Running => {
                        let Some(delay) = self.delays.get_mut(&key) else { return Ok(()) };
                        let asked = before.map_or(at, |before| before.asked);
                        let early = asked > delay.reference + RECENT && asked < delay.reference + delay.delay;
                        if condition == C::Provisioned && early {
                            let instance = view.world.names().text(instance);
                            let (waited, delay) = (asked - delay.reference, delay.delay);
                            return Err(format!("{instance} was placed after {waited} of a delay of {delay}"));
                        }
                        delay.reference = at;
                    }
                    _ => {}
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
    use crate::fact::Goal;
    use crate::marathon::core::testing::{scheduled, spec};
    use crate::marathon::model::app::{Backoff, RunSpec};
    use std::sync::Arc;

    const BACKOFF: Backoff = Backoff { first: Span::from_secs(10), factor: 2.0, most: Span::from_secs(300) };

    fn record() -> (bool, Msg) {
        let app = Arc::new(RunSpec { backoff: BACKOFF, ..spec("/app", 1) });
        (true, store(1, "instances/host", scheduled(1, app)))
    }

    fn is(condition: Condition) -> Fact {
        instance(1, condition, Goal::Running)
    }

    /// An instance that failed at 2 and 20 s.
    fn failed_twice() -> Stage {
        let mut stage = Stage::new("launch-backoff");
        let now = Time::from_secs;
        stage.moment(now(1), 0, &[(true, opens_store()), record()], &[is(Condition::Scheduled)]);
        stage.at(now(2), &[is(Condition::Provisioned), is(Condition::Failed)]);
        stage.moment(now(20), 0, &[record()], &[is(Condition::Provisioned), is(Condition::Failed)]);
        stage
    }

    fn placed(stage: &mut Stage, at_s: i64) -> Vec<String> {
        stage.moment(Time::from_secs(at_s), 0, &[record()], &[is(Condition::Provisioned)])
    }

    #[test]
    fn fires_when_a_launch_does_not_wait() {
        assert!(placed(&mut failed_twice(), 40).is_empty());
        assert_eq!(placed(&mut failed_twice(), 35), ["host was placed after 15s of a delay of 20s"]);
        let step = Fact::DeploymentStep { deployment: Symbol(0), step: 1, app: APP };
        for forgets in [step, elected(0)] {
            let mut stage = failed_twice();
            stage.at(Time::from_secs(21), &[forgets]);
            assert!(placed(&mut stage, 35).is_empty(), "{forgets:?}");
        }
    }

    #[test]
    fn a_delay_is_forgotten_in_silence() {
        let run = |up_s: i64| {
            let mut stage = failed_twice();
            stage.at(Time::from_secs(up_s), &[is(Condition::Running)]);
            stage.at(Time::from_secs(up_s + 1), &[is(Condition::Failed)]);
            placed(&mut stage, up_s + 12)
        };
        assert_eq!(run(310), ["host was placed after 11s of a delay of 40s"]);
        assert!(run(330).is_empty());
    }
}
