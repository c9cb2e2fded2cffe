//! The recorder: takes facts one by one, in order of time, and accumulates.
//!
//! This is on the path of every fact of a run, so ids are turned into dense indices by plain
//! vectors, a level costs one multiplication per change, and only live jobs are in memory. A task
//! costs eight bytes for ever (its wait), a job twenty.

use super::count::Count;
use super::ecdf::Ecdf;
use super::endpoints::Endpoints;
use super::leaders::Leaders;
use super::level::{Level, average_micro};
use super::live::{LEVELS, LiveKey};
use super::ordered::Ordered;
use super::recording::{
    AgentEvent, AgentMark, FaultMark, FrameworkRecord, Micro, RackRecord, Recording, RequestRecord, Series,
};
use super::services::Services;
use crate::base::id::{AgentId, FrameworkId, JobId, Names, RoleId, Symbol};
use crate::base::map::{Lookup, Map, Set};
use crate::base::quantity::{KINDS, Quantities};
use crate::base::time::{Span, Time};
use crate::fact::{At, End, Fact, OfferEnd, ProcessKind, ResourceOp, RoleStanding};
use books::Open;

mod books;
mod now;
mod services;

/// What the recorder has to know before the first fact.
#[derive(Clone, Debug, Default)]
pub struct RecorderSetup {
    /// Length of an interval of the time series; at least 1 ns.
    pub interval: Span,
    /// Frameworks in the order in which reports show them. Others are added as they appear.
    pub frameworks: Vec<FrameworkSetup>,
    /// What the faults of the explicit list are called, by their numbers.
    pub fault_labels: Vec<String>,
    /// Machines by rack.
    pub racks: Vec<RackSetup>,
    /// How jobs that ask for parts of GPUs get them, if any do.
    pub gpu_share: Option<String>,
    /// Those of the frameworks that are Marathons.
    pub marathons: Vec<Symbol>,
    /// What operators will ask.
    pub requests: Vec<RequestRecord>,
    /// To whom events may be posted.
    pub endpoints: Vec<(Symbol, String)>,
}

/// A rack, or a fleet without racks, with its machines in order.
#[derive(Clone, Debug)]
pub struct RackSetup {
    pub name: String,
    pub hosts: Vec<Symbol>,
}

/// A framework as its owner name in facts and as reports show it.
#[derive(Clone, Debug)]
pub struct FrameworkSetup {
    pub symbol: Symbol,
    pub name: String,
    pub role: String,
    pub weight: f64,
}

/// No index.
const NONE: u32 = u32::MAX;

#[derive(Clone, Debug)]
struct Job {
    framework: u32,
    tasks: u32,
    each: Quantities,
    submitted: Time,
    running: u32,
    /// Tasks that had their say: finished, failed or killed; lost ones are tried again.
    over: u32,
    /// Tasks that hold resources in the master's books.
    held: u32,
    open: Open,
    /// Its owner was offered something; said again by a scheduler that forgot.
    offered: bool,
    started: bool,
    /// Ended or given up: nothing of it waits any more.
    closed: bool,
}

impl Job {
    fn queued(&self) -> i64 {
        if self.closed {
            return 0;
        }
        (i64::from(self.tasks) - i64::from(self.over) - i64::from(self.running)).max(0)
    }
}

#[derive(Clone, Debug)]
struct Framework {
    setup: FrameworkSetup,
    /// All that it has had, if it may have several.
    roles: Set<RoleId>,
    counts: Vec<u64>,
    allocated: [Level; 4],
    devices: Level,
    queued: Level,
    running: Level,
    rows: FrameworkRows,
    first_offer: Vec<u64>,
    started: Vec<u64>,
    completion: Vec<u64>,
}

#[derive(Clone, Debug, Default)]
struct FrameworkRows {
    allocated: [Vec<Micro>; 4],
    devices: Vec<Micro>,
    queued: Vec<Micro>,
    running: Vec<Micro>,
}

/// Tasks of one template of a service.
#[derive(Clone, Debug)]
struct Service {
    framework: u32,
    each: Quantities,
    /// Tasks that hold resources in the master's book.
    held: u32,
    open: Open,
}

