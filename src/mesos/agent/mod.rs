//! The agent (`src/slave/slave.cpp`): registration, launches, kills, status update streams.
//!
//! Executors are sub-machines inside, called and not messaged: that of a single command (`executor`)
//! and that of a group of tasks (`group`). Updates of each
//! task form a stream whose head alone is in flight (`streams`); one retry deadline serves all
//! streams of the agent. Reservations and volumes are written to its disk (`checkpoint`). What a task
//! needs is fetched first (`downloads`).

mod checkpoint;
mod checks;
mod downloads;
mod executor;
mod group;
mod streams;

use crate::actor::{Cx, DiskOp, Effect, Input, ProcessId, TimerKey, WatchMode};
use crate::base::dice::Site;
use crate::base::id::{AgentId, FrameworkId, RoleId, TaskId};
use crate::base::map::Map;
use crate::base::sampler::Distribution;
use crate::base::time::Span;
use crate::fact::{Detail, End, Fact};
use crate::job::TaskSpec;
use crate::mesos::message::{AgentInfo, FrameworkInfo, Msg, Reregistration, TaskReport, UnknownTask};
use crate::mesos::task_state::{Reason, TaskState};
use executor::Executor;
use std::sync::Arc;
use streams::Stream;

const BACKOFF: Site = Site::new("agent-registration-backoff");

/// Kinds of timers.
const REGISTER_TIMER: u8 = 1;
const RETRY_TIMER: u8 = 2;
const EXECUTOR_TIMER: u8 = 3;
const CHECK_TIMER: u8 = 4;
const DOWNLOAD_TIMER: u8 = 5;
const REGISTRATION_TIMER: u8 = 6;

/// Agent flags with upstream's meaning.
#[derive(Clone, Debug)]
pub struct Flags {
    pub registration_backoff_factor: Span,
    /// Time from a launch until the executor has registered.
    pub executor_startup: Distribution,
    /// From a launch, downloads included, until the executor must have registered.
    pub executor_registration_timeout: Span,
    /// What images and artifacts come in with; `None`: they take no time (ours).
    pub bandwidth_bits_per_s: Option<u64>,
}

impl Default for Flags {
    /// Upstream's defaults.
    fn default() -> Self {
        Self {
            registration_backoff_factor: Span::from_secs(1),
            executor_startup: Distribution::Fixed(Span::ZERO),
            executor_registration_timeout: Span::from_secs(60),
            bandwidth_bits_per_s: None,
        }
    }
}

/// First and largest delay between retries of a registration.
const RETRY_MIN: Span = Span::from_secs(2);
const RETRY_MAX: Span = Span::from_secs(60);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// No master known.
    Disconnected,
    /// A registration is on its way or waits for its retry.
    Registering,
    Running,
}

#[derive(Clone, Debug)]
struct Task {
    framework: FrameworkId,
    /// For which its resources were offered.
    role: RoleId,
    id: TaskId,
    spec: Arc<TaskSpec>,
    executor: Executor,
    stream: Stream,
    checking: Option<Box<checks::Checking>>,
    /// Key of the executor that it shares with others; `None`: it has one of its own.
    group: Option<u64>,
}

#[derive(Clone, Debug)]
pub struct Agent {
    flags: Flags,
    info: Arc<AgentInfo>,
    id: Option<AgentId>,
    state: State,
    master: Option<ProcessId>,
    ping_timeout: Span,
    /// Registration attempts of this life, and since the last detection.
    attempts: u64,
    retries: u32,
    tasks: Vec<Task>,
    /// Executors of groups of tasks.
    groups: Vec<group::Group>,
    /// Frameworks with tasks or executors here.
    frameworks: Map<FrameworkId, Arc<FrameworkInfo>>,
    next_uuid: u64,
    /// A retry timer is armed.
    retry_armed: bool,
    next_container: u64,
    checkpoint: checkpoint::Checkpoint,
    downloads: downloads::Downloads,
}

impl Agent {
    #[must_use]
    pub fn new(info: Arc<AgentInfo>, flags: Flags) -> Self {
        Self {
            flags,
            info,
            id: None,
            state: State::Disconnected,
            master: None,
            ping_timeout: Span::ZERO,
            attempts: 0,
            retries: 0,
            tasks: Vec::new(),
            groups: Vec::new(),
            frameworks: Map::default(),
            next_uuid: 0,
            retry_armed: false,
            next_container: 0,
            checkpoint: checkpoint::Checkpoint::default(),
            downloads: downloads::Downloads::default(),
        }
    }

