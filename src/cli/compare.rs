//! `mesosim compare SCENARIO --vary KEY=ONE,OTHER`: variants side by side with common random
//! numbers, and what can be said of their differences.

use super::grid::{self, Seeds};
use super::kept::Kept;
use super::many::{Meter, Quiet, in_order};
use super::replay::{self, quoted, report_broken};
use super::{Failure, in_data, load, on_terminal, print};
use crate::analysis::Comparison;
use crate::analysis::compare::Variant;
use crate::analysis::measure::Measure;
use crate::report::compare as report;
use crate::scenario::Scenario;
use crate::sim::{Sim, Stop};
use clap::Args;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Compare variants of a scenario, run with the same seeds.
#[derive(Args)]
pub(super) struct Arguments {
    /// The scenario file (TOML).
    scenario: PathBuf,
    /// A key and its values, e.g. `--vary allocator.policy=drf,random`; may be repeated for a grid
    /// of all combinations. The first variant is the one that the others are compared with.
    #[arg(long, value_name = "KEY=ONE,OTHER", required = true)]
    vary: Vec<String>,
    /// How many seeds, from the scenario's own on, or the first and the last, e.g. 1..10.
    #[arg(long, value_name = "N|A..B", default_value = "10", value_parser = Seeds::parse)]
    seeds: Seeds,
    /// Metrics to compare, as keys of summary.json, e.g. `waits.NAME.running_s.p99`; may be
    /// repeated [default: waits, shares, utilization, fairness, tasks, offers].
    #[arg(long, value_name = "KEY")]
    metric: Vec<String>,
    /// Override a key in all variants, as in `run`.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Folder with the data files that the scenario names.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Runs at a time [default: as many as there are cores].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    jobs: usize,
    /// Folder of the comparison, in which finished runs are kept [default: results/NAME-compare].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print comparison.json on standard output, and nothing else there.
    #[arg(long)]
    json: bool,
    /// No progress and no table.
    #[arg(long)]
    quiet: bool,
    /// Write no files, keep no runs.
    #[arg(long)]
    no_report: bool,
    /// Check no invariants.
    #[arg(long)]
    no_check: bool,
}

/// One run to make.
struct Task {
    variant: usize,
    seed: u64,
}

/// What became of it.
enum Made {
    Run { summary: Value, kept: bool },
    Broken(String),
    Refused(String),
}

impl Arguments {
    fn scenario(&self, variant: &Variant, seed: u64) -> Result<Scenario, Failure> {
        let mut more = variant.overrides.clone();
        more.push(("seed".to_owned(), seed.to_string()));
        load(&self.scenario, &self.set, self.data.as_deref(), more)
    }

    /// The command that makes the same comparison.
    fn again(&self) -> String {
        let mut command = format!("mesosim compare {}", quoted(&self.scenario.display().to_string()));
        let seeds = match self.seeds {
            Seeds::Count(n) => n.to_string(),
            Seeds::Range(first, last) => format!("{first}..{last}"),
        };
        for (flag, values) in
            [("--vary", &self.vary), ("--seeds", &vec![seeds]), ("--metric", &self.metric), ("--set", &self.set)]
        {
            values.iter().for_each(|value| command.push_str(&format!(" {flag} {}", quoted(value))));
        }
        if let Some(data) = &self.data {
            command.push_str(&format!(" --data {}", quoted(&data.display().to_string())));
        }
        command
    }
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let variants = grid::variants(&arguments.vary)?;
    let own = load(&arguments.scenario, &arguments.set, arguments.data.as_deref(), Vec::new())?;
    let seeds = arguments.seeds.list(own.seed);
    if seeds.len() < 2 {
        let text = "error: an interval needs at least two seeds, and one is given\nhelp: write --seeds 10";
        return Err(Failure::Input(text.into()));
    }
    // Everything that can be wrong is said before the first run.
    let mut lengths_s = Vec::new();
    for variant in &variants {
        let scenario = arguments.scenario(variant, seeds[0])?;
        lengths_s.push(scenario.duration.0.max(0) as u64 / 1_000_000_000);
        let sim = Sim::of(scenario, false).map_err(|e| Failure::Input(e.render(on_terminal())))?;
        for key in &arguments.metric {
            sim.find_metric(key).map_err(|told| in_data(&told))?;
        }
    }
    let out = arguments.out.clone();
    let out = out.unwrap_or_else(|| Path::new("results").join(format!("{}-compare", own.name)));
    let kept = if arguments.no_report { None } else { keep_in(&out)? };

    let (summaries, found) = make(&arguments, &variants, &seeds, &lengths_s, kept.as_ref())?;
    let measures = match arguments.metric[..] {
        [] => Measure::defaults(&summaries.concat()),
        _ => arguments.metric.iter().map(|key| Measure::of(key)).collect(),
    };
    let comparison = Comparison::of(&own.name, variants, &seeds, &summaries, measures);
    if !arguments.no_report {
        let files = report::render(&comparison, &arguments.again());
        files.write(&out, &[]).map_err(|e| Failure::Input(format!("error: {e}")))?;
    }
    if arguments.json {
        print(&report::json(&comparison));
    } else if !arguments.quiet {
        print(&report::terminal(&comparison));
        let all = summaries.iter().map(Vec::len).sum::<usize>();
        if !arguments.no_report {
            let before = if found > 0 { format!(", {found} of them made before") } else { String::new() };
            print(&format!("\n{all} runs{before}; results in {}\n", out.display()));
        }
    }
    Ok(())
}

