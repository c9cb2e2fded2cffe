//! Work as any scheduler sees it: a job is a number of equal tasks submitted together.

use crate::base::id::{JobId, Symbol};
use crate::base::quantity::Quantities;
use crate::base::sampler::Distribution;
use crate::base::time::Span;
use crate::mesos::resource::Resources;
use std::sync::Arc;

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
    /// How its service answers probes; `None`: nothing listens.
    pub service: Option<Service>,
    /// A check that its executor runs (COMMAND, MESOS_HTTP, ...), reported in status updates.
    pub check: Option<AgentCheck>,
    /// Between SIGTERM and SIGKILL; `None`: the agent's default.
    pub kill_grace: Option<Span>,
    /// A demand for shared GPU devices, which the framework packs itself; Mesos does not see it.
    pub devices: Option<DeviceDemand>,
}

impl TaskSpec {
    /// A plain task of these scalars.
    #[must_use]
    pub fn plain(template: JobId, owner: Symbol, each: Quantities, behaviour: Behaviour) -> Self {
        let extra = Resources::default();
        Self { template, owner, each, extra, behaviour, service: None, check: None, kill_grace: None, devices: None }
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
