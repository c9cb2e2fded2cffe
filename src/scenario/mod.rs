//! Scenario files: text to plain data.

pub mod model;
pub mod section;
