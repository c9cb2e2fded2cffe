//! The master's main mailbox (`src/master/master.cpp`): frameworks, agents, offers, tasks.
//!
//! The allocator and the registrar are mailboxes of their own in the same process, as upstream:
//! what the master tells them is dispatched, so that allocation runs merge and filters expire in
//! the right order. The master knows agents and frameworks by dense slots of its own; only ids
//! travel. Files: `leadership` (election, the registry of the predecessor), `agents` (registration,
//! health), `frameworks` (subscription, fail-over), `roles` (of frameworks), `offers` (ACCEPT, DECLINE,
//! rescinding), `operations` (RESERVE, CREATE and their opposites), `executors` (task groups), `tasks`
//! (updates, acknowledgement, reconciliation).

mod agents;
mod executors;
mod frameworks;
mod leadership;
mod offers;
mod operations;
mod roles;
mod tasks;

use crate::actor::{Cx, Input, Mailbox, ProcessId, TimerKey};
use crate::base::id::{AgentId, FrameworkId, OfferId, RoleId, Symbol, TaskId};
use crate::base::map::{Lookup, Map};
use crate::base::quantity::Quantities;
use crate::base::slab::Slab;
use crate::base::time::{Span, Time};
use crate::job::TaskSpec;
use crate::mesos::message::{AgentInfo, FrameworkInfo, Msg, OfferBatch, RegistryOp, Reregistration, StatusUpdate};
use crate::mesos::resource::Resources;
use crate::mesos::slots::AgentIndex;
use crate::mesos::task_state::{Reason, Source, TaskState};
use smallvec::SmallVec;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Master flags with upstream's meaning.
#[derive(Clone, Debug)]
pub struct Flags {
    pub agent_ping_timeout: Span,
    pub max_agent_ping_timeouts: u32,
    pub agent_reregister_timeout: Span,
    pub offer_timeout: Option<Span>,
    pub max_completed_frameworks: usize,
    pub max_completed_tasks_per_framework: usize,
    pub max_unreachable_tasks_per_framework: usize,
    pub recovery_agent_removal_limit_percent: u32,
    pub registry_gc_interval: Span,
    pub registry_max_agent_age: Span,
    pub registry_max_agent_count: usize,
}

/// Kinds of timers.
const REREGISTER_TIMER: u8 = 1;
const FAILOVER_TIMER: u8 = 2;
const OFFER_TIMER: u8 = 3;
const REGISTRY_GC_TIMER: u8 = 4;
const RECOVERED_TIMER: u8 = 5;

