//! The executor of a group of tasks (`src/launcher/default_executor.cpp`), and what the agent does
//! about it (`Slave::__run`, `Slave::kill`, `Slave::executorTerminated`), as a sub-machine.
//!
//! It starts without downloads. Once it has registered it says STARTING for every task; their
//! containers fetch what they need beside each other and start as they can, and when all of them are
//! up it says RUNNING for each. A task that fails or is killed takes the others with it; one that
//! finishes does not. With its last container it ends, which the agent tells the master once. The
//! agent remembers it until the last words of its tasks are acknowledged, and drops tasks that come
//! for it until then.
//!
//! Quirk: a kill that comes while containers are being started is ignored.

use super::executor::{Executor, Kill};
use super::{Agent, Task};
use crate::actor::{Cx, Effect};
use crate::base::id::{FrameworkId, RoleId, TaskId};
use crate::fact::Fact;
use crate::job::{Member, TaskGroup};
use crate::mesos::agent::streams::Stream;
use crate::mesos::message::{ExecutorReport, FrameworkInfo, Msg};
use crate::mesos::task_state::{Reason, TaskState};
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Its tasks are queued.
    Registering,
    Running,
    Terminated,
}

/// One executor; its tasks are among those of the agent.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// Among the keys of containers.
    key: u64,
    pub(super) framework: FrameworkId,
    /// To which its resources are allocated.
    role: RoleId,
    executor: Member,
    state: State,
    /// One of its tasks was found ill: all of them say so at their end.
    unhealthy: bool,
    /// Containers that ended before RUNNING was said, and how.
    early: Vec<(u64, TaskState)>,
}

impl Agent {
    fn group(&self, key: u64) -> Option<usize> {
        self.groups.iter().position(|group| group.key == key)
    }

    /// Keys of the executor's tasks, in the order in which they came.
    fn members(&self, group: u64) -> Vec<u64> {
        let own = self.tasks.iter().filter(|task| task.group == Some(group));
        let mut keys: Vec<u64> = own.map(|task| task.executor.key()).collect();
        keys.sort_unstable();
        keys
    }

    // ---- launching ----

    pub(super) fn run_group(
        &mut self,
        cx: &mut Cx,
        (framework, role): (FrameworkId, RoleId),
        group: &TaskGroup,
        info: Arc<FrameworkInfo>,
        launch_executor: bool,
    ) {
        if group.tasks.iter().any(|task| self.position(framework, task.id).is_some()) {
            return;
        }
        self.frameworks.entry(framework).or_insert(info);
        let mut all = group.tasks.iter().chain([&group.executor]);
        if !all.all(|member| self.checkpoint.has(&member.spec.extra)) {
            self.drop_group(cx, framework, group, Reason::ResourcesUnknown);
            if launch_executor {
                self.say_exited(cx, framework, group.executor.id);
            }
            return;
        }
        let known = self.groups.iter().position(|g| g.framework == framework && g.executor.id == group.executor.id);
        let key = match (known, launch_executor) {
            (None, true) => self.add_group(cx, (framework, role), &group.executor),
            (None, false) => return self.drop_group(cx, framework, group, Reason::ExecutorTerminated),
            (Some(at), true) => {
                // The master has forgotten it, or has heard of its end already.
                self.drop_group(cx, framework, group, Reason::ExecutorTerminated);
                if self.groups[at].state == State::Terminated {
                    return self.say_exited(cx, framework, group.executor.id);
                }
                return self.shut_down(cx, at);
            }
            (Some(at), false) if self.groups[at].state == State::Terminated => {
                return self.drop_group(cx, framework, group, Reason::ExecutorTerminated);
            }
            (Some(at), false) => self.groups[at].key,
        };
        for Member { id, spec } in group.tasks.iter().cloned() {
            let (executor, stream) = (Executor::starting(self.next_container), Stream::default());
            self.next_container += 1;
            self.tasks.push(Task { framework, role, id, spec, executor, stream, checking: None, group: Some(key) });
        }
        match known {
            None => self.start_executor(cx, key, self.flags.executor_registration_timeout),
            Some(at) if self.groups[at].state == State::Running => self.deliver(cx, key),
            Some(_) => {}
        }
    }

    fn add_group(&mut self, cx: &mut Cx, (framework, role): (FrameworkId, RoleId), executor: &Member) -> u64 {
        let key = self.next_container;
        self.next_container += 1;
        let (owner, host) = (executor.spec.owner, self.info.hostname);
        cx.fact(Fact::ExecutorStarted { executor: executor.id, owner, host });
        let (executor, state) = (executor.clone(), State::Registering);
        self.groups.push(Group { key, framework, role, executor, state, unhealthy: false, early: Vec::new() });
        key
    }

