//! A finished recording: everything that analysis and report need, as plain tables.
//!
//! Averages over intervals are whole millionths of a unit (`Micro`), so that they are exact texts
//! in a file and equal on every platform.

use super::ecdf::Ecdf;
use super::ordered::Ordered;
use crate::base::time::{Span, Time};
use serde::{Deserialize, Serialize};

/// Millionths: of a CPU, of a MiB, of a GPU, of a task, of an agent.
pub type Micro = i64;

/// One run, recorded.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Recording {
    pub series: Series,
    pub frameworks: Vec<FrameworkRecord>,
    /// By key of `Count`.
    pub counts: Ordered<u64>,
    /// Levels at the end, by key of `LiveKey`.
    pub levels: Ordered<i64>,
    /// How many facts of each kind.
    pub facts: Ordered<u64>,
    /// Messages delivered, by label.
    pub messages: Ordered<u64>,
    pub faults: Vec<FaultMark>,
    /// Where the agents stand, as far as the scenario said.
    pub racks: Vec<RackRecord>,
    pub agent_marks: Vec<AgentMark>,
    /// How jobs that ask for parts of GPUs got them, if any did.
    pub gpu_share: Option<String>,
    /// Changes of leaders, but for the first elections.
    pub failovers: Vec<Failover>,
    pub apps: Vec<AppRecord>,
    pub deployments: Vec<DeploymentRecord>,
    /// From when until when (ns) some app had fewer instances that serve than it should.
    pub shortages: Vec<(i64, i64)>,
    /// What operators asked, in the order of the scenario.
    pub requests: Vec<RequestRecord>,
    /// Of those to whom events may be posted: what became of the events.
    pub endpoints: Ordered<Ordered<u64>>,
}

/// A request to an HTTP API.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestRecord {
    /// Its position among the requests of the scenario.
    pub number: u32,
    pub at_ns: i64,
    pub method: String,
    pub path: String,
    /// `None`: there is no answer yet; 0: nobody answered.
    pub status: Option<u16>,
    pub ended_ns: Option<i64>,
}

/// One change of the leader of the masters or of the Marathons: when each thing was so first, in
/// nanoseconds; `None` if it never was before the next change.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failover {
    /// `master` or `marathon`.
    pub kind: String,
    /// The leader died, stepped down, or its session expired.
    pub lost_ns: i64,
    pub elected_ns: Option<i64>,
    /// Has read back what its predecessor left.
    pub ready_ns: Option<i64>,
    /// Masters: the first agent was back; as many as 99 % of those that the old leader had.
    pub first_agent_ns: Option<i64>,
    pub agents_ns: Option<i64>,
    /// All frameworks that the old leader had; for a Marathon, its own subscription.
    pub frameworks_ns: Option<i64>,
    /// Of masters.
    pub first_offer_ns: Option<i64>,
    /// Of masters: the first offer when all of them were back.
    pub offer_to_all_ns: Option<i64>,
}

/// How instances of an app stand, by index; the first is how many there should be.
pub const STANDINGS: [&str; 7] = ["target", "healthy", "running", "unhealthy", "staged", "lost", "stopping"];

/// One app of Marathon.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AppRecord {
    pub name: String,
    /// Standings at the end, and how many instances were lost, failed or were killed in all.
    pub counts: Ordered<u64>,
    /// Offers that it did not take, by reason.
    pub refused: Ordered<u64>,
    /// Instances by standing, averaged over each row of the series.
    pub standing: [Vec<Micro>; STANDINGS.len()],
}

/// One deployment of Marathon.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeploymentRecord {
    pub name: String,
    pub began_ns: i64,
    pub ended_ns: Option<i64>,
    /// `succeeded`, `failed` or `cancelled`; empty while it is under way.
    pub how: String,
    pub steps_planned: u32,
    pub steps: Vec<Step>,
}

/// An app in a step that began.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub step: u32,
    pub at_ns: i64,
    pub app: String,
}

