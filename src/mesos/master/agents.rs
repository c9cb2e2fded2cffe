//! Agents at the master: registration, re-registration, health, unreachable and back.

use super::{Agent, Framework, Master, Pending, REGISTRY_GC_TIMER, REREGISTER_TIMER, Task};
use crate::actor::{Cx, Effect, ProcessId, TimerKey, WatchMode};
use crate::base::id::{AgentId, FrameworkId, RoleId, TaskId};
use crate::base::map::Map;
use crate::fact::Fact;
use crate::mesos::message::{
    AgentInfo, FrameworkInfo, Msg, RegistryOp, Reregistration, StatusUpdate, TaskReport, UnknownTask,
};
use crate::mesos::resource::Resources;
use crate::mesos::task_state::{Reason, TaskState};
use smallvec::SmallVec;
use std::sync::Arc;

impl Master {
    pub(super) fn register_agent(
        &mut self,
        cx: &mut Cx,
        from: ProcessId,
        info: Arc<AgentInfo>,
        checkpointed: Resources,
    ) {
        if self.registering.contains(&from.slot) {
            return;
        }
        if let Some(&slot) = self.by_address.get(&from.slot) {
            let agent = self.agent(slot);
            if agent.connected && agent.process == from {
                let (agent, ping_timeout) = (agent.id, self.ping_timeout());
                cx.send(from, Msg::AgentRegistered { agent, ping_timeout });
                return;
            }
            // A new agent at the same address: the old one is gone for good.
            let id = agent.id;
            self.take_agent_down(cx, slot, Reason::AgentRemoved, TaskState::Lost);
            cx.fact(Fact::AgentRemoved { agent: id, host: info.hostname });
            self.apply(cx, RegistryOp::RemoveAgent { agent: id }, Pending::Remove);
        }
        let agent = AgentId { master: self.id, n: self.next_agent };
        self.next_agent += 1;
        self.registering.insert(from.slot, ());
        let op = RegistryOp::AdmitAgent { agent, info: info.clone() };
        self.apply(cx, op, Pending::Admit { agent, process: from, info, checkpointed });
    }

    fn ping_timeout(&self) -> crate::base::time::Span {
        self.flags.agent_ping_timeout * i64::from(self.flags.max_agent_ping_timeouts)
    }

    /// The registry has been written: now the change may be seen.
    pub(super) fn applied(&mut self, cx: &mut Cx, token: u64) {
        match self.pending.shift_remove(&token) {
            Some(Pending::Admit { agent, process, info, checkpointed }) => {
                self.registering.remove(&process.slot);
                let total = info.total.quantities();
                let host = info.hostname;
                self.add_agent(cx, agent, process, info, &checkpointed, &[]);
                cx.fact(Fact::AgentRegistered { agent, host, total });
                cx.send(process, Msg::AgentRegistered { agent, ping_timeout: self.ping_timeout() });
            }
            Some(Pending::Reachable { process, report, was_unreachable }) => {
                self.registering.remove(&process.slot);
                self.readmit(cx, process, &report, was_unreachable);
            }
            Some(Pending::Unreachable { agent, at }) => {
                let Some(slot) = self.agent_index.get(agent) else { return };
                let (host, process) = (self.agent(slot).info.hostname, self.agent(slot).process);
                self.unreachable.insert(agent, at);
                self.take_agent_down(cx, slot, Reason::AgentRemoved, TaskState::Unreachable);
                cx.outbox.push(Effect::Unwatch { peer: process });
                cx.fact(Fact::AgentUnreachable { agent, host });
                self.announce_loss(cx, agent);
            }
            Some(Pending::Missing { agent, at, host }) => {
                self.unreachable.insert(agent, at);
                cx.fact(Fact::AgentUnreachable { agent, host });
                self.announce_loss(cx, agent);
            }
            Some(Pending::Prune { agents }) => {
                for agent in agents.iter() {
                    self.unreachable.shift_remove(agent);
                }
            }
            Some(Pending::Remove) | None => {}
        }
    }

    fn add_agent(
        &mut self,
        cx: &mut Cx,
        id: AgentId,
        process: ProcessId,
        info: Arc<AgentInfo>,
        checkpointed: &Resources,
        used: &[(FrameworkId, RoleId, Resources)],
    ) -> u32 {
        let total = total_of(&info, checkpointed);
        let known = if checkpointed.is_empty() {
            info.clone()
        } else {
            Arc::new(AgentInfo { total: total.clone(), ..(*info).clone() })
        };
        let key = self.agents.insert(Agent {
            id,
            info,
            total,
            process,
            connected: true,
            marking: false,
            tasks: SmallVec::new(),
            executors: Vec::new(),
            killed: Vec::new(),
        });
        self.agent_index.insert(id, key.index);
        self.by_address.insert(process.slot, key.index);
        self.watch(cx, process);
        self.tell_allocator(cx, Msg::AddAgent { agent: id, info: known, used: used.into() });
        key.index
    }