    fn drop_group(&mut self, cx: &mut Cx, framework: FrameworkId, group: &TaskGroup, reason: Reason) {
        let aware = self.frameworks.get(&framework).is_some_and(|info| info.capabilities.partition_aware);
        let state = if aware { TaskState::Dropped } else { TaskState::Lost };
        for task in &group.tasks {
            self.report_missing(cx, framework, task.id, state, reason);
        }
    }

    /// The executor has registered: it is given what was queued.
    pub(super) fn group_registered(&mut self, cx: &mut Cx, key: u64) {
        let Some(at) = self.group(key) else { return };
        if self.groups[at].state != State::Registering {
            return;
        }
        self.groups[at].state = State::Running;
        let queued = |task: &Task| task.group == Some(key) && task.executor.is_registering();
        if !self.tasks.iter().any(queued) {
            // It was never given a task.
            return self.end_executor(cx, at);
        }
        self.deliver(cx, key);
    }

    fn deliver(&mut self, cx: &mut Cx, key: u64) {
        let mut queued = self.members(key);
        queued.retain(|key| self.task_of(*key).is_some_and(|at| self.tasks[at].executor.is_registering()));
        for &task in &queued {
            let Some(at) = self.task_of(task) else { continue };
            self.update(cx, at, TaskState::Starting, Reason::None);
        }
        for task in queued {
            self.prepare(cx, task);
        }
    }

    /// Everything that a task needs is there: its container starts.
    pub(super) fn start_in_group(&mut self, cx: &mut Cx, at: usize, group: u64) {
        let task = &mut self.tasks[at];
        if !task.executor.launch() {
            return;
        }
        let (key, spec, id) = (task.executor.key(), task.spec.clone(), task.id);
        cx.fact(Fact::TaskStarted { task: id, owner: spec.owner, host: self.info.hostname });
        cx.outbox.push(Effect::Spawn { key, spec, task: id });
        if !self.tasks.iter().any(|task| task.group == Some(group) && task.executor.is_registering()) {
            self.all_up(cx, group);
        }
    }

    /// All containers were started. Those that ended meanwhile are looked at now.
    fn all_up(&mut self, cx: &mut Cx, group: u64) {
        for key in self.members(group) {
            let Some(at) = self.task_of(key) else { continue };
            if self.tasks[at].stream.latest() == TaskState::Starting {
                self.update(cx, at, TaskState::Running, Reason::None);
                if self.tasks[at].executor.is_running() {
                    self.begin_check(cx, at);
                }
            }
        }
        let Some(at) = self.group(group) else { return };
        for (key, state) in std::mem::take(&mut self.groups[at].early) {
            if let Some(at) = self.task_of(key) {
                self.group_task_ended(cx, at, group, state);
            }
        }
    }

    // ---- the end ----

    /// A container has ended: so do the others, unless it finished.
    pub(super) fn group_task_ended(&mut self, cx: &mut Cx, at: usize, key: u64, state: TaskState) {
        let Some(group) = self.group(key) else { return };
        if self.tasks[at].stream.latest() == TaskState::Starting {
            let container = self.tasks[at].executor.key();
            return self.groups[group].early.push((container, state));
        }
        let healthy = self.groups[group].unhealthy.then_some(false);
        self.update_with(cx, at, state, Reason::None, healthy);
        if state != TaskState::Finished {
            for other in self.members(key) {
                if let Some(at) = self.task_of(other) {
                    self.signal(cx, at);
                }
            }
        }
        let live = |task: &Task| {
            task.group == Some(key) && (task.executor.is_registering() || !task.stream.latest().is_terminal())
        };
        if !self.tasks.iter().any(live) {
            self.end_executor(cx, group);
        }
    }

    /// SIGTERM to a running container that has had none yet.
    fn signal(&mut self, cx: &mut Cx, at: usize) {
        let task = &mut self.tasks[at];
        if !task.executor.is_running() || task.executor.kill() != Kill::Signal {
            return;
        }
        let (key, framework) = (task.executor.key(), task.framework);
        if self.frameworks.get(&framework).is_some_and(|info| info.capabilities.task_killing_state) {
            self.update(cx, at, TaskState::Killing, Reason::None);
        }
        cx.outbox.push(Effect::Exit { key: Some(key) });
    }

