//! Tasks at the master: status updates and their acknowledgement, kills, reconciliation.

use super::{Master, Task};
use crate::actor::{Cx, Mailbox, ProcessId};
use crate::base::id::{AgentId, FrameworkId, TaskId};
use crate::fact::{Detail, Fact};
use crate::mesos::message::{Msg, Refuse, StatusUpdate, TaskQuery};
use crate::mesos::task_state::{Reason, TaskState};

impl Master {
    pub(super) fn task(&self, slot: u32) -> &Task {
        self.tasks.at(slot).expect("a task's slot")
    }

    /// An update on its way from an agent to its framework.
    pub(super) fn status_update(&mut self, cx: &mut Cx, from: ProcessId, update: StatusUpdate) {
        let Some(agent) = self.agent_index.get(update.agent) else { return };
        if self.agent(agent).process != from {
            return;
        }
        let Some(&slot) = self.framework_index.get(&update.framework) else { return };
        let framework = self.framework(slot);
        let known = framework.tasks.get(&update.task).copied();
        if let Some(process) = framework.process {
            cx.detail(|| Detail::TaskForwarded {
                framework: update.framework,
                task: update.task,
                state: update.state,
                reason: update.reason,
            });
            cx.send(process, Msg::Update(update));
        }
        let Some(task) = known else { return };
        let record = self.tasks.at_mut(task).expect("listed");
        record.forwarded = update.state;
        record.uuid = update.uuid;
        if record.state.is_terminal() {
            return;
        }
        if update.latest.is_terminal() {
            self.end_task(cx, task, update.latest, update.reason);
        } else {
            record.state = update.latest;
        }
    }

    /// The task becomes terminal (or unreachable): its resources are free from now on.
    pub(super) fn end_task(&mut self, cx: &mut Cx, task: u32, state: TaskState, reason: Reason) {
        let record = self.tasks.at_mut(task).expect("a task's slot");
        if record.state.is_terminal() {
            return;
        }
        record.state = state;
        let (framework, agent, role, id) = (record.framework, record.agent, record.role, record.id);
        let resources = record.spec.resources();
        let (framework, agent) = (self.framework(framework).id, self.agent(agent).id);
        cx.fact(Fact::TaskTerminal { framework, task: id, agent, state, reason });
        cx.dispatch(Mailbox::ALLOCATOR, Msg::recover(framework, role, agent, resources, Refuse::NONE));
    }

    /// The master itself declares a task lost or unreachable, and tells its framework.
    pub(super) fn lose_task(&mut self, cx: &mut Cx, task: u32, state: TaskState, reason: Reason) {
        let record = self.task(task);
        let (id, agent) = (record.id, self.agent(record.agent).id);
        let framework = self.framework(record.framework);
        // A task that had ended already keeps its state here, yet its framework is told of the loss:
        // it may not have heard of the end, and no agent is left to repeat it.
        if let Some(process) = framework.process {
            cx.send(process, Msg::Update(Self::own_update(framework.id, agent, id, state, reason)));
        }
        self.end_task(cx, task, state, reason);
        let ended = self.task(task).state;
        if reason == Reason::AgentDisconnected {
            self.forget_task(task, ended);
            return;
        }
        let slot = self.task(task).framework;
        self.unlist_task(task);
        let most = self.flags.max_unreachable_tasks_per_framework;
        let ring = &mut self.framework_mut(slot).unreachable;
        ring.insert(id, (agent, ended));
        if ring.len() > most {
            ring.shift_remove_index(0);
        }
    }

    /// Drops the record of a task into the framework's archive.
    pub(super) fn forget_task(&mut self, task: u32, state: TaskState) {
        let (slot, id) = (self.task(task).framework, self.task(task).id);
        self.unlist_task(task);
        let most = self.flags.max_completed_tasks_per_framework;
        let ring = &mut self.framework_mut(slot).completed;
        ring.push_back((id, state));
        if ring.len() > most {
            ring.pop_front();
        }
    }

