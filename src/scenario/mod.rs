//! Scenario files: text to plain data.
//!
//! `Scenario::load` reads a TOML file, applies overrides and checks everything that can be checked
//! without knowing the plug-ins, whose sections (`Section`) they read themselves. Every mistake
//! carries its place and its mend to `Error::render`. This and the data files named in a scenario
//! are the only input that the simulator reads.

pub mod bandwidth;
mod de;
pub mod decimal;
mod error;
pub mod file;
pub mod fleet;
mod load;
pub mod model;
mod overrides;
mod parts;
#[cfg(test)]
mod parts_tests;
mod resources;
pub mod section;
mod source;
pub mod units;
mod value;

use crate::base::suggest;
pub use error::Error;
#[cfg(test)]
pub(crate) use load::testing;
pub use model::Scenario;
pub use parts::role_name;
pub use section::Section;
