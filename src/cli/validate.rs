//! `mesosim validate SCENARIO...`: read scenarios to the last line of their traces, run nothing.

use super::{Failure, in_data, load, on_terminal, print};
use crate::sim::Sim;
use crate::world::World;
use clap::Args;
use std::path::PathBuf;

/// Check scenarios and the files they read, without running them.
#[derive(Args)]
pub(super) struct Arguments {
    /// The scenario files (TOML).
    #[arg(required = true)]
    scenarios: Vec<PathBuf>,
    /// Override a key, as in `run`.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Folder with the data files that the scenarios name.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let mut wrong = Vec::new();
    for path in &arguments.scenarios {
        match check(path, &arguments) {
            Ok(line) => print(&format!("{}: {line}\n", path.display())),
            Err(Failure::Input(text)) => wrong.push(text),
            Err(other) => return Err(other),
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Failure::Input(wrong.join("\n\n"))) }
}

/// What apps fetch without a size takes no time, which may not be what was meant.
pub(super) fn instant_note(world: &World) -> Option<String> {
    const NAMED: usize = 3;
    let all = world.instant_downloads();
    if all.is_empty() {
        return None;
    }
    let named: Vec<String> = all.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
    let more = if all.len() > NAMED { format!(" and {} more", all.len() - NAMED) } else { String::new() };
    Some(format!("note: without a size in [sizes], so fetched in no time: {}{more}", named.join(", ")))
}

fn check(path: &std::path::Path, arguments: &Arguments) -> Result<String, Failure> {
    let scenario = load(path, &arguments.set, arguments.data.as_deref(), Vec::new())?;
    let (hosts, frameworks) = (scenario.fleets.iter().map(|f| f.hosts.len()).sum::<usize>(), scenario.frameworks.len());
    let duration = scenario.duration;
    let mut finite = 0;
    let refused = |e: crate::scenario::Error| Failure::Input(e.render(on_terminal()));
    for source in crate::workload::build_all(&scenario).map_err(refused)? {
        finite += source.census().map_err(|told| in_data(&told))?.map_or(0, |c| c.jobs);
    }
    let faults = scenario.faults.len();
    let sim = Sim::of(scenario, true).map_err(refused)?;
    let note = instant_note(sim.world()).map_or(String::new(), |note| format!("\n{note}"));
    Ok(format!(
        "good: {hosts} agents, {frameworks} frameworks, {finite} jobs in traces, {faults} fault sections, {duration}{note}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_an_input_error() {
        let arguments = Arguments { scenarios: vec!["no/such.toml".into()], set: vec![], data: None };
        assert!(matches!(run(arguments), Err(Failure::Input(text)) if text.contains("no/such.toml")));
    }
}
