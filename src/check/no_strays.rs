//! What runs belongs to an instance that is wanted, or is killed.
//!
//! Upstream promises it by reconciliation (every `reconciliation_interval`), which brings up tasks
//! that nobody knows, and by its kill service, which repeats itself. An unreachable task that comes
//! back beside its replacement is the best known case (MARATHON-8422, #4039).
//!
//! AREAS VERIFIED: every container of a service that runs in truth is named in the record of an
//! instance with goal Running, or ends within one reconciliation, two rounds of kills and two minutes
//! of calm: no fault, no machine or leader that comes or goes. AREAS NOT VERIFIED: longer kill grace
//! periods than that; which of two instances is the one too many (`no-surplus`, `apps-converge`);
//! fleets without a leader.

use super::marathons::instance_of;
use super::{Hears, Invariant, View};
use crate::base::id::{Symbol, TaskId};
use crate::base::map::Map;
use crate::base::time::{Span, Time};
use crate::fact::{At, Fact, Goal, ProcessKind};
use crate::marathon::model::instance::Instance;
use smallvec::SmallVec;

pub const SUMMARY: &str = "every container belongs to an instance that is wanted, or is killed";

const MARGIN: Span = Span::from_secs(120);
/// Of a Marathon with the default flags.
const DEFAULT: Span = Span::from_secs(660);

#[derive(Clone, Default)]
pub struct NoStrays {
    /// Containers by instance, each with its machine.
    containers: Map<Symbol, SmallVec<[(TaskId, Symbol); 1]>>,
    /// Those that belong to nobody, since when.
    strays: Map<TaskId, Time>,
}

impl NoStrays {
    /// Looks again at the containers of an instance.
    fn judge(&mut self, view: View, instance: Symbol, now: Time) {
        let Some(containers) = self.containers.get(&instance) else { return };
        let fleets = view.marathons.fleets().iter();
        let known = fleets.filter_map(|fleet| fleet.instances.get(&instance)).find(|i| i.goal == Goal::Running);
        for (task, _) in containers {
            let named = |record: &Instance| record.tasks.iter().any(|own| own.id == *task);
            let belongs = known.is_some_and(|known| known.record.as_ref().is_none_or(|record| named(record)));
            if belongs {
                self.strays.swap_remove(task);
            } else {
                self.strays.entry(*task).or_insert(now);
            }
        }
    }
}

impl Invariant for NoStrays {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Facts, Hears::Time]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["InstanceChanged", "LeaderReady", "ProcessStopped", "TaskEnded", "TaskStarted"]
    }

    fn said(&mut self, view: View, fact: &At<Fact>) -> Result<(), String> {
        match fact.what {
            Fact::TaskStarted { task, host, .. } => {
                if let Some(instance) = instance_of(view.world.names(), task) {
                    self.containers.entry(instance).or_default().push((task, host));
                    self.judge(view, instance, fact.at);
                }
            }
            Fact::TaskEnded { task, .. } => {
                self.strays.swap_remove(&task);
                if let Some(instance) = instance_of(view.world.names(), task)
                    && let Some(all) = self.containers.get_mut(&instance)
                {
                    all.retain(|(other, _)| *other != task);
                    if all.is_empty() {
                        self.containers.swap_remove(&instance);
                    }
                }
            }
            // Nothing runs there any more, also what was announced and not begun.
            Fact::ProcessStopped { kind: ProcessKind::Agent, name, .. } => {
                let strays = &mut self.strays;
                self.containers.retain(|_, all| {
                    all.retain(|(task, host)| {
                        if *host == name {
                            strays.swap_remove(task);
                        }
                        *host != name
                    });
                    !all.is_empty()
                });
            }
            Fact::InstanceChanged { instance, .. } => self.judge(view, instance, fact.at),
            // What its predecessor could not say any more.
            Fact::LeaderReady { kind: ProcessKind::Marathon, .. } => {
                for instance in self.containers.keys().copied().collect::<Vec<_>>() {
                    self.judge(view, instance, fact.at);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn passed(&mut self, view: View, now: Time) -> Result<(), String> {
        if self.strays.is_empty() || view.marathons.fleets().iter().any(|fleet| fleet.leader.is_none()) {
            return Ok(());
        }
        let flags = view.marathons.fleets().iter().filter_map(|fleet| view.world.flags(fleet.leader?.0));
        let round = flags.map(|flags| flags.reconciliation_interval + flags.kill_retry_timeout * 2).max();
        let bound = round.unwrap_or(DEFAULT) + MARGIN;
        let late = |since: &Time| now - *since > bound;
        if view.marathons.calm(now) > bound
            && let Some((task, since)) = self.strays.iter().find(|(_, since)| late(since))
        {
            let name = view.world.names().text(Symbol(task.n));
            return Err(format!("{name} belongs to no instance that is wanted since {since}, and runs"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::base::id::{JobId, Symbol, TaskId};
    use crate::base::time::Time;
    use crate::fact::{Condition, End, Fact, Goal};

    #[test]
    fn fires_when_what_nobody_wants_runs_on() {
        let now = Time::from_secs;
        let run = |ends: bool| {
            let mut stage = Stage::new("no-strays");
            let instance_symbol = stage.name("app.instance-1");
            let task = TaskId { template: JobId::service(APP), n: stage.name("app.instance-1._app.1").0 };
            let (owner, host) = (Symbol(2), HOST);
            let changed = |goal| instance(instance_symbol.0, Condition::Running, goal);
            stage.at(now(1), &[elected(0), serves(0), changed(Goal::Running), Fact::TaskStarted { task, owner, host }]);
            assert!(stage.at(now(5_000), &[changed(Goal::Decommissioned)]).is_empty(), "it was wanted");
            if ends {
                stage.at(now(5_010), &[Fact::TaskEnded { task, owner, host, how: End::Killed }]);
            }
            stage.at(now(5_790), &[changed(Goal::Decommissioned)])
        };
        assert_eq!(run(false), ["app.instance-1._app.1 belongs to no instance that is wanted since 01:23:20.000000, and runs"]);
        assert!(run(true).is_empty());
    }
}