/// The folder for finished runs, shown to be writable.
fn keep_in(out: &Path) -> Result<Option<Kept>, Failure> {
    let folder = out.join("runs");
    let blocked = out.ancestors().any(|path| path.is_file());
    let kept = if blocked { Err(std::io::ErrorKind::NotADirectory.into()) } else { Kept::new(&folder) };
    kept.map_err(|e| cannot_write(&folder, &e))
}

fn cannot_write(path: &Path, e: &std::io::Error) -> Failure {
    Failure::Input(format!("error: cannot write {}: {e}\nhelp: choose another folder with --out", path.display()))
}

/// Makes all runs, or finds them; summaries by variant and seed, and how many were found.
fn make(
    arguments: &Arguments,
    variants: &[Variant],
    seeds: &[u64],
    lengths_s: &[u64],
    kept: Option<&Kept>,
) -> Result<(Vec<Vec<Value>>, usize), Failure> {
    // Seed by seed, so that an interrupted comparison has pairs.
    let all = seeds.iter().flat_map(|&seed| (0..variants.len()).map(move |variant| Task { variant, seed }));
    let tasks: Vec<Task> = all.collect();
    let total_s = lengths_s.iter().sum::<u64>() * seeds.len() as u64;
    let shown = on_terminal() && !arguments.quiet && !arguments.json;
    let meter = Meter::new(shown, tasks.len(), total_s);
    let mut summaries: Vec<Vec<Value>> = vec![Vec::new(); variants.len()];
    let (mut found, mut failure) = (0, None);
    let quiet = Quiet::new();
    let work = |task: &Task| make_one(arguments, &variants[task.variant], task.seed, kept, &meter);
    in_order(&tasks, arguments.jobs, work, |i, made| {
        meter.tell(i + 1);
        match made {
            Made::Run { summary, kept } => {
                found += usize::from(kept);
                summaries[tasks[i].variant].push(summary);
            }
            Made::Broken(text) => failure = Some((text, Failure::Broken)),
            Made::Refused(text) => failure = Some((String::new(), Failure::Input(text))),
        }
        failure.is_none()
    })?;
    drop(quiet);
    meter.clear();
    match failure {
        None => Ok((summaries, found)),
        Some((text, failure)) => {
            eprint!("{text}");
            Err(failure)
        }
    }
}

fn make_one(arguments: &Arguments, variant: &Variant, seed: u64, kept: Option<&Kept>, meter: &Meter) -> Made {
    let scenario = match arguments.scenario(variant, seed) {
        Ok(scenario) => scenario,
        Err(Failure::Input(text)) => return Made::Refused(text),
        Err(Failure::Broken) => return Made::Broken(String::new()),
    };
    let mut watcher = meter.of_run(scenario.duration.0.max(0) as u64 / 1_000_000_000);
    if let Some(summary) = kept.and_then(|kept| kept.find(&scenario)) {
        return Made::Run { summary, kept: true };
    }
    let finished = match Sim::of(scenario.clone(), !arguments.no_check).map(|sim| sim.run(&mut watcher)) {
        Ok(Ok(finished)) => finished,
        Ok(Err(Stop::Input(told))) => match in_data(&told) {
            Failure::Input(text) => return Made::Refused(text),
            Failure::Broken => return Made::Broken(told),
        },
        Ok(Err(Stop::Scenario(e))) | Err(e) => return Made::Refused(e.render(on_terminal())),
    };
    if let Some(broken) = &finished.broken {
        let varied = variant.overrides.iter().map(|(key, value)| format!("{key}={value}"));
        let set: Vec<String> = arguments.set.iter().cloned().chain(varied).collect();
        let command = replay::command(&arguments.scenario, seed, &set, arguments.data.as_deref(), " --trace");
        return Made::Broken(report_broken(broken, &command, seed));
    }
    // Through text, as if it had been kept: found and made are the same to the bit.
    let summary: Value = serde_json::from_str(&finished.summary.to_json()).unwrap_or(Value::Null);
    if let Some(Err(e)) = kept.map(|kept| kept.keep(&scenario, &summary)) {
        return match cannot_write(Path::new("the finished run"), &e) {
            Failure::Input(text) => Made::Refused(text),
            Failure::Broken => Made::Broken(String::new()),
        };
    }
    Made::Run { summary, kept: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    #[test]
    fn the_command_can_be_given_again() {
        let words = "x a.toml --vary allocator.policy=drf,random --seeds 2..5 --set name='b_c' --data d".split(' ');
        let line = Line::try_parse_from(words).unwrap_or_else(|e| panic!("{e}"));
        let again = "mesosim compare a.toml --vary allocator.policy=drf,random --seeds 2..5 --set 'name='\\''b_c'\\'''";
        assert_eq!(line.arguments.again(), format!("{again} --data d"));
        assert!(Line::try_parse_from(["x", "a.toml"]).is_err(), "nothing is varied");
    }
}
