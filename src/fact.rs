//! Facts: what happened, as small `Copy` values of ids and numbers.
//!
//! `Fact` is the core level: always on, and the digest of a run is the hash of its facts. The
//! first group names no Mesos message, so that other schedulers can use the same workloads,
//! recorder and figures. `Detail` is the second level: made only when somebody asks, never
//! digested.

use crate::base::digest::Digest;
use crate::base::id::{AgentId, FrameworkId, JobId, OfferId, RoleId, Symbol, TaskId};
use crate::base::quantity::Quantities;
use crate::base::time::Time;
use crate::mesos::task_state::{Reason, TaskState};

/// How a task's container ended, in truth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum End {
    Finished,
    Failed,
    Killed,
    /// Its machine died under it.
    Lost,
}

/// Why offers ended. Every offer ends exactly once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum OfferEnd {
    Accepted,
    Declined,
    /// Taken back: agent or framework gone, time-out, or an invalid accept.
    Rescinded,
}

/// What kind of process a slot of the world runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ProcessKind {
    Master,
    Agent,
    Framework,
    /// Actors of `bench engine`.
    Bench,
    Zookeeper,
    Marathon,
    /// A client that sends requests from outside.
    Client,
}

/// Conditions of a Marathon instance (`Condition.scala`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Condition {
    Scheduled,
    Provisioned,
    Staging,
    Starting,
    Running,
    Killing,
    Unreachable,
    UnreachableInactive,
    Error,
    Failed,
    Finished,
    Killed,
    Gone,
    Dropped,
    Unknown,
    /// Not a condition of Marathon's: the instance is no longer known.
    Expunged,
}

/// What Marathon wants of an instance (`Goal.scala`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Goal {
    Running,
    Stopped,
    Decommissioned,
}

/// Why Marathon ended an instance's task or gave the instance up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum KillReason {
    Deployment,
    ScaleDown,
    OverCapacity,
    Health,
    Operator,
    Overdue,
    UnknownTask,
    Orphan,
}

/// Why an app did not take an offer, in the order of Marathon's funnel (`NoOfferMatchReason`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum OfferRefusal {
    UnfulfilledRole,
    UnfulfilledConstraint,
    NoCorrespondingReservationFound,
    AgentMaintenance,
    InsufficientCpus,
    InsufficientMemory,
    InsufficientDisk,
    InsufficientGpus,
    InsufficientPorts,
    DeclinedScarceResources,
}

impl OfferRefusal {
    pub const ALL: [Self; 10] = [
        Self::UnfulfilledRole,
        Self::UnfulfilledConstraint,
        Self::NoCorrespondingReservationFound,
        Self::AgentMaintenance,
        Self::InsufficientCpus,
        Self::InsufficientMemory,
        Self::InsufficientDisk,
        Self::InsufficientGpus,
        Self::InsufficientPorts,
        Self::DeclinedScarceResources,
    ];
}

/// What a framework had done to resources that it was offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ResourceOp {
    Reserve,
    Unreserve,
    Create,
    Destroy,
}

/// What became of an event for a call-back subscriber.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Delivery {
    Delivered,
    /// Taken, and answered too late.
    Slow,
    Failed,
    /// Not sent, since it failed before.
    Skipped,
}

/// Where a framework stands with one of its roles.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum RoleStanding {
    /// It came with the subscription.
    Subscribed,
    /// Offers are wanted from now on.
    Wanted,
    Suppressed,
    Dropped,
}

/// How a deployment ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum DeploymentEnd {
    Succeeded,
    Failed,
    /// Overridden by a forced one, or cancelled.
    Cancelled,
}

