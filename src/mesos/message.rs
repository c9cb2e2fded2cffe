//! Messages between masters, agents and schedulers (the nouns of `messages.proto` and of the v1
//! scheduler API), as plain data of at most 56 bytes; bulk is shared.
//!
//! The offer path travels in batches (`batch`): the allocator's answer, OFFERS, DECLINE and the
//! recovery of resources name a batch and a range of its contiguous offer ids.

mod batch;

pub use batch::{Allocation, Lot, LotEntry, OfferBatch, OfferEntry, OfferRange, OfferRanges, Offered};

use super::resource::{ResourceOperation, Resources};
use super::task_state::{Reason, Source, TaskState};
use crate::base::id::{AgentId, FrameworkId, OfferId, RoleId, Symbol, TaskId};
use crate::base::map::Map;
use crate::base::quantity::Quantities;
use crate::base::time::{Span, Time};
use crate::http;
use crate::job::{Job, TaskGroup, TaskSpec};
use crate::zk::wire::{Answer, Packet, Peer, Request};
use std::sync::Arc;

/// What an agent says of itself (`SlaveInfo`), without the id.
#[derive(Clone, PartialEq, Debug)]
pub struct AgentInfo {
    pub hostname: Symbol,
    pub total: Resources,
    /// Name and text value, in order.
    pub attributes: Vec<(Symbol, Symbol)>,
    /// Shared devices that the host has beside what Mesos knows; copied into offers.
    pub devices: u32,
    /// Its slot in the world: the address in `Offer.url`, where probes of its tasks go.
    pub address: u32,
}

/// What a scheduler says of itself (`FrameworkInfo`).
#[derive(Clone, PartialEq, Debug)]
pub struct FrameworkInfo {
    pub name: Symbol,
    /// Missing at the first subscription.
    pub id: Option<FrameworkId>,
    /// Each once; exactly one without the capability `multi_role`.
    pub roles: Vec<RoleId>,
    /// As whom it authenticates; its reservations bear that name.
    pub principal: Option<Symbol>,
    pub failover_timeout: Span,
    pub checkpoint: bool,
    pub capabilities: Capabilities,
    /// Those of `roles` for which it wants no offers.
    pub suppressed: Vec<RoleId>,
}

impl FrameworkInfo {
    /// Those of its roles for which it wants offers.
    pub fn wanted(&self) -> impl Iterator<Item = RoleId> + '_ {
        self.roles.iter().copied().filter(|role| !self.suppressed.contains(role))
    }
}

/// Framework capabilities that change behaviour.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Capabilities {
    pub partition_aware: bool,
    pub gpu_resources: bool,
    pub task_killing_state: bool,
    pub revocable_resources: bool,
    pub shared_resources: bool,
    pub reservation_refinement: bool,
    pub multi_role: bool,
}

/// `Filters.refuse_seconds` in whole nanoseconds; 0 stands for no filter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refuse(i64);

impl Refuse {
    /// No filters message: resources go back without a filter.
    pub const NONE: Self = Self(0);
    /// Default of a filters message without a value: 5 s.
    pub const DEFAULT_SPAN: Span = Span::from_secs(5);

    /// 0 installs no filter; negative becomes the default; longer than 365 days becomes 365 days.
    #[must_use]
    pub fn seconds(span: Span) -> Self {
        match span.0 {
            ..0 => Self(Self::DEFAULT_SPAN.0),
            ns => Self(ns.min(365 * 86_400 * crate::base::time::SECOND_NS)),
        }
    }
    #[must_use]
    pub fn span(self) -> Option<Span> {
        (self != Self::NONE).then_some(Span(self.0))
    }
}

/// Part of what a framework holds on one agent comes back, resources of any kind.
#[derive(Clone, PartialEq, Debug)]
pub struct Recovery {
    pub framework: FrameworkId,
    pub role: RoleId,
    pub agent: AgentId,
    pub resources: Resources,
    pub refuse: Refuse,
}

/// Tasks `first..first + count` of a template.
#[derive(Clone, PartialEq, Debug)]
pub struct Launch {
    pub spec: Arc<TaskSpec>,
    pub first: u32,
    pub count: u32,
}