    fn watch(&self, cx: &mut Cx, peer: ProcessId) {
        let (every, misses) = (self.flags.agent_ping_timeout, self.flags.max_agent_ping_timeouts);
        cx.outbox.push(Effect::Watch { peer, every, misses, mode: WatchMode::Ping });
    }

    pub(super) fn reregister_agent(&mut self, cx: &mut Cx, from: ProcessId, report: Arc<Reregistration>) {
        if self.registering.contains(&from.slot) {
            return;
        }
        if let Some(slot) = self.agent_index.get(report.id) {
            self.reconnect(cx, slot, from, &report);
            return;
        }
        // Known to the predecessor.
        if let Some(info) = self.recovered.swap_remove(&report.id) {
            if info == report.info {
                return self.readmit(cx, from, &report, false);
            }
            self.registering.insert(from.slot, ());
            let op = RegistryOp::UpdateAgent { agent: report.id, info: report.info.clone() };
            return self.apply(cx, op, Pending::Reachable { process: from, report, was_unreachable: false });
        }
        // Unreachable, removed or never heard of: the registry admits it again.
        self.registering.insert(from.slot, ());
        let was_unreachable = self.unreachable.contains_key(&report.id);
        let op = RegistryOp::MarkAgentReachable { agent: report.id, info: report.info.clone() };
        self.apply(cx, op, Pending::Reachable { process: from, report, was_unreachable });
    }

    /// An agent that the master still has is back.
    fn reconnect(&mut self, cx: &mut Cx, slot: u32, from: ProcessId, report: &Reregistration) {
        let agent = self.agent_mut(slot);
        let (id, host, old) = (agent.id, agent.info.hostname, agent.process);
        let was_connected = std::mem::replace(&mut agent.connected, true);
        agent.process = from;
        if old != from {
            self.by_address.remove(&old.slot);
            self.by_address.insert(from.slot, slot);
            cx.outbox.push(Effect::Unwatch { peer: old });
        }
        self.watch(cx, from);
        cx.cancel(TimerKey::new(REREGISTER_TIMER, u64::from(slot)));
        if !was_connected {
            self.tell_allocator(cx, Msg::ActivateAgent { agent: id });
        }
        let total = report.info.total.quantities();
        cx.fact(Fact::AgentReregistered { agent: id, host, total });

        // Tasks that the master has and the agent did not report.
        let reported: Map<(FrameworkId, TaskId), ()> =
            report.tasks.iter().map(|t| ((t.framework, t.task), ())).collect();
        let agent = self.agent(slot);
        let mut unknown = Vec::new();
        for &task in &agent.tasks {
            let task = self.tasks.at(task).expect("listed");
            let framework = self.framework(task.framework);
            if !reported.contains_key(&(framework.id, task.id)) {
                let partition_aware = framework.info.capabilities.partition_aware;
                unknown.push(UnknownTask { framework: framework.id, task: task.id, partition_aware });
            }
        }
        let ping_timeout = self.ping_timeout();
        cx.send(from, Msg::AgentReregistered { agent: id, ping_timeout, unknown: unknown.into() });
        self.reconcile_executors(cx, slot, report);
        self.repeat_checkpoint(cx, slot, &report.checkpointed);
        self.repeat_kills(cx, slot);
        // A repeated report of one that is connected is older than what was launched there since.
        self.shut_down_leftovers(cx, !was_connected, from, report);
    }

    /// Kills asked for while the agent was away.
    fn repeat_kills(&mut self, cx: &mut Cx, slot: u32) {
        let agent = self.agent(slot);
        for &(framework, task) in &agent.killed {
            cx.send(agent.process, Msg::KillTask { framework, task });
        }
    }

    /// Frameworks on the agent that the master has completed, or whose tasks it has written off
    /// already because they do not checkpoint, are shut down there.
    fn shut_down_leftovers(&self, cx: &mut Cx, was_away: bool, to: ProcessId, report: &Reregistration) {
        let mut told: Vec<FrameworkId> = Vec::new();
        for task in &report.tasks {
            let completed = self.completed_frameworks.contains(&task.framework);
            let written_off = was_away
                && self.framework_index.get(&task.framework).is_some_and(|&f| {
                    let framework = self.framework(f);
                    !framework.info.checkpoint && !framework.tasks.contains_key(&task.task)
                });
            if (completed || written_off && !task.latest.is_terminal()) && !told.contains(&task.framework) {
                told.push(task.framework);
                cx.send(to, Msg::ShutdownFramework { framework: task.framework });
            }
        }
    }

