//! ZooKeeper: an ensemble of servers that replicate one tree of nodes, and the client that lives in
//! every process that uses them.
//!
//! `wire` is what they say to one another, `state` the replicated tree and its sessions, `server`
//! one server of the ensemble, `client` the client with what Mesos and Curator build on it: groups,
//! contenders, detectors, a store.

pub mod client;
pub mod server;
pub mod state;
pub mod wire;