impl Launch {
    pub fn tasks(&self) -> impl Iterator<Item = TaskId> + use<> {
        let template = self.spec.template;
        (self.first..self.first + self.count).map(move |n| TaskId { template, n })
    }
}

/// The LAUNCH operations of one ACCEPT; a single template needs no memory.
#[derive(Clone, PartialEq, Debug)]
pub enum Launches {
    One(Launch),
    Many(Arc<[Launch]>),
}

impl Launches {
    #[must_use]
    pub fn as_slice(&self) -> &[Launch] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// One operation of an ACCEPT.
#[derive(Clone, PartialEq, Debug)]
pub enum Operation {
    Launch(Launch),
    LaunchGroup(Arc<TaskGroup>),
    Convert(ResourceOperation),
}

/// An ACCEPT with more than launches; its operations are carried out in their order.
#[derive(Clone, PartialEq, Debug)]
pub struct Acceptance {
    pub framework: FrameworkId,
    pub offers: Vec<OfferId>,
    pub refuse: Refuse,
    pub operations: Vec<Operation>,
}

impl Acceptance {
    /// Every task that it launches, by itself or in a group, in order.
    pub fn tasks(&self) -> impl Iterator<Item = TaskId> {
        self.operations.iter().flat_map(|operation| {
            let (launch, group): (Option<&Launch>, &[_]) = match operation {
                Operation::Launch(launch) => (Some(launch), &[]),
                Operation::LaunchGroup(group) => (None, &group.tasks),
                Operation::Convert(_) => (None, &[]),
            };
            launch.into_iter().flat_map(Launch::tasks).chain(group.iter().map(|member| member.id))
        })
    }
}

/// Part of what a framework holds on an agent has become something else, and the agent's total with
/// it.
#[derive(Clone, PartialEq, Debug)]
pub struct Converted {
    pub framework: FrameworkId,
    pub role: RoleId,
    pub agent: AgentId,
    pub before: Resources,
    pub after: Resources,
}

/// A task status update. `uuid` 0 stands for none: made by the master, not to be acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StatusUpdate {
    pub framework: FrameworkId,
    pub agent: AgentId,
    pub task: TaskId,
    pub uuid: u64,
    pub state: TaskState,
    /// State of the last update in the agent's stream, which may be ahead of `state`.
    pub latest: TaskState,
    pub reason: Reason,
    pub source: Source,
    /// A re-registered scheduler or a retry may see it again.
    pub retry: bool,
    /// Result of the check that its executor runs, if there is one and it has run.
    pub healthy: Option<bool>,
}

/// A task as an agent reports it when it re-registers.
#[derive(Clone, PartialEq, Debug)]
pub struct TaskReport {
    pub framework: FrameworkId,
    pub task: TaskId,
    pub spec: Arc<TaskSpec>,
    pub role: RoleId,
    /// State of the last update in the stream, and of the one in flight with its uuid.
    pub latest: TaskState,
    pub forwarded: TaskState,
    pub uuid: u64,
    /// What its health checks said last.
    pub healthy: Option<bool>,
}

/// A task that the master has and a re-registering agent did not report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownTask {
    pub framework: FrameworkId,
    pub task: TaskId,
    pub partition_aware: bool,
}

/// An executor with tasks of a group, as an agent reports it when it re-registers. Those of single
/// commands belong to their agent, and masters know nothing of them.
#[derive(Clone, PartialEq, Debug)]
pub struct ExecutorReport {
    pub framework: FrameworkId,
    pub role: RoleId,
    pub executor: TaskId,
    pub spec: Arc<TaskSpec>,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Reregistration {
    pub id: AgentId,
    pub info: Arc<AgentInfo>,
    /// What it has written down of reservations and volumes.
    pub checkpointed: Resources,
    pub tasks: Vec<TaskReport>,
    pub executors: Vec<ExecutorReport>,
    /// Every framework that the agent knows, so that a master can recover it.
    pub frameworks: Vec<(FrameworkId, Arc<FrameworkInfo>)>,
}

/// One question of an explicit reconciliation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TaskQuery {
    pub task: TaskId,
    pub agent: Option<AgentId>,
}

