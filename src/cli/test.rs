//! `mesosim test FOLDER|FILES`: scenarios as regression tests: do their expectations and all
//! invariants hold, with one seed or with many?

use super::grid::Seeds;
use super::many::{Meter, Quiet, in_order};
use super::replay::{self, report_broken, report_missed};
use super::{Failure, in_data, load, on_terminal, overrides};
use crate::actor::bug::Exhibit;
use crate::report::junit::{Case, CaseOutcome, junit};
use crate::scenario::Scenario;
use crate::scenario::file::NOT_SHIPPED;
use crate::sim::{Finished, Sim, Stop};
use crate::world::sabotage::Saboteur;
use clap::Args;
use std::path::{Path, PathBuf};

#[expect(clippy::disallowed_types, reason = "how long a test took for those who wait; no run sees it")]
use std::time::Instant;

/// Last events that are shown of a violation; the replay shows all.
const EVENTS: usize = 8;

/// Run scenarios as tests of their expectations and of all invariants.
#[derive(Args)]
pub(super) struct Arguments {
    /// Scenario files, or folders in which all .toml files are scenarios, those below included.
    #[arg(required = true, value_name = "FOLDER|FILE")]
    paths: Vec<PathBuf>,
    /// Run each with these seeds, e.g. 1..20, or with so many from its own on [default: its own].
    #[arg(long, value_name = "A..B|N", value_parser = Seeds::parse)]
    seeds: Option<Seeds>,
    /// Write the results as JUnit XML.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Override a key in all scenarios, as in `run`.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Folder with the data files that the scenarios name.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Runs at a time [default: as many as there are cores].
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    jobs: usize,
    /// Print only what fails, and the summary.
    #[arg(long)]
    quiet: bool,
    /// Show an old bug again in every run; `mesosim plugins` lists them.
    #[arg(long, value_name = "NAME", value_parser = super::run::exhibit)]
    bug: Option<&'static Exhibit>,
    /// Make cores misbehave (for seeing what a failing test looks like).
    #[arg(long, hide = true, value_name = "NAME", value_parser = super::run::saboteur)]
    sabotage: Option<&'static Saboteur>,
}

/// One run to make.
enum Task {
    Run {
        path: PathBuf,
        seed: u64,
        length_s: u64,
    },
    /// Its data is not part of what we ship, and is not there.
    Skip {
        path: PathBuf,
        why: String,
    },
}

/// What became of it: the line for people and the case for machines.
struct Judged {
    line: String,
    case: Case,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    #[expect(clippy::disallowed_types, reason = "see above")]
    let began = Instant::now();
    if let Some(path) = &arguments.junit {
        super::run::must_be_a_file(path)?;
    }
    let files = scenarios(&arguments.paths)?;
    let tasks = tasks(&arguments, &files)?;
    let length_s = |task: &Task| if let Task::Run { length_s, .. } = task { *length_s } else { 0 };
    let meter = Meter::new(on_terminal() && !arguments.quiet, tasks.len(), tasks.iter().map(length_s).sum());
    let mut cases = Vec::new();
    let quiet = Quiet::new();
    in_order(&tasks, arguments.jobs, |task| judge(&arguments, task, &meter), |i, judged| {
        let good = matches!(judged.case.outcome, CaseOutcome::Passed);
        if !good || !arguments.quiet {
            meter.print(&judged.line);
        }
        meter.tell(i + 1);
        cases.push(judged.case);
        true
    })?;
    drop(quiet);
    meter.clear();
    if let Some(path) = &arguments.junit {
        write(path, &junit("mesosim test", &cases))?;
    }
    let count = |wanted: fn(&CaseOutcome) -> bool| cases.iter().filter(|case| wanted(&case.outcome)).count();
    let failed = count(|o| matches!(o, CaseOutcome::Failed { .. }));
    let errors = count(|o| matches!(o, CaseOutcome::Error { .. }));
    let counts = [
        (count(|o| matches!(o, CaseOutcome::Passed)), "passed"),
        (failed, "failed"),
        (errors, "could not be run"),
        (count(|o| matches!(o, CaseOutcome::Skipped { .. })), "skipped"),
    ];
    let said: Vec<String> =
        counts.iter().filter(|(n, what)| *n > 0 || *what == "passed").map(|(n, what)| format!("{n} {what}")).collect();
    super::print(&format!("{} in {:.1} s\n", said.join(", "), began.elapsed().as_secs_f64()));
    match (errors, failed) {
        (0, 0) => Ok(()),
        (0, _) => Err(Failure::Broken),
        _ => Err(Failure::Input("error: not all could be run\nhelp: mend what is said above".into())),
    }
}

