//! The real logic of Mesos as pure state machines. Nothing below here knows the engine.

pub mod agent;
pub mod allocator;
pub mod driver;
pub mod master;
pub mod message;
pub mod registrar;
pub mod resource;
pub mod slots;
pub mod task_state;
