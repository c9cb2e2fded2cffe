//! A scenario as plain data: what the file said, with defaults filled in and units resolved.
//!
//! Knows names, not machinery. Anything that is a plug-in (a workload, a fault, a framework kind,
//! a policy) stays a `Section`: its kind and its table with the place in the file, which the
//! plug-in reads itself.

use super::bandwidth::Bandwidth;
use super::error::Error;
use super::file::DataFile;
use super::section::Section;
use crate::base::quantity::{Milli, Quantities};
use crate::base::sampler::Distribution;
use crate::base::time::{Span, Time};

#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: String,
    pub seed: u64,
    /// The run ends at this instant at the latest.
    pub duration: Span,
    /// End earlier, as soon as all jobs of all workloads have ended (default true).
    pub stop_when_done: bool,
    pub network: Network,
    pub disk: Disk,
    pub cluster: Cluster,
    pub master: MasterFlags,
    pub allocator: AllocatorFlags,
    pub agent: AgentFlags,
    /// `[[agents]]`: groups of machines.
    pub fleets: Vec<Fleet>,
    /// `[roles.NAME]`, in the order of the file.
    pub roles: Vec<Role>,
    /// `[[frameworks]]`.
    pub frameworks: Vec<Framework>,
    /// `[[endpoints]]`.
    pub endpoints: Vec<Section>,
    /// `[[marathon]]`.
    pub marathons: Vec<Section>,
    /// `[[app]]`: how the containers of apps behave.
    pub apps: Vec<Section>,
    /// `[sizes]`: of images and artifacts, in bits, by name and URI in the order of the file.
    pub sizes: Vec<(String, u64)>,
    /// `[[workload]]`.
    pub workloads: Vec<Section>,
    /// `[[fault]]`.
    pub faults: Vec<Section>,
    /// `[[request]]`: outside input at an instant.
    pub requests: Vec<Request>,
    /// `[[expect]]`.
    pub expects: Vec<Expect>,
    pub report: Report,
    pub check: Check,
    /// xxh3 of the scenario's canonical text (overrides applied) and of every file it reads.
    pub hash: String,
    /// The data files that its sections name with the key `file`.
    pub files: Vec<DataFile>,
    /// The scenario as TOML with overrides applied, comments gone; saved beside the results.
    pub toml_text: String,
}

impl Scenario {
    /// Index into `frameworks`.
    #[must_use]
    pub fn framework_index(&self, name: &str) -> Option<u32> {
        self.frameworks.iter().position(|f| f.name == name).map(|i| i as u32)
    }
    /// The framework called `name`, as found in the value of `key` of a section.
    ///
    /// # Errors
    /// If there is none, at that value.
    pub fn framework_of(&self, section: &Section, key: &str, name: &str) -> Result<u32, Error> {
        self.framework_index(name).ok_or_else(|| {
            let known: Vec<&str> = self.frameworks.iter().map(|f| f.name.as_str()).collect();
            section.unknown(key, "framework", name, &known)
        })
    }
}

#[derive(Clone, Debug)]
pub struct Network {
    /// One-way latency of a message.
    pub latency: Distribution,
}

#[derive(Clone, Debug)]
pub struct Disk {
    /// Time from a `Persist` until it is durable.
    pub latency: Distribution,
}

/// Who there is beside agents and frameworks.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub masters: u32,
    /// 0: there is one master, and everybody knows it.
    pub zookeepers: u32,
    /// Of masters, agents and schedulers (`--zk_session_timeout`).
    pub zk_session_timeout: Span,
    /// `tickTime` of the ZooKeeper servers.
    pub zk_tick_time: Span,
    /// A supervisor starts masters, ZooKeeper servers and Marathons again this long after they end.
    pub restart_delay: Span,
    /// Fault domain of the masters.
    pub region: Option<String>,
}

/// Flags of the Mesos master with upstream's names and defaults.
#[derive(Clone, Debug)]
pub struct MasterFlags {
    pub agent_ping_timeout: Span,
    pub max_agent_ping_timeouts: u32,
    pub agent_reregister_timeout: Span,
    pub offer_timeout: Option<Span>,
    pub max_completed_frameworks: usize,
    pub max_completed_tasks_per_framework: usize,
    pub max_unreachable_tasks_per_framework: usize,
    /// More agents of the registry than this that do not come back: the master rather stops.
    pub recovery_agent_removal_limit_percent: u32,
    pub registry_gc_interval: Span,
    pub registry_max_agent_age: Span,
    pub registry_max_agent_count: usize,
    /// Time one message keeps the master, allocator or registrar mailbox busy (ours; 0 upstream).
    pub service_time: Span,
}

impl Default for MasterFlags {
    /// Upstream's defaults.
    fn default() -> Self {
        Self {
            agent_ping_timeout: Span::from_secs(15),
            max_agent_ping_timeouts: 5,
            agent_reregister_timeout: Span::from_secs(600),
            offer_timeout: None,
            max_completed_frameworks: 50,
            max_completed_tasks_per_framework: 1000,
            max_unreachable_tasks_per_framework: 1000,
            recovery_agent_removal_limit_percent: 100,
            registry_gc_interval: Span::from_secs(900),
            registry_max_agent_age: Span::from_secs(14 * 86_400),
            registry_max_agent_count: 102_400,
            service_time: Span::ZERO,
        }
    }
}

