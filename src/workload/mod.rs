//! Workloads: where jobs come from. One file each.
//!
//! A source gives the arrivals of one `[[workload]]` in order of time, one at a time, so that a
//! trace is never in memory as a whole. Sources are cloned when a world forks.

use crate::base::dice::Dice;
use crate::base::quantity::Quantities;
use crate::base::time::Time;
use crate::job::{Behaviour, DeviceDemand};

/// A job that is about to be submitted.
#[derive(Clone, PartialEq, Debug)]
pub struct Arrival {
    pub at: Time,
    /// Index into the scenario's `[[frameworks]]`.
    pub framework: u32,
    pub tasks: u32,
    pub each: Quantities,
    pub behaviour: Behaviour,
    pub devices: Option<DeviceDemand>,
    /// Overrides the framework's own setting if present.
    pub gang: Option<bool>,
}

/// A stream of arrivals, instants never decreasing.
pub trait Source: Send {
    /// The next arrival, or `None` at the end for ever.
    ///
    /// # Errors
    /// What is wrong with the input, with file, line and the mend, ready to print.
    fn next(&mut self, dice: &mut Dice) -> Result<Option<Arrival>, String>;
    fn clone_box(&self) -> Box<dyn Source>;
}

impl Clone for Box<dyn Source> {
    fn clone(&self) -> Self {
        self.clone_box()
    }
}
