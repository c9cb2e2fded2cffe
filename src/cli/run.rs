//! `mesosim run SCENARIO`: one run, its summary, its results.

use super::validate::instant_note;
use super::replay::{self, quoted, report_broken, report_missed};
use super::{Failure, in_data, load, on_terminal, print};
use crate::actor::bug::{self, BUGS, Exhibit};
use crate::base::suggest;
use crate::base::dice::Dice;
use crate::base::quantity::{KINDS, Milli, Quantities};
use crate::base::time::{Span, Time};
use crate::frameworks::execute::command;
use crate::mesos::allocator::policy::{self, PolicyUser, Sharing};
use crate::replay::{Init, Tape};
use crate::report;
use crate::scenario::Scenario;
use crate::scenario::model::Role;
use crate::scenario::units::parse_span;
use crate::sim::{Broken, Finished, Progress, Sim, Stop, Watcher};
use crate::world::sabotage::{self, SABOTEURS, Saboteur};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Run a scenario and write its results.
#[derive(Args)]
pub(super) struct Arguments {
    /// The scenario file (TOML).
    scenario: PathBuf,
    /// Override a key of the scenario, e.g. `--set allocator.policy=random`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Override the seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Folder of the results [default: results/NAME].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Folder with the data files that the scenario names.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Run this explicit list of faults (a `faults.toml` of an earlier run) instead of the
    /// scenario's.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// End at this instant, e.g. 30m.
    #[arg(long, value_name = "TIME", value_parser = parse_span)]
    until: Option<Span>,
    /// No progress and no summary.
    #[arg(long)]
    quiet: bool,
    /// Print summary.json on standard output, and nothing else there.
    #[arg(long)]
    json: bool,
    /// Figures as PNG too.
    #[cfg(feature = "png")]
    #[arg(long)]
    png: bool,
    /// Write no files.
    #[arg(long)]
    no_report: bool,
    /// Check no invariants.
    #[arg(long)]
    no_check: bool,
    /// Write `run.trace` into the results: one line a transition.
    #[arg(long)]
    trace: bool,
    /// Write every draw by name, `site entity n value`, to a file.
    #[arg(long, value_name = "FILE")]
    log_decisions: Option<PathBuf>,
    /// Replace draws by name with those of such a file.
    #[arg(long, value_name = "FILE")]
    decisions: Option<PathBuf>,
    /// Write what the allocator is told and offers, as cases for `mesosim allocator replay`.
    #[arg(long, value_name = "FILE")]
    record_allocator: Option<PathBuf>,
    /// Make every heartbeat, idle or not (for checking that it changes nothing).
    #[arg(long, hide = true)]
    eager: bool,
    /// Show an old bug again; `mesosim plugins` lists them with their tickets.
    #[arg(long, value_name = "NAME", value_parser = exhibit)]
    bug: Option<&'static Exhibit>,
    /// Make cores misbehave (for seeing what checks say of it).
    #[arg(long, hide = true, value_name = "NAME", value_parser = saboteur)]
    sabotage: Option<&'static Saboteur>,
}

/// # Errors
/// The names that there are.
pub(super) fn exhibit(name: &str) -> Result<&'static Exhibit, String> {
    bug::by_name(name).ok_or_else(|| {
        let names: Vec<&str> = BUGS.iter().map(|row| row.name).collect();
        match suggest::nearest(name, &names) {
            Some(near) => format!("there is no such bug; did you mean `{near}`?"),
            None => format!("there is no such bug; there are {}", names.join(", ")),
        }
    })
}

/// # Errors
/// The names that there are.
pub(super) fn saboteur(name: &str) -> Result<&'static Saboteur, String> {
    sabotage::by_name(name).ok_or_else(|| {
        let names: Vec<&str> = SABOTEURS.iter().map(|row| row.name).collect();
        format!("there is no such sabotage; there are {}", names.join(", "))
    })
}

struct Terminal {
    bar: Option<ProgressBar>,
    trace: Option<(BufWriter<File>, PathBuf)>,
    failed: Option<String>,
}

impl Watcher for Terminal {
    fn progress(&mut self, progress: Progress) {
        if let Some(bar) = &self.bar {
            bar.set_position((progress.now.0 / 1_000_000_000) as u64);
            bar.set_message(format!("{} events", progress.events));
        }
    }
    fn wants_trace(&self) -> bool {
        self.trace.is_some()
    }
    fn trace(&mut self, line: &str) {
        if let Some((file, path)) = &mut self.trace
            && let Err(e) = writeln!(file, "{line}")
        {
            self.failed.get_or_insert_with(|| format!("cannot write {}: {e}", path.display()));
        }
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|e| Failure::Input(format!("error: cannot read {}: {e}\nhelp: check the path", path.display())))
}

