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
                match condition {
                    C::Dropped | C::Error | C::Failed | C::Gone | C::Finished => {
                        let known = view.marathons.fleet(fact.by).and_then(|fleet| fleet.instances.get(&instance));
                        let Some(backoff) = known.and_then(|known| Some(known.spec()?.backoff)) else { return Ok(()) };
                        // What has been quiet for long enough is forgotten.
                        let old = self.delays.get(&key).filter(|old| at - old.reference <= backoff.most);
                        let grown = old.map(|old| Span((old.delay.0 as f64 * backoff.factor) as i64));
                        let delay = grown.unwrap_or(backoff.first).min(backoff.most);
                        self.delays.insert(key, Delay { app, reference: at, delay });
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

    fn run(at_s: i64, meanwhile: &[Fact]) -> Vec<String> {
        let mut stage = Stage::new("launch-backoff");
        let backoff = Backoff { first: Span::from_secs(10), factor: 2.0, most: Span::from_secs(300) };
        let app = Arc::new(RunSpec { backoff, ..spec("/app", 1) });
        let record = || store(1, "instances/host", scheduled(1, app.clone()));
        let now = Time::from_secs;
        let is = |condition| instance(1, condition, Goal::Running);
        stage.moment(now(1), 0, &[(true, opens_store()), (true, record())], &[is(Condition::Scheduled)]);
        stage.at(now(2), &[is(Condition::Provisioned), is(Condition::Failed)]);
        stage.moment(now(20), 0, &[(true, record())], &[is(Condition::Provisioned), is(Condition::Failed)]);
        stage.at(now(21), meanwhile);
        stage.moment(now(at_s), 0, &[(true, record())], &[is(Condition::Provisioned)])
    }

    #[test]
    fn fires_when_a_launch_does_not_wait() {
        assert!(run(40, &[]).is_empty());
        assert_eq!(run(35, &[]), ["host was placed after 15s of a delay of 20s"]);
        let step = Fact::DeploymentStep { deployment: Symbol(0), step: 1, app: APP };
        assert!(run(35, &[step]).is_empty(), "a deployment forgets it");
        assert!(run(35, &[elected(0)]).is_empty(), "so does a new leader");
    }
}
