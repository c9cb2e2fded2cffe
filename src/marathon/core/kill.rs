//! The kill service (`KillServiceActor`): kills in chunks and repeats itself until Mesos says that
//! the task is over.

use super::update::Operation;
use super::writes::{Change, Then};
use super::{Marathon, timer};
use crate::actor::bug::Bug;
use crate::actor::{Cx, TimerKey};
use crate::base::id::{AgentId, TaskId};
use crate::base::map::{Lookup, Map, Set};
use crate::base::time::Time;
use crate::fact::{Condition, Detail, Fact, Goal, KillReason};
use crate::marathon::model::instance::{Instance, InstanceId, is_terminal};
use crate::mesos::message::Msg;
use std::collections::VecDeque;

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Victim {
    Instance(InstanceId),
    /// A task of no instance that is known.
    Task(TaskId),
}

#[derive(Clone, Default, Debug)]
pub(super) struct Kills {
    waiting: VecDeque<Victim>,
    /// Those waiting, to find them.
    queued: Set<Victim>,
    /// With the instant of the last attempt.
    in_flight: Map<Victim, Time>,
    agents: Lookup<TaskId, AgentId>,
    armed: bool,
}

impl Marathon {
    /// Kills the instance's task; its goal stays, so that it is launched again if it is wanted.
    pub(super) fn kill(&mut self, cx: &mut Cx, id: InstanceId, why: KillReason) {
        let app = self.tracker.app_of(id).unwrap_or_default();
        cx.fact(Fact::InstanceKill { app, instance: id.0, why });
        self.enqueue_kill(cx, Victim::Instance(id));
    }

    /// The instance is not wanted any more: its task is killed and it is forgotten, or, if it holds
    /// a reservation, kept for later.
    pub(super) fn decommission(&mut self, cx: &mut Cx, id: InstanceId, why: KillReason) {
        let Some(instance) = self.tracker.get(id) else { return };
        let goal = if instance.reservation.is_some() { Goal::Stopped } else { Goal::Decommissioned };
        self.set_goal(cx, id, goal, why);
    }

    pub(super) fn set_goal(&mut self, cx: &mut Cx, id: InstanceId, goal: Goal, why: KillReason) {
        let Some(instance) = self.tracker.get(id) else { return };
        if instance.state.goal == goal {
            return;
        }
        let app = self.tracker.app_of(id).unwrap_or_default();
        cx.fact(Fact::InstanceKill { app, instance: id.0, why });
        self.operate(id, Operation::ChangeGoal(goal), Then::Nothing);
    }

    pub(super) fn kill_unknown(&mut self, cx: &mut Cx, task: TaskId, agent: AgentId) {
        self.kills.agents.insert(task, agent);
        self.enqueue_kill(cx, Victim::Task(task));
    }

    /// Beginning of a term: whatever should have been killed.
    pub(super) fn kill_decommissioned(&mut self, cx: &mut Cx) {
        let apps: Vec<_> = self.tracker.apps().map(|(app, _)| app).collect();
        for app in apps {
            let doomed = |i: &&std::sync::Arc<Instance>| i.state.goal != Goal::Running && !i.is_considered_terminal();
            let ids: Vec<InstanceId> = self.tracker.of_app(app).filter(doomed).map(|i| i.id).collect();
            ids.into_iter().for_each(|id| self.enqueue_kill(cx, Victim::Instance(id)));
        }
    }

    fn enqueue_kill(&mut self, cx: &mut Cx, victim: Victim) {
        if self.kills.in_flight.contains_key(&victim) || !self.kills.queued.insert(victim) {
            return;
        }
        self.kills.waiting.push_back(victim);
        self.process_kills(cx);
    }

    fn process_kills(&mut self, cx: &mut Cx) {
        while self.kills.in_flight.len() < self.flags.kill_chunk_size as usize {
            let Some(victim) = self.kills.waiting.pop_front() else { break };
            self.kills.queued.swap_remove(&victim);
            self.strike(cx, victim);
        }
        if !self.kills.armed && !self.kills.in_flight.is_empty() {
            self.kills.armed = true;
            let period = self.flags.kill_retry_timeout;
            cx.timer(TimerKey::new(timer::KILL, 0), self.until_tick(cx.now, period, period));
        }
    }

    /// Sends the kill, if there is anything to kill.
    fn strike(&mut self, cx: &mut Cx, victim: Victim) {
        let Some(framework) = self.driver.id else { return };
        let mut tasks: smallvec::SmallVec<[(TaskId, Option<AgentId>); 1]> = smallvec::SmallVec::new();
        match victim {
            Victim::Task(task) => tasks.push((task, self.kills.agents.get(&task).copied())),
            Victim::Instance(id) => {
                let Some(instance) = self.tracker.get(id).cloned() else { return };
                if is_out_of_reach(instance.state.condition) && instance.state.goal == Goal::Running {
                    if instance.reservation.is_none() {
                        self.operate(id, Operation::ChangeGoal(Goal::Decommissioned), Then::Nothing);
                    }
                    return;
                }
                let agent = instance.place.as_ref().map(|place| place.agent);
                let live = instance.tasks.iter().filter(|task| !is_terminal(task.condition));
                tasks.extend(live.map(|task| (task.id, agent)));
            }
        }
        if tasks.is_empty() {
            return;
        }
        self.kills.in_flight.insert(victim, cx.now);
        for (task, agent) in tasks {
            cx.detail(|| Detail::KillAsked { framework, task });
            self.tell(cx, Msg::Kill { framework, task, agent });
        }
    }

    pub(super) fn retry_kills(&mut self, cx: &mut Cx) {
        self.kills.armed = false;
        let limit = self.flags.kill_retry_timeout;
        let old = |at: Time| cx.now - at > limit;
        let late: Vec<Victim> = self.kills.in_flight.iter().filter(|(_, at)| old(**at)).map(|(v, _)| *v).collect();
        for victim in late {
            self.kills.in_flight.swap_remove(&victim);
            self.strike(cx, victim);
        }
        self.process_kills(cx);
    }

    pub(super) fn kills_saw(&mut self, cx: &mut Cx, change: &Change) {
        let victim = Victim::Instance(change.id);
        let state = change.after.state;
        if cx.shows(Bug::KillQueueJams) && is_out_of_reach(state.condition) && state.goal != Goal::Running {
            // There is nothing to kill, and nothing will take it out again.
            self.kills.in_flight.insert(victim, Time::MAX);
            return;
        }
        if change.expunged || change.after.is_considered_terminal() {
            if self.kills.in_flight.swap_remove(&victim).is_some() {
                self.process_kills(cx);
            }
        } else if change.after.state.goal != Goal::Running {
            self.enqueue_kill(cx, victim);
        }
    }

    /// A task that belongs to no known instance has ended.
    pub(super) fn task_is_over(&mut self, cx: &mut Cx, task: TaskId) {
        self.kills.agents.remove(&task);
        if self.kills.in_flight.swap_remove(&Victim::Task(task)).is_some() {
            self.process_kills(cx);
        }
    }

    #[must_use]
    pub(super) fn kills_in_flight(&self) -> usize {
        self.kills.in_flight.len()
    }
}

/// Mesos would not find its task.
fn is_out_of_reach(condition: Condition) -> bool {
    use Condition as C;
    matches!(condition, C::Unknown | C::Unreachable | C::UnreachableInactive | C::Dropped | C::Gone)
}
