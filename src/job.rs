//! Work as any scheduler sees it: a job is a number of equal tasks submitted together.

use crate::base::dice::{Dice, Site};
use crate::base::id::{AgentId, JobId, Symbol, TaskId};
use crate::base::quantity::Quantities;
use crate::base::sampler::Distribution;
use crate::base::time::{Span, Time};
use crate::mesos::resource::Resources;
use std::sync::Arc;

const SERVICE: Site = Site::new("service-turns");

/// What one task asks for and how its container will behave. One per job, shared by its tasks.
#[derive(Clone, PartialEq, Debug)]
pub struct TaskSpec {
    pub template: JobId,
    /// The interned name of the framework that owns the job.
    pub owner: Symbol,
    pub each: Quantities,
    /// What it takes beside the scalars of `each`: ports, reserved resources, volumes.
    pub extra: Resources,
    pub behaviour: Behaviour,
    /// It is a scheduler: a program of the scenario, by number, that runs while the container does.
    pub program: Option<u32>,
    /// How its service answers probes; `None`: nothing listens.
    pub service: Option<Service>,
    /// A check that its executor runs (COMMAND, MESOS_HTTP, ...), reported in status updates.
    pub check: Option<AgentCheck>,
    /// Between SIGTERM and SIGKILL; `None`: the agent's default.
    pub kill_grace: Option<Span>,
    /// What its agent fetches before it can start, in this order; `None`: nothing that takes time.
    pub downloads: Option<Arc<[Download]>>,
    /// A demand for shared GPU devices, which the framework packs itself; Mesos does not see it.
    pub devices: Option<DeviceDemand>,
}

impl TaskSpec {
    /// A plain task of these scalars.
    #[must_use]
    pub fn plain(template: JobId, owner: Symbol, each: Quantities, behaviour: Behaviour) -> Self {
        let extra = Resources::default();
        Self {
            template,
            owner,
            each,
            extra,
            behaviour,
            program: None,
            service: None,
            check: None,
            kill_grace: None,
            downloads: None,
            devices: None,
        }
    }

    /// Everything that one task takes on its agent.
    #[must_use]
    pub fn resources(&self) -> Resources {
        let mut all = Resources::from_scalars(self.each);
        if !self.extra.is_empty() {
            all += &self.extra;
        }
        all
    }
}

/// Tasks that start together under an executor of their own, or not at all (`TaskGroupInfo` with its
/// `ExecutorInfo`). One per launch, shared by everybody who hears of it.
#[derive(Clone, PartialEq, Debug)]
pub struct TaskGroup {
    /// What it takes itself, beside its tasks. Its id is chosen as those of tasks are.
    pub executor: Member,
    pub tasks: Vec<Member>,
}

/// A task of a group, or its executor.
#[derive(Clone, PartialEq, Debug)]
pub struct Member {
    pub id: TaskId,
    pub spec: Arc<TaskSpec>,
}

/// An image or an artifact of a task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Download {
    /// Interned: an image with its tag, or a URI.
    pub name: Symbol,
    pub bits: u64,
    pub keep: Keep,
}

impl Download {
    /// Whether tasks that want the same wait for one transfer.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.keep != Keep::Sandbox
    }
}

/// Where a download ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keep {
    /// Among the machine's images; `force`: fetched even if it is there.
    Image { force: bool },
    /// In the agent's fetcher cache.
    Cache,
    /// In the task's sandbox: for each task anew.
    Sandbox,
}

/// How the service in a container answers probes, drawn per task.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Service {
    /// From the start of the container until it answers well; before that, it refuses.
    pub ready_after: Distribution,
    /// Well for this long, ... (`None`: for ever)
    pub well_for: Option<Distribution>,
    /// ... then answering with an error for this long, in turns. `None`: until it is replaced.
    pub ill_for: Option<Distribution>,
}

/// Where a service is in its life. Its turns are drawn by their number, so whoever keeps such a
/// clock from the same start sees the same.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ServiceClock {
    began: Time,
    /// How many turns have begun: 0 before it is ready, then well and ill by turns.
    turns: u32,
    until: Time,
}

impl Service {
    /// From the start of the container of this owner and task until it answers.
    #[must_use]
    pub fn ready(&self, dice: &mut Dice, of: (Symbol, TaskId)) -> Span {
        self.ready_after.sample(dice.draw(SERVICE, entity(of), 0))
    }
}

fn entity(of: (Symbol, TaskId)) -> u64 {
    u64::from(of.0.0) << 32 ^ of.1.bits()
}

impl ServiceClock {
    #[must_use]
    pub fn new(now: Time) -> Self {
        Self { began: now, turns: 0, until: now }
    }

