//! Status update streams (`src/slave/task_status_update_manager.cpp`).
//!
//! Per task a queue of updates; only the head is in flight. It is sent again after 10 s, then
//! after twice as long each time up to 10 min, until it is acknowledged by its uuid. Acknowledging
//! a terminal update ends the stream and the task.

use super::executor::Executor;
use super::{Agent, RETRY_TIMER, State, Task};
use crate::actor::{Cx, TimerKey};
use crate::base::id::{FrameworkId, RoleId, TaskId};
use crate::base::time::{Span, Time};
use crate::fact::Detail;
use crate::job::{Behaviour, TaskSpec};
use crate::mesos::message::{Msg, StatusUpdate};
use crate::mesos::task_state::{Reason, Source, TaskState};
use smallvec::SmallVec;
use std::sync::Arc;

const RETRY_FIRST: Span = Span::from_secs(10);
const RETRY_MOST: Span = Span::from_secs(600);

#[derive(Clone, Copy, Debug)]
pub(super) struct Update {
    pub(super) uuid: u64,
    pub(super) state: TaskState,
    reason: Reason,
    healthy: Option<bool>,
}

#[derive(Clone, Debug)]
pub(super) struct Stream {
    /// Head first. Rarely more than STARTING, RUNNING and the end.
    queue: SmallVec<[Update; 3]>,
    latest: TaskState,
    /// When the head is sent again, and how long it waited for that; `Time::MAX`: not in flight.
    due: Time,
    interval: Span,
}

impl Default for Stream {
    fn default() -> Self {
        Self { queue: SmallVec::new(), latest: TaskState::Staging, due: Time::MAX, interval: RETRY_FIRST }
    }
}

impl Stream {
    pub(super) fn head(&self) -> Option<&Update> {
        self.queue.first()
    }
    pub(super) fn latest(&self) -> TaskState {
        self.latest
    }
}

impl Agent {
    /// The executor reports a state.
    pub(super) fn update(&mut self, cx: &mut Cx, at: usize, state: TaskState, reason: Reason) {
        self.update_with(cx, at, state, reason, None);
    }

    /// The same with what a health check found out.
    pub(super) fn update_with(
        &mut self,
        cx: &mut Cx,
        at: usize,
        state: TaskState,
        reason: Reason,
        healthy: Option<bool>,
    ) {
        self.next_uuid += 1;
        // Unique over the lives of the agent's process; never 0.
        let uuid = u64::from(cx.me.incarnation) << 40 | self.next_uuid;
        let stream = &mut self.tasks[at].stream;
        stream.latest = state;
        stream.queue.push(Update { uuid, state, reason, healthy });
        if stream.queue.len() == 1 {
            self.send_head(cx, at, RETRY_FIRST, false);
        }
    }

    /// A task that is not here gets a terminal update all the same.
    pub(super) fn report_missing(
        &mut self,
        cx: &mut Cx,
        framework: FrameworkId,
        id: TaskId,
        state: TaskState,
        reason: Reason,
    ) {
        let behaviour = Behaviour::fixed(Span::ZERO);
        let nothing = TaskSpec::plain(id.template, self.info.hostname, Default::default(), behaviour);
        let (spec, stream) = (Arc::new(nothing), Stream::default());
        let executor = Executor::absent();
        // It never had resources, so of no role.
        let role = RoleId::default();
        self.tasks.push(Task { framework, role, id, spec, executor, stream, checking: None, group: None });
        self.update(cx, self.tasks.len() - 1, state, reason);
    }

    fn send_head(&mut self, cx: &mut Cx, at: usize, interval: Span, again: bool) {
        let (State::Running, Some(master), Some(agent)) = (self.state, self.master, self.id) else { return };
        let task = &mut self.tasks[at];
        let Some(&head) = task.stream.queue.first() else { return };
        task.stream.due = cx.now.saturating_add(interval);
        task.stream.interval = interval;
        let (framework, id) = (task.framework, task.id);
        cx.detail(|| Detail::UpdateSent { framework, task: id, state: head.state, again });
        cx.send(
            master,
            Msg::Status(StatusUpdate {
                framework,
                agent,
                task: id,
                uuid: head.uuid,
                state: head.state,
                latest: task.stream.latest,
                reason: head.reason,
                source: Source::Executor,
                retry: again,
                healthy: head.healthy,
            }),
        );
        if !self.retry_armed {
            self.retry_armed = true;
            cx.timer(TimerKey::new(RETRY_TIMER, 0), interval);
        }
    }