/// A `faults.toml` as an override of the scenario's key `fault`.
fn fault_override(path: &Path) -> Result<(String, String), Failure> {
    let text = read(path)?;
    let wrong = |e: String| Failure::Input(format!("error: {}: {e}\nhelp: give a faults.toml", path.display()));
    let table: toml::Table = text.parse().map_err(|e: toml::de::Error| wrong(e.to_string()))?;
    if let Some(key) = table.keys().find(|key| *key != "fault") {
        return Err(wrong(format!("unexpected key `{key}`")));
    }
    let list = table.get("fault").cloned().unwrap_or(toml::Value::Array(Vec::new()));
    Ok(("fault".to_owned(), list.to_string()))
}

/// Writes the allocator down, set up as the scenario says.
fn tape(path: &Path, scenario: &Scenario) -> Result<Tape, Failure> {
    let allocator = &scenario.allocator;
    if allocator.chunk.kind != "whole" {
        let text = "error: --record-allocator: a case cannot tell the chunk policy";
        return Err(Failure::Input(format!("{text}\nhelp: add --set allocator.chunk=whole")));
    }
    struct Steady;
    impl PolicyUser for Steady {
        type Out = bool;
        fn call<S: Sharing + std::fmt::Debug>(self, _: S) -> bool {
            S::STEADY
        }
    }
    if !policy::with(&allocator.policy.kind, Steady).unwrap_or(true) {
        let text = format!("error: --record-allocator: a case cannot tell the draws of `{}`", allocator.policy.kind);
        return Err(Failure::Input(format!("{text}\nhelp: record a policy that does not draw")));
    }
    must_be_a_file(path)?;
    let amounts = |set: &Quantities| {
        let all = KINDS.iter().zip(set.0).filter(|(_, amount)| *amount > 0);
        all.map(|(name, amount)| ((*name).to_owned(), Milli(amount))).collect()
    };
    let init = Init {
        allocation_interval: allocator.allocation_interval,
        min_allocatable: allocator.min_allocatable_resources.iter().map(amounts).collect(),
        fairness_exclude: allocator.fair_sharing_excluded_resource_names.iter().cloned().collect(),
        filter_gpu: allocator.filter_gpu_resources,
        sorter: allocator.policy.kind.clone(),
        ..Init::default()
    };
    let weights = scenario.roles.iter().map(|role| (role.name.clone(), role.weight)).collect();
    let pairs = |amounts: &[(String, Milli)]| amounts.iter().cloned().collect();
    let with_quota = scenario.roles.iter().filter(|role| !(role.guarantee.is_empty() && role.limit.is_empty()));
    let quota = |role: &Role| (role.name.clone(), pairs(&role.guarantee), pairs(&role.limit));
    Ok(Tape::new(&scenario.name, init, weights, with_quota.map(quota).collect()))
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let mut more = Vec::new();
    if let Some(seed) = arguments.seed {
        more.push(("seed".to_owned(), seed.to_string()));
    }
    if let Some(path) = &arguments.faults {
        more.push(fault_override(path)?);
    }
    let mut scenario = load(&arguments.scenario, &arguments.set, arguments.data.as_deref(), more)?;
    if let Some(until) = arguments.until {
        scenario.duration = scenario.duration.min(until);
    }
    let plots = scenario.report.plots;
    let out = arguments.out.clone().unwrap_or_else(|| Path::new("results").join(&scenario.name));
    let toml_text = scenario.toml_text.clone();
    let end = Time(scenario.duration.0);

    let refused = |e: crate::scenario::Error| Failure::Input(e.render(on_terminal()));
    let tape = arguments.record_allocator.as_deref().map(|path| tape(path, &scenario)).transpose()?;
    let mut dice = Dice::new(scenario.seed);
    if arguments.log_decisions.is_some() {
        dice.log_decisions();
    }
    if let Some(path) = &arguments.decisions {
        let text = read(path)?;
        dice.override_from(&text).map_err(|line| {
            let help = "a line is: site entity n value";
            Failure::Input(format!("error: {}:{line}: not a decision\nhelp: {help}", path.display()))
        })?;
    }
    let mut sim = Sim::with_dice(scenario, !arguments.no_check, dice).map_err(refused)?;
    if let Some(tape) = &tape {
        sim.world_mut().wrap_allocator(|allocator| tape.wrap(allocator));
    }
    if arguments.eager {
        sim.world_mut().make_all_beats();
    }
    if let Some(exhibit) = arguments.bug {
        sim.world_mut().show_bug(exhibit.bug);
    }
    if let Some(saboteur) = arguments.sabotage {
        sim.world_mut().sabotage_all(saboteur);
    }

    let mut terminal = Terminal { bar: None, trace: None, failed: None };
    if !arguments.quiet && !arguments.json && on_terminal() {
        let style = ProgressStyle::with_template("{bar:40} {percent}% of simulated time, {msg}, {eta} left")
            .expect("a valid template");
        terminal.bar = Some(ProgressBar::new((end.0 / 1_000_000_000) as u64).with_style(style));
    }
    // What cannot be written is said before hours are spent, and before anything else is written.
    if let Some(path) = &arguments.log_decisions {
        must_be_a_file(path)?;
    }
    let mut partial = PathBuf::new();
    if !arguments.no_report {
        // The trace is written beside its place and moved there at the end.
        partial = place_beside(&out)?;
    }
    if arguments.trace && !arguments.no_report {
        let file = File::create(&partial).map_err(|e| cannot_write(&out, &e))?;
        terminal.trace = Some((BufWriter::new(file), partial.clone()));
    }
    std::panic::set_hook(Box::new(|_| {}));
    let finished = sim.run(&mut terminal);
    let _ = std::panic::take_hook();
    if let Some(bar) = terminal.bar.take() {
        bar.finish_and_clear();
    }
    let traced = terminal.trace.take().map(|(mut file, _)| file.flush());
    let finished = finished.map_err(|stop| {
        let _ = std::fs::remove_file(&partial);
        match stop {
            Stop::Scenario(e) => refused(e),
            Stop::Input(told) => in_data(&told),
        }
    })?;

    if !arguments.no_report {
        let verdict = to_verdict(&arguments, &finished);
        let content = report::page::Content {
            recording: &finished.recording,
            manifest: &finished.manifest,
            summary: &finished.summary,
            verdict: &verdict,
            scenario: &toml_text,
        };
        let mut files = report::render(content, drawing(&arguments, plots));
        if !finished.faults_toml.is_empty() {
            files.push(report::FAULTS_FILE, finished.faults_toml.clone());
        }
        let responses = finished.responses();
        if !responses.is_empty() {
            files.push(report::RESPONSES_FILE, responses);
        }
        let now = finished.world.now();
        for sandbox in &finished.sandboxes {
            for (file, name) in [command::File::Stdout, command::File::Stderr].into_iter().zip(report::SANDBOX_FILES) {
                if let Some(text) = sandbox.file(file, now) {
                    files.push(report::sandbox_path(&sandbox.name, name), text);
                }
            }
        }
        let written = report::write_results(&out, &files);
        if written.is_err() {
            let _ = std::fs::remove_file(&partial);
        }
        written.map_err(|e| Failure::Input(format!("error: {e}")))?;
        if let Some(flushed) = traced {
            let target = out.join(report::TRACE_FILE);
            flushed.and_then(|()| std::fs::rename(&partial, &target)).map_err(|e| cannot_write(&target, &e))?;
        }
        if let Some(text) = terminal.failed {
            return Err(Failure::Input(format!("error: {text}")));
        }
    }
    if let Some(path) = &arguments.log_decisions {
        write_decisions(path, &finished)?;
    }
    if let (Some(path), Some(tape)) = (&arguments.record_allocator, tape) {
        std::fs::write(path, tape.finish()).map_err(|e| cannot_write(path, &e))?;
    }
    if arguments.json {
        print(&finished.summary.to_json());
    } else if !arguments.quiet {
        print(&report::summary_text(&finished.summary, &finished.expectations));
        if let Some(note) = instant_note(&finished.world) {
            print(&format!("{note}\n"));
        }
        if !arguments.no_report {
            print(&format!("results in {}\n", out.display()));
            if plots {
                print(&format!("report in {}\n", out.join(report::page::FILE).display()));
            }
        }
    }
    verdict(&arguments, &finished)
}