    /// The master asks for the end of one task.
    pub(super) fn kill_in_group(&mut self, cx: &mut Cx, at: usize, key: u64) {
        let Some(group) = self.group(key) else { return };
        match self.groups[group].state {
            // Nothing was delivered: all or none of it is.
            State::Registering => {
                for task in self.members(key) {
                    if let Some(at) = self.task_of(task)
                        && self.tasks[at].executor.is_registering()
                        && self.tasks[at].executor.kill() == Kill::NeverRan
                    {
                        self.update(cx, at, TaskState::Killed, Reason::TaskKilledDuringLaunch);
                    }
                }
            }
            State::Running if self.tasks[at].stream.latest() != TaskState::Starting => self.signal(cx, at),
            State::Running | State::Terminated => {}
        }
    }

    /// A health check has failed too often.
    pub(super) fn kill_unhealthy(&mut self, cx: &mut Cx, at: usize, key: u64) {
        if let Some(group) = self.group(key) {
            self.groups[group].unhealthy = true;
            self.signal(cx, at);
        }
    }

    /// It did not register in time: its container is destroyed.
    pub(super) fn group_timed_out(&mut self, cx: &mut Cx, key: u64) {
        let Some(at) = self.group(key) else { return };
        if self.groups[at].state != State::Registering {
            return;
        }
        self.fail_queued(cx, key, Reason::ExecutorRegistrationTimeout);
        self.end_executor(cx, at);
    }

    /// Tasks whose containers have not been started fail.
    fn fail_queued(&mut self, cx: &mut Cx, key: u64, reason: Reason) {
        for task in self.members(key) {
            let Some(at) = self.task_of(task) else { continue };
            if self.tasks[at].executor.is_registering() && self.tasks[at].executor.kill() == Kill::NeverRan {
                self.abandon_downloads(cx, task);
                self.update(cx, at, TaskState::Failed, reason);
            }
        }
    }

    /// The agent wants it gone: it kills what runs, or goes at once if nothing does.
    fn shut_down(&mut self, cx: &mut Cx, at: usize) {
        let (key, state) = (self.groups[at].key, self.groups[at].state);
        self.fail_queued(cx, key, Reason::ExecutorTerminated);
        if state == State::Registering {
            return self.end_executor(cx, at);
        }
        self.all_up(cx, key);
        for task in self.members(key) {
            if let Some(at) = self.task_of(task) {
                self.signal(cx, at);
            }
        }
    }

    fn end_executor(&mut self, cx: &mut Cx, at: usize) {
        let group = &mut self.groups[at];
        group.state = State::Terminated;
        let (key, framework, id, owner) = (group.key, group.framework, group.executor.id, group.executor.spec.owner);
        cx.fact(Fact::ExecutorEnded { executor: id, owner, host: self.info.hostname });
        self.say_exited(cx, framework, id);
        self.forget_group(key);
        self.forget_framework(framework);
    }

    fn say_exited(&self, cx: &mut Cx, framework: FrameworkId, executor: TaskId) {
        if let (Some(master), Some(agent)) = (self.master, self.id) {
            cx.send(master, Msg::ExitedExecutor { framework, agent, executor });
        }
    }

    /// Nothing is left to be said of an executor that is over.
    pub(super) fn forget_group(&mut self, key: u64) {
        let Some(at) = self.group(key) else { return };
        let over = self.groups[at].state == State::Terminated;
        if over && !self.tasks.iter().any(|task| task.group == Some(key)) {
            self.groups.remove(at);
        }
    }

    /// A framework is over: its executors are gone, and nobody is told.
    pub(super) fn shut_down_groups(&mut self, cx: &mut Cx, framework: FrameworkId) {
        let host = self.info.hostname;
        self.groups.retain(|group| {
            let own = group.framework == framework;
            if own && group.state != State::Terminated {
                let (executor, owner) = (group.executor.id, group.executor.spec.owner);
                cx.fact(Fact::ExecutorEnded { executor, owner, host });
            }
            !own
        });
    }

    pub(super) fn executors_to_report(&self) -> Vec<ExecutorReport> {
        let there = self.groups.iter().filter(|group| group.state != State::Terminated);
        let report = |group: &Group| ExecutorReport {
            framework: group.framework,
            role: group.role,
            executor: group.executor.id,
            spec: group.executor.spec.clone(),
        };
        there.map(report).collect()
    }
}

#[cfg(test)]
#[path = "group_tests.rs"]
mod tests;