/// The files, and those in folders by name.
fn scenarios(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut found = Vec::new();
        below(path, &mut found).map_err(|e| {
            Failure::Input(format!("error: cannot read {}: {e}\nhelp: check that it may be read", path.display()))
        })?;
        if found.is_empty() {
            let text = format!("error: there is no .toml file in {}\nhelp: name a folder of scenarios", path.display());
            return Err(Failure::Input(text));
        }
        found.sort();
        files.append(&mut found);
    }
    Ok(files)
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            below(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            found.push(path);
        }
    }
    Ok(())
}

/// What is to be run. All files are read first: what is wrong with any is said before any runs.
fn tasks(arguments: &Arguments, files: &[PathBuf]) -> Result<Vec<Task>, Failure> {
    let (mut tasks, mut wrong) = (Vec::new(), Vec::new());
    let set = overrides(&arguments.set, Vec::new())?;
    for path in files {
        match Scenario::load(path, &set, arguments.data.as_deref()) {
            Ok(scenario) => {
                let length_s = scenario.duration.0.max(0) as u64 / 1_000_000_000;
                let own = scenario.seed;
                if let Err(e) = Sim::of(scenario, true) {
                    wrong.push(e.render(on_terminal()));
                    continue;
                }
                let seeds = arguments.seeds.map_or(vec![own], |seeds| seeds.list(own));
                tasks.extend(seeds.into_iter().map(|seed| Task::Run { path: path.clone(), seed, length_s }));
            }
            // Only for data that nobody can expect to be there; a wrong path is a mistake.
            // Only for data that nobody can expect to be there; a wrong path is a mistake.
            Err(e) if e.to_string().lines().all(|mistake| mistake.contains(NOT_SHIPPED)) => {
                let why = "its data is not here; give its folder with --data DIR".to_owned();
                tasks.push(Task::Skip { path: path.clone(), why });
            }
            Err(e) => wrong.push(e.render(on_terminal())),
        }
    }
    if wrong.is_empty() { Ok(tasks) } else { Err(Failure::Input(wrong.join("\n\n"))) }
}

fn judge(arguments: &Arguments, task: &Task, meter: &Meter) -> Judged {
    let (path, seed, length_s) = match task {
        Task::Run { path, seed, length_s } => (path, *seed, *length_s),
        Task::Skip { path, why } => {
            let class = path.display().to_string();
            let line = format!("skip  {class}: {why}\n");
            let outcome = CaseOutcome::Skipped { why: why.clone() };
            return Judged { line, case: Case { class, name: "not run".into(), seconds: 0.0, outcome } };
        }
    };
    #[expect(clippy::disallowed_types, reason = "see above")]
    let began = Instant::now();
    let class = path.display().to_string();
    let (outcome, said) = match finish(arguments, path, seed, meter, length_s) {
        Err(text) => {
            let what = text.lines().next().unwrap_or_default().to_owned();
            (CaseOutcome::Error { what, text: text.clone() }, format!("ERROR {class}  seed {seed}\n{}", indented(&text)))
        }
        Ok((finished, checked)) => {
            let set = &arguments.set;
            let mut command = replay::command(path, seed, set, arguments.data.as_deref(), " --trace");
            if let Some(exhibit) = arguments.bug {
                command.push_str(&format!(" --bug {}", exhibit.name));
            }
            if let Some(saboteur) = arguments.sabotage {
                command.push_str(&format!(" --sabotage {}", saboteur.name));
            }
            match failures(path, &finished, &command) {
                None => {
                    let held = plural(finished.expectations.len(), "expectation");
                    let checked = plural(checked, "invariant");
                    let line = format!("ok    {class}  seed {seed}  {held}, {checked}\n");
                    (CaseOutcome::Passed, line)
                }
                Some((what, text)) => {
                    let line = format!("FAIL  {class}  seed {seed}\n{}", indented(&text));
                    (CaseOutcome::Failed { what, text }, line)
                }
            }
        }
    };
    let seconds = began.elapsed().as_secs_f64();
    Judged { line: said, case: Case { class, name: format!("seed {seed}"), seconds, outcome } }
}

