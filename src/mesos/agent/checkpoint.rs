//! What an agent writes down of reservations and volumes (`Slave::checkpointResources`).
//!
//! Upstream writes and syncs before it takes the next message out of its mailbox, so while a write
//! is on its way everything that the master says waits here. While the agent is registering it does
//! not listen to what the master wants written: its report may be under way, and the master
//! says it again after the answer.

use super::{Agent, State};
use crate::actor::{Cx, DiskOp, ProcessId};
use crate::mesos::message::Msg;
use crate::mesos::resource::Resources;
use std::collections::VecDeque;

/// Token of writes of resources; the agent's id is written without one.
const TOKEN: u64 = 1;

#[derive(Clone, Default, Debug)]
pub(super) struct Checkpoint {
    /// What its disk holds.
    pub(super) kept: Resources,
    /// What is being written.
    writing: Option<Resources>,
    /// Messages behind the write.
    waiting: VecDeque<(ProcessId, Msg)>,
}

impl Checkpoint {
    pub(super) fn is_busy(&self) -> bool {
        self.writing.is_some()
    }
    pub(super) fn wait(&mut self, from: ProcessId, msg: Msg) {
        self.waiting.push_back((from, msg));
    }
    /// Whether every reservation and volume among these was written down.
    pub(super) fn has(&self, resources: &Resources) -> bool {
        resources.is_plain() || self.kept.contains(&resources.checkpointed())
    }
}

impl Agent {
    pub(super) fn checkpoint(&mut self, cx: &mut Cx, resources: Resources) {
        if self.state == State::Running && resources != self.checkpoint.kept {
            cx.persist(TOKEN, DiskOp::Checkpointed(resources.clone()));
            self.checkpoint.writing = Some(resources);
        }
    }

    pub(super) fn checkpoint_written(&mut self, cx: &mut Cx, token: u64) {
        if token != TOKEN {
            return;
        }
        if let Some(written) = self.checkpoint.writing.take() {
            self.checkpoint.kept = written;
        }
        while !self.checkpoint.is_busy()
            && let Some((from, msg)) = self.checkpoint.waiting.pop_front()
        {
            self.message(cx, from, msg);
        }
    }