fn drawing(arguments: &Arguments, plots: bool) -> report::Drawing {
    #[cfg(feature = "png")]
    if arguments.png {
        return report::Drawing::Png;
    }
    let _ = arguments;
    if plots { report::Drawing::Svg } else { report::Drawing::None }
}

/// What the results say of how the run went.
fn to_verdict(arguments: &Arguments, finished: &Finished) -> report::Verdict {
    let breach = |b: &Broken| report::Breach { what: b.what.clone(), at_ns: b.at.0, text: b.text.clone() };
    report::Verdict {
        // Results are handed on: where data lies on this machine is nobody's business.
        replay: command(arguments, finished, arguments.data.as_ref().map(|_| Path::new("DIR")), ""),
        expectations: finished.expectations.clone(),
        checked: !arguments.no_check,
        broken: finished.broken.as_ref().map(breach),
    }
}

fn cannot_write(path: &Path, e: &std::io::Error) -> Failure {
    Failure::Input(format!("error: cannot write {}: {e}\nhelp: choose another folder with --out", path.display()))
}

/// A path for a file that will be renamed into the folder `out`, which need not exist: in the
/// nearest folder that does, which is shown to be writable.
fn place_beside(out: &Path) -> Result<PathBuf, Failure> {
    let blocked = |what: &Path| {
        let text = format!("error: cannot write {}: {} is a file, not a folder", out.display(), what.display());
        Failure::Input(text + "\nhelp: choose another folder with --out")
    };
    let here = Path::new(".");
    let parents = out.ancestors().map(|path| if path.as_os_str().is_empty() { here } else { path });
    let mut existing = parents.filter(|path| path.exists());
    let folder = existing.next().unwrap_or(here);
    if !folder.is_dir() {
        return Err(blocked(folder));
    }
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    let partial = folder.join(format!(".partial-{name}.trace"));
    File::create(&partial).and_then(|_| std::fs::remove_file(&partial)).map_err(|e| cannot_write(out, &e))?;
    Ok(partial)
}