#[derive(Clone, Copy, Debug)]
struct Agent {
    total: Quantities,
    registered: bool,
    connected: bool,
    /// Its master left; it has not registered with another one.
    orphaned: bool,
}

/// Accumulates facts. Cloning it forks it.
#[derive(Clone, Debug)]
pub struct Recorder {
    /// End of the current interval.
    edge: Time,
    counts: Vec<u64>,
    facts: Vec<u64>,
    messages: Ordered<u64>,
    frameworks: Vec<Framework>,
    /// Framework by symbol: of its owner name or of its id.
    by_symbol: Vec<u32>,
    /// Slot in `jobs` by `JobId`.
    slots: Vec<u32>,
    jobs: Vec<Job>,
    free: Vec<u32>,
    /// Templates of services.
    services: Map<JobId, Service>,
    agents: Map<AgentId, Agent>,
    /// Slot of the master whose word counts: the one that last began to serve.
    leader: Option<u32>,
    /// Hosts that had an agent before.
    hosts: Lookup<Symbol, ()>,
    capacity: [Level; 4],
    offered: [Level; 4],
    /// By index in `LEVELS`.
    registered: Level,
    connected: Level,
    waiting: Level,
    series: Series,
    /// Counters at the start of the interval, for those that have a series.
    before: [u64; 8],
    faults: Vec<FaultMark>,
    racks: Vec<RackSetup>,
    gpu_share: Option<String>,
    leaders: Leaders,
    apps: Services,
    /// Offers that are out: those of a master that left never end.
    outstanding: u64,
    /// Name of a framework by its id.
    subscriptions: Lookup<FrameworkId, Symbol>,
    marks: Vec<(Time, Symbol, AgentEvent)>,
    requests: Vec<RequestRecord>,
    endpoints: Endpoints,
}

impl Recorder {
    #[must_use]
    pub fn new(setup: RecorderSetup) -> Self {
        let interval = Span(setup.interval.0.max(1));
        let mut recorder = Self {
            edge: Time::ZERO.saturating_add(interval),
            counts: vec![0; Count::ALL.len()],
            facts: vec![0; Fact::KINDS.len()],
            messages: Ordered::default(),
            frameworks: Vec::new(),
            by_symbol: Vec::new(),
            slots: Vec::new(),
            jobs: Vec::new(),
            free: Vec::new(),
            services: Map::default(),
            agents: Map::default(),
            leader: None,
            hosts: Lookup::default(),
            capacity: Default::default(),
            offered: Default::default(),
            registered: Level::default(),
            connected: Level::default(),
            waiting: Level::default(),
            series: Series { interval, ..Series::default() },
            before: [0; 8],
            faults: setup.fault_labels.into_iter().map(|label| FaultMark { label, ..FaultMark::default() }).collect(),
            racks: setup.racks,
            gpu_share: setup.gpu_share,
            leaders: Leaders::default(),
            apps: Services::default(),
            outstanding: 0,
            subscriptions: Lookup::default(),
            marks: Vec::new(),
            requests: setup.requests,
            endpoints: Endpoints::new(setup.endpoints),
        };
        setup.marathons.into_iter().for_each(|owner| recorder.leaders.service_is(owner));
        for framework in setup.frameworks {
            recorder.add_framework(framework);
        }
        recorder
    }