    fn unlist_task(&mut self, task: u32) {
        let key = self.tasks.key_at(task).expect("a task's slot");
        let record = self.tasks.remove(key).expect("a task's slot");
        self.framework_mut(record.framework).tasks.swap_remove(&record.id);
        let list = &mut self.agent_mut(record.agent).tasks;
        if let Some(at) = list.iter().position(|&t| t == task) {
            list.swap_remove(at);
        }
        let framework = self.framework(record.framework).id;
        let killed = &mut self.agent_mut(record.agent).killed;
        if !killed.is_empty() {
            killed.retain(|k| *k != (framework, record.id));
        }
    }

    pub(super) fn acknowledge(
        &mut self,
        cx: &mut Cx,
        from: ProcessId,
        id: FrameworkId,
        agent_id: AgentId,
        task_id: TaskId,
        uuid: u64,
    ) {
        let Some(slot) = self.caller(from, id) else { return };
        let Some(agent) = self.agent_index.get(agent_id) else { return };
        if !self.agent(agent).connected {
            return;
        }
        if let Some(&task) = self.framework(slot).tasks.get(&task_id) {
            let record = self.task(task);
            if record.uuid == 0 {
                return;
            }
            if record.uuid == uuid && record.forwarded.is_terminal() {
                let state = record.state;
                self.forget_task(task, state);
            }
        }
        let process = self.agent(agent).process;
        cx.send(process, Msg::StatusAck { framework: id, task: task_id, uuid });
    }

    pub(super) fn kill(
        &mut self,
        cx: &mut Cx,
        from: ProcessId,
        id: FrameworkId,
        task_id: TaskId,
        agent: Option<AgentId>,
    ) {
        let Some(slot) = self.caller(from, id) else { return };
        cx.detail(|| Detail::KillAsked { framework: id, task: task_id });
        let Some(&task) = self.framework(slot).tasks.get(&task_id) else {
            return self.answer_query(cx, slot, TaskQuery { task: task_id, agent });
        };
        let holder = self.task(task).agent;
        if agent.is_some_and(|a| a != self.agent(holder).id) {
            return;
        }
        let record = self.agent_mut(holder);
        if !record.killed.contains(&(id, task_id)) {
            record.killed.push((id, task_id));
        }
        if record.connected {
            cx.send(record.process, Msg::KillTask { framework: id, task: task_id });
        }
    }

    pub(super) fn reconcile(&mut self, cx: &mut Cx, from: ProcessId, id: FrameworkId, tasks: &[TaskQuery]) {
        let Some(slot) = self.caller(from, id) else { return };
        if !tasks.is_empty() {
            for &query in tasks {
                self.answer_query(cx, slot, query);
            }
            return;
        }
        for &task in self.framework(slot).tasks.values() {
            let record = self.task(task);
            let agent = self.agent(record.agent).id;
            let update = Self::own_update(id, agent, record.id, known_state(record), Reason::Reconciliation);
            cx.send(from, Msg::Update(update));
        }
    }

    /// Explicit reconciliation of one task: the first row that matches answers.
    fn answer_query(&self, cx: &mut Cx, slot: u32, query: TaskQuery) {
        let framework = self.framework(slot);
        let Some(process) = framework.process else { return };
        // An agent that the predecessor knew may still come back with the task.
        let maybe = query.agent.map_or(!self.recovered.is_empty(), |agent| self.recovered.contains_key(&agent));
        if maybe && !framework.tasks.contains_key(&query.task) {
            return;
        }
        let lost = |aware| Self::lost_state(&framework.info, aware);
        let (agent, state) = match (framework.tasks.get(&query.task), query.agent) {
            (Some(&task), _) => (self.agent(self.task(task).agent).id, known_state(self.task(task))),
            (None, Some(agent)) if self.agent_index.get(agent).is_some() => (agent, lost(TaskState::Gone)),
            (None, Some(agent)) if self.unreachable.contains_key(&agent) => (agent, lost(TaskState::Unreachable)),
            (None, agent) => (agent.unwrap_or(AgentId { master: self.id, n: u32::MAX }), lost(TaskState::Unknown)),
        };
        let update = Self::own_update(framework.id, agent, query.task, state, Reason::Reconciliation);
        cx.send(process, Msg::Update(update));
    }
}

/// State of the update last forwarded if there was one, else the latest known.
fn known_state(task: &Task) -> TaskState {
    if task.uuid == 0 { task.state } else { task.forwarded }
}
