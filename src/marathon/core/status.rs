//! Status updates from Mesos (`TaskStatusUpdateProcessorImpl`): each is acknowledged after it was
//! written down; tasks that nobody knows are killed.

use super::Marathon;
use super::update::{Operation, Status, condition_of};
use super::writes::Then;
use crate::actor::Cx;
use crate::base::id::{Symbol, TaskId};
use crate::fact::{Condition, Detail, Fact, KillReason};
use crate::marathon::model::instance::is_terminal;
use crate::marathon::model::path::PathId;
use crate::marathon::rest::event::Event;
use crate::marathon::rest::view::instance_of_task;
use crate::mesos::message::{Msg, StatusUpdate};

impl Marathon {
    pub(super) fn status(&mut self, cx: &mut Cx, update: StatusUpdate) {
        if Some(update.framework) != self.driver.id {
            return;
        }
        let (framework, task) = (update.framework, update.task);
        cx.detail(|| Detail::TaskSeen { framework, task, state: update.state, reason: update.reason });
        let condition = condition_of(update.state, update.reason);
        let over = is_terminal(condition) || condition == Condition::Unreachable;
        let id = instance_of_task(cx.names, cx.names.text(Symbol(task.n)));
        let instance = id.and_then(|id| self.tracker.get(id));
        let known = instance.is_some_and(|instance| instance.tasks.iter().any(|own| own.id == task));
        match id.filter(|_| known) {
            Some(id) => {
                let status =
                    Status { task, state: update.state, reason: update.reason, healthy: update.healthy, at: cx.wall };
                self.operate(id, Operation::Status(status), Then::Acknowledge(update));
            }
            None => {
                if over {
                    self.task_is_over(cx, task);
                    self.tell_unknown(cx, task, condition);
                } else {
                    if let Some(id) = id {
                        let app = self.tracker.app_of(id).unwrap_or_default();
                        cx.fact(Fact::InstanceKill { app, instance: id.0, why: KillReason::UnknownTask });
                    }
                    self.kill_unknown(cx, task, update.agent);
                }
                self.acknowledge(cx, &update);
            }
        }
    }

    /// A task of no known instance is over. Its name says whose it was.
    fn tell_unknown(&mut self, cx: &mut Cx, task: TaskId, condition: Condition) {
        let template = cx.names.text(Symbol(task.template.0 & !(1 << 31)));
        let spec = PathId::absolute(template.split('@').next().unwrap_or_default());
        let name = cx.names.text(Symbol(task.n));
        let instance = name.rsplitn(3, '.').nth(2).unwrap_or(name).to_owned();
        self.event(cx, |_| Event::UnknownInstanceTerminated { instance, spec, condition });
    }

    pub(super) fn acknowledge(&mut self, cx: &mut Cx, update: &StatusUpdate) {
        if update.uuid != 0 {
            let StatusUpdate { framework, agent, task, uuid, .. } = *update;
            self.tell(cx, Msg::Acknowledge { framework, agent, task, uuid });
        }
    }
}