    /// Messages delivered so far, by label, replacing what was said before.
    pub fn set_messages(&mut self, messages: &[(&'static str, u64)]) {
        self.messages = messages.iter().map(|&(label, n)| (label.to_owned(), n)).collect();
    }

    /// Takes the next fact, unless it is the word of a master that nobody follows any more.
    pub fn take(&mut self, fact: &At<Fact>) {
        let masters = matches!(
            fact.what,
            Fact::AgentRegistered { .. }
                | Fact::AgentReregistered { .. }
                | Fact::AgentDisconnected { .. }
                | Fact::AgentUnreachable { .. }
                | Fact::AgentRemoved { .. }
                | Fact::Offered { .. }
                | Fact::OffersEnded { .. }
                | Fact::TaskLaunched { .. }
                | Fact::TaskReported { .. }
                | Fact::TaskTerminal { .. }
                | Fact::ExecutorHeld { .. }
                | Fact::ExecutorReleased { .. }
        );
        if !masters || self.leader.is_none_or(|leader| leader == fact.by) {
            self.fact(fact.at, &fact.what);
        }
    }

    /// Takes the next fact. Instants must not decrease.
    pub fn fact(&mut self, at: Time, fact: &Fact) {
        if at >= self.edge {
            self.roll_to(at);
        }
        let left = self.edge.0 - at.0;
        self.facts[fact.kind()] += 1;
        match *fact {
            Fact::JobSubmitted { job, owner, tasks, each } => self.submitted(at, left, job, owner, tasks, each),
            Fact::JobOffered { job, .. } => {
                if let Some(slot) = self.slot(job).filter(|slot| !self.jobs[*slot].offered) {
                    self.jobs[slot].offered = true;
                    let (f, wait) = (self.jobs[slot].framework as usize, at - self.jobs[slot].submitted);
                    self.frameworks[f].first_offer.push(wait.0 as u64);
                    self.count(f as u32, Count::JobsOffered, 1);
                }
            }
            Fact::JobEnded { job, .. } => {
                if let Some(slot) = self.slot(job) {
                    let (f, wait) = (self.jobs[slot].framework as usize, at - self.jobs[slot].submitted);
                    self.frameworks[f].completion.push(wait.0 as u64);
                    self.count(f as u32, Count::JobsEnded, 1);
                    self.close(left, job, slot);
                }
            }
            Fact::JobUnplaceable { job, .. } => {
                if let Some(slot) = self.slot(job) {
                    let (f, tasks) = (self.jobs[slot].framework, self.jobs[slot].queued());
                    self.count(f, Count::JobsUnplaceable, 1);
                    self.count(f, Count::TasksUnplaceable, tasks as u64);
                    self.close(left, job, slot);
                }
            }
            Fact::TaskStarted { task, owner, .. } => self.task_started(at, left, task.template, task.n, owner),
            Fact::TaskEnded { task, owner, how, .. } => self.task_ended(left, task.template, owner, how),
            Fact::TaskLaunched { task, .. } => self.launched(left, task),
            Fact::TaskTerminal { task, state, .. } => self.task_terminal(left, task, state),
            Fact::Offered { framework, count, total, .. } => {
                self.outstanding += u64::from(count);
                if self.leaders.waits() {
                    self.leaders.offered(at);
                }
                let f = self.framework_of(framework.0);
                self.count(f, Count::OffersMade, u64::from(count));
                add(&mut self.offered, total, 1, left);
            }
            Fact::OffersEnded { framework, count, how, total, .. } => {
                self.outstanding = self.outstanding.saturating_sub(u64::from(count));
                let f = self.framework_of(framework.0);
                let which = match how {
                    OfferEnd::Accepted => Count::OffersAccepted,
                    OfferEnd::Declined => Count::OffersDeclined,
                    OfferEnd::Rescinded => Count::OffersRescinded,
                };
                self.count(f, which, u64::from(count));
                add(&mut self.offered, total, -1, left);
            }
            Fact::AllocationRun { candidates, .. } => {
                self.count(NONE, Count::AllocatorRuns, 1);
                self.count(NONE, Count::AllocatorCandidates, u64::from(candidates));
            }
            _ => self.rare(at, left, fact),
        }
    }

    /// Facts of which there are few.
    #[cold]
    fn rare(&mut self, at: Time, left: i64, fact: &Fact) {
        match *fact {
            Fact::AgentRegistered { agent, host, total } => {
                self.leaders.agent(host, at);
                self.count(NONE, Count::AgentsRegistrations, 1);
                if self.hosts.insert(host, ()).is_some() {
                    self.marks.push((at, host, AgentEvent::Returned));
                } else if self.series.rows() > 0 {
                    self.marks.push((at, host, AgentEvent::Joined));
                }
                self.set_agent(agent, Agent { total, registered: true, connected: true, orphaned: false }, left);
            }
            Fact::AgentReregistered { agent, host, total } => {
                self.leaders.agent(host, at);
                self.count(NONE, Count::AgentsReregistrations, 1);
                self.hosts.insert(host, ());
                if self.agents.get(&agent).is_none_or(|a| !a.orphaned && (!a.registered || !a.connected)) {
                    self.marks.push((at, host, AgentEvent::Returned));
                }
                self.set_agent(agent, Agent { total, registered: true, connected: true, orphaned: false }, left);
            }
            Fact::AgentDisconnected { agent, host } => {
                self.count(NONE, Count::AgentsDisconnections, 1);
                self.marks.push((at, host, AgentEvent::Disconnected));
                if let Some(&old) = self.agents.get(&agent) {
                    self.set_agent(agent, Agent { connected: false, orphaned: false, ..old }, left);
                }
            }
            Fact::AgentUnreachable { agent, host } => {
                self.count(NONE, Count::AgentsUnreachable, 1);
                self.marks.push((at, host, AgentEvent::Lost));
                if let Some(&old) = self.agents.get(&agent) {
                    let gone = Agent { registered: false, connected: false, orphaned: false, ..old };
                    self.set_agent(agent, gone, left);
                }
            }
            Fact::AgentRemoved { agent, host } => {
                self.count(NONE, Count::AgentsRemovals, 1);
                self.marks.push((at, host, AgentEvent::Removed));
                if let Some(&old) = self.agents.get(&agent) {
                    let gone = Agent { registered: false, connected: false, orphaned: false, ..old };
                    self.set_agent(agent, gone, left);
                    self.agents.swap_remove(&agent);
                }
            }
            Fact::FrameworkSubscribed { framework, name, .. } => {
                let f = self.owner(name);
                self.map_symbol(framework.0, f);
                if self.subscriptions.insert(framework, name).is_none() {
                    self.count(f, Count::SchedulersIds, 1);
                }
                self.leaders.subscribed(name, at);
                self.count(NONE, Count::FrameworksSubscriptions, 1);
            }
            Fact::FrameworkDisconnected { .. } => self.count(NONE, Count::FrameworksDisconnections, 1),
            Fact::FrameworkRemoved { framework } => {
                if let Some(&name) = self.subscriptions.get(&framework) {
                    self.leaders.unsubscribed(name);
                }
                self.count(NONE, Count::FrameworksRemovals, 1);
            }
            Fact::EventPosted { endpoint, how } => self.endpoints.posted(endpoint, how),
            Fact::FrameworkRole { framework, role, standing } => {
                let index = self.framework_of(framework.0) as usize;
                if let Some(framework) = self.frameworks.get_mut(index) {
                    framework.roles.insert(role);
                }
                match standing {
                    RoleStanding::Wanted => self.count(NONE, Count::FrameworksRevivals, 1),
                    RoleStanding::Suppressed => self.count(NONE, Count::FrameworksSuppressions, 1),
                    RoleStanding::Subscribed | RoleStanding::Dropped => {}
                }
            }
            Fact::FrameworkSuppressed { .. } => self.count(NONE, Count::FrameworksSuppressions, 1),
            Fact::FrameworkRevived { .. } => self.count(NONE, Count::FrameworksRevivals, 1),
            Fact::ResourcesConverted { operation, .. } => {
                let count = match operation {
                    ResourceOp::Reserve => Count::OperationsReserve,
                    ResourceOp::Unreserve => Count::OperationsUnreserve,
                    ResourceOp::Create => Count::OperationsCreate,
                    ResourceOp::Destroy => Count::OperationsDestroy,
                };
                self.count(NONE, count, 1);
            }
            Fact::RegistryWritten { operations, .. } => {
                self.count(NONE, Count::RegistryWrites, 1);
                self.count(NONE, Count::RegistryOperations, u64::from(operations));
            }
            Fact::DevicesUsed { owner, milli } => {
                let f = self.owner(owner) as usize;
                let level = &mut self.frameworks[f].devices;
                level.add(milli as i64 - level.value, left);
            }
            Fact::ProcessStarted { slot, kind, .. } => {
                self.count(NONE, Count::ProcessesStarted, 1);
                // Without elections there is one master, and it leads when it starts.
                if kind == ProcessKind::Master && self.leader.is_none() {
                    self.leader = Some(slot);
                }
            }
            Fact::ProcessStopped { slot, incarnation, kind, .. } => {
                self.count(NONE, Count::ProcessesStopped, 1);
                self.leader_gone(at, kind, slot, Some(incarnation));
                if kind == ProcessKind::Master && self.leader == Some(slot) {
                    self.master_left(left);
                    self.leader = None;
                }
            }
            Fact::Hosted { slot, program, .. } => {
                let f = self.owner(program);
                self.count(f, Count::SchedulersBegun, 1);
                self.leaders.hosted(slot, program);
            }
            Fact::LeaderReady { kind, slot, .. } => {
                self.leaders.ready(kind, slot, at);
                if kind == ProcessKind::Master {
                    self.master_left(left);
                    self.leader = Some(slot);
                }
            }
            Fact::ServiceTemplate { template, owner, each, .. } => {
                self.leaders.service_is(owner);
                let framework = self.owner(owner);
                self.services.entry(template).or_insert(Service { framework, each, held: 0, open: Open::default() });
            }
            Fact::FaultBegan { fault } => {
                self.count(NONE, Count::FaultsBegan, 1);
                self.fault(fault).began.get_or_insert(at);
            }
            Fact::FaultBit { fault } => {
                self.count(NONE, Count::FaultsBit, 1);
                self.fault(fault).bit.get_or_insert(at);
            }
            Fact::FaultEnded { fault } => {
                self.count(NONE, Count::FaultsEnded, 1);
                self.fault(fault).ended = Some(at);
            }
            Fact::SessionExpired { slot, .. } => self.leaders.session_gone(slot, at, self.registered.value as u64),
            Fact::LeaderElected { kind, slot, incarnation } => {
                let which = match kind {
                    ProcessKind::Master => Count::MastersElected,
                    _ => Count::MarathonsElected,
                };
                self.count(NONE, which, 1);
                self.leaders.elected(kind, slot, incarnation, at);
            }
            Fact::LeaderLost { kind, slot, incarnation } => self.leader_gone(at, kind, slot, Some(incarnation)),
            Fact::AppTarget { .. }
            | Fact::InstanceChanged { .. }
            | Fact::InstanceHealth { .. }
            | Fact::InstanceKill { .. }
            | Fact::DeploymentBegan { .. }
            | Fact::DeploymentStep { .. }
            | Fact::DeploymentEnded { .. }
            | Fact::OfferRefused { .. } => self.apps.fact(at, left, fact),
            Fact::TaskReported { task, state, .. } => self.task_reported(left, task, state),
            Fact::Answered { request, status } => self.answered(at, request, status),
            Fact::ExecutorHeld { executor, .. } => self.executor_held(left, executor),
            Fact::ExecutorReleased { executor, .. } => self.executor_released(left, executor),
            Fact::SessionOpened { .. }
            | Fact::PlacementLimit { .. }
            | Fact::ExecutorStarted { .. }
            | Fact::ExecutorEnded { .. } => {}
            Fact::JobSubmitted { .. }
            | Fact::JobOffered { .. }
            | Fact::JobEnded { .. }
            | Fact::JobUnplaceable { .. }
            | Fact::TaskStarted { .. }
            | Fact::TaskEnded { .. }
            | Fact::TaskLaunched { .. }
            | Fact::TaskTerminal { .. }
            | Fact::Offered { .. }
            | Fact::OffersEnded { .. }
            | Fact::AllocationRun { .. } => unreachable!("handled by fact()"),
        }
    }

    fn submitted(&mut self, at: Time, left: i64, job: JobId, owner: Symbol, tasks: u32, each: Quantities) {
        let framework = self.owner(owner);
        let entry = Job {
            framework,
            tasks,
            each,
            submitted: at,
            running: 0,
            over: 0,
            held: 0,
            open: Open::default(),
            offered: false,
            started: false,
            closed: false,
        };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.jobs[slot as usize] = entry;
                slot
            }
            None => {
                self.jobs.push(entry);
                self.jobs.len() as u32 - 1
            }
        };
        let index = job.0 as usize;
        if index >= self.slots.len() {
            self.slots.resize(index + 1, NONE);
        }
        self.slots[index] = slot;
        self.count(framework, Count::JobsSubmitted, 1);
        self.count(framework, Count::TasksSubmitted, u64::from(tasks));
        self.frameworks[framework as usize].queued.add(i64::from(tasks), left);
        self.waiting.add(1, left);
    }