    /// An agent that was unreachable or unknown is admitted with what it reports.
    fn readmit(&mut self, cx: &mut Cx, process: ProcessId, report: &Reregistration, was_unreachable: bool) {
        let id = report.id;
        self.unreachable.shift_remove(&id);
        if let Some(&old) = self.by_address.get(&process.slot) {
            let agent = self.agent(old).id;
            let host = self.agent(old).info.hostname;
            self.take_agent_down(cx, old, Reason::AgentRemoved, TaskState::Lost);
            cx.fact(Fact::AgentRemoved { agent, host });
        }
        for (framework, info) in &report.frameworks {
            if !self.completed_frameworks.contains(framework) {
                self.recover_framework(cx, *framework, info);
            }
        }
        let live = |m: &Self, t: &TaskReport| !m.completed_frameworks.contains(&t.framework);
        let used: Vec<_> = report
            .tasks
            .iter()
            .filter(|t| live(self, t) && !t.latest.is_terminal())
            .map(|t| (t.framework, t.role, t.spec.resources()))
            .chain(self.held_by_executors(report))
            .collect();
        let slot = self.add_agent(cx, id, process, report.info.clone(), &report.checkpointed, &used);
        for task in &report.tasks {
            self.readd_task(cx, slot, task, was_unreachable);
        }
        self.readd_executors(cx, slot, report);
        let (host, total) = (report.info.hostname, report.info.total.quantities());
        cx.fact(Fact::AgentReregistered { agent: id, host, total });
        cx.send(process, Msg::AgentReregistered { agent: id, ping_timeout: self.ping_timeout(), unknown: [].into() });
        self.shut_down_leftovers(cx, false, process, report);
    }

    fn readd_task(&mut self, cx: &mut Cx, slot: u32, report: &TaskReport, was_unreachable: bool) {
        // Completed frameworks are not in the index: their tasks are not taken up again.
        let Some(&framework) = self.framework_index.get(&report.framework) else { return };
        let task = Task {
            id: report.task,
            framework,
            agent: slot,
            spec: report.spec.clone(),
            role: report.role,
            state: report.latest,
            forwarded: report.forwarded,
            uuid: report.uuid,
        };
        let key = self.tasks.insert(task);
        self.agent_mut(slot).tasks.push(key.index);
        let agent = self.agent(slot).id;
        let record: &mut Framework = self.framework_mut(framework);
        record.unreachable.shift_remove(&report.task);
        record.tasks.insert(report.task, key.index);
        if was_unreachable && let Some(process) = record.process {
            let update = Self::own_update(record.id, agent, report.task, report.latest, Reason::AgentReregistered);
            cx.send(process, Msg::Update(StatusUpdate { healthy: report.healthy, ..update }));
        }
        cx.fact(Fact::TaskReported { framework: report.framework, task: report.task, agent, state: report.latest });
    }

    /// The agent's process or the way to it broke.
    pub(super) fn agent_exited(&mut self, cx: &mut Cx, slot: u32, peer: ProcessId) {
        let agent = self.agent_mut(slot);
        if agent.process != peer || !agent.connected {
            return;
        }
        agent.connected = false;
        let (id, host) = (agent.id, agent.info.hostname);
        cx.fact(Fact::AgentDisconnected { agent: id, host });
        self.departures += 1;
        self.tell_allocator(cx, Msg::DeactivateAgent { agent: id });
        self.rescind_agent(cx, id);
        // Tasks of frameworks that do not checkpoint died with the agent.
        let dead: Vec<u32> = self.agent(slot).tasks.to_vec();
        for task in dead {
            let framework = self.tasks.at(task).expect("listed").framework;
            if !self.framework(framework).info.checkpoint {
                self.lose_task(cx, task, TaskState::Lost, Reason::AgentDisconnected);
            }
        }
        self.release_executors(cx, slot, Reason::AgentDisconnected, |m, e| !m.framework(e.framework).info.checkpoint);
        cx.timer(TimerKey::new(REREGISTER_TIMER, u64::from(slot)), self.flags.agent_reregister_timeout);
    }

