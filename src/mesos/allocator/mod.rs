//! The allocator: decides which free resources are offered to whom
//! (`src/master/allocator/mesos/hierarchical.{hpp,cpp}`).
//!
//! It is a mailbox of the master's process (`cycle`) around plain operations (`core`). Doors for
//! research: `policy` (who is next) and `chunk` (how much of an agent one offer carries) are
//! parameters of Mesos' own cycle and compiled into it; `Allocate` replaces the whole allocator.

mod agents;
pub mod amounts;
mod books;
mod bundle;
pub mod chunk;
pub mod core;
pub mod cycle;
pub mod fault;
pub mod filter;
pub mod metrics;
pub mod policy;
pub mod quota;
pub mod run;
pub mod setups;
pub mod sorter;

use self::amounts::Amounts;
use self::sorter::Excluded;
use crate::actor::{Cx, Input};
use crate::base::id::{AgentId, FrameworkId};
use crate::base::quantity::Quantities;
use crate::base::time::Span;
use crate::mesos::resource::Resources;

/// Flags that every allocator gets.
#[derive(Clone, Debug)]
pub struct Flags {
    pub allocation_interval: Span,
    /// OR of sets; empty: anything that is not nothing.
    pub min_allocatable: Vec<Amounts>,
    /// Withhold agents with GPUs from frameworks without the capability.
    pub filter_gpu: bool,
    /// Names that do not count in shares.
    pub excluded: Excluded,
    /// Weights of role paths.
    pub weights: Vec<(String, f64)>,
    /// Quotas of roles at the top.
    pub quotas: Vec<(String, quota::Quota)>,
}

/// A whole allocator.
pub trait Allocate: dyn_clone::DynClone + Send + Sync + std::fmt::Debug {
    fn handle(&mut self, cx: &mut Cx, input: Input);
    /// What the allocator believes to be free on an agent (for checks).
    fn free(&self, agent: AgentId) -> Option<Resources>;
    /// The scalars of that.
    fn free_quantities(&self, agent: AgentId) -> Option<Quantities> {
        Some(self.free(agent)?.quantities())
    }
    /// What the allocator believes a framework to hold on an agent (for checks).
    fn held(&self, agent: AgentId, framework: FrameworkId) -> Option<Resources>;
    /// From now on each run is kept as `last_run`.
    fn watch_runs(&mut self) {}
    /// The last run, if runs are watched and it looked at agents.
    fn last_run(&self) -> Option<&RunOrder> {
        None
    }
    /// Work done so far, in units that do not depend on the machine.
    fn work(&self) -> Work;
}

dyn_clone::clone_trait_object!(Allocate);

/// The Mesos cycle with policies chosen by name, or `None` if there is none of that name.
/// `most`: bounds for the chunk policy `slice`.
#[must_use]
pub fn by_name(policy: &str, chunk: &str, most: Quantities, flags: Flags) -> Option<Box<dyn Allocate>> {
    match chunk {
        "whole" => policy::cycle(policy, chunk::whole::Whole, &flags),
        "slice" => policy::cycle(policy, chunk::slice::Slice { most }, &flags),
        _ => None,
    }
}

/// One run as it was made.
#[derive(Clone, Debug)]
pub struct RunOrder {
    /// When and by what it was asked for.
    pub asked: filter::Instant,
    /// The agents in the order of each stage.
    pub agents: Vec<AgentId>,
    pub again: Vec<AgentId>,
}

/// Counts of work, asserted in tests where timings would not be stable.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Work {
    /// Runs that had to look at agents.
    pub runs: u64,
    /// Runs answered in O(1).
    pub idle_runs: u64,
    pub agent_visits: u64,
    /// Groups of siblings put in order.
    pub sorts: u64,
    /// Nodes moved to where they belong in an order that is kept.
    pub moves: u64,
    /// Comparisons of two nodes.
    pub comparisons: u64,
    pub offers: u64,
}
