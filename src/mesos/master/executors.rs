//! Task groups at the master, and their executors (LAUNCH_GROUP in `Master::_accept`,
//! `validation::task::group`, `Master::exitedExecutor`).
//!
//! A group is launched whole or not at all. Its executor is charged beside its tasks when the master
//! believes that it has to be started, and holds that until its agent says that it is over, or comes
//! back without it, or is gone. Upstream's agent says so once, and so it does here: if that is lost,
//! the executor stays in the books until the agent registers again.

use super::Master;
use crate::actor::{Cx, ProcessId};
use crate::base::id::{AgentId, FrameworkId, RoleId, TaskId};
use crate::base::map::Set;
use crate::fact::Fact;
use crate::job::{TaskGroup, TaskSpec};
use crate::mesos::message::{Msg, Refuse, Reregistration};
use crate::mesos::resource::Resources;
use crate::mesos::task_state::{Reason, TaskState};
use std::sync::Arc;

/// What an executor of a group needs at least, in thousandths: `MIN_CPUS`, and `MIN_MEM` in MiB.
const MIN_CPUS_MILLI: i64 = 10;
const MIN_MEM_MILLI_MIB: i64 = 32_000;

/// An executor that has, or will have, tasks of a group.
#[derive(Clone, Debug)]
pub(super) struct Executor {
    pub(super) framework: u32,
    id: TaskId,
    pub(super) spec: Arc<TaskSpec>,
    role: RoleId,
}

impl Master {
    /// LAUNCH_GROUP: an error for each task if anything is wrong with any.
    pub(super) fn launch_group(
        &mut self,
        cx: &mut Cx,
        slot: u32,
        (agent, role): (u32, RoleId),
        group: &Arc<TaskGroup>,
        rest: &mut Resources,
    ) {
        let known = self.find_executor(agent, slot, group.executor.id);
        if !self.is_valid(slot, agent, group, known, rest) {
            let (framework, agent) = (self.framework(slot), self.agent(agent).id);
            let Some(process) = framework.process else { return };
            for task in &group.tasks {
                let (state, reason) = (TaskState::Error, Reason::TaskGroupInvalid);
                let update = Self::own_update(framework.id, agent, task.id, state, reason);
                cx.send(process, Msg::Update(update));
            }
            return;
        }
        let launch_executor = known.is_none();
        if launch_executor {
            let executor = &group.executor;
            *rest -= &executor.spec.resources();
            self.add_executor(
                cx,
                agent,
                Executor { framework: slot, id: executor.id, spec: executor.spec.clone(), role },
            );
        }
        for task in &group.tasks {
            *rest -= &task.spec.resources();
            self.add_task(cx, slot, (agent, role), task.id, &task.spec);
        }
        let (framework, info) = (self.framework(slot).id, self.framework(slot).info.clone());
        let process = self.agent(agent).process;
        cx.send(process, Msg::RunTaskGroup { framework, role, group: group.clone(), info, launch_executor });
    }

    fn is_valid(&self, slot: u32, agent: u32, group: &TaskGroup, known: Option<usize>, rest: &Resources) -> bool {
        let framework = self.framework(slot);
        let is_used = |id: TaskId| framework.tasks.contains_key(&id) || framework.unreachable.contains_key(&id);
        let mut seen: Set<TaskId> = Set::default();
        let mut total = Resources::default();
        for task in &group.tasks {
            let needs = task.spec.resources();
            if is_used(task.id) || !seen.insert(task.id) || needs.is_empty() {
                return false;
            }
            total += &needs;
        }
        let own = group.executor.spec.resources();
        let amounts = own.quantities();
        let enough = amounts.cpus().0 >= MIN_CPUS_MILLI && amounts.mem().0 >= MIN_MEM_MILLI_MIB && amounts.disk().0 > 0;
        let alike = known.is_none_or(|at| self.agent(agent).executors[at].spec == group.executor.spec);
        if known.is_none() {
            total += &own;
        }
        enough && alike && !group.tasks.is_empty() && rest.contains(&total)
    }

    fn find_executor(&self, agent: u32, framework: u32, id: TaskId) -> Option<usize> {
        self.agent(agent).executors.iter().position(|e| e.id == id && e.framework == framework)
    }

    fn add_executor(&mut self, cx: &mut Cx, agent: u32, executor: Executor) {
        let framework = self.framework(executor.framework).id;
        let record = self.agent_mut(agent);
        cx.fact(Fact::ExecutorHeld { framework, executor: executor.id, agent: record.id });
        record.executors.push(executor);
    }

    /// Takes executors of an agent out of the books: what they held is free.
    pub(super) fn release_executors(
        &mut self,
        cx: &mut Cx,
        agent: u32,
        reason: Reason,
        which: impl Fn(&Self, &Executor) -> bool,
    ) {
        if self.agent(agent).executors.is_empty() {
            return;
        }
        let all = std::mem::take(&mut self.agent_mut(agent).executors);
        let (over, kept): (Vec<_>, Vec<_>) = all.into_iter().partition(|executor| which(self, executor));
        self.agent_mut(agent).executors = kept;
        let id = self.agent(agent).id;
        for executor in over {
            let framework = self.framework(executor.framework).id;
            cx.fact(Fact::ExecutorReleased { framework, executor: executor.id, agent: id, reason });
            let resources = executor.spec.resources();
            self.tell_allocator(cx, Msg::recover(framework, executor.role, id, resources, Refuse::NONE));
        }
    }

    /// An agent says that an executor is over.
    pub(super) fn exited_executor(
        &mut self,
        cx: &mut Cx,
        from: ProcessId,
        framework: FrameworkId,
        agent_id: AgentId,
        executor: TaskId,
    ) {
        let Some(agent) = self.agent_index.get(agent_id) else { return };
        let Some(&slot) = self.framework_index.get(&framework) else { return };
        if self.agent(agent).process != from || self.find_executor(agent, slot, executor).is_none() {
            return;
        }
        self.release_executors(cx, agent, Reason::ExecutorTerminated, |_, e| e.framework == slot && e.id == executor);
        if let Some(process) = self.framework(slot).process {
            cx.send(process, Msg::ExecutorLost { agent: agent_id, executor });
        }
    }

    /// An agent that the master has is back: executors that it does not report are taken to be gone.
    /// As upstream: also one that was launched while the report was on its way.
    pub(super) fn reconcile_executors(&mut self, cx: &mut Cx, agent: u32, report: &Reregistration) {
        self.release_executors(cx, agent, Reason::Reconciliation, |m, own| {
            let framework = m.framework(own.framework).id;
            !report.executors.iter().any(|there| there.executor == own.id && there.framework == framework)
        });
    }

    /// What executors of frameworks that are not over hold on an agent that the master takes in.
    pub(super) fn held_by_executors(
        &self,
        report: &Reregistration,
    ) -> impl Iterator<Item = (FrameworkId, RoleId, Resources)> {
        let live = report.executors.iter().filter(|e| self.framework_index.contains(&e.framework));
        live.map(|executor| (executor.framework, executor.role, executor.spec.resources()))
    }

    pub(super) fn readd_executors(&mut self, cx: &mut Cx, agent: u32, report: &Reregistration) {
        for there in &report.executors {
            let Some(&framework) = self.framework_index.get(&there.framework) else { continue };
            let (id, spec, role) = (there.executor, there.spec.clone(), there.role);
            self.add_executor(cx, agent, Executor { framework, id, spec, role });
        }
    }
}

#[cfg(test)]
#[path = "executors_tests.rs"]
mod tests;