#[derive(Clone, Debug)]
pub(crate) struct Agent {
    id: AgentId,
    info: Arc<AgentInfo>,
    /// As `info` says, with dynamic reservations and volumes.
    total: Resources,
    process: ProcessId,
    connected: bool,
    /// A registry write that marks it unreachable is on its way.
    marking: bool,
    tasks: SmallVec<[u32; 8]>,
    /// Executors of task groups; those of single commands are the agent's own.
    executors: Vec<executors::Executor>,
    /// Kills asked for, so that they can be repeated when the agent comes back.
    killed: Vec<(FrameworkId, TaskId)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Framework {
    id: FrameworkId,
    info: Arc<FrameworkInfo>,
    /// `None`: known from agents or disconnected.
    process: Option<ProcessId>,
    active: bool,
    /// Those of its roles for which it wants no offers now, in the order of `info.roles`.
    suppressed: SmallVec<[RoleId; 2]>,
    tasks: Map<TaskId, u32>,
    completed: VecDeque<(TaskId, TaskState)>,
    unreachable: Map<TaskId, (AgentId, TaskState)>,
    /// Bit i set: this subscription has been told the attributes of the agent in slot i.
    described: Vec<u64>,
    /// How many bits of `described` are set, all of agents that are there.
    agents_described: u32,
}

#[derive(Clone, Debug)]
pub(crate) struct Task {
    id: TaskId,
    framework: u32,
    agent: u32,
    spec: Arc<TaskSpec>,
    role: Symbol,
    /// Latest state known from the agent; never changes once terminal.
    state: TaskState,
    /// State and uuid of the update last forwarded (0: none yet).
    forwarded: TaskState,
    uuid: u64,
}

/// Offers of a batch that are still open.
#[derive(Clone, Debug)]
struct OpenBatch {
    batch: Arc<OfferBatch>,
    open: u32,
    /// Bit i set: offer i of the batch is outstanding.
    bits: Vec<u64>,
}

/// What to do when the registry has been written.
#[derive(Clone, Debug)]
enum Pending {
    Admit {
        agent: AgentId,
        process: ProcessId,
        info: Arc<AgentInfo>,
        checkpointed: Resources,
    },
    Reachable {
        process: ProcessId,
        report: Arc<Reregistration>,
        was_unreachable: bool,
    },
    Unreachable {
        agent: AgentId,
        at: Time,
    },
    /// Known from the registry, and not back in time.
    Missing {
        agent: AgentId,
        at: Time,
        host: Symbol,
    },
    Remove,
    Prune {
        agents: Arc<[AgentId]>,
    },
}

#[derive(Clone, Debug)]
pub struct Master {
    flags: Flags,
    /// The master's id, interned: prefix of all ids that it mints.
    id: Symbol,
    /// There is no election: it leads.
    alone: bool,
    /// Number of the candidacy that it won.
    candidacy: Option<u64>,
    /// It has fetched the registry; before that nobody is answered.
    serving: bool,
    next_agent: u32,
    next_framework: u32,
    next_offer: u64,
    next_token: u64,

    agents: Slab<Agent>,
    agent_index: AgentIndex,
    /// Agent slot of each process slot (the agent's address).
    by_address: Lookup<u32, u32>,
    /// Addresses with a registration on its way through the registry.
    registering: Lookup<u32, ()>,
    unreachable: Map<AgentId, Time>,
    /// Agents of the registry that have not come back to this leader yet, and how many there were.
    recovered: Map<AgentId, Arc<AgentInfo>>,
    recovered_in_all: usize,
    pending: Map<u64, Pending>,

    frameworks: Slab<Framework>,
    framework_index: Lookup<FrameworkId, u32>,
    framework_by_address: Lookup<u32, u32>,
    completed_frameworks: VecDeque<FrameworkId>,

    tasks: Slab<Task>,

    /// By serial number of the first offer.
    offers: BTreeMap<u64, OpenBatch>,
    /// How often the allocator was told that an agent left or is away.
    departures: u64,
}

impl Master {
    #[must_use]
    pub fn new(id: Symbol, flags: Flags, alone: bool) -> Self {
        Self {
            flags,
            id,
            alone,
            candidacy: None,
            serving: alone,
            next_agent: 0,
            next_framework: 0,
            next_offer: 0,
            next_token: 0,
            agents: Slab::default(),
            agent_index: AgentIndex::default(),
            by_address: Lookup::default(),
            registering: Lookup::default(),
            unreachable: Map::default(),
            recovered: Map::default(),
            recovered_in_all: 0,
            pending: Map::default(),
            frameworks: Slab::default(),
            framework_index: Lookup::default(),
            framework_by_address: Lookup::default(),
            completed_frameworks: VecDeque::new(),
            tasks: Slab::default(),
            offers: BTreeMap::new(),
            departures: 0,
        }
    }

    /// Its id, interned: the prefix of all ids that it mints.
    #[must_use]
    pub fn id(&self) -> Symbol {
        self.id
    }