    /// What it answers now: 0 (nothing listens), 200, or 503 while it is ill. `of`: owner and task.
    pub fn status(&mut self, service: &Service, dice: &mut Dice, of: (Symbol, TaskId), now: Time) -> u16 {
        let entity = entity(of);
        if self.turns == 0 {
            let ready = self.began.saturating_add(service.ready(dice, of));
            if ready > now {
                return 0;
            }
            (self.turns, self.until) = (1, Time::MAX);
            if let Some(well) = service.well_for {
                self.until = ready.saturating_add(well.sample(dice.draw(SERVICE, entity, 1)));
            }
        }
        while self.until <= now {
            self.turns += 1;
            let next = if self.turns.is_multiple_of(2) { service.ill_for } else { service.well_for };
            // At least a nanosecond each, so that time passes.
            let span = next.map(|d| d.sample(dice.draw(SERVICE, entity, u64::from(self.turns))).max(Span(1)));
            self.until = span.map_or(Time::MAX, |span| self.until.saturating_add(span));
        }
        if self.turns.is_multiple_of(2) { 503 } else { 200 }
    }
}

/// A check that runs beside the task (`HealthCheckInfo`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AgentCheck {
    pub delay: Span,
    pub interval: Span,
    pub timeout: Span,
    pub grace_period: Span,
    /// The executor kills the task after so many failures in a row (0: never).
    pub consecutive_failures: u32,
}

/// How a synthetic container behaves, drawn per task.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Behaviour {
    pub duration: Distribution,
    /// Tasks that exit with an error, in a million.
    pub failure_ppm: u32,
}

impl Behaviour {
    /// Runs for exactly this long and succeeds.
    #[must_use]
    pub fn fixed(duration: Span) -> Self {
        Self { duration: Distribution::Fixed(duration), failure_ppm: 0 }
    }
}

/// `count` whole devices, or one shared in thousandths (`count` 1 and `milli` below 1000); only on
/// hosts whose `model` attribute is one of `models` (all if empty).
#[derive(Clone, PartialEq, Debug)]
pub struct DeviceDemand {
    pub count: u32,
    pub milli: u32,
    pub models: Vec<String>,
}

/// A job as a framework receives it.
#[derive(Clone, PartialEq, Debug)]
pub struct Job {
    pub tasks: u32,
    /// All tasks start together, on one set of offers, or none.
    pub gang: bool,
    pub spec: Arc<TaskSpec>,
}

/// What a scheduler writes down of its jobs.
#[derive(Clone, PartialEq, Debug)]
pub enum Progress {
    /// A job came.
    Taken { id: JobId, job: Arc<Job> },
    /// Tasks are to be launched on an agent: of each job the first number and how many.
    Placed { agent: AgentId, tasks: Arc<[(JobId, u32, u32)]> },
    /// A task ended: for good, or to be tried again.
    Ended { task: TaskId, for_good: bool },
    /// All of a job has ended: nothing of it is needed any more.
    Over(JobId),
}

impl Progress {
    /// Whether an older record is worth nothing once this one is durable.
    #[must_use]
    pub fn replaces(&self, older: &Self) -> bool {
        let Self::Over(over) = self else { return false };
        match older {
            Self::Taken { id, .. } | Self::Over(id) => id == over,
            Self::Ended { task, .. } => task.template == *over,
            // Shared with other jobs; what it says of this one is passed over.
            Self::Placed { tasks, .. } => tasks.iter().all(|(id, ..)| id == over),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_becomes_ready_and_is_well_and_ill_by_turns() {
        let fixed = |s| Distribution::Fixed(Span::from_secs(s));
        let service = Service { ready_after: fixed(5), well_for: Some(fixed(10)), ill_for: Some(fixed(2)) };
        let mut dice = Dice::new(1);
        let of = (Symbol(1), TaskId { template: JobId(1), n: 1 });
        let mut clock = ServiceClock::new(Time::from_secs(100));
        let mut at = |clock: &mut ServiceClock, s| clock.status(&service, &mut dice, of, Time::from_secs(s));
        let seen = [104, 105, 114, 115, 116, 117, 130].map(|s| at(&mut clock, s));
        assert_eq!(seen, [0, 200, 200, 503, 503, 200, 200]);
        let late = at(&mut ServiceClock::new(Time::from_secs(100)), 128);
        assert_eq!(late, 503, "the same for who asks for the first time");
        let once = Service { ill_for: None, ..service };
        let mut clock = ServiceClock::new(Time::ZERO);
        assert_eq!(clock.status(&once, &mut dice, of, Time::from_secs(1_000_000)), 503, "ill until replaced");
    }
}
