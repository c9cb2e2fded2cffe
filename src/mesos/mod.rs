//! The real logic of Mesos as pure state machines. Nothing below here knows the engine.

pub mod message;
pub mod resource;
pub mod task_state;