    pub fn handle(&mut self, cx: &mut Cx, input: Input) {
        match input {
            Input::Start { .. } => {
                cx.timer(TimerKey::new(REGISTRY_GC_TIMER, 0), self.flags.registry_gc_interval);
            }
            Input::Message { from, msg } if self.serving || from == cx.me => self.message(cx, from, msg),
            Input::Timer { key } => match key.kind() {
                REREGISTER_TIMER => self.reregister_timeout(cx, key.number() as u32),
                FAILOVER_TIMER => self.failover_timeout(cx, key.number()),
                OFFER_TIMER => self.offer_timeout(cx, key.number()),
                REGISTRY_GC_TIMER => self.collect_registry(cx),
                RECOVERED_TIMER => self.give_up_missing(cx),
                _ => {}
            },
            Input::Exited { peer } => {
                if let Some(&slot) = self.by_address.get(&peer.slot) {
                    self.agent_exited(cx, slot, peer);
                } else if let Some(&slot) = self.framework_by_address.get(&peer.slot) {
                    self.framework_exited(cx, slot, peer);
                }
            }
            Input::WatchMissed { peer, misses } => {
                if misses >= self.flags.max_agent_ping_timeouts
                    && let Some(&slot) = self.by_address.get(&peer.slot)
                {
                    self.mark_unreachable(cx, slot);
                }
            }
            // Whoever does not lead, or does not know the registry yet, answers nobody.
            Input::Message { .. } | Input::Linked { .. } | Input::Persisted { .. } | Input::ContainerEnded { .. } => {}
        }
    }

    fn message(&mut self, cx: &mut Cx, from: ProcessId, msg: Msg) {
        match msg {
            Msg::Status(update) => self.status_update(cx, from, update),
            Msg::ExitedExecutor { framework, agent, executor } => {
                self.exited_executor(cx, from, framework, agent, executor);
            }
            Msg::Acknowledge { framework, agent, task, uuid } => {
                self.acknowledge(cx, from, framework, agent, task, uuid);
            }
            Msg::Allocated(allocation) => self.allocated(cx, allocation),
            Msg::Accept { framework, offer, more, refuse, launches } => {
                self.accept(cx, from, framework, offer, more.as_deref().map(Vec::as_slice), refuse, &launches);
            }
            Msg::AcceptBulk(acceptance) => self.accept_bulk(cx, from, &acceptance),
            Msg::Decline { framework, offers, refuse } => self.decline(cx, from, framework, &offers, refuse),
            Msg::Revive { framework, roles } => self.revive(cx, from, framework, roles),
            Msg::Suppress { framework, roles } => self.suppress(cx, from, framework, roles),
            Msg::UpdateCall { framework, info } => self.update_call(cx, from, framework, &info),
            Msg::Kill { framework, task, agent } => self.kill(cx, from, framework, task, agent),
            Msg::Reconcile { framework, tasks } => self.reconcile(cx, from, framework, &tasks),
            Msg::Subscribe { info, force } => self.subscribe(cx, from, &info, force),
            Msg::Teardown { framework } => self.teardown(cx, from, framework),
            Msg::RegisterAgent { info, checkpointed } => self.register_agent(cx, from, info, checkpointed),
            Msg::ReregisterAgent(report) => self.reregister_agent(cx, from, report),
            Msg::UnregisterAgent { agent } => self.unregister_agent(cx, from, agent),
            Msg::Applied { token, .. } => self.applied(cx, token),
            Msg::Candidacy { leading, number } => self.candidacy(cx, leading, number),
            Msg::Detected { leader } => self.detected(cx, leader),
            Msg::RegistryFetched { registry } => self.registry_fetched(cx, &registry),
            Msg::RegistryLost => self.step_down(cx),
            _ => {}
        }
    }

    /// Writes an operation to the registry and remembers what follows.
    fn apply(&mut self, cx: &mut Cx, op: RegistryOp, then: Pending) {
        self.next_token += 1;
        self.pending.insert(self.next_token, then);
        cx.dispatch(Mailbox::REGISTRAR, Msg::Apply { token: self.next_token, op });
    }

    fn tell_allocator(&self, cx: &mut Cx, msg: Msg) {
        cx.dispatch(Mailbox::ALLOCATOR, msg);
    }