    pub fn handle(&mut self, cx: &mut Cx, input: Input) {
        match input {
            Input::Start { disk } => {
                for op in disk.iter() {
                    match op {
                        DiskOp::AgentId(id) => self.id = Some(*id),
                        DiskOp::ForgetAgentId => self.id = None,
                        DiskOp::Checkpointed(resources) => self.checkpoint.kept.clone_from(resources),
                        DiskOp::Image(name) => self.downloads.found(*name),
                        _ => {}
                    }
                }
            }
            Input::Message { from, msg } => self.message(cx, from, msg),
            Input::Timer { key } => match key.kind() {
                REGISTER_TIMER => self.register(cx),
                RETRY_TIMER => self.retry_streams(cx),
                EXECUTOR_TIMER => self.executor_ready(cx, key.number()),
                CHECK_TIMER => self.check_task(cx, key.number()),
                DOWNLOAD_TIMER => self.downloaded(cx),
                REGISTRATION_TIMER => self.registration_timed_out(cx, key.number()),
                _ => {}
            },
            Input::ContainerEnded { key, how } => self.container_ended(cx, key, how),
            // No ping for the whole time-out, or the connection broke: detect and register anew.
            Input::WatchMissed { .. } => self.detected(cx, self.master),
            Input::Exited { peer } if Some(peer) == self.master => self.detected(cx, self.master),
            Input::Persisted { token } => self.checkpoint_written(cx, token),
            Input::Exited { .. } | Input::Linked { .. } => {}
        }
    }

    fn message(&mut self, cx: &mut Cx, from: ProcessId, msg: Msg) {
        if self.checkpoint.is_busy() {
            return self.checkpoint.wait(from, msg);
        }
        if let Msg::Detected { leader } = msg {
            return self.detected(cx, leader);
        }
        // Messages of anyone but the master that was detected are ignored.
        if Some(from) != self.master {
            return;
        }
        match msg {
            Msg::RunTask { framework, role, task, spec, info } => {
                self.run_task(cx, (framework, role), task, spec, info);
            }
            Msg::RunTaskGroup { framework, role, group, info, launch_executor } => {
                self.run_group(cx, (framework, role), &group, info, launch_executor);
            }
            Msg::CheckpointResources(resources) => self.checkpoint(cx, resources),
            Msg::StatusAck { framework, task, uuid } => self.acknowledged(cx, framework, task, uuid),
            Msg::KillTask { framework, task } => self.kill_task(cx, framework, task),
            Msg::AgentRegistered { agent, ping_timeout } => {
                if self.id != Some(agent) {
                    self.id = Some(agent);
                    cx.persist(0, DiskOp::AgentId(agent));
                }
                self.running(cx, ping_timeout);
            }
            Msg::AgentReregistered { agent, ping_timeout, unknown } if self.id == Some(agent) => {
                self.running(cx, ping_timeout);
                self.reconcile(cx, &unknown);
            }
            Msg::ShutdownFramework { framework } => self.shutdown_framework(cx, framework),
            Msg::UpdateFramework { framework, info } => {
                if let Some(old) = self.frameworks.get_mut(&framework) {
                    *old = info;
                    self.flush_streams(cx);
                }
            }
            Msg::Shutdown { agent } if self.id == Some(agent) => {
                cx.persist(0, DiskOp::ForgetAgentId);
                cx.outbox.push(Effect::Exit { key: None });
            }
            _ => {}
        }
    }

    // ---- registration ----

    fn detected(&mut self, cx: &mut Cx, leader: Option<ProcessId>) {
        if let Some(old) = self.master {
            cx.outbox.push(Effect::Unwatch { peer: old });
        }
        self.master = leader;
        self.state = State::Disconnected;
        self.retries = 0;
        cx.cancel(TimerKey::new(REGISTER_TIMER, 0));
        if leader.is_some() {
            self.state = State::Registering;
            self.arm_registration(cx, self.flags.registration_backoff_factor);
        }
    }

