//! Marathon as a state machine: carries commands out against Mesos.

pub mod constraints;
pub mod flags;
pub mod limiter;
pub mod ports;
pub mod scaling;
#[cfg(test)]
mod testing;
pub mod update;