    /// Sends the head of every stream again with a fresh interval.
    pub(super) fn flush_streams(&mut self, cx: &mut Cx) {
        for at in 0..self.tasks.len() {
            self.send_head(cx, at, RETRY_FIRST, true);
        }
    }

    /// The deadline: whatever is due is sent again; then the next deadline is armed.
    pub(super) fn retry_streams(&mut self, cx: &mut Cx) {
        // While the loop runs no timer is armed by a send.
        self.retry_armed = true;
        let mut next = Time::MAX;
        for at in 0..self.tasks.len() {
            let stream = &self.tasks[at].stream;
            if stream.due <= cx.now && !stream.queue.is_empty() {
                let interval = Span(stream.interval.0 * 2).min(RETRY_MOST);
                if self.state == State::Running {
                    self.send_head(cx, at, interval, true);
                } else {
                    // Paused: the next registration flushes.
                    self.tasks[at].stream.due = Time::MAX;
                }
            }
            if !self.tasks[at].stream.queue.is_empty() {
                next = next.min(self.tasks[at].stream.due);
            }
        }
        self.retry_armed = next != Time::MAX;
        if self.retry_armed {
            cx.timer(TimerKey::new(RETRY_TIMER, 0), next - cx.now);
        }
    }

    pub(super) fn acknowledged(&mut self, cx: &mut Cx, framework: FrameworkId, id: TaskId, uuid: u64) {
        let Some(at) = self.position(framework, id) else { return };
        let stream = &mut self.tasks[at].stream;
        let Some(head) = stream.queue.first().filter(|u| u.uuid == uuid) else { return };
        let state = head.state;
        cx.detail(|| Detail::UpdateAcknowledged { framework, task: id, state });
        if !state.is_terminal() {
            stream.queue.remove(0);
            stream.due = Time::MAX;
            return self.send_head(cx, at, RETRY_FIRST, false);
        }
        let over = self.tasks.swap_remove(at);
        if let Some(group) = over.group {
            self.forget_group(group);
        }
        self.forget_framework(framework);
    }