/// What the masters' replicas of the registry's log say to one another: Paxos with one coordinator,
/// whose ballot is the number of its candidacy.
#[derive(Clone, PartialEq, Debug)]
pub enum LogPacket {
    /// Promise to accept nothing below this ballot, and say what you have.
    Prepare {
        ballot: u64,
    },
    Promised {
        ballot: u64,
        accepted: Option<Arc<LogEntry>>,
    },
    Write {
        ballot: u64,
        entry: Arc<LogEntry>,
    },
    Written {
        ballot: u64,
        version: u64,
    },
    /// A higher ballot has been promised.
    Rejected {
        ballot: u64,
        promised: u64,
    },
}

/// A version of the registry, as one replica keeps it.
#[derive(Clone, PartialEq, Debug)]
pub struct LogEntry {
    pub ballot: u64,
    pub version: u64,
    pub registry: Arc<Registry>,
}

/// The contents of the registry.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Registry {
    pub admitted: Map<AgentId, Arc<AgentInfo>>,
    /// With the instant, oldest insertion first.
    pub unreachable: Map<AgentId, Time>,
}

/// Everything that travels between the Mesos cores, within a process or between processes.
///
/// Aligned so that wherever a message lies in an effect, an event or an input, it is copied in the
/// same words: a copy cut at other places than the last one waits for the store buffer.
#[derive(Clone, PartialEq, Debug)]
#[repr(align(16))]
pub enum Msg {
    // ---- to agents and schedulers, from their detector ----
    /// The leading master, or none.
    Detected {
        leader: Option<crate::actor::ProcessId>,
    },

    // ---- agent -> master ----
    RegisterAgent {
        info: Arc<AgentInfo>,
        checkpointed: Resources,
    },
    ReregisterAgent(Arc<Reregistration>),
    UnregisterAgent {
        agent: AgentId,
    },
    Status(StatusUpdate),
    /// The executor of a group is over, or was not started. Said once: it may be lost.
    ExitedExecutor {
        framework: FrameworkId,
        agent: AgentId,
        executor: TaskId,
    },

    // ---- master -> agent ----
    AgentRegistered {
        agent: AgentId,
        ping_timeout: Span,
    },
    /// `unknown`: tasks that the master has and the agent did not report.
    AgentReregistered {
        agent: AgentId,
        ping_timeout: Span,
        unknown: Arc<[UnknownTask]>,
    },
    /// `role`: of the offer on which it was launched.
    RunTask {
        framework: FrameworkId,
        role: RoleId,
        task: TaskId,
        spec: Arc<TaskSpec>,
        info: Arc<FrameworkInfo>,
    },
    /// `launch_executor`: the master believes that the group's executor is not there yet.
    RunTaskGroup {
        framework: FrameworkId,
        role: RoleId,
        group: Arc<TaskGroup>,
        info: Arc<FrameworkInfo>,
        launch_executor: bool,
    },
    KillTask {
        framework: FrameworkId,
        task: TaskId,
    },
    ShutdownFramework {
        framework: FrameworkId,
    },
    /// The framework subscribed again: flush the heads of all streams.
    UpdateFramework {
        framework: FrameworkId,
        info: Arc<FrameworkInfo>,
    },
    /// The agent must stop: it may not come back under this id.
    Shutdown {
        agent: AgentId,
    },
    /// All reservations and volumes that the agent is to have from now on.
    CheckpointResources(Resources),
    /// Acknowledgement of a status update, on its way to the agent.
    StatusAck {
        framework: FrameworkId,
        task: TaskId,
        uuid: u64,
    },

    // ---- scheduler -> master ----
    /// `force`: take over from a connected instance of the same framework.
    Subscribe {
        info: Arc<FrameworkInfo>,
        force: bool,
    },
    Teardown {
        framework: FrameworkId,
    },
    /// Launches on one or more offers of one agent; what is left is refused for `refuse`.
    Accept {
        framework: FrameworkId,
        offer: OfferId,
        more: Option<Arc<Vec<OfferId>>>,
        refuse: Refuse,
        launches: Launches,
    },
    /// The same with operations on resources.
    AcceptBulk(Arc<Acceptance>),
    Decline {
        framework: FrameworkId,
        offers: OfferRanges,
        refuse: Refuse,
    },
    /// Of some of its roles; none: of all. The same for SUPPRESS.
    Revive {
        framework: FrameworkId,
        roles: Arc<[RoleId]>,
    },
    Suppress {
        framework: FrameworkId,
        roles: Arc<[RoleId]>,
    },
    /// Another set of roles, or of those that are suppressed, without a new subscription.
    UpdateCall {
        framework: FrameworkId,
        info: Arc<FrameworkInfo>,
    },
    Kill {
        framework: FrameworkId,
        task: TaskId,
        agent: Option<AgentId>,
    },
    Acknowledge {
        framework: FrameworkId,
        agent: AgentId,
        task: TaskId,
        uuid: u64,
    },
    /// Empty: implicit reconciliation.
    Reconcile {
        framework: FrameworkId,
        tasks: Arc<[TaskQuery]>,
    },

