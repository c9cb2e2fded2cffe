//! Frameworks at the master: subscription, fail-over, teardown.

use super::roles::refuse;
use super::{FAILOVER_TIMER, Framework, Master};
use crate::actor::{Cx, ProcessId, TimerKey};
use crate::base::id::FrameworkId;
use crate::base::map::Map;
use crate::base::time::Span;
use crate::fact::{Fact, RoleStanding};
use crate::mesos::message::{FrameworkInfo, Msg, Refusal};
use crate::mesos::task_state::{Reason, TaskState};
use std::collections::VecDeque;
use std::sync::Arc;

impl Master {
    pub(super) fn subscribe(&mut self, cx: &mut Cx, from: ProcessId, info: &Arc<FrameworkInfo>, force: bool) {
        if let Some(what) = refuse(cx.names, info) {
            return cx.send(from, Msg::Error { what });
        }
        match info.id {
            None => {
                // A retry from the same address gets the same id again.
                if let Some(&slot) = self.framework_by_address.get(&from.slot)
                    && self.framework(slot).process == Some(from)
                {
                    let framework = self.framework(slot).id;
                    return cx.send(from, Msg::Subscribed { framework });
                }
                let text = format!("{}-{:04}", cx.names.text(self.id), self.next_framework);
                self.next_framework += 1;
                let id = FrameworkId(cx.names.intern(&text));
                let info = Arc::new(FrameworkInfo { id: Some(id), ..(**info).clone() });
                let slot = self.add_framework(id, &info);
                self.tell_allocator(cx, Msg::AddFramework { framework: id, info: info.clone(), active: true });
                self.connect(cx, slot, from);
            }
            Some(id) => self.resubscribe(cx, from, id, info, force),
        }
    }

    pub(super) fn add_framework(&mut self, id: FrameworkId, info: &Arc<FrameworkInfo>) -> u32 {
        let key = self.frameworks.insert(Framework {
            id,
            info: info.clone(),
            process: None,
            active: false,
            suppressed: info.suppressed.iter().copied().collect(),
            tasks: Map::default(),
            completed: VecDeque::new(),
            unreachable: Map::default(),
            described: Vec::new(),
            agents_described: 0,
        });
        self.framework_index.insert(id, key.index);
        key.index
    }

    fn connect(&mut self, cx: &mut Cx, slot: u32, process: ProcessId) {
        let framework = self.framework_mut(slot);
        framework.process = Some(process);
        framework.active = true;
        framework.described.clear();
        framework.agents_described = 0;
        let (id, name, roles) = (framework.id, framework.info.name, framework.info.roles.clone());
        self.framework_by_address.insert(process.slot, slot);
        cx.cancel(TimerKey::new(FAILOVER_TIMER, u64::from(slot)));
        cx.send(process, Msg::Subscribed { framework: id });
        // The first of its roles stands in the fact; most frameworks have no other.
        cx.fact(Fact::FrameworkSubscribed { framework: id, name, role: roles.first().copied().unwrap_or_default() });
        for &role in roles.iter().skip(1) {
            cx.fact(Fact::FrameworkRole { framework: id, role, standing: RoleStanding::Subscribed });
        }
    }

    fn resubscribe(&mut self, cx: &mut Cx, from: ProcessId, id: FrameworkId, info: &Arc<FrameworkInfo>, force: bool) {
        if self.completed_frameworks.contains(&id) {
            return cx.send(from, Msg::Error { what: Refusal::FrameworkRemoved });
        }
        let slot = match self.framework_index.get(&id) {
            Some(&slot) => slot,
            None => {
                // After a fail-over any id that is not completed is accepted.
                let slot = self.add_framework(id, info);
                self.tell_allocator(cx, Msg::AddFramework { framework: id, info: info.clone(), active: false });
                slot
            }
        };
        let framework = self.framework(slot);
        if framework.info.checkpoint != info.checkpoint {
            return cx.send(from, Msg::Error { what: Refusal::ImmutableField });
        }
        let (old, was_active) = (framework.process, framework.active);
        if let Some(old) = old.filter(|&old| old != from) {
            if !force {
                return cx.send(from, Msg::Error { what: Refusal::FailedOver });
            }
            cx.send(old, Msg::Error { what: Refusal::FailedOver });
            self.framework_by_address.remove(&old.slot);
        }
        // The same live instance hears that its offers are void; a new one never knew them.
        self.rescind_framework(cx, slot, old == Some(from));
        self.change(cx, slot, info);
        self.connect(cx, slot, from);
        if !was_active {
            self.tell_allocator(cx, Msg::ActivateFramework { framework: id });
        }
        self.tell_its_agents(cx, slot);
    }