/// Core facts. Owners and hosts are interned names (of a framework, of a machine).
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Fact {
    // ---- any scheduler ----
    /// A job of `tasks` equal tasks, each asking for `each`, reached its owner's queue.
    JobSubmitted {
        job: JobId,
        owner: Symbol,
        tasks: u32,
        each: Quantities,
    },
    /// Resources were offered to the job's owner for the first time while the job waited.
    JobOffered {
        job: JobId,
        owner: Symbol,
    },
    /// All tasks of the job have finished.
    JobEnded {
        job: JobId,
        owner: Symbol,
    },
    /// The owner gave up on a job: no machine can ever hold one of its tasks.
    JobUnplaceable {
        job: JobId,
        owner: Symbol,
    },
    /// A container of the task runs on the host, in truth. Tasks with `n` >= the job's number of
    /// tasks are further attempts after losses.
    TaskStarted {
        task: TaskId,
        owner: Symbol,
        host: Symbol,
    },
    /// That container ended, in truth.
    TaskEnded {
        task: TaskId,
        owner: Symbol,
        host: Symbol,
        how: End,
    },
    /// A process of the world began (`incarnation` counts from 0 at each slot).
    ProcessStarted {
        slot: u32,
        incarnation: u32,
        kind: ProcessKind,
        name: Symbol,
    },
    ProcessStopped {
        slot: u32,
        incarnation: u32,
        kind: ProcessKind,
        name: Symbol,
    },
    /// The process that has just begun is a task: the program `program` in the container of `task` of
    /// the framework `owner`, on the machine `host`.
    Hosted {
        slot: u32,
        program: Symbol,
        host: Symbol,
        owner: Symbol,
        task: TaskId,
    },
    /// Fault number `fault` of the explicit list began, had an effect for the first time, ended.
    FaultBegan {
        fault: u32,
    },
    FaultBit {
        fault: u32,
    },
    FaultEnded {
        fault: u32,
    },
    // ---- Mesos ----
    /// The master admitted an agent under a new id with this total.
    AgentRegistered {
        agent: AgentId,
        host: Symbol,
        total: Quantities,
    },
    /// An agent known before is back under its id.
    AgentReregistered {
        agent: AgentId,
        host: Symbol,
        total: Quantities,
    },
    AgentDisconnected {
        agent: AgentId,
        host: Symbol,
    },
    /// The master wrote the agent off as unreachable.
    AgentUnreachable {
        agent: AgentId,
        host: Symbol,
    },
    /// The agent was removed for good (unregistered, or replaced by a new id).
    AgentRemoved {
        agent: AgentId,
        host: Symbol,
    },
    /// A framework subscribed; `name` is its owner name in the facts above.
    FrameworkSubscribed {
        framework: FrameworkId,
        name: Symbol,
        role: RoleId,
    },
    /// An event was posted to a subscriber, or was not.
    EventPosted {
        endpoint: Symbol,
        how: Delivery,
    },
    /// A framework has another role, or has one no more, or wants offers for it or none.
    FrameworkRole {
        framework: FrameworkId,
        role: RoleId,
        standing: RoleStanding,
    },
    FrameworkDisconnected {
        framework: FrameworkId,
    },
    FrameworkRemoved {
        framework: FrameworkId,
    },
    FrameworkSuppressed {
        framework: FrameworkId,
    },
    FrameworkRevived {
        framework: FrameworkId,
    },
    /// An allocation run visited `candidates` agents and made `offers` offers.
    AllocationRun {
        run: u64,
        candidates: u32,
        offers: u32,
    },
    /// The master sent `count` offers with contiguous ids, together `total`.
    Offered {
        framework: FrameworkId,
        role: RoleId,
        first: OfferId,
        count: u32,
        total: Quantities,
    },
    /// `count` of these ended in one way; `total` is what they carried when they were made.
    OffersEnded {
        framework: FrameworkId,
        first: OfferId,
        count: u32,
        how: OfferEnd,
        total: Quantities,
    },
    /// The master accepted a launch: the task holds its resources from now on.
    TaskLaunched {
        framework: FrameworkId,
        task: TaskId,
        agent: AgentId,
    },
    /// An agent brought the task to a master that did not have it; unless it was terminal by then,
    /// it holds its resources in that master's books from now on.
    TaskReported {
        framework: FrameworkId,
        task: TaskId,
        agent: AgentId,
        state: TaskState,
    },
    /// The master's record of the task became terminal (or unreachable): its resources are free.
    TaskTerminal {
        framework: FrameworkId,
        task: TaskId,
        agent: AgentId,
        state: TaskState,
        reason: Reason,
    },
    /// The executor of a task group holds resources of its own in the master's books from now on,
    /// because it was launched or because its agent reported it, ...
    ExecutorHeld {
        framework: FrameworkId,
        executor: TaskId,
        agent: AgentId,
    },
    /// ... until here.
    ExecutorReleased {
        framework: FrameworkId,
        executor: TaskId,
        agent: AgentId,
        reason: Reason,
    },
    /// The executor of a task group runs on the host, in truth, ...
    ExecutorStarted {
        executor: TaskId,
        owner: Symbol,
        host: Symbol,
    },
    /// ... until here, or until its machine dies.
    ExecutorEnded {
        executor: TaskId,
        owner: Symbol,
        host: Symbol,
    },
    /// The master carried out an operation on resources of this total; amounts do not change by it.
    ResourcesConverted {
        framework: FrameworkId,
        agent: AgentId,
        operation: ResourceOp,
        total: Quantities,
    },
    /// The registry was written with this version and number of operations.
    RegistryWritten {
        version: u64,
        operations: u32,
    },
    /// The owner's tasks hold so many shared GPU devices from now on, which it packs by itself and
    /// of which Mesos does not know.
    DevicesUsed {
        owner: Symbol,
        milli: u64,
    },
    // ---- leaders ----
    /// A ZooKeeper server opened a session for the process in this slot, or expired it.
    SessionOpened {
        slot: u32,
        session: u64,
    },
    SessionExpired {
        slot: u32,
        session: u64,
    },
    /// A process learned that it leads (`kind`: masters or Marathons elect separately), ...
    LeaderElected {
        kind: ProcessKind,
        slot: u32,
        incarnation: u32,
    },
    /// ... has read back what its predecessor left (registry, store) and serves, ...
    LeaderReady {
        kind: ProcessKind,
        slot: u32,
        incarnation: u32,
    },
    /// ... or stopped leading while alive. (A leader that dies says nothing: `ProcessStopped`.)
    LeaderLost {
        kind: ProcessKind,
        slot: u32,
        incarnation: u32,
    },
    // ---- Marathon ----
    /// Tasks of this template, a version of an app, ask for `each`. Templates of services have
    /// their top bit set, so that they are no jobs.
    ServiceTemplate {
        template: JobId,
        owner: Symbol,
        app: Symbol,
        each: Quantities,
    },
    /// UNIQUE or MAX_PER of an app: so many instances of the configuration may have one value of
    /// the field (an attribute, or `hostname`).
    PlacementLimit {
        template: JobId,
        field: Symbol,
        most: u32,
    },
    /// The app is to have so many instances (0 also when it is gone).
    AppTarget {
        app: Symbol,
        instances: u32,
    },
    /// The instance's record changed. `config`: of the version that it runs (a template).
    InstanceChanged {
        app: Symbol,
        instance: Symbol,
        config: JobId,
        condition: Condition,
        goal: Goal,
        /// Where it runs; symbol of "" if nowhere.
        host: Symbol,
    },
    /// The aggregate of its health checks changed; `None`: unknown.
    InstanceHealth {
        app: Symbol,
        instance: Symbol,
        healthy: Option<bool>,
    },
    /// Marathon decided to kill the instance's task.
    InstanceKill {
        app: Symbol,
        instance: Symbol,
        why: KillReason,
    },
    /// `deployment`: interned id. `steps` in all.
    DeploymentBegan {
        deployment: Symbol,
        steps: u32,
    },
    /// A step begins; counted from 1. One fact for each app in it.
    DeploymentStep {
        deployment: Symbol,
        step: u32,
        app: Symbol,
    },
    DeploymentEnded {
        deployment: Symbol,
        how: DeploymentEnd,
    },
    /// Of the offers that came together, so many were refused for the app for this reason.
    OfferRefused {
        app: Symbol,
        why: OfferRefusal,
        count: u32,
    },
    /// A client's request was answered; `status` 0: nobody answered.
    Answered {
        request: u32,
        status: u16,
    },
}

