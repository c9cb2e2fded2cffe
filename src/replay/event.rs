//! What can happen to an allocator, as the recordings tell it.
//!
//! Ids are texts, amounts thousandths, times nanoseconds. Every value here has passed the checks
//! of `check.rs` if it was read from a file.

use crate::base::quantity::Milli;
use crate::base::time::Span;
use crate::mesos::resource::Resources;
use std::collections::{BTreeMap, BTreeSet};

/// Amounts by resource name.
pub type Amounts = BTreeMap<String, Milli>;

/// One event.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// The first event of every case.
    Init(Init),
    AddAgent {
        id: String,
        total: Resources,
        /// The id if it is not said.
        hostname: Option<String>,
        used: Vec<AgentUse>,
    },
    UpdateAgent {
        id: String,
        total: Resources,
        hostname: Option<String>,
    },
    RemoveAgent {
        id: String,
    },
    ActivateAgent {
        id: String,
    },
    DeactivateAgent {
        id: String,
    },
    AddFramework {
        framework: Framework,
        active: bool,
        used: Vec<FrameworkUse>,
    },
    /// Everything about the framework is replaced.
    UpdateFramework(Framework),
    RemoveFramework {
        id: String,
    },
    ActivateFramework {
        id: String,
    },
    DeactivateFramework {
        id: String,
    },
    Suppress {
        framework: String,
        /// Empty: all roles of the framework.
        roles: Vec<String>,
    },
    Revive {
        framework: String,
        /// Empty: all roles of the framework.
        roles: Vec<String>,
    },
    Recover {
        framework: String,
        role: String,
        agent: String,
        resources: Resources,
        /// Present: installs a filter (zero: none after all; negative: the default of 5 s).
        refuse: Option<Span>,
        /// Given back by those who had accepted it.
        allocated: bool,
    },
    Accept {
        agent: String,
        role: String,
        resources: Resources,
    },
    UpdateWeights {
        weights: BTreeMap<String, f64>,
    },
    UpdateQuota {
        role: String,
        guarantees: Amounts,
        /// Names that are not listed are unlimited.
        limits: Amounts,
    },
    Whitelist {
        /// None: every agent is welcome.
        hostnames: Option<BTreeSet<String>>,
    },
    /// Reserves what is not offered at present; `resources` as they are afterwards.
    Reserve {
        agent: String,
        resources: Resources,
    },
    /// The reverse; `resources` as they are before.
    Unreserve {
        agent: String,
        resources: Resources,
    },
    /// Reserves a part of what a framework is offered; `resources` as they are afterwards.
    ReserveOffered {
        framework: String,
        role: String,
        agent: String,
        offered: Resources,
        resources: Resources,
    },
    /// The reverse; `resources` as they are before.
    UnreserveOffered {
        framework: String,
        role: String,
        agent: String,
        offered: Resources,
        resources: Resources,
    },
    /// A part of what a framework is offered becomes something else of the same amounts, as volumes
    /// are made and destroyed.
    ConvertOffered {
        framework: String,
        role: String,
        agent: String,
        /// Before and afterwards.
        resources: Resources,
        into: Resources,
    },
    /// The clock jumps. What fell due meanwhile acts afterwards, ordered by its instant and then by
    /// when its timer was armed, and however many intervals have passed there is one batch run,
    /// with the clock as it is now; the next one is due an interval from now.
    Advance {
        by: Span,
    },
    /// One batch cycle over all agents; in a case whose runs are given, a run over `Visits`.
    Allocate(Option<Visits>),
    /// Only in a case whose runs are given: the timer of batch runs fires and is armed anew. The
    /// run that it asks for comes as an `Allocate` of its own.
    Tick,
}

/// How the allocator is set up.
#[derive(Clone, PartialEq, Debug)]
pub struct Init {
    pub allocation_interval: Span,
    /// OR of sets, AND inside a set; empty: anything that is not nothing.
    pub min_allocatable: Vec<Amounts>,
    /// Resource names left out of shares.
    pub fairness_exclude: BTreeSet<String>,
    /// Withhold agents with GPUs from frameworks without the capability.
    pub filter_gpu: bool,
    /// Events allocate by themselves and the clock makes batch runs.
    pub event_driven: bool,
    /// Nothing allocates by itself: each run is an event with the order in which it visits
    /// agents. That is how simulated runs are written down.
    pub runs_given: bool,
    /// The policy that says who is next.
    pub sorter: String,
}

impl Default for Init {
    fn default() -> Self {
        let set = |name: &str, amount| Amounts::from([(name.to_owned(), amount)]);
        Self {
            allocation_interval: Span::from_secs(1),
            min_allocatable: vec![set("cpus", Milli(10)), set("mem", Milli::from_int(32))],
            fairness_exclude: BTreeSet::new(),
            filter_gpu: true,
            event_driven: false,
            runs_given: false,
            sorter: "drf".to_owned(),
        }
    }
}

