//! After heal every app reaches its target in bounded time, or says why not.
//!
//! Upstream promises it by its periodic jobs: scale check, reconciliation, overdue and expunge
//! (`core/task/jobs/`, `SchedulerActions`).
//!
//! AREAS VERIFIED: a quarter of an hour after the last fault was mended, and after each change of a
//! target without a fault, each app has exactly its target of running instances that Marathon
//! wants. AREAS NOT VERIFIED: apps that refused offers within the last three minutes, because they
//! say that they cannot be placed; health, which the services themselves may lack.

use super::{Hears, Invariant, View};
use crate::base::id::Symbol;
use crate::base::map::{Map, Set};
use crate::base::time::{Span, Time};
use crate::fact::{At, Condition, Fact, Goal, ProcessKind};

pub const SUMMARY: &str = "a quarter of an hour after heal every app has its target, or refuses offers";

const BOUND: Span = Span::from_secs(15 * 60);
const SAYS_WHY: Span = Span::from_secs(3 * 60);

#[derive(Clone, Default)]
pub struct AppsConverge {
    targets: Map<Symbol, u32>,
    running: Map<Symbol, Set<Symbol>>,
    refused: Map<Symbol, Time>,
    /// Faults that have begun and not ended.
    open: Set<u32>,
    /// When everything must be well, and the last time something changed.
    due: Option<Time>,
}

impl AppsConverge {
    fn arm(&mut self, at: Time) {
        self.due = self.open.is_empty().then(|| at + BOUND);
    }

    fn judge(&mut self, view: View, now: Time) -> Result<(), String> {
        for (app, target) in &self.targets {
            let running = self.running.get(app).map_or(0, |set| set.len() as u32);
            let says_why = self.refused.get(app).is_some_and(|then| now < *then + SAYS_WHY);
            if running != *target && !says_why {
                let app = view.world.names().text(*app);
                return Err(format!("{app} has {running} of {target} instances, {BOUND} after everything was mended"));
            }
        }
        Ok(())
    }
}

impl Invariant for AppsConverge {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Facts, Hears::Deadlines]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["FaultBegan", "FaultEnded", "AppTarget", "DeploymentBegan", "DeploymentEnded", "ProcessStarted", "ProcessStopped", "LeaderReady", "TaskEnded", "OfferRefused", "InstanceChanged"]
    }

    fn said(&mut self, _: View, fact: &At<Fact>) -> Result<(), String> {
        let at = fact.at;
        match fact.what {
            Fact::FaultBegan { fault } => {
                self.open.insert(fault);
                self.due = None;
            }
            Fact::FaultEnded { fault } => {
                self.open.swap_remove(&fault);
                self.arm(at);
            }
            // Changes of any kind begin the time anew: a leader, a machine, a task, a wish.
            Fact::AppTarget { app, instances } => {
                self.targets.insert(app, instances);
                self.arm(at);
            }
            Fact::DeploymentBegan { .. } | Fact::DeploymentEnded { .. } => self.arm(at),
            Fact::ProcessStarted { kind, .. } | Fact::ProcessStopped { kind, .. } if kind != ProcessKind::Framework => {
                self.arm(at);
            }
            Fact::LeaderReady { .. } => self.arm(at),
            Fact::TaskEnded { task, .. } if task.template.is_service() => self.arm(at),
            Fact::OfferRefused { app, .. } => {
                self.refused.insert(app, at);
            }
            Fact::InstanceChanged { app, instance, condition, goal, .. } => {
                let set = self.running.entry(app).or_default();
                if condition == Condition::Running && goal == Goal::Running {
                    set.insert(instance);
                } else {
                    set.swap_remove(&instance);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn due(&self) -> Option<Time> {
        self.due
    }

    fn overdue(&mut self, view: View) -> Result<(), String> {
        match self.due.take() {
            Some(due) => self.judge(view, due),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::base::id::Symbol;
    use crate::base::time::Time;
    use crate::fact::{Fact, OfferRefusal};

    const APP: Symbol = Symbol(2);

    fn run(refused_at_s: i64) -> Vec<String> {
        let mut stage = Stage::new("apps-converge");
        stage.at(Time::from_secs(0), &[Fact::AppTarget { app: APP, instances: 1 }, Fact::FaultBegan { fault: 0 }]);
        assert!(stage.at(Time::from_secs(5_000), &[Fact::FaultEnded { fault: 0 }]).is_empty());
        let refused = Fact::OfferRefused { app: APP, why: OfferRefusal::InsufficientCpus, count: 1 };
        stage.at(Time::from_secs(refused_at_s), &[refused]);
        stage.at(Time::from_secs(5_901), &[Fact::FaultBit { fault: 0 }])
    }

    #[test]
    fn fires_when_an_app_stays_short_and_silent() {
        assert_eq!(run(5_100), ["f has 0 of 1 instances, 15m after everything was mended"]);
        assert!(run(5_850).is_empty(), "it refuses offers");
    }
}
