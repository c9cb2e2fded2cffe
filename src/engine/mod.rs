//! A discrete-event kernel that has never heard of Mesos: the queue of events.

pub mod queue;