/// That a file can be put there later, without making it now.
pub(super) fn must_be_a_file(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let what = match (path.is_dir(), folder.is_dir()) {
        (true, _) => "it is a folder".to_owned(),
        (false, false) => format!("there is no folder {}", folder.display()),
        (false, true) => return Ok(()),
    };
    Err(Failure::Input(format!(
        "error: cannot write {}: {what}\nhelp: name a file in a folder that exists",
        path.display()
    )))
}

fn write_decisions(path: &Path, finished: &Finished) -> Result<(), Failure> {
    let lines = finished.world.dice().decisions().iter();
    let text: String = lines.map(|d| format!("{} {} {} {}\n", d.site, d.entity, d.n, d.value)).collect();
    std::fs::write(path, text).map_err(|e| cannot_write(path, &e))
}

/// Says what broke and how to see it again.
fn verdict(arguments: &Arguments, finished: &Finished) -> Result<(), Failure> {
    let mut failed = false;
    if let Some(broken) = &finished.broken {
        eprint!("{}", report_broken(broken, &replay(arguments, finished), finished.manifest.seed));
        failed = true;
    }
    let missed: Vec<_> = finished.expectations.iter().filter(|o| !o.passed).collect();
    for outcome in &missed {
        eprintln!("{}", report_missed(&arguments.scenario, outcome));
        failed = true;
    }
    if !missed.is_empty() {
        eprintln!("seed {}; replay: {}", finished.manifest.seed, replay(arguments, finished));
    }
    if failed { Err(Failure::Broken) } else { Ok(()) }
}

/// The command that makes the same run with a trace.
fn replay(arguments: &Arguments, finished: &Finished) -> String {
    command(arguments, finished, arguments.data.as_deref(), " --trace")
}

/// The command that makes the same run, with the folder `data`.
fn command(arguments: &Arguments, finished: &Finished, data: Option<&Path>, more: &str) -> String {
    let path = |path: &Path| quoted(&path.display().to_string());
    let mut command = replay::command(&arguments.scenario, finished.manifest.seed, &arguments.set, data, more);
    let paths = [("--faults", &arguments.faults), ("--decisions", &arguments.decisions)];
    for (flag, value) in paths {
        if let Some(value) = value {
            command.push_str(&format!(" {flag} {}", path(value)));
        }
    }
    if let Some(until) = arguments.until {
        command.push_str(&format!(" --until {until}"));
    }
    if let Some(exhibit) = arguments.bug {
        command.push_str(&format!(" --bug {}", exhibit.name));
    }
    if let Some(saboteur) = arguments.sabotage {
        command.push_str(&format!(" --sabotage {}", saboteur.name));
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_bug_is_told_the_nearest() {
        assert!(exhibit("launches-unseen").is_ok());
        assert!(exhibit("launch-unseen").is_err_and(|text| text.contains("`launches-unseen`")));
        assert!(exhibit("x").is_err_and(|text| text.contains("standby-expunges, ")));
    }

    #[test]
    fn an_unknown_sabotage_is_told_the_names() {
        assert!(saboteur("forgets-offers").is_ok());
        assert!(saboteur("sleeps").is_err_and(|text| text.contains("forgets-offers, ")));
    }
}
