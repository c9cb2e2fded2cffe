//! From one tree of apps to the next: definitions (`define`), changes (`change`), rules
//! (`validate`), service ports and versions (`ports`, `versions`), the plan (`plan`, `graph`), all
//! joined in the single write path (`update`).

pub mod change;
pub mod define;
pub mod graph;
pub mod impossible;
pub mod plan;
pub mod pod;
mod pod_rules;
pub mod ports;
pub mod revert;
pub mod roles;
pub mod tree;
pub mod update;
pub mod validate;
pub mod versions;