    fn task_started(&mut self, at: Time, left: i64, job: JobId, n: u32, owner: Symbol) {
        let Some(slot) = self.slot(job) else {
            let f = self.framework_of(owner);
            if self.services.contains_key(&job) {
                self.frameworks[f as usize].running.add(1, left);
            }
            return self.count(f, Count::TasksStarted, 1);
        };
        let entry = &mut self.jobs[slot];
        let before = entry.queued();
        entry.running += 1;
        let change = entry.queued() - before;
        let first = !std::mem::replace(&mut entry.started, true) && !entry.closed;
        let wait = (n < entry.tasks).then_some(at - entry.submitted);
        let f = entry.framework;
        if first {
            self.waiting.add(-1, left);
        }
        let framework = &mut self.frameworks[f as usize];
        framework.queued.add(change, left);
        framework.running.add(1, left);
        framework.started.extend(wait.map(|w| w.0 as u64));
        self.count(f, Count::TasksStarted, 1);
    }

    fn task_ended(&mut self, left: i64, job: JobId, owner: Symbol, how: End) {
        let which = match how {
            End::Finished => Count::TasksFinished,
            End::Failed => Count::TasksFailed,
            End::Killed => Count::TasksKilled,
            End::Lost => Count::TasksLost,
        };
        let Some(slot) = self.slot(job) else {
            let f = self.framework_of(owner);
            if self.services.contains_key(&job) {
                self.frameworks[f as usize].running.add(-1, left);
            }
            return self.count(f, which, 1);
        };
        let entry = &mut self.jobs[slot];
        let before = entry.queued();
        let stopped = u32::from(entry.running > 0);
        entry.running -= stopped;
        entry.over += u32::from(how != End::Lost);
        let (change, f) = (entry.queued() - before, entry.framework);
        let framework = &mut self.frameworks[f as usize];
        framework.queued.add(change, left);
        framework.running.add(-i64::from(stopped), left);
        self.count(f, which, 1);
        self.forget_if_over(job, slot);
    }

