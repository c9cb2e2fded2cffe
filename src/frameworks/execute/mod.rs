//! mesos-execute: a command runs as the one task of a short-lived framework
//! (`src/cli/execute.cpp`).
//!
//! It subscribes with a fail-over time-out of zero, launches its task on the first offer that is
//! large enough, declines the others for the default time and suppresses. As upstream, an offer
//! that is too small also leads to SUPPRESS, and nothing ever revives: it then waits for ever.
//! Updates are acknowledged; when the task is terminal the process ends. It does not start over
//! after a lost connection, which upstream's does not survive either beyond subscribing again.

pub mod command;

use crate::actor::{Cx, Effect, Input, ProcessId, TimerKey};
use crate::base::dice::Site;
use crate::base::id::{AgentId, FrameworkId, JobId, RoleId, Symbol, TaskId};
use crate::base::time::Span;
use crate::fact::{Detail, Fact};
use crate::job::Job;
use crate::mesos::driver::Registration;
use crate::mesos::message::{
    Capabilities, FrameworkInfo, Launch, Launches, Msg, OfferBatch, OfferRange, OfferRanges, Refuse, StatusUpdate,
    TaskQuery,
};
use crate::mesos::task_state::TaskState;
use std::sync::Arc;

const BACKOFF: Site = Site::new("execute-registration-backoff");
const SUBSCRIBE_TIMER: u8 = 1;
const KILL_TIMER: u8 = 2;

#[derive(Clone, Debug)]
pub struct Config {
    pub name: Symbol,
    pub role: RoleId,
    pub checkpoint: bool,
    pub partition_aware: bool,
    pub gpu_resources: bool,
    /// Kill the task so long after it runs.
    pub kill_after: Option<Span>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    /// Nothing was launched.
    Waiting,
    Launched(AgentId),
    Over,
}

#[derive(Clone, Debug)]
pub struct Execute {
    config: Config,
    id: Option<FrameworkId>,
    registration: Registration,
    job: Option<(JobId, Arc<Job>)>,
    offered: bool,
    standing: Standing,
}

