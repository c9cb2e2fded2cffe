//! Values: paths, versions, apps, groups, plans, instances; their JSON, their refusals.

pub mod app;
pub mod flags;
pub mod group;
pub mod instance;
pub mod json;
pub mod path;
pub mod plan;
pub mod rejection;
pub mod store;
pub mod version;