    /// Nothing of the job waits any more.
    fn close(&mut self, left: i64, job: JobId, slot: usize) {
        let entry = &mut self.jobs[slot];
        let queued = entry.queued();
        if !entry.closed && !entry.started {
            self.waiting.add(-1, left);
        }
        entry.closed = true;
        self.frameworks[entry.framework as usize].queued.add(-queued, left);
        self.forget_if_over(job, slot);
    }

    /// A closed job is dropped as soon as nothing of it runs or holds resources.
    fn forget_if_over(&mut self, job: JobId, slot: usize) {
        let entry = &self.jobs[slot];
        if entry.closed && entry.running == 0 && entry.held == 0 {
            self.slots[job.0 as usize] = NONE;
            self.free.push(slot as u32);
        }
    }

    fn set_agent(&mut self, id: AgentId, new: Agent, left: i64) {
        let held = |a: Agent| if a.registered { a.total } else { Quantities::ZERO };
        let nobody = Agent { total: Quantities::ZERO, registered: false, connected: false, orphaned: false };
        let old = self.agents.insert(id, new).unwrap_or(nobody);
        add(&mut self.capacity, held(new), 1, left);
        add(&mut self.capacity, held(old), -1, left);
        self.registered.add(i64::from(new.registered) - i64::from(old.registered), left);
        self.connected.add(i64::from(new.connected) - i64::from(old.connected), left);
    }

