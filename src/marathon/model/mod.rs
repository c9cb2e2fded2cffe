//! Values: paths, versions, apps, groups, plans, instances.

pub mod app;
pub mod flags;
pub mod group;
pub mod instance;
pub mod path;
pub mod plan;
pub mod version;
