//! mesosim: a wind tunnel for Mesos and Marathon.

pub mod actor;
pub mod analysis;
pub mod base;
pub mod check;
pub mod cli;
pub mod engine;
pub mod fact;
pub mod frameworks;
pub mod http;
pub mod job;
pub mod marathon;
pub mod mesos;
pub mod record;
pub mod replay;
pub mod report;
pub mod scenario;
pub mod sim;
pub mod workload;
pub mod world;
pub mod zk;