fn plural(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("      {line}\n")).collect()
}

/// The run, and how many invariants were checked.
fn finish(
    arguments: &Arguments,
    path: &Path,
    seed: u64,
    meter: &Meter,
    length_s: u64,
) -> Result<(Finished, usize), String> {
    let text = |failure| if let Failure::Input(text) = failure { text } else { String::new() };
    let more = vec![("seed".to_owned(), seed.to_string())];
    let scenario: Scenario = load(path, &arguments.set, arguments.data.as_deref(), more).map_err(text)?;
    let names: Vec<&str> = crate::check::INVARIANTS.iter().map(|row| row.0).collect();
    let rendered = |e: crate::scenario::Error| e.render(on_terminal());
    let checked = scenario.check.select(&names).map_err(rendered)?.len();
    let mut sim = Sim::of(scenario, true).map_err(rendered)?;
    if let Some(exhibit) = arguments.bug {
        sim.world_mut().show_bug(exhibit.bug);
    }
    if let Some(saboteur) = arguments.sabotage {
        sim.world_mut().sabotage_all(saboteur);
    }
    let finished = sim.run(&mut meter.of_run(length_s)).map_err(|stop| match stop {
        Stop::Scenario(e) => rendered(e),
        Stop::Input(told) => text(in_data(&told)),
    })?;
    Ok((finished, checked))
}

/// What did not hold: a line, and all that is needed to see it again. `None` if all held.
fn failures(path: &Path, finished: &Finished, command: &str) -> Option<(String, String)> {
    let missed: Vec<String> =
        finished.expectations.iter().filter(|o| !o.passed).map(|o| report_missed(path, o)).collect();
    if let Some(broken) = &finished.broken {
        let mut broken = broken.clone();
        broken.tail.drain(..broken.tail.len().saturating_sub(EVENTS));
        let what = format!("violated: {} at {}: {}", broken.what, broken.at, broken.text);
        return Some((what, report_broken(&broken, command, finished.manifest.seed)));
    }
    let first = missed.first()?.clone();
    Some((first, format!("{}\nreplay: {command}\n", missed.join("\n"))))
}

/// Writes a file aside and moves it into place.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".partial");
    let partial = path.with_file_name(name);
    let written = std::fs::write(&partial, text).and_then(|()| std::fs::rename(&partial, path));
    written.map_err(|e| {
        Failure::Input(format!("error: cannot write {}: {e}\nhelp: name another file with --junit", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_searched_in_order() {
        let folder = std::env::temp_dir().join(format!("mesosim-test-command-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(folder.join("b/c")).unwrap();
        for file in ["z.toml", "a.toml", "b/m.toml", "b/c/n.toml", "b/x.json"] {
            std::fs::write(folder.join(file), "").unwrap();
        }
        let Ok(found) = scenarios(&[folder.clone(), PathBuf::from("one.toml")]) else { panic!("it can be read") };
        let names: Vec<String> =
            found.iter().map(|p| p.strip_prefix(&folder).unwrap_or(p).display().to_string()).collect();
        assert_eq!(names, ["a.toml", "b/c/n.toml", "b/m.toml", "z.toml", "one.toml"]);
        std::fs::remove_file(folder.join("b/m.toml")).unwrap();
        std::fs::remove_file(folder.join("b/c/n.toml")).unwrap();
        assert!(matches!(scenarios(&[folder.join("b")]), Err(Failure::Input(text)) if text.contains("no .toml file")));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