    // ---- master -> scheduler ----
    Subscribed {
        framework: FrameworkId,
    },
    Offers(Arc<OfferBatch>),
    Rescind {
        offers: OfferRanges,
    },
    Update(StatusUpdate),
    /// An agent is lost (`slaveLost`).
    AgentLost {
        agent: AgentId,
    },
    /// The executor of a group is over (`executorLost`).
    ExecutorLost {
        agent: AgentId,
        executor: TaskId,
    },
    /// The scheduler must abort.
    Error {
        what: Refusal,
    },

    // ---- ZooKeeper: client <-> server, server <-> server, and a process's client <-> its main ----
    Zk(Arc<Packet>),
    Ensemble(Arc<Peer>),
    /// The process's candidacy for leadership was won or lost. `number`: of the candidacy, higher
    /// for each later one.
    Candidacy {
        leading: bool,
        number: u64,
    },
    /// To the client: give up the candidacy and the session, so that nobody waits for it to expire.
    /// Answered with `Candidacy` if it was leading.
    Resign,
    /// A request to the store, made durable by ZooKeeper before the answer.
    Store {
        token: u64,
        request: Arc<Request>,
    },
    Stored {
        token: u64,
        answer: Arc<Answer>,
    },

    // ---- registrar <-> registrars of the other masters: the replicated log ----
    Log(Arc<LogPacket>),

    // ---- master <-> registrar (dispatch), beside `Apply` ----
    /// Fetch the registry under this ballot and write it anew.
    FetchRegistry {
        ballot: u64,
    },
    RegistryFetched {
        registry: Arc<Registry>,
    },
    /// Another master writes the log, or too few replicas answer: this one must stop.
    RegistryLost,

    // ---- HTTP, and probes of a task's service ----
    Http {
        token: u64,
        request: Arc<http::Request>,
    },
    HttpReply {
        token: u64,
        response: Arc<http::Response>,
    },
    /// To an agent's address: ask the service in this task's container.
    Probe {
        owner: Symbol,
        task: TaskId,
        token: u64,
    },
    /// `status`: of HTTP; 0: the connection was refused.
    Probed {
        token: u64,
        status: u16,
    },
    /// From a name service to clients: a program that runs as tasks is, or is no more, at this
    /// address.
    Located {
        program: u32,
        slot: u32,
        up: bool,
    },

    // ---- between actors of `bench engine` ----
    Ball(u64),

    // ---- workload -> scheduler ----
    Submit(Arc<Job>, crate::base::id::JobId),

    // ---- master -> allocator (dispatch) ----
    AddFramework {
        framework: FrameworkId,
        info: Arc<FrameworkInfo>,
        active: bool,
    },
    RemoveFramework {
        framework: FrameworkId,
    },
    ActivateFramework {
        framework: FrameworkId,
    },
    DeactivateFramework {
        framework: FrameworkId,
    },
    /// `used`: what frameworks hold there already, by framework and role.
    AddAgent {
        agent: AgentId,
        info: Arc<AgentInfo>,
        used: Arc<[(FrameworkId, RoleId, Resources)]>,
    },
    RemoveAgent {
        agent: AgentId,
    },
    ActivateAgent {
        agent: AgentId,
    },
    DeactivateAgent {
        agent: AgentId,
    },
    /// Of some of its roles; none: of all. The same for the opposite.
    ReviveOffers {
        framework: FrameworkId,
        roles: Arc<[RoleId]>,
    },
    SuppressOffers {
        framework: FrameworkId,
        roles: Arc<[RoleId]>,
    },
    /// Its roles, capabilities and suppressed roles are now these.
    ChangeFramework {
        framework: FrameworkId,
        info: Arc<FrameworkInfo>,
    },
    /// Gives back a range of a batch untouched.
    RecoverOffers {
        batch: Arc<OfferBatch>,
        from: u32,
        count: u32,
        refuse: Refuse,
    },
    /// Gives back part of what a framework holds on one agent: plain scalars.
    Recover {
        framework: FrameworkId,
        role: RoleId,
        agent: AgentId,
        scalars: Quantities,
        refuse: Refuse,
    },
    /// The same with ports, reservations and the like.
    RecoverBulk(Arc<Recovery>),
    /// Part of what a framework holds was reserved, or made a volume, or the reverse.
    UpdateAllocation(Arc<Converted>),
    /// The tick of the batch timer and the queued run, both to itself.
    BatchTick,
    RunAllocation,

