//! `mesosim plugins`: what can be named in a scenario.

use super::{Failure, print};
use crate::check::INVARIANTS;
use crate::frameworks::chooser::CHOOSERS;
use crate::mesos::allocator::{chunk::CHUNKS, policy::POLICIES};
use crate::report::plot::FIGURES;
use crate::scenario::fleet::FLEETS;
use crate::workload::WORKLOADS;
use crate::world::fault::FAULTS;
use clap::Args;

/// List policies, fleets, workloads, faults, choosers, invariants and figures.
#[derive(Args)]
pub(super) struct Arguments {}

fn groups() -> Vec<(&'static str, Vec<(&'static str, &'static str)>)> {
    vec![
        ("policies (allocator.policy)", POLICIES.to_vec()),
        ("chunks (allocator.chunk)", CHUNKS.to_vec()),
        ("frameworks (frameworks.kind)", vec![("batch", "queues jobs of equal tasks and places them on offers")]),
        ("choosers (frameworks.chooser)", CHOOSERS.iter().map(|c| (c.0, c.2)).collect()),
        ("fleets (agents.from)", FLEETS.iter().map(|f| (f.name, f.summary)).collect()),
        ("workloads (workload.kind)", WORKLOADS.iter().map(|w| (w.name, w.summary)).collect()),
        ("faults (fault.kind)", FAULTS.iter().map(|f| (f.0, f.1)).collect()),
        ("invariants (check.invariants)", INVARIANTS.iter().map(|i| (i.0, i.1)).collect()),
        ("figures", FIGURES.iter().map(|f| (f.name, f.title)).collect()),
    ]
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of all subcommands")]
pub(super) fn run(_: Arguments) -> Result<(), Failure> {
    let mut text = String::new();
    for (title, rows) in groups() {
        text.push_str(&format!("{title}\n"));
        let width = rows.iter().map(|r| r.0.len()).max().unwrap_or(0);
        for (name, summary) in rows {
            text.push_str(&format!("  {name:width$}  {summary}\n"));
        }
    }
    print(&text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_group_has_rows_with_a_summary() {
        for (title, rows) in groups() {
            assert!(!rows.is_empty(), "{title}");
            assert!(rows.iter().all(|r| !r.0.is_empty() && !r.1.is_empty()), "{title}");
        }
    }
}
