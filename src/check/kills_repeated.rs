//! A kill is repeated until what it is for has ended.
//!
//! Upstream promises it by `KillServiceActor`: after `kill_retry_timeout` it asks again, in chunks of
//! a hundred (marathon#4039, MARATHON-8422).
//!
//! AREAS VERIFIED: an instance that is not wanted, and may run where Mesos can reach it, is asked to be
//! killed at least once in two such time-outs and a minute of calm, as long as none of the others that
//! are being killed has ended meanwhile; no kill is sent for a task that its Marathon knows to have
//! ended. AREAS NOT VERIFIED: kills of instances that are still wanted (for their health, by an
//! operator), which are to come back; tasks that nobody knows (`no-strays`).

use super::marathons::{Known, instance_of};
use super::{Hears, Invariant, View};
use crate::base::id::Symbol;
use crate::base::map::Map;
use crate::base::time::{Span, Time};
use crate::fact::{At, Fact, Goal, ProcessKind};
use crate::marathon::model::instance::is_terminal;
use crate::mesos::message::Msg;
use crate::world::Seen;

pub const SUMMARY: &str = "kills are repeated until the task has ended, and not sent after that";

const MARGIN: Span = Span::from_secs(60);
/// Two time-outs of a Marathon with the default flags.
const DEFAULT: Span = Span::from_secs(60);

#[derive(Clone, Default)]
pub struct KillsRepeated {
    /// Instances that are to end: the process that says so, and when it last asked.
    doomed: Map<Symbol, (u32, Time)>,
    /// When one of them last ended.
    progress: Time,
}

fn is_doomed(known: &Known) -> bool {
    known.goal != Goal::Running && known.is_live()
}

impl Invariant for KillsRepeated {
    fn hears(&self) -> &'static [Hears] {
        &[Hears::Messages, Hears::Facts, Hears::Time]
    }

    fn messages(&self) -> &'static [&'static str] {
        &["KILL"]
    }

    fn facts(&self) -> &'static [&'static str] {
        &["InstanceChanged", "LeaderReady"]
    }

    fn lens(from: ProcessKind, msg: &Msg, sent: bool) -> bool {
        from == ProcessKind::Marathon && sent && matches!(msg, Msg::Kill { .. })
    }

    fn message(&mut self, view: View, seen: &Seen) -> Result<(), String> {
        let Msg::Kill { task, .. } = seen.msg else { return Ok(()) };
        let names = view.world.names();
        let Some(instance) = instance_of(names, task) else { return Ok(()) };
        if let Some(doomed) = self.doomed.get_mut(&instance) {
            *doomed = (seen.from.slot, seen.at);
        }
        let known = view.marathons.fleet(seen.from.slot).and_then(|fleet| fleet.instances.get(&instance));
        let Some(known) = known.filter(|known| is_terminal(known.condition)) else { return Ok(()) };
        let own = known.record.as_ref().is_some_and(|record| record.tasks.iter().any(|own| own.id == task));
        if own {
            let task = names.text(Symbol(task.n));
            return Err(format!("a kill of {task} is sent, which is {:?}", known.condition));
        }
        Ok(())
    }

    fn said(&mut self, view: View, fact: &At<Fact>) -> Result<(), String> {
        match fact.what {
            Fact::InstanceChanged { instance, .. } => {
                let known = view.marathons.fleet(fact.by).and_then(|fleet| fleet.instances.get(&instance));
                if known.is_some_and(is_doomed) {
                    self.doomed.entry(instance).or_insert((fact.by, fact.at));
                } else if self.doomed.swap_remove(&instance).is_some() {
                    self.progress = fact.at;
                }
            }
            Fact::LeaderReady { kind: ProcessKind::Marathon, slot, .. } => {
                let Some(fleet) = view.marathons.fleet(slot) else { return Ok(()) };
                let number = view.marathons.number(slot);
                self.doomed.retain(|_, (by, _)| view.marathons.number(*by) != number);
                let left = fleet.instances.iter().filter(|(_, known)| is_doomed(known));
                self.doomed.extend(left.map(|(id, _)| (*id, (slot, fact.at))));
            }
            _ => {}
        }
        Ok(())
    }

    fn passed(&mut self, view: View, now: Time) -> Result<(), String> {
        for (instance, (by, last)) in &self.doomed {
            let two = view.world.flags(*by).map_or(DEFAULT, |flags| flags.kill_retry_timeout * 2);
            let bound = two + MARGIN;
            let leads = view.marathons.fleet(*by).is_some_and(|fleet| fleet.leader.is_some());
            if leads && now - self.progress.max(*last) > bound && view.marathons.calm(now) > bound {
                let instance = view.world.names().text(*instance);
                return Err(format!("{instance} is not wanted and lives, and no kill was sent since {last}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::base::id::{JobId, TaskId};
    use crate::fact::Condition;
    use crate::marathon::core::testing::{scheduled, spec, task};
    use crate::marathon::model::instance::{Instance, Task};
    use std::sync::Arc;

    #[test]
    fn fires_when_nobody_asks_again_or_asks_too_much() {
        let now = Time::from_secs;
        let mut stage = Stage::new("kills-repeated");
        let name = stage.name("app.instance-1");
        let id = TaskId { template: JobId::service(APP), n: stage.name("app.instance-1._app.1").0 };
        let kill = || [(true, Msg::Kill { framework: FRAMEWORK, task: id, agent: None })];
        let tasks = vec![Task { id, ..task(1) }];
        let record = Instance { tasks, ..scheduled(name.0, Arc::new(spec("/app", 1))) };
        let is = |condition| instance(name.0, condition, Goal::Decommissioned);
        stage.moment(now(1), 0, &[(true, store(1, "instances/i", record))], &[elected(0), serves(0)]);
        assert!(stage.at(now(500), &[is(Condition::Running)]).is_empty());
        stage.moment(now(600), 0, &kill(), &[]);
        assert!(stage.at(now(700), &[]).is_empty());
        let mut over = stage.clone();
        assert!(over.at(now(710), &[is(Condition::Killed)]).is_empty());
        assert_eq!(over.moment(now(720), 0, &kill(), &[]), ["a kill of app.instance-1._app.1 is sent, which is Killed"]);
        assert_eq!(
            stage.at(now(730), &[serves(1)]),
            ["app.instance-1 is not wanted and lives, and no kill was sent since 00:10:00.000000"]
        );
    }
}
