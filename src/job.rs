//! Work as any scheduler sees it: a job is a number of equal tasks submitted together.

use crate::base::id::{JobId, Symbol};
use crate::base::quantity::Quantities;
use crate::base::sampler::Distribution;
use crate::base::time::Span;
use std::sync::Arc;

/// What one task asks for and how its container will behave. One per job, shared by its tasks.
#[derive(Clone, PartialEq, Debug)]
pub struct TaskSpec {
    pub template: JobId,
    /// The interned name of the framework that owns the job.
    pub owner: Symbol,
    pub each: Quantities,
    pub behaviour: Behaviour,
    /// A demand for shared GPU devices, which the framework packs itself; Mesos does not see it.
    pub devices: Option<DeviceDemand>,
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