    fn arm_registration(&mut self, cx: &mut Cx, most: Span) {
        let n = self.attempts;
        self.attempts += 1;
        let entity = u64::from(cx.me.slot) << 32 | u64::from(cx.me.incarnation);
        let wait = Span(cx.draw(BACKOFF, entity, n).between(0, most.0));
        cx.timer(TimerKey::new(REGISTER_TIMER, 0), wait);
    }

    fn register(&mut self, cx: &mut Cx) {
        let (State::Registering, Some(master)) = (self.state, self.master) else { return };
        if self.checkpoint.is_busy() {
            // What it reports must be what it has.
            return self.arm_registration(cx, self.flags.registration_backoff_factor);
        }
        cx.detail(|| Detail::AgentRegistering { host: self.info.hostname, attempt: self.retries });
        let msg = match self.id {
            None => Msg::RegisterAgent { info: self.info.clone(), checkpointed: self.checkpoint.kept.clone() },
            Some(id) => Msg::ReregisterAgent(Arc::new(self.report(id))),
        };
        cx.send(master, msg);
        let most = Span(RETRY_MIN.0.saturating_mul(1 << self.retries.min(32))).min(RETRY_MAX);
        self.retries += 1;
        self.arm_registration(cx, most);
    }

    fn report(&self, id: AgentId) -> Reregistration {
        let report = |task: &Task| {
            let head = task.stream.head();
            TaskReport {
                framework: task.framework,
                task: task.id,
                spec: task.spec.clone(),
                role: task.role,
                latest: task.stream.latest(),
                forwarded: head.map_or(task.stream.latest(), |u| u.state),
                uuid: head.map_or(0, |u| u.uuid),
                healthy: task.checking.as_ref().and_then(|checking| checking.health()),
            }
        };
        Reregistration {
            id,
            info: self.info.clone(),
            checkpointed: self.checkpoint.kept.clone(),
            // What only has an update to deliver is no task of ours, and its framework may be unknown.
            tasks: self.tasks.iter().filter(|t| !t.executor.is_absent()).map(report).collect(),
            executors: self.executors_to_report(),
            frameworks: self.frameworks.iter().map(|(id, info)| (*id, info.clone())).collect(),
        }
    }

    fn running(&mut self, cx: &mut Cx, ping_timeout: Span) {
        let Some(master) = self.master else { return };
        cx.cancel(TimerKey::new(REGISTER_TIMER, 0));
        self.ping_timeout = ping_timeout;
        if self.state == State::Running {
            return;
        }
        self.state = State::Running;
        cx.outbox.push(Effect::Watch { peer: master, every: ping_timeout, misses: 1, mode: WatchMode::Listen });
        self.flush_streams(cx);
    }

    // ---- tasks ----

    fn position(&self, framework: FrameworkId, id: TaskId) -> Option<usize> {
        self.tasks.iter().position(|t| t.id == id && t.framework == framework)
    }

    fn run_task(
        &mut self,
        cx: &mut Cx,
        (framework, role): (FrameworkId, RoleId),
        id: TaskId,
        spec: Arc<TaskSpec>,
        info: Arc<FrameworkInfo>,
    ) {
        if self.position(framework, id).is_some() {
            return;
        }
        let aware = self.frameworks.entry(framework).or_insert(info).capabilities.partition_aware;
        if !self.checkpoint.has(&spec.extra) {
            let state = if aware { TaskState::Dropped } else { TaskState::Lost };
            return self.report_missing(cx, framework, id, state, Reason::ResourcesUnknown);
        }
        let key = self.next_container;
        self.next_container += 1;
        let (executor, stream) = (Executor::starting(key), Stream::default());
        self.tasks.push(Task { framework, role, id, spec, executor, stream, checking: None, group: None });
        self.prepare(cx, key);
    }

    fn task_of(&self, container: u64) -> Option<usize> {
        self.tasks.iter().position(|t| t.executor.key() == container)
    }