    /// Agents that run its tasks hear of it, and flush the heads of their streams.
    pub(super) fn tell_its_agents(&self, cx: &mut Cx, slot: u32) {
        let (id, info) = (self.framework(slot).id, &self.framework(slot).info);
        let mut told: Vec<u32> = self.framework(slot).tasks.values().map(|&t| self.task(t).agent).collect();
        told.sort_unstable();
        told.dedup();
        for agent in told {
            let agent = self.agent(agent);
            if agent.connected {
                cx.send(agent.process, Msg::UpdateFramework { framework: id, info: info.clone() });
            }
        }
    }

    pub(super) fn framework_exited(&mut self, cx: &mut Cx, slot: u32, peer: ProcessId) {
        let framework = self.framework_mut(slot);
        if framework.process != Some(peer) {
            return;
        }
        framework.process = None;
        framework.active = false;
        let (id, timeout) = (framework.id, framework.info.failover_timeout);
        self.framework_by_address.remove(&peer.slot);
        cx.fact(Fact::FrameworkDisconnected { framework: id });
        self.tell_allocator(cx, Msg::DeactivateFramework { framework: id });
        self.rescind_framework(cx, slot, false);
        cx.timer(TimerKey::new(FAILOVER_TIMER, u64::from(slot)), timeout.max(Span::ZERO));
    }

    pub(super) fn failover_timeout(&mut self, cx: &mut Cx, slot: u64) {
        let slot = slot as u32;
        if self.frameworks.at(slot).is_some_and(|f| f.process.is_none()) {
            self.remove_framework(cx, slot);
        }
    }

    pub(super) fn teardown(&mut self, cx: &mut Cx, from: ProcessId, id: FrameworkId) {
        if let Some(slot) = self.caller(from, id) {
            self.remove_framework(cx, slot);
        }
    }

    /// The framework is over: executors are shut down, its tasks end as killed without an update.
    fn remove_framework(&mut self, cx: &mut Cx, slot: u32) {
        let id = self.framework(slot).id;
        self.rescind_framework(cx, slot, false);
        for (_, agent) in self.agents.iter() {
            if agent.connected {
                cx.send(agent.process, Msg::ShutdownFramework { framework: id });
            }
        }
        let tasks: Vec<u32> = self.framework(slot).tasks.values().copied().collect();
        for task in tasks {
            self.end_task(cx, task, TaskState::Killed, Reason::FrameworkRemoved);
            self.forget_task(task, TaskState::Killed);
        }
        let with_executors: Vec<u32> =
            self.agents.iter().filter(|(_, agent)| !agent.executors.is_empty()).map(|(agent, _)| agent).collect();
        for agent in with_executors {
            self.release_executors(cx, agent, Reason::FrameworkRemoved, |_, e| e.framework == slot);
        }
        self.tell_allocator(cx, Msg::RemoveFramework { framework: id });
        let key = self.frameworks.key_at(slot).expect("a framework's slot");
        let framework = self.frameworks.remove(key).expect("a framework's slot");
        if let Some(process) = framework.process {
            self.framework_by_address.remove(&process.slot);
        }
        self.framework_index.remove(&id);
        self.completed_frameworks.push_back(id);
        if self.completed_frameworks.len() > self.flags.max_completed_frameworks {
            self.completed_frameworks.pop_front();
        }
        cx.fact(Fact::FrameworkRemoved { framework: id });
    }

    /// What a framework says of itself from now on, in the master's books and in the allocator's.
    pub(super) fn change(&mut self, cx: &mut Cx, slot: u32, info: &Arc<FrameworkInfo>) {
        let framework = self.framework_mut(slot);
        framework.info = info.clone();
        framework.suppressed = info.suppressed.iter().copied().collect();
        let id = framework.id;
        self.tell_allocator(cx, Msg::ChangeFramework { framework: id, info: info.clone() });
    }
}