/// Facts on demand: state transitions of tasks and the like. Never digested.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Detail {
    /// The framework saw this state of its task.
    TaskSeen {
        framework: FrameworkId,
        task: TaskId,
        state: TaskState,
        reason: Reason,
    },
    /// The master forwarded an update of this state.
    TaskForwarded {
        framework: FrameworkId,
        task: TaskId,
        state: TaskState,
        reason: Reason,
    },
    /// The agent sent an update (`again`: a retry).
    UpdateSent {
        framework: FrameworkId,
        task: TaskId,
        state: TaskState,
        again: bool,
    },
    UpdateAcknowledged {
        framework: FrameworkId,
        task: TaskId,
        state: TaskState,
    },
    /// A ping to the peer went unanswered for the k-th time in a row.
    BeatMissed {
        slot: u32,
        peer: u32,
        misses: u32,
    },
    /// An agent asks to be (re-)registered.
    AgentRegistering {
        host: Symbol,
        attempt: u32,
    },
    KillAsked {
        framework: FrameworkId,
        task: TaskId,
    },
    /// A task waits for an image or an artifact to come to its machine.
    DownloadAwaited {
        host: Symbol,
        task: TaskId,
        what: Symbol,
    },
    Downloaded {
        host: Symbol,
        what: Symbol,
    },
}

/// A fact of either level with its instant.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct At<T> {
    pub at: Time,
    /// Slot of the process that says it, or `WORLD`. (Two masters may lead at once: each speaks for
    /// itself.) Not digested.
    pub by: u32,
    pub what: T,
}

/// Who says a fact that no process says.
pub const WORLD: u32 = u32::MAX;