    fn agent(&self, slot: u32) -> &Agent {
        self.agents.at(slot).expect("an agent's slot")
    }
    fn agent_mut(&mut self, slot: u32) -> &mut Agent {
        self.agents.at_mut(slot).expect("an agent's slot")
    }
    fn framework(&self, slot: u32) -> &Framework {
        self.frameworks.at(slot).expect("a framework's slot")
    }
    fn framework_mut(&mut self, slot: u32) -> &mut Framework {
        self.frameworks.at_mut(slot).expect("a framework's slot")
    }

    /// The framework that may speak from this process, or `None`: then the call is dropped.
    fn caller(&self, from: ProcessId, id: FrameworkId) -> Option<u32> {
        let slot = *self.framework_index.get(&id)?;
        (self.framework(slot).process == Some(from)).then_some(slot)
    }

    /// A status update made by the master: no uuid, not to be acknowledged.
    fn own_update(
        framework: FrameworkId,
        agent: AgentId,
        task: TaskId,
        state: TaskState,
        reason: Reason,
    ) -> StatusUpdate {
        StatusUpdate {
            framework,
            agent,
            task,
            uuid: 0,
            state,
            latest: state,
            reason,
            source: Source::Master,
            retry: false,
            healthy: None,
        }
    }

    /// `aware` for partition-aware frameworks, TASK_LOST for the others.
    fn lost_state(info: &FrameworkInfo, aware: TaskState) -> TaskState {
        if info.capabilities.partition_aware { aware } else { TaskState::Lost }
    }

    // ---- views, for checks and the operator API ----

    /// What the master's books say of each registered agent: total, used by tasks, offered.
    #[must_use]
    pub fn books(&self) -> Vec<Books> {
        let mut books: Vec<Books> = Vec::new();
        let mut row = vec![usize::MAX; self.agents.slots()];
        for (slot, agent) in self.agents.iter() {
            row[slot as usize] = books.len();
            let mut used = Resources::default();
            for &task in &agent.tasks {
                let task = self.tasks.at(task).expect("listed");
                if !task.state.is_terminal() {
                    used += &task.spec.resources();
                }
            }
            for executor in &agent.executors {
                used += &executor.spec.resources();
            }
            books.push(Books {
                agent: agent.id,
                total: agent.total.clone(),
                used,
                offered: Resources::default(),
                connected: agent.connected,
            });
        }
        for open in self.offers.values() {
            for i in (0..open.batch.len()).filter(|&i| open.bits[i as usize / 64] >> (i % 64) & 1 == 1) {
                let entry = open.batch.allocation.entry(i);
                if let Some(slot) = self.agent_index.get(entry.agent) {
                    books[row[slot as usize]].offered += entry.resources;
                }
            }
        }
        books
    }

    /// Offers outstanding: id and agent.
    pub fn outstanding_offers(&self) -> impl Iterator<Item = (OfferId, AgentId)> + '_ {
        self.offers.values().flat_map(|open| {
            (0..open.batch.len())
                .filter(|&i| open.bits[i as usize / 64] >> (i % 64) & 1 == 1)
                .map(|i| (open.batch.id(i), open.batch.allocation.entry(i).agent))
        })
    }

    /// Numbers of live records, to see that nothing leaks: agents, frameworks, tasks, open batches,
    /// archived tasks.
    #[must_use]
    pub fn sizes(&self) -> [usize; 5] {
        let archived = self.frameworks.iter().map(|(_, f)| f.completed.len() + f.unreachable.len()).sum();
        [self.agents.len(), self.frameworks.len(), self.tasks.len(), self.offers.len(), archived]
    }
}

/// The master's books of one agent.
#[derive(Clone, PartialEq, Debug)]
pub struct Books {
    pub agent: AgentId,
    pub total: Resources,
    pub used: Resources,
    pub offered: Resources,
    pub connected: bool,
}

impl Books {
    /// Used and offered together, scalars only.
    #[must_use]
    pub fn taken(&self) -> Quantities {
        self.used.quantities() + self.offered.quantities()
    }
}