    pub(super) fn reregister_timeout(&mut self, cx: &mut Cx, slot: u32) {
        if self.agents.at(slot).is_some_and(|a| !a.connected) {
            self.mark_unreachable(cx, slot);
        }
    }

    pub(super) fn mark_unreachable(&mut self, cx: &mut Cx, slot: u32) {
        let agent = self.agent_mut(slot);
        if std::mem::replace(&mut agent.marking, true) {
            return;
        }
        let (id, at) = (agent.id, cx.wall);
        self.apply(cx, RegistryOp::MarkAgentUnreachable { agent: id, at }, Pending::Unreachable { agent: id, at });
    }

    pub(super) fn unregister_agent(&mut self, cx: &mut Cx, from: ProcessId, id: AgentId) {
        let Some(slot) = self.agent_index.get(id) else { return };
        if self.agent(slot).process != from {
            return;
        }
        let host = self.agent(slot).info.hostname;
        self.take_agent_down(cx, slot, Reason::AgentRemoved, TaskState::Lost);
        cx.outbox.push(Effect::Unwatch { peer: from });
        cx.fact(Fact::AgentRemoved { agent: id, host });
        self.apply(cx, RegistryOp::RemoveAgent { agent: id }, Pending::Remove);
        self.announce_loss(cx, id);
    }

    /// Every connected framework hears that an agent is lost.
    fn announce_loss(&self, cx: &mut Cx, agent: AgentId) {
        for (_, framework) in self.frameworks.iter() {
            if let Some(process) = framework.process {
                cx.send(process, Msg::AgentLost { agent });
            }
        }
    }

    /// Removes an agent from memory: its tasks become `aware` (for partition-aware frameworks;
    /// TASK_LOST for others), its offers are rescinded.
    fn take_agent_down(&mut self, cx: &mut Cx, slot: u32, reason: Reason, aware: TaskState) {
        let (id, process) = (self.agent(slot).id, self.agent(slot).process);
        self.departures += 1;
        self.tell_allocator(cx, Msg::RemoveAgent { agent: id });
        let tasks: Vec<u32> = self.agent(slot).tasks.to_vec();
        for task in tasks {
            let framework = self.tasks.at(task).expect("listed").framework;
            let state = match aware {
                TaskState::Lost => TaskState::Lost,
                aware => Self::lost_state(&self.framework(framework).info, aware),
            };
            self.lose_task(cx, task, state, reason);
        }
        self.release_executors(cx, slot, reason, |_, _| true);
        self.rescind_agent(cx, id);
        cx.cancel(TimerKey::new(REREGISTER_TIMER, u64::from(slot)));
        self.agent_index.remove(id);
        self.by_address.remove(&process.slot);
        let key = self.agents.key_at(slot).expect("an agent's slot");
        self.agents.remove(key);
        // The slot's next tenant is to be described anew.
        for (_, framework) in self.frameworks.iter_mut() {
            if let Some(word) = framework.described.get_mut(slot as usize / 64) {
                framework.agents_described -= (*word >> (slot % 64) & 1) as u32;
                *word &= !(1 << (slot % 64));
            }
        }
    }

    pub(super) fn collect_registry(&mut self, cx: &mut Cx) {
        let too_old = |at| cx.wall - at > self.flags.registry_max_agent_age;
        let excess = self.unreachable.len().saturating_sub(self.flags.registry_max_agent_count);
        let doomed: Vec<AgentId> = self
            .unreachable
            .iter()
            .enumerate()
            .filter(|&(i, (_, &at))| i < excess || too_old(at))
            .map(|(_, (&id, _))| id)
            .collect();
        cx.timer(TimerKey::new(REGISTRY_GC_TIMER, 0), self.flags.registry_gc_interval);
        if !doomed.is_empty() {
            let agents: Arc<[AgentId]> = doomed.into();
            self.apply(cx, RegistryOp::Prune { agents: agents.clone() }, Pending::Prune { agents });
        }
    }

    /// A framework known only from an agent: no connection, no offers, usage booked.
    fn recover_framework(&mut self, cx: &mut Cx, id: FrameworkId, info: &Arc<FrameworkInfo>) {
        if self.framework_index.contains(&id) {
            return;
        }
        self.add_framework(id, info);
        self.tell_allocator(cx, Msg::AddFramework { framework: id, info: info.clone(), active: false });
    }
}

/// What the agent has in all. One that was configured with less than it wrote down has what it was
/// configured with (upstream's agent does not start then).
fn total_of(info: &AgentInfo, checkpointed: &Resources) -> Resources {
    info.total.with_checkpointed(checkpointed).unwrap_or_else(|| info.total.clone())
}