    fn fault(&mut self, fault: u32) -> &mut FaultMark {
        while self.faults.len() <= fault as usize {
            let label = format!("fault {}", self.faults.len());
            self.faults.push(FaultMark { label, ..FaultMark::default() });
        }
        &mut self.faults[fault as usize]
    }

    #[inline]
    fn count(&mut self, framework: u32, which: Count, n: u64) {
        self.counts[which as usize] += n;
        if framework != NONE {
            self.frameworks[framework as usize].counts[which as usize] += n;
        }
    }

    #[inline]
    fn slot(&self, job: JobId) -> Option<usize> {
        let slot = *self.slots.get(job.0 as usize)?;
        (slot != NONE).then_some(slot as usize)
    }

    #[inline]
    fn framework_of(&self, symbol: Symbol) -> u32 {
        self.by_symbol.get(symbol.0 as usize).copied().unwrap_or(NONE)
    }

    /// The framework with this owner name, added if it is new.
    fn owner(&mut self, name: Symbol) -> u32 {
        match self.framework_of(name) {
            NONE => self.add_framework(FrameworkSetup {
                symbol: name,
                name: String::new(),
                role: String::new(),
                weight: 1.0,
            }),
            found => found,
        }
    }

    fn add_framework(&mut self, setup: FrameworkSetup) -> u32 {
        let (index, symbol, rows) = (self.frameworks.len() as u32, setup.symbol, self.series.rows());
        let zeros = || vec![0; rows];
        self.frameworks.push(Framework {
            roles: Set::default(),
            setup,
            counts: vec![0; Count::ALL.len()],
            allocated: Default::default(),
            devices: Level::default(),
            queued: Level::default(),
            running: Level::default(),
            rows: FrameworkRows {
                allocated: std::array::from_fn(|_| zeros()),
                devices: zeros(),
                queued: zeros(),
                running: zeros(),
            },
            first_offer: Vec::new(),
            started: Vec::new(),
            completion: Vec::new(),
        });
        self.map_symbol(symbol, index);
        index
    }