    /// Of a framework that has nothing here any more nothing is known.
    pub(super) fn forget_framework(&mut self, framework: FrameworkId) {
        let has_tasks = self.tasks.iter().any(|t| t.framework == framework);
        if !has_tasks && !self.groups.iter().any(|g| g.framework == framework) {
            self.frameworks.shift_remove(&framework);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Flags, REGISTER_TIMER};
    use super::*;
    use crate::actor::testing::Bench;
    use crate::actor::{Effect, Input, ProcessId};
    use crate::base::id::{AgentId, JobId, Symbol};
    use crate::base::sampler::Distribution;
    use crate::mesos::message::{AgentInfo, Capabilities, FrameworkInfo, UnknownTask};

    const MASTER: ProcessId = ProcessId { slot: 9, incarnation: 0 };
    const FRAMEWORK: FrameworkId = FrameworkId(Symbol(7));
    const TASK: TaskId = TaskId { template: JobId(1), n: 0 };

    fn running_agent(bench: &mut Bench) -> Agent {
        let info =
            AgentInfo { hostname: Symbol(0), total: Default::default(), attributes: vec![], devices: 0, address: 0 };
        let startup = Distribution::Fixed(Span::ZERO);
        let flags = Flags { executor_startup: startup, ..Flags::default() };
        let mut agent = Agent::new(Arc::new(info), flags);
        let id = AgentId { master: Symbol(3), n: 0 };
        let messages =
            [Msg::Detected { leader: Some(MASTER) }, Msg::AgentRegistered { agent: id, ping_timeout: RETRY_FIRST }];
        for msg in messages {
            bench.run(|cx| agent.handle(cx, Input::Message { from: MASTER, msg }));
        }
        agent
    }

    fn launch() -> Msg {
        let behaviour = Behaviour::fixed(Span::from_secs(1));
        let spec = TaskSpec::plain(TASK.template, Symbol(1), Default::default(), behaviour);
        let info = FrameworkInfo {
            name: Symbol(1),
            id: Some(FRAMEWORK),
            roles: vec![Symbol(2)],
            principal: None,
            failover_timeout: Span::ZERO,
            checkpoint: false,
            capabilities: Capabilities::default(),
            suppressed: Vec::new(),
        };
        Msg::RunTask { framework: FRAMEWORK, role: Symbol(2), task: TASK, spec: Arc::new(spec), info: Arc::new(info) }
    }

    fn sent(effects: &[Effect]) -> Vec<(TaskState, u64, bool)> {
        let update = |e: &Effect| match e {
            Effect::Send { msg: Msg::Status(u), .. } => Some((u.state, u.uuid, u.retry)),
            _ => None,
        };
        effects.iter().filter_map(update).collect()
    }

    fn waits(effects: &[Effect]) -> Vec<Span> {
        let wait = |e: &Effect| match e {
            Effect::Timer { after, .. } => Some(*after),
            _ => None,
        };
        effects.iter().filter_map(wait).collect()
    }

    /// 27.3 of the notes: resent at 10, 30, 70, 150, 310, 630 s, then every 600 s.
    #[test]
    fn only_the_head_is_in_flight_and_it_is_retried() {
        let mut bench = Bench::new();
        let mut agent = running_agent(&mut bench);
        let from_master = |msg| Input::Message { from: MASTER, msg };
        let effects = bench.run(|cx| agent.handle(cx, from_master(launch())));
        assert_eq!(sent(&effects), [(TaskState::Starting, 1, false)]);
        let mut wait = waits(&effects)[0];
        for expected in [10, 30, 70, 150, 310, 630, 1230, 1830] {
            bench.now += wait;
            assert_eq!(bench.now, Time::from_secs(expected));
            let effects = bench.run(|cx| agent.handle(cx, Input::Timer { key: TimerKey::new(RETRY_TIMER, 0) }));
            assert_eq!(sent(&effects), [(TaskState::Starting, 1, true)]);
            wait = waits(&effects)[0];
        }
        let ack = |uuid| from_master(Msg::StatusAck { framework: FRAMEWORK, task: TASK, uuid });
        assert_eq!(sent(&bench.run(|cx| agent.handle(cx, ack(2)))), [], "not the head's");
        assert_eq!(sent(&bench.run(|cx| agent.handle(cx, ack(1)))), [(TaskState::Running, 2, false)]);
        let ended = Input::ContainerEnded { key: 0, how: crate::fact::End::Finished };
        assert_eq!(sent(&bench.run(|cx| agent.handle(cx, ended))), []);
        assert_eq!(sent(&bench.run(|cx| agent.handle(cx, ack(2)))), [(TaskState::Finished, 3, false)]);
        assert_eq!(agent.live_tasks(), 1);
        bench.run(|cx| agent.handle(cx, ack(3)));
        assert_eq!((agent.live_tasks(), agent.frameworks.len()), (0, 0));
    }

    /// The agent came back without the task and without its framework, and has to register again
    /// before its word on the task was acknowledged.
    #[test]
    fn an_update_of_an_unknown_task_is_not_reported_as_a_task() {
        let mut bench = Bench::new();
        let mut agent = running_agent(&mut bench);
        let from_master = |msg| Input::Message { from: MASTER, msg };
        bench.run(|cx| agent.handle(cx, Input::Exited { peer: MASTER }));
        let unknown = UnknownTask { framework: FRAMEWORK, task: TASK, partition_aware: false };
        let id = AgentId { master: Symbol(3), n: 0 };
        let back = Msg::AgentReregistered { agent: id, ping_timeout: RETRY_FIRST, unknown: [unknown].into() };
        let effects = bench.run(|cx| agent.handle(cx, from_master(back)));
        assert_eq!(sent(&effects), [(TaskState::Lost, 1, false)]);
        bench.run(|cx| agent.handle(cx, Input::Exited { peer: MASTER }));
        let effects = bench.run(|cx| agent.handle(cx, Input::Timer { key: TimerKey::new(REGISTER_TIMER, 0) }));
        let report = |e: &Effect| match e {
            Effect::Send { msg: Msg::ReregisterAgent(r), .. } => Some((r.tasks.len(), r.frameworks.len())),
            _ => None,
        };
        assert_eq!(effects.iter().find_map(report), Some((0, 0)));
        // The update itself is sent again.
        let back = Msg::AgentReregistered { agent: id, ping_timeout: RETRY_FIRST, unknown: [].into() };
        assert_eq!(sent(&bench.run(|cx| agent.handle(cx, from_master(back)))), [(TaskState::Lost, 1, true)]);
    }

    #[test]
    fn others_than_the_detected_master_are_ignored() {
        let mut bench = Bench::new();
        let mut agent = running_agent(&mut bench);
        let stranger = ProcessId { slot: 8, incarnation: 0 };
        bench.run(|cx| agent.handle(cx, Input::Message { from: stranger, msg: launch() }));
        assert_eq!(agent.live_tasks(), 0);
    }
}
