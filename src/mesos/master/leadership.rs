//! A master and leadership (`Master::detected`, `contended`, `_recover` in `src/master/master.cpp`).
//!
//! Until it has won an election and fetched the registry a master answers nobody. Then it knows
//! the agents of its predecessor by id, and nothing else: tasks, frameworks and resources come with
//! the re-registrations. Whoever has led and leads no more stops, as upstream, and begins anew as a
//! candidate in its next life.

use super::{Master, Pending, RECOVERED_TIMER};
use crate::actor::{Cx, Effect, Mailbox, ProcessId, TimerKey};
use crate::base::id::AgentId;
use crate::base::map::Map;
use crate::fact::{Fact, ProcessKind};
use crate::mesos::message::{AgentInfo, Msg, Registry, RegistryOp};
use std::sync::Arc;

impl Master {
    /// Whether it leads, as far as it knows.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.alone || self.candidacy.is_some()
    }
    /// Whether it leads and knows the registry.
    #[must_use]
    pub fn serves(&self) -> bool {
        self.serving
    }

    pub(super) fn candidacy(&mut self, cx: &mut Cx, leading: bool, number: u64) {
        if !leading {
            return self.step_down(cx);
        }
        self.candidacy = Some(number);
        let (kind, slot, incarnation) = (ProcessKind::Master, cx.me.slot, cx.me.incarnation);
        cx.fact(Fact::LeaderElected { kind, slot, incarnation });
        // Ballots count from 1; 0 is nobody's.
        cx.dispatch(Mailbox::REGISTRAR, Msg::FetchRegistry { ballot: number + 1 });
    }

    pub(super) fn detected(&mut self, cx: &mut Cx, leader: Option<ProcessId>) {
        if leader != Some(cx.me) {
            self.step_down(cx);
        }
    }

    /// It leads no more: the process ends.
    pub(super) fn step_down(&mut self, cx: &mut Cx) {
        if self.candidacy.take().is_some() {
            self.serving = false;
            let (kind, slot, incarnation) = (ProcessKind::Master, cx.me.slot, cx.me.incarnation);
            cx.fact(Fact::LeaderLost { kind, slot, incarnation });
            cx.outbox.push(Effect::Exit { key: None });
        }
    }

    pub(super) fn registry_fetched(&mut self, cx: &mut Cx, registry: &Registry) {
        if !self.leads() {
            return;
        }
        self.recovered = registry.admitted.clone();
        self.recovered_in_all = self.recovered.len();
        self.unreachable = registry.unreachable.clone();
        self.serving = true;
        if !self.alone {
            let (kind, slot, incarnation) = (ProcessKind::Master, cx.me.slot, cx.me.incarnation);
            cx.fact(Fact::LeaderReady { kind, slot, incarnation });
        }
        if !self.recovered.is_empty() {
            cx.timer(TimerKey::new(RECOVERED_TIMER, 0), self.flags.agent_reregister_timeout);
        }
    }

    /// Agents of the registry that did not come back in time are unreachable; if they are too many,
    /// something else is wrong and the master stops rather than give them up.
    pub(super) fn give_up_missing(&mut self, cx: &mut Cx) {
        let (missing, all) = (self.recovered.len(), self.recovered_in_all);
        if missing * 100 > all * self.flags.recovery_agent_removal_limit_percent as usize {
            if self.alone {
                cx.outbox.push(Effect::Exit { key: None });
            }
            return self.step_down(cx);
        }
        let recovered: Map<AgentId, Arc<AgentInfo>> = std::mem::take(&mut self.recovered);
        for (agent, info) in recovered {
            let (at, host) = (cx.wall, info.hostname);
            self.apply(cx, RegistryOp::MarkAgentUnreachable { agent, at }, Pending::Missing { agent, at, host });
        }
    }
}
