//! What happened, kept for later: facts in, a `Recording` out.
//!
//! The recorder only accumulates: integrals over time, counters, kept samples. Statistics belong
//! to `analysis`, drawing to `report`. A recording written to a folder and read again is equal to
//! the one in memory, so a report can be drawn from a year-old folder. Everything written is a
//! function of the facts alone: no clock, host or commit.

pub mod count;
pub mod ecdf;
mod endpoints;
pub mod folder;
pub mod kind;
mod leaders;
mod level;
pub mod live;
pub mod manifest;
pub mod ordered;
mod read;
pub mod recorder;
pub mod recording;
mod services;
#[cfg(test)]
pub(crate) mod synthetic;
#[cfg(test)]
pub(crate) mod synthetic_services;
pub mod text;
pub mod trace;
mod write;

pub use count::Count;
pub use ecdf::Ecdf;
pub use folder::Files;
pub use live::LiveKey;
pub use manifest::Manifest;
pub use recorder::{FrameworkSetup, RackSetup, Recorder, RecorderSetup};
pub use recording::Recording;
pub use write::{AGENTS_FILE, APPS_FILE, WAITS, csv_bytes};
pub(crate) use write::{framework_columns, series_columns};
