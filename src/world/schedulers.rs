//! `[[frameworks]]` of a scenario: which scheduler each is, and when its process starts.

use super::Core;
use super::build::Error;
use crate::base::id::{Names, Symbol};
use crate::base::quantity::Quantities;
use crate::base::sampler::Distribution;
use crate::base::time::{Span, Time};
use crate::frameworks::batch::{self, Batch};
use crate::frameworks::chooser::{CHOOSERS, Choice};
use crate::frameworks::execute::command::{self, Command};
use crate::frameworks::execute::{self, Execute};
use crate::job::Behaviour;
use crate::mesos::message::{Capabilities, Refuse};
use crate::mesos::resource::Resources;
use crate::scenario::model;
use crate::scenario::section::Section;
use crate::workload::Arrival;
use serde::Deserialize;

/// A framework of the scenario.
#[derive(Clone, Debug)]
pub(super) struct Scheduler {
    pub(super) name: Symbol,
    /// Its jobs are gangs unless they say otherwise.
    pub(super) gang: bool,
    /// When its process starts.
    pub(super) starts: Time,
    /// A scheduler with work of its own: it arrives when the process starts.
    pub(super) work: Option<Arrival>,
    /// What that work is, if it is a command.
    pub(super) command: Option<Command>,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Batch(batch::Config),
    Execute(execute::Config),
}

impl Scheduler {
    pub(super) fn core(&self) -> Core {
        match &self.kind {
            Kind::Batch(config) => Core::Framework(Box::new(Batch::new(config.clone()))),
            Kind::Execute(config) => Core::Execute(Box::new(Execute::new(config.clone()))),
        }
    }

    /// Whether the scheduler can be the task of an app, which says so.
    pub(super) fn may_be_a_task(&self, app: &Section) -> Result<(), Error> {
        match &self.kind {
            Kind::Batch(_) => Ok(()),
            Kind::Execute(_) => {
                let help = "name a framework with kind = \"batch\", or a [[marathon]]";
                Err(app.error("runs", "mesos-execute is a client that ends with its command", help))
            }
        }
    }
}

/// Keys of a `[[frameworks]]` table that the batch framework reads.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchParams {
    #[serde(default)]
    chooser: Option<String>,
    #[serde(default)]
    gang: bool,
    #[serde(default)]
    refuse: Option<Span>,
    #[serde(default)]
    revive_interval: Option<Span>,
    /// `disk`: jobs and framework id outlive the process.
    #[serde(default)]
    store: Option<String>,
}

/// Keys of a `[[frameworks]]` table with `kind = "execute"`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExecuteParams {
    command: String,
    /// When the client is called.
    #[serde(default)]
    at: Option<Span>,
    /// `--resources` of mesos-execute.
    #[serde(default = "one_cpu")]
    resources: String,
    #[serde(default)]
    kill_after: Option<Span>,
    /// How long commands take that mean nothing here.
    #[serde(default)]
    takes: Option<Span>,
}

fn one_cpu() -> String {
    "cpus:1;mem:128".into()
}

/// The scheduler of a `[[frameworks]]` table, the `index`-th.
pub(super) fn scheduler(spec: &model::Framework, index: u32, names: &mut Names) -> Result<Scheduler, Error> {
    match spec.section.kind.as_str() {
        "batch" => batch(spec, names),
        "execute" => execute(spec, index, names),
        _ => Err(spec.section.unknown_kind("framework", &["batch", "execute"])),
    }
}

fn batch(spec: &model::Framework, names: &mut Names) -> Result<Scheduler, Error> {
    let params: BatchParams = spec.section.read()?;
    let chooser = match &params.chooser {
        None => Choice::FirstFit,
        Some(name) => match CHOOSERS.iter().find(|c| c.0 == name) {
            Some(row) => row.1,
            None => {
                let known: Vec<&str> = CHOOSERS.iter().map(|c| c.0).collect();
                return Err(spec.section.unknown("chooser", "chooser", name, &known));
            }
        },
    };
    let is_kept = match params.store.as_deref() {
        None | Some("memory") => false,
        Some("disk") => true,
        Some(other) => return Err(spec.section.unknown("store", "store", other, &["memory", "disk"])),
    };
    let has = |name: &str| spec.capabilities.iter().any(|c| c == name);
    let name = names.intern(&spec.name);
    let config = batch::Config {
        name,
        role: names.intern(&spec.role),
        failover_timeout: spec.failover_timeout,
        checkpoint: spec.checkpoint,
        capabilities: Capabilities {
            partition_aware: has("PARTITION_AWARE"),
            gpu_resources: has("GPU_RESOURCES"),
            task_killing_state: has("TASK_KILLING_STATE"),
            revocable_resources: has("REVOCABLE_RESOURCES"),
            shared_resources: has("SHARED_RESOURCES"),
            reservation_refinement: has("RESERVATION_REFINEMENT"),
            multi_role: false,
        },
        chooser,
        refuse: Refuse::seconds(params.refuse.unwrap_or(Refuse::DEFAULT_SPAN)),
        revive_interval: params.revive_interval.unwrap_or(Span::ZERO),
        gang: params.gang,
        is_kept,
    };
    Ok(Scheduler { name, gang: params.gang, starts: Time::ZERO, work: None, command: None, kind: Kind::Batch(config) })
}

fn execute(spec: &model::Framework, index: u32, names: &mut Names) -> Result<Scheduler, Error> {
    let params: ExecuteParams = spec.section.read()?;
    let at = params.at.unwrap_or(Span::ZERO);
    if at < Span::ZERO {
        return Err(spec.section.error(
            "at",
            "it cannot be called before the start",
            "write an instant from \"0s\" on",
        ));
    }
    let each = Resources::parse(&params.resources).map_err(|e| {
        spec.section.error("resources", e.to_string(), "write for example resources = \"cpus:1;mem:128\"")
    })?;
    if !each.is_plain() || each.quantities() == Quantities::ZERO {
        let help = "write amounts of cpus, mem, disk and gpus";
        return Err(spec.section.error("resources", "a command takes plain amounts, and some", help));
    }
    let command = command::read(&params.command, params.takes.unwrap_or(Span::from_secs(1)));
    let behaviour = Behaviour {
        duration: Distribution::Fixed(command.duration),
        failure_ppm: if command.status == 0 { 0 } else { 1_000_000 },
    };
    let at = Time(at.0);
    let name = names.intern(&spec.name);
    let config = execute::Config {
        name,
        role: names.intern(&spec.role),
        checkpoint: spec.checkpoint,
        partition_aware: true,
        gpu_resources: spec.capabilities.iter().any(|c| c == "GPU_RESOURCES"),
        kill_after: params.kill_after,
    };
    let each = each.quantities();
    let work = Arrival { at, framework: index, tasks: 1, each, behaviour, devices: None, gang: None };
    let (work, command) = (Some(work), Some(command));
    Ok(Scheduler { name, gang: false, starts: at, work, command, kind: Kind::Execute(config) })
}
