//! Tables to tables: every statistic that a report shows is computed here and nowhere else.
//!
//! Input is a `Recording`, in memory or read back from a folder; both give the same bits, because
//! sums are of integers or in a fixed order and use no platform's transcendental functions.

pub mod agent_states;
pub mod coarse;
pub mod compare;
pub mod expect;
pub mod failover;
pub mod interval;
pub mod measure;
pub mod metric;
pub mod percentile;
pub mod recovery;
pub mod share;
pub mod summary;
pub mod utilization;

pub use compare::Comparison;
pub use expect::{Expectations, Outcome};
pub use metric::metric;
pub use summary::Summary;

/// Rounds to millionths, so that a summary is readable; for values well below 2^33.
#[must_use]
pub fn round6(x: f64) -> f64 {
    libm::round(x * 1e6) / 1e6
}