    fn map_symbol(&mut self, symbol: Symbol, framework: u32) {
        let index = symbol.0 as usize;
        if index >= self.by_symbol.len() {
            self.by_symbol.resize(index + 1, NONE);
        }
        self.by_symbol[index] = framework;
    }

    /// Closes intervals until `at` lies in the current one.
    #[cold]
    fn roll_to(&mut self, at: Time) {
        let interval = self.series.interval;
        while at >= self.edge && self.edge != Time::MAX {
            let next = self.edge.saturating_add(interval);
            let next_ns = (next - self.edge).0;
            self.row(interval.0, |level| level.roll(next_ns));
            self.edge = next;
        }
    }

    /// Writes one row of all series; `take` gives the integral of a level over the row.
    fn row(&mut self, length_ns: i64, take: impl Fn(&mut Level) -> i128) {
        let units = |level: &mut Level| average_micro(take(level), length_ns, 1);
        let series = &mut self.series;
        for kind in 0..KINDS.len() {
            let mut used = 0;
            for framework in &mut self.frameworks {
                let integral = take(&mut framework.allocated[kind]);
                used += integral;
                framework.rows.allocated[kind].push(average_micro(integral, length_ns, 1000));
            }
            series.used[kind].push(average_micro(used, length_ns, 1000));
            series.capacity[kind].push(average_micro(take(&mut self.capacity[kind]), length_ns, 1000));
            series.offered[kind].push(average_micro(take(&mut self.offered[kind]), length_ns, 1000));
        }
        let mut devices = 0;
        for framework in &mut self.frameworks {
            let integral = take(&mut framework.devices);
            devices += integral;
            framework.rows.devices.push(average_micro(integral, length_ns, 1000));
            framework.rows.queued.push(units(&mut framework.queued));
            framework.rows.running.push(units(&mut framework.running));
        }
        series.devices_used.push(average_micro(devices, length_ns, 1000));
        series.agents_registered.push(units(&mut self.registered));
        series.agents_connected.push(units(&mut self.connected));
        series.jobs_waiting.push(units(&mut self.waiting));
        self.apps.row(length_ns, &take);

        let count = |which: Count| self.counts[which as usize];
        let ended = [Count::TasksFinished, Count::TasksFailed, Count::TasksKilled, Count::TasksLost];
        let now = [
            count(Count::OffersMade),
            count(Count::OffersAccepted),
            count(Count::OffersDeclined),
            count(Count::OffersRescinded),
            count(Count::TasksStarted),
            ended.map(count).iter().sum(),
            count(Count::TasksFailed),
            count(Count::TasksLost),
        ];
        let columns = [
            &mut series.offers_made,
            &mut series.offers_accepted,
            &mut series.offers_declined,
            &mut series.offers_rescinded,
            &mut series.tasks_started,
            &mut series.tasks_ended,
            &mut series.tasks_failed,
            &mut series.tasks_lost,
        ];
        for ((column, now), before) in columns.into_iter().zip(now).zip(&mut self.before) {
            column.push((now - *before) as i64);
            *before = now;
        }
    }