#[derive(Clone, Debug)]
pub struct AllocatorFlags {
    /// `policy = "drf"` or `policy = { kind = "drf", ... }`.
    pub policy: Section,
    /// `chunk = "whole"` or a table: how much of an agent one offer carries.
    pub chunk: Section,
    pub allocation_interval: Span,
    /// OR of sets; within a set every amount above zero must be reached. Default
    /// `cpus:0.01|mem:32`. Empty: anything that is not nothing.
    pub min_allocatable_resources: Vec<Quantities>,
    pub filter_gpu_resources: bool,
    pub fair_sharing_excluded_resource_names: Vec<String>,
    pub service_time: Span,
}

/// Flags of the Mesos agent with upstream's names and defaults, and the executor's start-up time.
#[derive(Clone, Debug)]
pub struct AgentFlags {
    pub registration_backoff_factor: Span,
    /// Time from a launch until the executor has registered (ours; 0 by default).
    pub executor_startup: Distribution,
    pub executor_registration_timeout: Span,
    pub executor_shutdown_grace_period: Span,
}

/// A group of equal machines. Hosts are named `<name>-<i>`, or as a fleet file says.
#[derive(Clone, Debug)]
pub struct Fleet {
    pub name: String,
    pub hosts: Vec<Host>,
    /// What each of them downloads with; `None`: downloads take no time.
    pub bandwidth: Option<Bandwidth>,
    /// The table, for errors found later.
    pub section: Section,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Host {
    pub hostname: String,
    /// `--resources` text of Mesos.
    pub resources: String,
    /// Attributes in order (`rack_id`, ...), text values.
    pub attributes: Vec<(String, String)>,
    /// GPUs that frameworks share in thousandths by themselves; Mesos does not see them.
    pub devices: u32,
}

#[derive(Clone, Debug)]
pub struct Role {
    pub name: String,
    pub weight: f64,
    /// Quota: what is kept for the role, and more than what it never gets. Amounts by name; a name
    /// that is not listed has no guarantee, or no limit.
    pub guarantee: Vec<(String, Milli)>,
    pub limit: Vec<(String, Milli)>,
}

#[derive(Clone, Debug)]
pub struct Framework {
    pub name: String,
    pub role: String,
    pub user: String,
    pub failover_timeout: Span,
    pub checkpoint: bool,
    /// Capabilities as Mesos spells them, e.g. `PARTITION_AWARE`.
    pub capabilities: Vec<String>,
    /// The whole table, for the kind of framework to read its own keys.
    pub section: Section,
}

#[derive(Clone, Debug)]
pub struct Request {
    pub at: Time,
    pub section: Section,
}

/// `[[expect]]`: a metric or state compared with a value, at an instant or eventually within one.
#[derive(Clone, Debug)]
pub struct Expect {
    /// Key of `summary.json`, dots between levels, e.g. `tasks.finished`.
    pub metric: String,
    pub op: Op,
    pub value: f64,
    pub when: When,
    /// Line in the scenario file.
    pub line: usize,
    /// What it stands for, shown when it fails.
    pub why: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    End,
    At(Time),
    /// True at some instant not later than this.
    Within(Time),
    /// True all the time between these; what holds for no time at all does not count.
    Throughout(Time, Time),
}

#[derive(Clone, Debug)]
pub struct Report {
    pub plots: bool,
    /// Distance of the samples of time series.
    pub interval: Span,
}

#[derive(Clone, Debug)]
pub struct Check {
    pub invariants: Invariants,
    /// The table `[check]`, to point at a name that does not exist.
    pub section: Section,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Invariants {
    All,
    /// These; none if empty.
    Only(Vec<String>),
}

impl Check {
    /// The names to check out of those that exist.
    ///
    /// # Errors
    /// If one that the scenario names does not exist.
    pub fn select<'a>(&self, known: &[&'a str]) -> Result<Vec<&'a str>, Error> {
        let Invariants::Only(wanted) = &self.invariants else { return Ok(known.to_vec()) };
        let find = |(i, name): (usize, &String)| {
            let found = known.iter().find(|k| *k == name).copied();
            found.ok_or_else(|| self.section.unknown(&format!("invariants.{i}"), "invariant", name, known))
        };
        wanted.iter().enumerate().map(find).collect()
    }
}

/// Mesos' default `min_allocatable_resources`.
#[must_use]
pub fn default_min_allocatable() -> Vec<Quantities> {
    vec![
        Quantities::new(Milli(10), Milli::ZERO, Milli::ZERO, Milli::ZERO),
        Quantities::new(Milli::ZERO, Milli::from_int(32), Milli::ZERO, Milli::ZERO),
    ]
}
