//! A batch framework: queues jobs of equal tasks and places them on offers.
//!
//! Defined behaviour. Queue empty: SUPPRESS. A job arrives: REVIVE, at most once per
//! `revive_interval`. On offers: take what the queued jobs need, in their order of arrival and in
//! the chooser's order of offers, one ACCEPT per offer used; decline the rest in one DECLINE with
//! `refuse`. Elastic jobs take any number of tasks at a time, gang jobs all or none. Tasks that
//! Mesos lost are queued again under a new id; a task that comes back after it was written off is
//! killed. Updates are acknowledged always, counted once. After a fail-over it asks for the state of
//! its tasks until each has been answered: a new master is silent about agents that are not back.

mod devices;
mod placement;
mod store;

use crate::actor::{Cx, Effect, Input, ProcessId, TimerKey};
use crate::base::dice::Site;
use crate::base::id::{AgentId, FrameworkId, JobId, RoleId, Symbol, TaskId};
use crate::base::map::{Map, Set};
use crate::base::time::{Span, Time};
use crate::fact::{Detail, Fact};
use crate::frameworks::chooser::Choice;
use crate::job::Job;
use crate::mesos::driver::Registration;
use crate::mesos::message::{Capabilities, FrameworkInfo, Msg, Refusal, Refuse, StatusUpdate, TaskQuery};
use crate::mesos::task_state::TaskState;
use devices::Devices;
use std::collections::VecDeque;
use std::sync::Arc;

const BACKOFF: Site = Site::new("framework-registration-backoff");
const SUBSCRIBE_TIMER: u8 = 1;
const REVIVE_TIMER: u8 = 2;
const RECONCILE_TIMER: u8 = 3;
/// Tasks that a new master has not said anything about are asked for again: first and largest wait.
const RECONCILE_FIRST: Span = Span::from_secs(15);
const RECONCILE_MOST: Span = Span::from_secs(600);

#[derive(Clone, Debug)]
pub struct Config {
    pub name: Symbol,
    pub role: RoleId,
    pub failover_timeout: Span,
    pub checkpoint: bool,
    pub capabilities: Capabilities,
    pub chooser: Choice,
    pub refuse: Refuse,
    pub revive_interval: Span,
    /// Jobs that do not say so themselves are gangs.
    pub gang: bool,
    /// What it needs to go on after its process has ended is written to its disk.
    pub is_kept: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    /// An ACCEPT that launches it was sent.
    Launched,
    Running,
    /// Terminal, or written off.
    Over,
}

#[derive(Clone, Copy, Debug)]
struct Task {
    standing: Standing,
    agent: AgentId,
}

#[derive(Clone, Debug)]
struct Queued {
    id: JobId,
    job: Arc<Job>,
    /// Tasks still to be placed.
    waiting: u32,
    /// Tasks that have finished or failed for good.
    ended: u32,
    /// By number in the job; further attempts come after the first `job.tasks`.
    tasks: Vec<Task>,
    offered: bool,
    in_queue: bool,
}

impl Queued {
    fn new(id: JobId, job: Arc<Job>) -> Self {
        let waiting = job.tasks;
        Self { id, job, waiting, ended: 0, tasks: Vec::new(), offered: false, in_queue: true }
    }
}

/// Whether a task in this state is over: for good, or so that it is tried again.
fn ends(state: TaskState) -> Option<bool> {
    match state {
        TaskState::Staging | TaskState::Killing | TaskState::Starting | TaskState::Running => None,
        TaskState::Finished | TaskState::Failed | TaskState::Error | TaskState::Killed => Some(true),
        TaskState::Unreachable
        | TaskState::Unknown
        | TaskState::Lost
        | TaskState::Dropped
        | TaskState::Gone
        | TaskState::GoneByOperator => Some(false),
    }
}

#[derive(Clone, Debug)]
pub struct Batch {
    config: Config,
    id: Option<FrameworkId>,
    registration: Registration,
    jobs: Map<JobId, Queued>,
    /// Jobs with tasks to place, in order.
    queue: VecDeque<JobId>,
    suppressed: bool,
    last_revive: Option<Time>,
    revive_armed: bool,
    /// Tasks asked for and not answered yet, and how often.
    unanswered: Set<TaskId>,
    asked: u32,
    batches: u64,
    devices: Devices,
    store: store::Store,
    place: placement::Scratch,
}