    // ---- allocator -> master (dispatch) ----
    Allocated(Arc<Allocation>),

    // ---- master <-> registrar (dispatch) ----
    Apply {
        token: u64,
        op: RegistryOp,
    },
    Applied {
        token: u64,
        mutated: bool,
    },
}

/// Why a scheduler was told ERROR.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    FrameworkRemoved,
    FailedOver,
    InvalidRole,
    /// More than one role without the capability, one twice, or one suppressed that is not there.
    InvalidRoles,
    ImmutableField,
}

/// Operations on the registry (`registry_operations.hpp`).
#[derive(Clone, PartialEq, Debug)]
pub enum RegistryOp {
    AdmitAgent {
        agent: AgentId,
        info: Arc<AgentInfo>,
    },
    UpdateAgent {
        agent: AgentId,
        info: Arc<AgentInfo>,
    },
    MarkAgentUnreachable {
        agent: AgentId,
        at: Time,
    },
    MarkAgentReachable {
        agent: AgentId,
        info: Arc<AgentInfo>,
    },
    RemoveAgent {
        agent: AgentId,
    },
    /// Forget unreachable agents: the oldest beyond the count and all before the instant.
    Prune {
        agents: Arc<[AgentId]>,
    },
}

impl Msg {
    /// Part of what a framework holds on an agent goes back to the allocator.
    #[must_use]
    pub fn recover(framework: FrameworkId, role: RoleId, agent: AgentId, resources: Resources, refuse: Refuse) -> Self {
        if resources.is_plain() {
            return Self::Recover { framework, role, agent, scalars: resources.scalars(), refuse };
        }
        Self::RecoverBulk(Arc::new(Recovery { framework, role, agent, resources, refuse }))
    }

    /// Names of the kinds of messages, for counts and traces.
    pub const LABELS: &[&str] = &[
        "DETECTED",
        "REGISTER_AGENT",
        "REREGISTER_AGENT",
        "UNREGISTER_AGENT",
        "STATUS_UPDATE",
        "AGENT_REGISTERED",
        "AGENT_REREGISTERED",
        "RUN_TASK",
        "KILL_TASK",
        "SHUTDOWN_FRAMEWORK",
        "UPDATE_FRAMEWORK",
        "SHUTDOWN",
        "STATUS_UPDATE_ACK",
        "SUBSCRIBE",
        "TEARDOWN",
        "ACCEPT",
        "DECLINE",
        "REVIVE",
        "SUPPRESS",
        "KILL",
        "ACKNOWLEDGE",
        "RECONCILE",
        "SUBSCRIBED",
        "OFFERS",
        "RESCIND",
        "UPDATE",
        "FAILURE",
        "ERROR",
        "BALL",
        "SUBMIT",
        "addFramework",
        "removeFramework",
        "activateFramework",
        "deactivateFramework",
        "addSlave",
        "removeSlave",
        "activateSlave",
        "deactivateSlave",
        "reviveOffers",
        "suppressOffers",
        "recoverResources",
        "batch",
        "generateOffers",
        "offer",
        "apply",
        "applied",
        "ZK",
        "candidacy",
        "store",
        "stored",
        "LOG",
        "HTTP",
        "HTTP_REPLY",
        "PROBE",
        "PROBED",
        "ENSEMBLE",
        "resign",
        "fetchRegistry",
        "registryFetched",
        "registryLost",
        "CHECKPOINT_RESOURCES",
        "updateAllocation",
        "LOCATED",
        "UPDATE_FRAMEWORK_CALL",
        "updateFramework",
        "RUN_TASK_GROUP",
        "EXITED_EXECUTOR",
    ];

