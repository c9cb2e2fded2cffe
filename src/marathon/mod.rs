//! Marathon 1.11: long-running apps on Mesos, as pure logic.
//!
//! `model/` is what users write and Marathon keeps (values, no state machine); `group/` turns one
//! tree of apps into the next (validation, versions, service ports, deployment plans); `rest/`
//! turns requests into commands and state into bodies; `core/` is the state machine that carries
//! commands out against Mesos.

pub mod core;
pub mod group;
pub mod model;
pub mod rest;