/// A framework as it registers.
#[derive(Clone, PartialEq, Debug)]
pub struct Framework {
    pub id: String,
    pub roles: Vec<String>,
    pub suppressed: BTreeSet<String>,
    pub capabilities: BTreeSet<Capability>,
    /// Replaces the global one for offers to the role; an empty list: anything.
    pub min_allocatable: BTreeMap<String, Vec<Amounts>>,
}

impl Framework {
    #[must_use]
    pub fn can(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }
}

/// What a framework says that it can deal with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Capability {
    MultiRole,
    ReservationRefinement,
    RevocableResources,
    GpuResources,
    SharedResources,
    TaskKillingState,
    PartitionAware,
    RegionAware,
}

impl Capability {
    pub const ALL: [Self; 8] = [
        Self::MultiRole,
        Self::ReservationRefinement,
        Self::RevocableResources,
        Self::GpuResources,
        Self::SharedResources,
        Self::TaskKillingState,
        Self::PartitionAware,
        Self::RegionAware,
    ];

    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MultiRole => "MULTI_ROLE",
            Self::ReservationRefinement => "RESERVATION_REFINEMENT",
            Self::RevocableResources => "REVOCABLE_RESOURCES",
            Self::GpuResources => "GPU_RESOURCES",
            Self::SharedResources => "SHARED_RESOURCES",
            Self::TaskKillingState => "TASK_KILLING_STATE",
            Self::PartitionAware => "PARTITION_AWARE",
            Self::RegionAware => "REGION_AWARE",
        }
    }
    /// What a framework of the recordings has unless it says so.
    #[must_use]
    pub fn usual() -> BTreeSet<Self> {
        BTreeSet::from([Self::MultiRole, Self::ReservationRefinement])
    }
}

/// What a framework already uses on an agent that is added.
#[derive(Clone, PartialEq, Debug)]
pub struct AgentUse {
    pub framework: String,
    pub role: String,
    pub resources: Resources,
}

/// What a framework that is added already uses on an agent.
#[derive(Clone, PartialEq, Debug)]
pub struct FrameworkUse {
    pub agent: String,
    pub role: String,
    pub resources: Resources,
}

/// A run whose order is given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Visits {
    /// The timer asked for this run, so filters that end at its instant do so in the order in
    /// which timers were armed.
    pub batch: bool,
    /// How long ago the run was asked for: filters are judged as of then.
    pub ago: Span,
    /// The candidates, in the order of the first stage.
    pub agents: Vec<String>,
    /// The same agents in the order of the second stage.
    pub again: Vec<String>,
}

impl Event {
    /// All names of events.
    pub const OPS: [&'static str; 26] = [
        "init",
        "add_agent",
        "update_agent",
        "remove_agent",
        "activate_agent",
        "deactivate_agent",
        "add_framework",
        "update_framework",
        "remove_framework",
        "activate_framework",
        "deactivate_framework",
        "suppress",
        "revive",
        "recover",
        "accept",
        "update_weights",
        "update_quota",
        "whitelist",
        "reserve",
        "unreserve",
        "reserve_offered",
        "unreserve_offered",
        "convert_offered",
        "advance",
        "allocate",
        "tick",
    ];

    /// The name in a case.
    #[must_use]
    pub fn op(&self) -> &'static str {
        match self {
            Self::Init(_) => "init",
            Self::AddAgent { .. } => "add_agent",
            Self::UpdateAgent { .. } => "update_agent",
            Self::RemoveAgent { .. } => "remove_agent",
            Self::ActivateAgent { .. } => "activate_agent",
            Self::DeactivateAgent { .. } => "deactivate_agent",
            Self::AddFramework { .. } => "add_framework",
            Self::UpdateFramework(_) => "update_framework",
            Self::RemoveFramework { .. } => "remove_framework",
            Self::ActivateFramework { .. } => "activate_framework",
            Self::DeactivateFramework { .. } => "deactivate_framework",
            Self::Suppress { .. } => "suppress",
            Self::Revive { .. } => "revive",
            Self::Recover { .. } => "recover",
            Self::Accept { .. } => "accept",
            Self::UpdateWeights { .. } => "update_weights",
            Self::UpdateQuota { .. } => "update_quota",
            Self::Whitelist { .. } => "whitelist",
            Self::Reserve { .. } => "reserve",
            Self::Unreserve { .. } => "unreserve",
            Self::ReserveOffered { .. } => "reserve_offered",
            Self::UnreserveOffered { .. } => "unreserve_offered",
            Self::ConvertOffered { .. } => "convert_offered",
            Self::Advance { .. } => "advance",
            Self::Allocate(_) => "allocate",
            Self::Tick => "tick",
        }
    }
}