impl Batch {
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            registration: Registration::new(BACKOFF, SUBSCRIBE_TIMER, config.failover_timeout),
            store: store::Store::new(config.is_kept),
            config,
            id: None,
            jobs: Map::default(),
            queue: VecDeque::new(),
            suppressed: false,
            last_revive: None,
            revive_armed: false,
            unanswered: Set::default(),
            asked: 0,
            batches: 0,
            devices: Devices::default(),
            place: placement::Scratch::default(),
        }
    }

    /// Jobs in memory: queued or running.
    #[must_use]
    pub fn live_jobs(&self) -> usize {
        self.jobs.len()
    }

    pub fn handle(&mut self, cx: &mut Cx, input: Input) {
        match input {
            Input::Message { from, msg } => self.message(cx, from, msg),
            Input::Start { disk } if self.store.is_kept => self.recover(cx, &disk),
            Input::Persisted { token } => self.persisted(cx, token),
            Input::Timer { key } => match key.kind() {
                SUBSCRIBE_TIMER => self.subscribe(cx),
                REVIVE_TIMER => {
                    self.revive_armed = false;
                    self.revive(cx);
                }
                RECONCILE_TIMER => self.reconcile(cx),
                _ => {}
            },
            Input::Exited { peer } if Some(peer) == self.registration.master() => {
                self.detected(cx, self.registration.master())
            }
            _ => {}
        }
    }

    fn message(&mut self, cx: &mut Cx, from: ProcessId, msg: Msg) {
        match msg {
            Msg::Detected { leader } => return self.detected(cx, leader),
            Msg::Submit(job, id) => return self.submit(cx, job, id),
            _ if Some(from) != self.registration.master() => return,
            _ => {}
        }
        match msg {
            Msg::Subscribed { framework } => self.subscribed(cx, framework),
            Msg::Offers(batch) if self.registration.is_subscribed() => self.offers(cx, &batch),
            Msg::Update(update) => self.update(cx, update),
            Msg::Error { what: Refusal::FrameworkRemoved } => {
                // Its tasks are gone; what they did not finish is queued again under a new id.
                self.id = None;
                let lost: Vec<TaskId> = self.live_tasks().map(|(t, _)| t).collect();
                for task in lost {
                    self.note_lost(cx, task);
                    self.requeue(cx, task);
                }
                self.tell_devices(cx);
                self.detected(cx, self.registration.master());
            }
            // Another process has taken its place; the driver aborts.
            Msg::Error { what: Refusal::FailedOver } => cx.outbox.push(Effect::Exit { key: None }),
            // A new master has given up an agent; that of its tasks it can be asked for now.
            Msg::AgentLost { .. } if !self.unanswered.is_empty() => self.reconcile(cx),
            // RESCIND: an answer is already on its way; the master judges it. FAILURE: updates of
            // the agent's tasks tell the same.
            _ => {}
        }
    }

    // ---- subscription ----

    fn detected(&mut self, cx: &mut Cx, leader: Option<ProcessId>) {
        self.unanswered.clear();
        cx.cancel(TimerKey::new(RECONCILE_TIMER, 0));
        self.registration.detected(cx, leader);
    }

    fn subscribe(&mut self, cx: &mut Cx) {
        let config = &self.config;
        self.registration.due(cx, || {
            self.suppressed = self.queue.is_empty();
            FrameworkInfo {
                name: config.name,
                id: self.id,
                roles: vec![config.role],
                principal: None,
                failover_timeout: config.failover_timeout,
                checkpoint: config.checkpoint,
                capabilities: config.capabilities,
                suppressed: if self.suppressed { vec![config.role] } else { Vec::new() },
            }
        });
    }

    fn subscribed(&mut self, cx: &mut Cx, id: FrameworkId) {
        let again = self.id == Some(id);
        self.keep_id(cx, id);
        self.id = Some(id);
        if !self.registration.answered(cx) {
            return;
        }
        if again {
            // Work may have come or gone since SUBSCRIBE left, so say what holds now.
            let (framework, roles) = (id, Arc::default());
            let idle = self.queue.is_empty();
            let say = if idle { Msg::Suppress { framework, roles } } else { Msg::Revive { framework, roles } };
            self.suppressed = self.queue.is_empty();
            self.tell(cx, say);
            self.asked = 0;
            self.unanswered = self.live_tasks().map(|(task, _)| task).collect();
            self.reconcile(cx);
        } else if !self.queue.is_empty() && (self.suppressed || self.registration.has_repeated()) {
            // Work came meanwhile. After a repeated SUBSCRIBE it is not known which one was heard,
            // hence not whether the role is suppressed.
            self.revive(cx);
        }
    }

    /// Asks for the tasks that were not answered for yet.
    fn reconcile(&mut self, cx: &mut Cx) {
        let Some(framework) = self.id else { return };
        let query = |(task, agent)| TaskQuery { task, agent: Some(agent) };
        let open = self.live_tasks().filter(|(task, _)| self.unanswered.contains(task));
        let tasks: Arc<[TaskQuery]> = open.map(query).collect();
        if tasks.is_empty() {
            return self.unanswered.clear();
        }
        self.tell(cx, Msg::Reconcile { framework, tasks });
        let wait = Span(RECONCILE_FIRST.0.saturating_mul(1 << self.asked.min(32))).min(RECONCILE_MOST);
        self.asked += 1;
        cx.timer(TimerKey::new(RECONCILE_TIMER, 0), wait);
    }

    fn tell_devices(&mut self, cx: &mut Cx) {
        if let Some(milli) = self.devices.changed() {
            cx.fact(Fact::DevicesUsed { owner: self.config.name, milli });
        }
    }

    fn tell(&self, cx: &mut Cx, msg: Msg) {
        self.registration.tell(cx, msg);
    }

    fn live_tasks(&self) -> impl Iterator<Item = (TaskId, AgentId)> + '_ {
        self.jobs.values().flat_map(|job| {
            let live = job.tasks.iter().enumerate().filter(|(_, t)| t.standing != Standing::Over);
            live.map(|(n, t)| (TaskId { template: job.id, n: n as u32 }, t.agent))
        })
    }

    // ---- jobs ----

    fn submitted(&mut self, cx: &mut Cx, id: JobId, job: Arc<Job>) {
        let (owner, tasks, each) = (self.config.name, job.tasks, job.spec.each);
        cx.fact(Fact::JobSubmitted { job: id, owner, tasks, each });
        self.jobs.insert(id, Queued::new(id, job));
        self.queue.push_back(id);
        self.revive(cx);
    }

    fn revive(&mut self, cx: &mut Cx) {
        let (Some(framework), true) = (self.id, self.registration.is_subscribed() && !self.queue.is_empty()) else {
            return;
        };
        let next = self.last_revive.map_or(cx.now, |t| t.saturating_add(self.config.revive_interval));
        if next > cx.now {
            if !std::mem::replace(&mut self.revive_armed, true) {
                cx.timer(TimerKey::new(REVIVE_TIMER, 0), next - cx.now);
            }
            return;
        }
        self.last_revive = Some(cx.now);
        self.suppressed = false;
        self.tell(cx, Msg::Revive { framework, roles: Arc::default() });
    }

    fn suppress_if_idle(&mut self, cx: &mut Cx) {
        if let (Some(framework), true, false) = (self.id, self.queue.is_empty(), self.suppressed) {
            self.suppressed = true;
            self.tell(cx, Msg::Suppress { framework, roles: Arc::default() });
        }
    }

    // ---- updates ----

    fn judge(&mut self, cx: &mut Cx, update: StatusUpdate) {
        let (framework, agent, task, uuid) = (update.framework, update.agent, update.task, update.uuid);
        if Some(framework) != self.id {
            return;
        }
        if uuid != 0 {
            self.tell(cx, Msg::Acknowledge { framework, agent, task, uuid });
        }
        cx.detail(|| Detail::TaskSeen { framework, task, state: update.state, reason: update.reason });
        if !self.unanswered.is_empty() {
            self.unanswered.swap_remove(&task);
        }
        let record = self.jobs.get_mut(&task.template).and_then(|j| j.tasks.get_mut(task.n as usize));
        let Some(record) = record.filter(|r| r.standing != Standing::Over) else {
            // Written off or finished long ago: it must not run.
            if matches!(update.state, TaskState::Staging | TaskState::Starting | TaskState::Running) {
                self.tell(cx, Msg::Kill { framework, task, agent: Some(agent) });
            }
            return;
        };
        match ends(update.state) {
            Some(true) => self.over(cx, task),
            Some(false) => self.requeue(cx, task),
            None if matches!(update.state, TaskState::Starting | TaskState::Running) => {
                record.standing = Standing::Running;
            }
            None => {}
        }
        self.tell_devices(cx);
    }

    fn release(&mut self, task: TaskId) -> &mut Queued {
        self.devices.release(task);
        let job = self.jobs.get_mut(&task.template).expect("a live task's job");
        job.tasks[task.n as usize].standing = Standing::Over;
        job
    }

    /// The task has had its say.
    fn over(&mut self, cx: &mut Cx, task: TaskId) {
        let job = self.release(task);
        job.ended += 1;
        if job.ended == job.job.tasks {
            self.job_over(cx, task.template);
        }
    }

    /// The task was lost: another attempt.
    fn requeue(&mut self, cx: &mut Cx, task: TaskId) {
        let job = self.release(task);
        job.waiting += 1;
        if !std::mem::replace(&mut job.in_queue, true) {
            self.queue.push_back(task.template);
        }
        self.revive(cx);
    }

    /// The refusal that goes with ACCEPT and DECLINE.
    fn refuse(&self) -> Refuse {
        self.config.refuse
    }
}