/// Collects the canonical bytes of one fact.
struct Bytes {
    buffer: [u8; 96],
    len: usize,
}

impl Bytes {
    fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.buffer[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
        self
    }
    fn u8(&mut self, v: u8) -> &mut Self {
        self.put(&[v])
    }
    fn u32(&mut self, v: u32) -> &mut Self {
        self.put(&v.to_le_bytes())
    }
    fn u64(&mut self, v: u64) -> &mut Self {
        self.put(&v.to_le_bytes())
    }
    fn sum(&mut self, q: Quantities) -> &mut Self {
        for v in q.0 {
            self.put(&v.to_le_bytes());
        }
        self
    }
    fn agent(&mut self, a: AgentId) -> &mut Self {
        self.u32(a.master.0).u32(a.n)
    }
    fn offer(&mut self, o: OfferId) -> &mut Self {
        self.u32(o.master.0).u64(o.n())
    }
    fn task(&mut self, t: TaskId) -> &mut Self {
        self.u64(t.bits())
    }
}

impl Fact {
    /// Feeds the canonical bytes: instant, a tag that never changes its meaning, the fields.
    #[rustfmt::skip] // one line a fact: a flat table
    pub fn digest(&self, at: Time, digest: &mut Digest) {
        let mut b = Bytes { buffer: [0; 96], len: 0 };
        b.put(&at.0.to_le_bytes());
        match *self {
            Self::JobSubmitted { job, owner, tasks, each } => b.u8(1).u32(job.0).u32(owner.0).u32(tasks).sum(each),
            Self::JobOffered { job, owner } => b.u8(2).u32(job.0).u32(owner.0),
            Self::JobEnded { job, owner } => b.u8(3).u32(job.0).u32(owner.0),
            Self::JobUnplaceable { job, owner } => b.u8(4).u32(job.0).u32(owner.0),
            Self::TaskStarted { task, owner, host } => b.u8(5).task(task).u32(owner.0).u32(host.0),
            Self::TaskEnded { task, owner, host, how } => b.u8(6).task(task).u32(owner.0).u32(host.0).u8(how as u8),
            Self::ProcessStarted { slot, incarnation, kind, name } => b.u8(7).u32(slot).u32(incarnation).u8(kind as u8).u32(name.0),
            Self::ProcessStopped { slot, incarnation, kind, name } => b.u8(8).u32(slot).u32(incarnation).u8(kind as u8).u32(name.0),
            Self::Hosted { slot, program, host, owner, task } => b.u8(84).u32(slot).u32(program.0).u32(host.0).u32(owner.0).task(task),
            Self::FaultBegan { fault } => b.u8(9).u32(fault),
            Self::FaultBit { fault } => b.u8(10).u32(fault),
            Self::FaultEnded { fault } => b.u8(11).u32(fault),
            Self::AgentRegistered { agent, host, total } => b.u8(32).agent(agent).u32(host.0).sum(total),
            Self::AgentReregistered { agent, host, total } => b.u8(33).agent(agent).u32(host.0).sum(total),
            Self::AgentDisconnected { agent, host } => b.u8(34).agent(agent).u32(host.0),
            Self::AgentUnreachable { agent, host } => b.u8(35).agent(agent).u32(host.0),
            Self::AgentRemoved { agent, host } => b.u8(36).agent(agent).u32(host.0),
            Self::FrameworkSubscribed { framework, name, role } => b.u8(37).u32(framework.0.0).u32(name.0).u32(role.0),
            Self::EventPosted { endpoint, how } => b.u8(75).u32(endpoint.0).u8(how as u8),
            Self::FrameworkRole { framework, role, standing } => b.u8(60).u32(framework.0.0).u32(role.0).u8(standing as u8),
            Self::FrameworkDisconnected { framework } => b.u8(38).u32(framework.0.0),
            Self::FrameworkRemoved { framework } => b.u8(39).u32(framework.0.0),
            Self::FrameworkSuppressed { framework } => b.u8(40).u32(framework.0.0),
            Self::FrameworkRevived { framework } => b.u8(41).u32(framework.0.0),
            Self::AllocationRun { run, candidates, offers } => b.u8(42).u64(run).u32(candidates).u32(offers),
            Self::Offered { framework, role, first, count, total } => b.u8(43).u32(framework.0.0).u32(role.0).offer(first).u32(count).sum(total),
            Self::OffersEnded { framework, first, count, how, total } => b.u8(44).u32(framework.0.0).offer(first).u32(count).u8(how as u8).sum(total),
            Self::TaskLaunched { framework, task, agent } => b.u8(45).u32(framework.0.0).task(task).agent(agent),
            Self::TaskTerminal { framework, task, agent, state, reason } => b.u8(46).u32(framework.0.0).task(task).agent(agent).u8(state as u8).u8(reason as u8),
            Self::RegistryWritten { version, operations } => b.u8(47).u64(version).u32(operations),
            Self::DevicesUsed { owner, milli } => b.u8(48).u32(owner.0).u64(milli),
            Self::SessionOpened { slot, session } => b.u8(49).u32(slot).u64(session),
            Self::SessionExpired { slot, session } => b.u8(50).u32(slot).u64(session),
            Self::ResourcesConverted { framework, agent, operation, total } => b.u8(55).u32(framework.0.0).agent(agent).u8(operation as u8).sum(total),
            Self::LeaderElected { kind, slot, incarnation } => b.u8(51).u8(kind as u8).u32(slot).u32(incarnation),
            Self::LeaderReady { kind, slot, incarnation } => b.u8(52).u8(kind as u8).u32(slot).u32(incarnation),
            Self::LeaderLost { kind, slot, incarnation } => b.u8(53).u8(kind as u8).u32(slot).u32(incarnation),
            Self::TaskReported { framework, task, agent, state } => b.u8(54).u32(framework.0.0).task(task).agent(agent).u8(state as u8),
            Self::ExecutorHeld { framework, executor, agent } => b.u8(80).u32(framework.0.0).task(executor).agent(agent),
            Self::ExecutorReleased { framework, executor, agent, reason } => b.u8(81).u32(framework.0.0).task(executor).agent(agent).u8(reason as u8),
            Self::ExecutorStarted { executor, owner, host } => b.u8(82).task(executor).u32(owner.0).u32(host.0),
            Self::ExecutorEnded { executor, owner, host } => b.u8(83).task(executor).u32(owner.0).u32(host.0),
            Self::ServiceTemplate { template, owner, app, each } => b.u8(64).u32(template.0).u32(owner.0).u32(app.0).sum(each),
            Self::PlacementLimit { template, field, most } => b.u8(74).u32(template.0).u32(field.0).u32(most),
            Self::AppTarget { app, instances } => b.u8(65).u32(app.0).u32(instances),
            Self::InstanceChanged { app, instance, config, condition, goal, host } => b.u8(66).u32(app.0).u32(instance.0).u32(config.0).u8(condition as u8).u8(goal as u8).u32(host.0),
            Self::InstanceHealth { app, instance, healthy } => b.u8(67).u32(app.0).u32(instance.0).u8(healthy.map_or(2, u8::from)),
            Self::InstanceKill { app, instance, why } => b.u8(68).u32(app.0).u32(instance.0).u8(why as u8),
            Self::DeploymentBegan { deployment, steps } => b.u8(69).u32(deployment.0).u32(steps),
            Self::DeploymentStep { deployment, step, app } => b.u8(70).u32(deployment.0).u32(step).u32(app.0),
            Self::DeploymentEnded { deployment, how } => b.u8(71).u32(deployment.0).u8(how as u8),
            Self::OfferRefused { app, why, count } => b.u8(72).u32(app.0).u8(why as u8).u32(count),
            Self::Answered { request, status } => b.u8(73).u32(request).u32(u32::from(status)),
        };
        digest.put(&b.buffer[..b.len]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_small_and_each_field_counts() {
        assert!(std::mem::size_of::<At<Fact>>() <= 80);
        let hex = |at: i64, f: Fact| {
            let mut d = Digest::default();
            f.digest(Time(at), &mut d);
            d.hex()
        };
        let f = |task, how| Fact::TaskEnded {
            task: TaskId { template: JobId(1), n: task },
            owner: Symbol(2),
            host: Symbol(3),
            how,
        };
        let base = hex(5, f(1, End::Finished));
        assert_eq!(base, hex(5, f(1, End::Finished)));
        for other in [hex(6, f(1, End::Finished)), hex(5, f(2, End::Finished)), hex(5, f(1, End::Lost))] {
            assert_ne!(base, other);
        }
    }

    /// Two kinds with one tag could be taken for each other.
    #[test]
    fn tags_of_the_digest_are_unique() {
        let source = include_str!("fact.rs");
        let lines = source.lines().filter(|line| line.trim_start().starts_with("Self::"));
        let tag = |line: &str| line.split_once("=> b.u8(")?.1.split_once(')')?.0.parse::<u8>().ok();
        let mut tags: Vec<u8> = lines.filter_map(tag).collect();
        let count = tags.len();
        tags.sort_unstable();
        tags.dedup();
        assert!(count > 40 && tags.len() == count, "{count} kinds, {} tags", tags.len());
    }
}
