//! `mesosim plugins`: what can be named in a scenario.

use super::{Failure, print};
use crate::actor::bug::{BUGS, Exhibit};
use crate::check::INVARIANTS;
use crate::frameworks::chooser::CHOOSERS;
use crate::mesos::allocator::{chunk::CHUNKS, policy::POLICIES};
use crate::report::plot::FIGURES;
use crate::scenario::fleet::FLEETS;
use crate::workload::WORKLOADS;
use crate::world::fault::FAULTS;
use clap::Args;
use std::borrow::Cow;

/// List policies, fleets, workloads, faults, choosers, invariants, old bugs and figures.
#[derive(Args)]
pub(super) struct Arguments {}

/// A group of names: what they are, and each with its summary.
type Named = (&'static str, Vec<(&'static str, Cow<'static, str>)>);

/// A bug with its ticket, what fires and where it does.
fn told(row: &Exhibit) -> (&'static str, Cow<'static, str>) {
    let Exhibit { name, summary, ticket, fires, scenario, .. } = *row;
    (name, format!("{summary} ({ticket}); {fires} in {scenario}").into())
}

fn groups() -> Vec<Named> {
    let plain = |rows: &[(&'static str, &'static str)]| rows.iter().map(|row| (row.0, row.1.into())).collect();
    vec![
        ("policies (allocator.policy)", plain(POLICIES)),
        ("chunks (allocator.chunk)", plain(CHUNKS)),
        ("frameworks (frameworks.kind)", plain(&[("batch", "queues jobs of equal tasks and places them on offers")])),
        ("choosers (frameworks.chooser)", CHOOSERS.iter().map(|c| (c.0, c.2.into())).collect()),
        ("fleets (agents.from)", FLEETS.iter().map(|f| (f.name, f.summary.into())).collect()),
        ("workloads (workload.kind)", WORKLOADS.iter().map(|w| (w.name, w.summary.into())).collect()),
        ("faults (fault.kind)", FAULTS.iter().map(|f| (f.0, f.1.into())).collect()),
        ("invariants (check.invariants)", INVARIANTS.iter().map(|i| (i.0, i.1.into())).collect()),
        ("bugs (run --bug, test --bug)", BUGS.iter().map(told).collect()),
        ("figures", FIGURES.iter().map(|f| (f.name, f.title.into())).collect()),
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
