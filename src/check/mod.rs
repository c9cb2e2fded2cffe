//! Invariants: properties that hold at every instant of every run.

use crate::base::time::Time;
use crate::fact::{At, Fact};
use crate::world::{Seen, World};

pub const INVARIANTS: &[(&str, &str)] = &[];

#[derive(Clone, Debug)]
pub struct Violation {
    pub invariant: &'static str,
    pub at: Time,
    pub what: String,
}
pub struct Checker;
impl Checker {
    pub fn new(_: &[&str]) -> Self {
        Self
    }
    pub fn after_step(&mut self, _: &World, _: &[At<Fact>], _: &[Seen]) -> Option<Violation> {
        None
    }
    pub fn finish(&mut self, _: &World) -> Option<Violation> {
        None
    }
}
