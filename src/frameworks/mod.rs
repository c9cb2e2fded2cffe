//! Frameworks: schedulers that use Mesos, as pure state machines like Mesos itself. They may name
//! Mesos' messages, resources and driver and nothing else of it.

pub mod batch;
pub mod chooser;
pub mod endpoint;
pub mod execute;
pub mod operator;