/// A rack, or a fleet without racks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RackRecord {
    pub name: String,
    pub agents: u32,
}

/// Cluster-wide time series. Row `i` is the interval from `i * interval` to the next multiple or
/// the end; values are averages over it or (`*_made` and the like) numbers of events in it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Series {
    pub interval: Span,
    pub end: Time,
    /// By kind of resource: of all agents that the master counts as registered.
    pub capacity: [Vec<Micro>; 4],
    /// Held by tasks in the master's books.
    pub used: [Vec<Micro>; 4],
    /// In outstanding offers.
    pub offered: [Vec<Micro>; 4],
    /// Shared GPU devices that frameworks pack themselves.
    pub devices_used: Vec<Micro>,
    pub agents_registered: Vec<Micro>,
    /// Registered and connected.
    pub agents_connected: Vec<Micro>,
    /// Jobs none of whose tasks has started yet.
    pub jobs_waiting: Vec<Micro>,
    pub offers_made: Vec<i64>,
    pub offers_accepted: Vec<i64>,
    pub offers_declined: Vec<i64>,
    pub offers_rescinded: Vec<i64>,
    pub tasks_started: Vec<i64>,
    pub tasks_ended: Vec<i64>,
    /// Of those that ended: with an error, or with their machine.
    pub tasks_failed: Vec<i64>,
    pub tasks_lost: Vec<i64>,
}

impl Series {
    #[must_use]
    pub fn rows(&self) -> usize {
        self.jobs_waiting.len()
    }
    /// Start of a row; `rows()` gives the end of the last one.
    #[must_use]
    pub fn edge(&self, row: usize) -> Time {
        Time((self.interval.0.saturating_mul(row as i64)).min(self.end.0))
    }
    #[must_use]
    pub fn length_ns(&self, row: usize) -> i64 {
        (self.edge(row + 1) - self.edge(row)).0
    }
}

/// One framework (or queue, or user): who it is, its series on the same rows, its samples.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct FrameworkRecord {
    pub name: String,
    pub role: String,
    pub weight: f64,
    /// By key of `Count`: its tasks, jobs and offers; and tasks queued and running at the end.
    pub counts: Ordered<u64>,
    /// Its tasks' share of `Series::used`.
    pub allocated: [Vec<Micro>; 4],
    /// Its tasks' share of `Series::devices_used`.
    pub devices: Vec<Micro>,
    /// Tasks submitted that neither run nor have finished.
    pub queued: Vec<Micro>,
    /// Tasks whose containers run, in truth.
    pub running: Vec<Micro>,
    /// Per job: submitted until resources were offered first.
    pub first_offer: Ecdf,
    /// Per task: submitted until its container ran first; further attempts do not count.
    pub started: Ecdf,
    /// Per job: submitted until its last task finished.
    pub completion: Ecdf,
}

/// What became of one fault of the explicit list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FaultMark {
    pub label: String,
    pub began: Option<Time>,
    /// First time that it had an effect.
    pub bit: Option<Time>,
    pub ended: Option<Time>,
}

/// Something happened to an agent in the master's eyes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AgentMark {
    pub at: Time,
    pub host: String,
    pub what: AgentEvent,
    /// Index of its rack in `Recording::racks`, and its place among the agents there.
    pub place: Option<(u32, u32)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AgentEvent {
    /// Registered for the first time, but not within the first interval of the series.
    Joined,
    Disconnected,
    /// Written off as unreachable.
    Lost,
    /// Back after any of the others, under its old id or a new one.
    Returned,
    Removed,
}

impl AgentEvent {
    pub const ALL: [Self; 5] = [Self::Joined, Self::Disconnected, Self::Lost, Self::Returned, Self::Removed];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::Disconnected => "disconnected",
            Self::Lost => "lost",
            Self::Returned => "returned",
            Self::Removed => "removed",
        }
    }
}