impl Execute {
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            config,
            id: None,
            registration: Registration::new(BACKOFF, SUBSCRIBE_TIMER, Span::ZERO),
            job: None,
            offered: false,
            standing: Standing::Waiting,
        }
    }

    pub fn handle(&mut self, cx: &mut Cx, input: Input) {
        match input {
            Input::Message { from, msg } => self.message(cx, from, msg),
            Input::Timer { key } if key.kind() == SUBSCRIBE_TIMER => self.subscribe(cx),
            Input::Timer { key } if key.kind() == KILL_TIMER => {
                if let (Some(framework), Standing::Launched(agent)) = (self.id, self.standing) {
                    self.tell(cx, Msg::Kill { framework, task: self.task(), agent: Some(agent) });
                }
            }
            Input::Exited { peer } if Some(peer) == self.registration.master() => {
                self.registration.detected(cx, Some(peer))
            }
            _ => {}
        }
    }

    fn message(&mut self, cx: &mut Cx, from: ProcessId, msg: Msg) {
        match msg {
            Msg::Detected { leader } => self.registration.detected(cx, leader),
            Msg::Submit(job, id) => {
                let (owner, tasks, each) = (self.config.name, job.tasks, job.spec.each);
                cx.fact(Fact::JobSubmitted { job: id, owner, tasks, each });
                self.job = Some((id, job));
            }
            _ if Some(from) != self.registration.master() => {}
            Msg::Subscribed { framework } => self.subscribed(cx, framework),
            Msg::Offers(batch) if self.registration.is_subscribed() => self.offers(cx, &batch),
            Msg::Update(update) => self.update(cx, update),
            Msg::Error { .. } => self.end(cx),
            _ => {}
        }
    }

    fn task(&self) -> TaskId {
        let template = self.job.as_ref().map_or(JobId(u32::MAX), |(id, _)| *id);
        TaskId { template, n: 0 }
    }

    fn tell(&self, cx: &mut Cx, msg: Msg) {
        self.registration.tell(cx, msg);
    }

    // ---- subscription ----

    fn subscribe(&mut self, cx: &mut Cx) {
        let (config, id) = (&self.config, self.id);
        self.registration.due(cx, || FrameworkInfo {
            name: config.name,
            id,
            roles: vec![config.role],
            principal: None,
            failover_timeout: Span::ZERO,
            checkpoint: config.checkpoint,
            capabilities: Capabilities {
                partition_aware: config.partition_aware,
                gpu_resources: config.gpu_resources,
                task_killing_state: true,
                reservation_refinement: true,
                revocable_resources: true,
                shared_resources: false,
                multi_role: false,
            },
            suppressed: Vec::new(),
        });
    }

    fn subscribed(&mut self, cx: &mut Cx, id: FrameworkId) {
        let again = self.id == Some(id);
        self.id = Some(id);
        if !self.registration.answered(cx) {
            return;
        }
        if let (true, Standing::Launched(agent)) = (again, self.standing) {
            let tasks = [TaskQuery { task: self.task(), agent: Some(agent) }].into();
            self.tell(cx, Msg::Reconcile { framework: id, tasks });
        }
    }

    // ---- offers and updates ----

    fn offers(&mut self, cx: &mut Cx, batch: &OfferBatch) {
        let (Some(framework), Some((job, work))) = (self.id, self.job.clone()) else { return };
        if !std::mem::replace(&mut self.offered, true) {
            cx.fact(Fact::JobOffered { job, owner: self.config.name });
        }
        let needs = work.spec.resources();
        let mut declined: Vec<OfferRange> = Vec::new();
        for index in 0..batch.len() {
            let entry = batch.allocation.entry(index);
            let offer = batch.id(index);
            if self.standing == Standing::Waiting && entry.resources.contains(&needs) {
                self.standing = Standing::Launched(entry.agent);
                let launches = Launches::One(Launch { spec: work.spec.clone(), first: 0, count: 1 });
                let refuse = Refuse::seconds(Refuse::DEFAULT_SPAN);
                self.tell(cx, Msg::Accept { framework, offer, more: None, refuse, launches });
                continue;
            }
            match declined.last_mut() {
                Some(last) if last.first.plus(u64::from(last.count)) == offer => last.count += 1,
                _ => declined.push(OfferRange { first: offer, count: 1 }),
            }
        }
        if !declined.is_empty() {
            let refuse = Refuse::seconds(Refuse::DEFAULT_SPAN);
            self.tell(cx, Msg::Decline { framework, offers: OfferRanges::from_slice(&declined), refuse });
            self.tell(cx, Msg::Suppress { framework, roles: Arc::default() });
        }
    }

    fn update(&mut self, cx: &mut Cx, update: StatusUpdate) {
        let StatusUpdate { framework, agent, task, uuid, state, reason, .. } = update;
        if Some(framework) != self.id || task != self.task() {
            return;
        }
        if uuid != 0 {
            self.tell(cx, Msg::Acknowledge { framework, agent, task, uuid });
        }
        cx.detail(|| Detail::TaskSeen { framework, task, state, reason });
        if state == TaskState::Running
            && let Some(after) = self.config.kill_after
        {
            cx.timer(TimerKey::new(KILL_TIMER, 0), after);
        }
        if state.is_terminal() {
            self.end(cx);
        }
    }

    /// The command has run, or never will: the process ends, and with it, as its fail-over time-out
    /// is zero, the framework.
    fn end(&mut self, cx: &mut Cx) {
        if std::mem::replace(&mut self.standing, Standing::Over) == Standing::Over {
            return;
        }
        if let Some((job, _)) = &self.job {
            cx.fact(Fact::JobEnded { job: *job, owner: self.config.name });
        }
        if let Some(framework) = self.id {
            self.tell(cx, Msg::Teardown { framework });
        }
        cx.outbox.push(Effect::Exit { key: None });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::testing::Bench;
    use crate::base::id::OfferId;
    use crate::base::quantity::{Milli, Quantities};
    use crate::job::{Behaviour, TaskSpec};
    use crate::mesos::message::{Allocation, OfferEntry};
    use crate::mesos::resource::Resources;
    use crate::mesos::task_state::{Reason, Source};

    const MASTER: ProcessId = ProcessId { slot: 9, incarnation: 0 };
    const FRAMEWORK: FrameworkId = FrameworkId(Symbol(7));
    const AGENT: AgentId = AgentId { master: Symbol(1), n: 4 };

    fn cpus(n: i64) -> Quantities {
        Quantities::new(Milli::from_int(n), Milli::ZERO, Milli::ZERO, Milli::ZERO)
    }

    fn offers(first: u64, cpus_each: &[i64]) -> Msg {
        let entry = |&n: &i64| OfferEntry { agent: AGENT, resources: Resources::from_scalars(cpus(n)) };
        let allocation = Allocation::new(FRAMEWORK, Symbol(2), cpus_each.iter().map(entry).collect());
        Msg::Offers(Arc::new(OfferBatch {
            first: OfferId::new(Symbol(1), first),
            allocation: Arc::new(allocation),
            described: Vec::new(),
        }))
    }

    fn update(state: TaskState) -> Msg {
        let task = TaskId { template: JobId(3), n: 0 };
        let (latest, reason, source) = (state, Reason::None, Source::Executor);
        let (framework, agent) = (FRAMEWORK, AGENT);
        Msg::Update(StatusUpdate {
            framework,
            agent,
            task,
            uuid: 5,
            state,
            latest,
            reason,
            source,
            retry: false,
            healthy: None,
        })
    }

    /// What it says to the master and does, in words.
    fn play(messages: Vec<Msg>) -> String {
        let config = Config {
            name: Symbol(5),
            role: Symbol(2),
            checkpoint: false,
            partition_aware: true,
            gpu_resources: false,
            kill_after: Some(Span::from_secs(3)),
        };
        let (mut bench, mut execute) = (Bench::new(), Execute::new(config));
        let spec = TaskSpec::plain(JobId(3), Symbol(5), cpus(1), Behaviour::fixed(Span::from_secs(1)));
        let job = Arc::new(Job { tasks: 1, gang: false, spec: Arc::new(spec) });
        let start = [Msg::Detected { leader: Some(MASTER) }, Msg::Submit(job, JobId(3))];
        let subscribed = Msg::Subscribed { framework: FRAMEWORK };
        let mut words = Vec::new();
        for msg in start.into_iter().chain([subscribed]).chain(messages) {
            for effect in bench.run(|cx| execute.handle(cx, Input::Message { from: MASTER, msg })) {
                match effect {
                    Effect::Send { msg: Msg::Accept { offer, .. }, .. } => words.push(format!("ACCEPT {}", offer.n())),
                    Effect::Send { msg: Msg::Decline { offers, .. }, .. } => {
                        words.push(format!("DECLINE {}", offers.count()));
                    }
                    Effect::Send { msg, .. } => words.push(msg.label().to_owned()),
                    Effect::Exit { key: None } => words.push("exits".into()),
                    Effect::Timer { key, .. } if key.kind() == KILL_TIMER => words.push("kill timer".into()),
                    _ => {}
                }
            }
        }
        words.join(", ")
    }

    #[test]
    fn launches_once_on_the_first_offer_that_is_large_enough() {
        assert_eq!(
            play(vec![offers(0, &[0, 4, 4]), offers(3, &[4])]),
            "ACCEPT 1, DECLINE 2, SUPPRESS, DECLINE 1, SUPPRESS"
        );
    }

    #[test]
    fn an_offer_that_is_too_small_suppresses_for_good() {
        assert_eq!(play(vec![offers(0, &[0])]), "DECLINE 1, SUPPRESS");
    }

    #[test]
    fn ends_with_its_task() {
        let updates = [TaskState::Starting, TaskState::Running, TaskState::Finished].map(update);
        assert_eq!(
            play([offers(0, &[1])].into_iter().chain(updates).collect()),
            "ACCEPT 0, ACKNOWLEDGE, ACKNOWLEDGE, kill timer, ACKNOWLEDGE, TEARDOWN, exits"
        );
    }
}