    /// The index of the kind in `LABELS`.
    #[rustfmt::skip] // flat table
    #[must_use]
    pub fn kind(&self) -> usize {
        match self {
            Self::Detected { .. } => 0,
            Self::RegisterAgent { .. } => 1,
            Self::ReregisterAgent(_) => 2,
            Self::UnregisterAgent { .. } => 3,
            Self::Status(_) => 4,
            Self::AgentRegistered { .. } => 5,
            Self::AgentReregistered { .. } => 6,
            Self::RunTask { .. } => 7,
            Self::KillTask { .. } => 8,
            Self::ShutdownFramework { .. } => 9,
            Self::UpdateFramework { .. } => 10,
            Self::Shutdown { .. } => 11,
            Self::StatusAck { .. } => 12,
            Self::Subscribe { .. } => 13,
            Self::Teardown { .. } => 14,
            Self::Accept { .. } | Self::AcceptBulk(_) => 15,
            Self::Decline { .. } => 16,
            Self::Revive { .. } => 17,
            Self::Suppress { .. } => 18,
            Self::Kill { .. } => 19,
            Self::Acknowledge { .. } => 20,
            Self::Reconcile { .. } => 21,
            Self::Subscribed { .. } => 22,
            Self::Offers(_) => 23,
            Self::Rescind { .. } => 24,
            Self::Update(_) => 25,
            Self::AgentLost { .. } | Self::ExecutorLost { .. } => 26,
            Self::Error { .. } => 27,
            Self::Ball(_) => 28,
            Self::Submit(..) => 29,
            Self::AddFramework { .. } => 30,
            Self::RemoveFramework { .. } => 31,
            Self::ActivateFramework { .. } => 32,
            Self::DeactivateFramework { .. } => 33,
            Self::AddAgent { .. } => 34,
            Self::RemoveAgent { .. } => 35,
            Self::ActivateAgent { .. } => 36,
            Self::DeactivateAgent { .. } => 37,
            Self::ReviveOffers { .. } => 38,
            Self::SuppressOffers { .. } => 39,
            Self::RecoverOffers { .. } | Self::Recover { .. } | Self::RecoverBulk(_) => 40,
            Self::BatchTick => 41,
            Self::RunAllocation => 42,
            Self::Allocated(_) => 43,
            Self::Apply { .. } => 44,
            Self::Applied { .. } => 45,
            Self::Zk(_) => 46,
            Self::Candidacy { .. } => 47,
            Self::Store { .. } => 48,
            Self::Stored { .. } => 49,
            Self::Log(_) => 50,
            Self::Http { .. } => 51,
            Self::HttpReply { .. } => 52,
            Self::Probe { .. } => 53,
            Self::Probed { .. } => 54,
            Self::Ensemble(_) => 55,
            Self::Resign => 56,
            Self::FetchRegistry { .. } => 57,
            Self::RegistryFetched { .. } => 58,
            Self::RegistryLost => 59,
            Self::CheckpointResources(_) => 60,
            Self::UpdateAllocation(_) => 61,
            Self::Located { .. } => 62,
            Self::UpdateCall { .. } => 63,
            Self::ChangeFramework { .. } => 64,
            Self::RunTaskGroup { .. } => 65,
            Self::ExitedExecutor { .. } => 66,
        }
    }

    #[must_use]
    pub fn label(&self) -> &'static str {
        Self::LABELS[self.kind()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_small() {
        assert!(std::mem::size_of::<Msg>() <= 64, "{}", std::mem::size_of::<Msg>());
    }

    #[test]
    fn refuse_follows_the_protocol() {
        assert_eq!(Refuse::seconds(Span::ZERO), Refuse::NONE);
        assert_eq!(Refuse::seconds(Span(-1)).span(), Some(Span::from_secs(5)));
        assert_eq!(Refuse::seconds(Span(123)).span(), Some(Span(123)));
        let year = Span::from_secs(365 * 86_400);
        assert_eq!(Refuse::seconds(year * 2).span(), Some(year));
        assert_eq!(Refuse::NONE.span(), None);
    }
}