    /// The executor has registered: it is given its task.
    fn executor_ready(&mut self, cx: &mut Cx, key: u64) {
        let Some(at) = self.task_of(key) else { return self.group_registered(cx, key) };
        let task = &mut self.tasks[at];
        if !task.executor.launch() {
            return;
        }
        let (spec, id) = (task.spec.clone(), task.id);
        if spec.downloads.is_some() {
            cx.cancel(TimerKey::new(REGISTRATION_TIMER, key));
        }
        cx.fact(Fact::TaskStarted { task: id, owner: spec.owner, host: self.info.hostname });
        cx.outbox.push(Effect::Spawn { key, spec, task: id });
        // The command executor says STARTING when it gets the task and RUNNING when it has forked.
        self.update(cx, at, TaskState::Starting, Reason::None);
        self.update(cx, at, TaskState::Running, Reason::None);
        self.begin_check(cx, at);
    }

    fn container_ended(&mut self, cx: &mut Cx, key: u64, how: End) {
        let Some(at) = self.task_of(key) else { return };
        let task = &mut self.tasks[at];
        let state = match task.executor.ended(how) {
            Some(state) => state,
            None => return,
        };
        cx.fact(Fact::TaskEnded { task: task.id, owner: task.spec.owner, host: self.info.hostname, how });
        if let Some(group) = task.group {
            return self.group_task_ended(cx, at, group, state);
        }
        let reason = if how == End::Failed { Reason::CommandExecutorFailed } else { Reason::None };
        let healthy = self.health_at_end(at);
        self.update_with(cx, at, state, reason, healthy);
    }

    fn kill_task(&mut self, cx: &mut Cx, framework: FrameworkId, id: TaskId) {
        let Some(info) = self.frameworks.get(&framework) else { return };
        let (killing, aware) = (info.capabilities.task_killing_state, info.capabilities.partition_aware);
        let Some(at) = self.position(framework, id) else {
            // The framework is known but no executor has the task.
            let state = if aware { TaskState::Dropped } else { TaskState::Lost };
            return self.report_missing(cx, framework, id, state, Reason::ExecutorTerminated);
        };
        if let Some(group) = self.tasks[at].group {
            return self.kill_in_group(cx, at, group);
        }
        let key = self.tasks[at].executor.key();
        match self.tasks[at].executor.kill() {
            executor::Kill::Ignored => {}
            executor::Kill::NeverRan => {
                cx.cancel(TimerKey::new(EXECUTOR_TIMER, key));
                self.abandon_downloads(cx, key);
                self.update(cx, at, TaskState::Killed, Reason::None);
            }
            executor::Kill::Signal => {
                if killing {
                    self.update(cx, at, TaskState::Killing, Reason::None);
                }
                cx.outbox.push(Effect::Exit { key: Some(key) });
            }
        }
    }

    /// Everything of the framework is shut down; no updates are sent for it any more.
    fn shutdown_framework(&mut self, cx: &mut Cx, framework: FrameworkId) {
        self.frameworks.shift_remove(&framework);
        self.shut_down_groups(cx, framework);
        let host = self.info.hostname;
        let registering = |task: &&Task| task.framework == framework && task.executor.is_registering();
        let given_up: Vec<u64> = self.tasks.iter().filter(registering).map(|task| task.executor.key()).collect();
        given_up.into_iter().for_each(|key| self.abandon_downloads(cx, key));
        self.tasks.retain(|task| {
            if task.framework == framework && task.executor.is_running() {
                cx.outbox.push(Effect::Exit { key: Some(task.executor.key()) });
                cx.fact(Fact::TaskEnded { task: task.id, owner: task.spec.owner, host, how: End::Killed });
            }
            task.framework != framework
        });
    }

    /// The master has tasks that were not reported: those still unknown are dropped.
    fn reconcile(&mut self, cx: &mut Cx, unknown: &[UnknownTask]) {
        for &UnknownTask { framework, task, partition_aware } in unknown {
            if self.position(framework, task).is_none() {
                let state = if partition_aware { TaskState::Dropped } else { TaskState::Lost };
                self.report_missing(cx, framework, task, state, Reason::Reconciliation);
            }
        }
    }

    /// For checks: what runs here in truth.
    pub fn running_tasks(&self) -> impl Iterator<Item = (&TaskSpec, TaskId)> {
        self.tasks.iter().filter(|t| t.executor.is_running()).map(|t| (&*t.spec, t.id))
    }
    #[must_use]
    pub fn info(&self) -> &AgentInfo {
        &self.info
    }
    /// Tasks in memory, with those that wait for their last acknowledgement.
    #[must_use]
    pub fn live_tasks(&self) -> usize {
        self.tasks.len()
    }
}
