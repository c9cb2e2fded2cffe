//! From one tree of apps to the next: changes, service ports, versions, validation, plans.

pub mod change;
pub mod rejection;