    /// What it has in all: what it was configured with, reservations and volumes included.
    #[must_use]
    pub fn total(&self) -> Resources {
        let configured = &self.info.total;
        configured.with_checkpointed(&self.checkpoint.kept).unwrap_or_else(|| configured.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Flags;
    use super::*;
    use crate::actor::testing::Bench;
    use crate::actor::{Effect, Input};
    use crate::base::id::{AgentId, FrameworkId, JobId, Symbol, TaskId};
    use crate::base::sampler::Distribution;
    use crate::base::time::Span;
    use crate::job::{Behaviour, TaskSpec};
    use crate::mesos::message::{AgentInfo, Capabilities, FrameworkInfo};
    use crate::mesos::task_state::{Reason, TaskState};
    use std::sync::Arc;

    const MASTER: ProcessId = ProcessId { slot: 9, incarnation: 0 };
    const RESERVED: &str = "cpus(reservations: [(DYNAMIC,db)]):1";

    fn r(text: &str) -> Resources {
        Resources::parse(text).unwrap()
    }

    fn agent() -> Agent {
        let info = AgentInfo { hostname: Symbol(0), total: r("cpus:4"), attributes: vec![], devices: 0, address: 0 };
        let startup = Distribution::Fixed(Span::ZERO);
        Agent::new(Arc::new(info), Flags { executor_startup: startup, ..Flags::default() })
    }

    fn tell(bench: &mut Bench, agent: &mut Agent, msg: Msg) -> Vec<Effect> {
        bench.run(|cx| agent.handle(cx, Input::Message { from: MASTER, msg }))
    }

    fn registered(bench: &mut Bench, agent: &mut Agent) {
        let id = AgentId { master: Symbol(3), n: 0 };
        tell(bench, agent, Msg::Detected { leader: Some(MASTER) });
        tell(bench, agent, Msg::AgentRegistered { agent: id, ping_timeout: Span::from_secs(75) });
    }

    fn run_task(n: u32) -> Msg {
        let info = FrameworkInfo {
            name: Symbol(1),
            id: Some(FrameworkId(Symbol(7))),
            roles: vec![Symbol(2)],
            principal: None,
            failover_timeout: Span::ZERO,
            checkpoint: true,
            capabilities: Capabilities { partition_aware: true, ..Capabilities::default() },
            suppressed: Vec::new(),
        };
        let plain = TaskSpec::plain(JobId(1), Symbol(1), Default::default(), Behaviour::fixed(Span::from_secs(9)));
        let spec = Arc::new(TaskSpec { extra: r(RESERVED), ..plain });
        let (framework, task) = (FrameworkId(Symbol(7)), TaskId { template: JobId(1), n });
        Msg::RunTask { framework, role: Symbol(2), task, spec, info: Arc::new(info) }
    }

    fn said(effects: &[Effect]) -> Vec<(TaskState, Reason)> {
        let update = |e: &Effect| match e {
            Effect::Send { msg: Msg::Status(u), .. } => Some((u.state, u.reason)),
            _ => None,
        };
        effects.iter().filter_map(update).collect()
    }

    #[test]
    fn a_task_waits_until_its_reservation_is_on_disk() {
        let (mut bench, mut agent) = (Bench::new(), agent());
        registered(&mut bench, &mut agent);
        let effects = tell(&mut bench, &mut agent, Msg::CheckpointResources(r(RESERVED)));
        assert!(effects.iter().any(|e| matches!(e, Effect::Persist { op: DiskOp::Checkpointed(_), .. })));
        assert_eq!((tell(&mut bench, &mut agent, run_task(0)).len(), agent.live_tasks()), (0, 0));
        assert_eq!(agent.total(), r("cpus:4"));
        let effects = bench.run(|cx| agent.handle(cx, Input::Persisted { token: TOKEN }));
        assert_eq!(said(&effects), [(TaskState::Starting, Reason::None)]);
        assert_eq!(agent.total(), r("cpus:3") + &r(RESERVED));
        // The same again is no write.
        assert!(tell(&mut bench, &mut agent, Msg::CheckpointResources(r(RESERVED))).is_empty());
    }

    #[test]
    fn tasks_on_unknown_reservations_are_dropped() {
        let (mut bench, mut agent) = (Bench::new(), agent());
        registered(&mut bench, &mut agent);
        let effects = tell(&mut bench, &mut agent, run_task(0));
        assert_eq!(said(&effects), [(TaskState::Dropped, Reason::ResourcesUnknown)]);
    }

    #[test]
    fn a_later_life_reports_what_is_on_disk_and_listens_once_it_is_registered() {
        let (mut bench, mut agent) = (Bench::new(), agent());
        let id = AgentId { master: Symbol(3), n: 0 };
        let disk = Arc::new([DiskOp::AgentId(id), DiskOp::Checkpointed(r(RESERVED))]);
        bench.run(|cx| agent.handle(cx, Input::Start { disk }));
        tell(&mut bench, &mut agent, Msg::Detected { leader: Some(MASTER) });
        // Too early: its report may be under way.
        assert!(tell(&mut bench, &mut agent, Msg::CheckpointResources(Resources::EMPTY)).is_empty());
        let timer = crate::actor::TimerKey::new(super::super::REGISTER_TIMER, 0);
        let effects = bench.run(|cx| agent.handle(cx, Input::Timer { key: timer }));
        let reported = effects.iter().find_map(|e| match e {
            Effect::Send { msg: Msg::ReregisterAgent(report), .. } => Some(report.checkpointed.clone()),
            _ => None,
        });
        assert_eq!(reported, Some(r(RESERVED)));
        let back = Msg::AgentReregistered { agent: id, ping_timeout: Span::from_secs(75), unknown: [].into() };
        tell(&mut bench, &mut agent, back);
        let effects = tell(&mut bench, &mut agent, Msg::CheckpointResources(Resources::EMPTY));
        assert!(effects.iter().any(|e| matches!(e, Effect::Persist { .. })));
    }
}