    /// The run is over: closes the books. A copy made before can go on.
    #[must_use]
    pub fn finish(mut self, at: Time, names: &Names) -> Recording {
        self.roll_to(at);
        let left = self.edge.0 - at.0;
        let rest = self.series.interval.0 - left;
        if rest > 0 {
            self.row(rest, |level| level.cut(left));
        }
        self.series.end = at;
        let levels =
            LEVELS.iter().map(|&(key, which)| (key.to_owned(), self.value(LiveKey::Level(which)) as i64)).collect();
        let frameworks = self.frameworks.into_iter().map(|f| f.finish(names)).collect();
        let counts = Count::ALL.iter().map(|&c| (c.key().to_owned(), self.counts[c as usize])).collect();
        let facts = Fact::KINDS.iter().zip(&self.facts).filter(|(_, n)| **n > 0);
        let (apps, deployments, shortages) = self.apps.finish(at, names);
        let mut places = Lookup::default();
        for (rack, setup) in self.racks.iter().enumerate() {
            for (place, host) in setup.hosts.iter().enumerate() {
                places.insert(*host, (rack as u32, place as u32));
            }
        }
        let mark = |(at, host, what)| {
            let place = places.get(&host).copied();
            AgentMark { at, host: names.text(host).to_owned(), what, place }
        };
        let rack = |r: RackSetup| RackRecord { name: r.name, agents: r.hosts.len() as u32 };
        Recording {
            frameworks,
            counts,
            levels,
            facts: facts.map(|(name, n)| ((*name).to_owned(), *n)).collect(),
            messages: self.messages,
            faults: self.faults,
            racks: self.racks.into_iter().map(rack).collect(),
            agent_marks: self.marks.into_iter().map(mark).collect(),
            gpu_share: self.gpu_share,
            failovers: self.leaders.changes,
            apps,
            deployments,
            shortages,
            requests: self.requests,
            endpoints: self.endpoints.finish(),
            series: self.series,
        }
    }
}

impl Framework {
    fn finish(self, names: &Names) -> FrameworkRecord {
        let FrameworkSetup { symbol, name, role, weight } = self.setup;
        let mut roles: Vec<&str> = self.roles.iter().map(|role| names.text(*role)).collect();
        roles.sort_unstable();
        let own = |key: &str| ["tasks.", "jobs.", "offers.", "schedulers."].iter().any(|group| key.starts_with(group));
        let counts = Count::ALL.iter().filter(|c| own(c.key()));
        let levels = [("tasks.queued", self.queued), ("tasks.running", self.running)];
        let levels = levels.map(|(key, level)| (key.to_owned(), level.value as u64));
        FrameworkRecord {
            name: if name.is_empty() { names.text(symbol).to_owned() } else { name },
            role: if roles.len() > 1 { roles.join(", ") } else { role },
            weight,
            counts: counts.map(|&c| (c.key().to_owned(), self.counts[c as usize])).chain(levels).collect(),
            allocated: self.rows.allocated,
            devices: self.rows.devices,
            queued: self.rows.queued,
            running: self.rows.running,
            first_offer: Ecdf::of(self.first_offer),
            started: Ecdf::of(self.started),
            completion: Ecdf::of(self.completion),
        }
    }
}

/// Adds (or, with `sign` -1, takes away) amounts; most have no disk and no GPUs.
#[inline]
fn add(levels: &mut [Level; 4], amounts: Quantities, sign: i64, left_ns: i64) {
    for (level, amount) in levels.iter_mut().zip(amounts.0) {
        if amount != 0 {
            level.add(sign * amount, left_ns);
        }
    }
}

#[cfg(test)]
#[path = "recorder_tests.rs"]
mod tests;
