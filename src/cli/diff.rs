//! `mesosim diff A B`: the first event at which two runs part, what led there, and how their
//! summaries differ.
//!
//! A side is a scenario with a seed, or a results folder. Folders that both hold a trace are
//! compared by their traces, so that what two builds of the program did can be told apart;
//! anything else is run again, side by side, a few thousand events at a time.

use super::{Failure, in_data, load, on_terminal, print};
use crate::analysis::measure::Measure;
use crate::analysis::metric::{keys, metric};
use crate::base::id::{Names, Symbol};
use crate::fact::{At, Fact};
use crate::record::{Manifest, trace};
use crate::report::TRACE_FILE;
use crate::scenario::Scenario;
use crate::sim::{Sim, Stop, Stretch};
use clap::Args;
use serde_json::Value;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};

/// Differences of summaries that are listed.
const LISTED: usize = 24;

/// Find the first event at which two runs part.
#[derive(Args)]
pub(super) struct Arguments {
    /// A scenario file, or the results folder of a run.
    a: PathBuf,
    /// The other one.
    b: PathBuf,
    /// Override the seed of the first.
    #[arg(long, value_name = "N")]
    seed_a: Option<u64>,
    /// Override the seed of the second.
    #[arg(long, value_name = "N")]
    seed_b: Option<u64>,
    /// Override a key of the first, as in `run`.
    #[arg(long, value_name = "KEY=VALUE")]
    set_a: Vec<String>,
    /// Override a key of the second.
    #[arg(long, value_name = "KEY=VALUE")]
    set_b: Vec<String>,
    /// Folder with the data files that the scenarios name.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// How many events before the parting are shown, and how many of each side after it.
    #[arg(long, value_name = "N", default_value_t = 10)]
    context: usize,
}

/// One event of a run.
#[derive(Clone)]
enum Event {
    Fact(At<Fact>),
    /// A line of a trace.
    Line(String),
}

/// How a run ended: what its folder says of it.
struct Ended {
    digest: String,
    summary: Value,
    /// A core broke, in a line.
    broken: Option<String>,
}

/// A run as a stream of events.
enum Stream {
    Live { sim: Box<Sim>, next: usize, over: Option<Option<String>> },
    Trace { lines: Lines<BufReader<File>>, path: PathBuf },
}

struct Side {
    /// How it is called in what is printed.
    title: String,
    stream: Stream,
    manifest: Option<Manifest>,
    folder: PathBuf,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let plain = |seed: Option<u64>, set: &[String]| seed.is_none() && set.is_empty();
    let as_left = plain(arguments.seed_a, &arguments.set_a) && plain(arguments.seed_b, &arguments.set_b);
    let traces = as_left && [&arguments.a, &arguments.b].iter().all(|path| path.join(TRACE_FILE).is_file());
    let side = |path: &Path, seed, set: &[String]| {
        if traces { Side::of_trace(path) } else { Side::of_run(path, seed, set, arguments.data.as_deref()) }
    };
    let mut a = side(&arguments.a, arguments.seed_a, &arguments.set_a)?;
    let mut b = side(&arguments.b, arguments.seed_b, &arguments.set_b)?;
    let quiet = super::many::Quiet::new();
    let parting = part(&mut a, &mut b, arguments.context);
    let ends = parting.and_then(|parting| Ok((parting, a.finish()?, b.finish()?)));
    drop(quiet);
    let (parting, (a, ended_a), (b, ended_b)) = ends?;
    print(&report(&parting, [(&a, &ended_a), (&b, &ended_b)]));
    if parting.split.is_none() && ended_a.digest == ended_b.digest {
        return Ok(());
    }
    Err(Failure::Broken)
}

impl Side {
    fn of_trace(folder: &Path) -> Result<Self, Failure> {
        let manifest = Manifest::read(folder).map_err(|e| Failure::Input(format!("error: {e}")))?;
        let path = folder.join(TRACE_FILE);
        let file = File::open(&path).map_err(|e| unreadable(&path, &e))?;
        let stream = Stream::Trace { lines: BufReader::new(file).lines(), path };
        let title = format!("{}, seed {}, as traced", folder.display(), manifest.seed);
        Ok(Self { title, stream, manifest: Some(manifest), folder: folder.to_owned() })
    }

    fn of_run(path: &Path, seed: Option<u64>, set: &[String], data: Option<&Path>) -> Result<Self, Failure> {
        let is_folder = path.is_dir();
        let read = |e| Failure::Input(format!("error: {e}"));
        let manifest = if is_folder { Some(Manifest::read(path).map_err(read)?) } else { None };
        let file = if is_folder { path.join("scenario.toml") } else { path.to_owned() };
        // Where the file's name gives the scenario's, the folder's copy has another.
        let mut more: Vec<(String, String)> = manifest.iter().map(|m| ("name".to_owned(), quote(&m.name))).collect();
        more.extend(seed.map(|seed| ("seed".to_owned(), seed.to_string())));
        let scenario: Scenario = load(&file, set, data, more)?;
        let mut title = format!("{}, seed {}", path.display(), scenario.seed);
        set.iter().for_each(|pair| title.push_str(&format!(", {pair}")));
        let sim = Sim::of(scenario, false).map_err(|e| Failure::Input(e.render(on_terminal())))?;
        let stream = Stream::Live { sim: Box::new(sim), next: 0, over: None };
        let manifest = manifest.filter(|_| seed.is_none() && set.is_empty());
        Ok(Self { title, stream, manifest, folder: path.to_owned() })
    }

    /// The next event; `None` at the end.
    fn next(&mut self) -> Result<Option<Event>, Failure> {
        match &mut self.stream {
            Stream::Trace { lines, path } => {
                let line = lines.next().transpose().map_err(|e| unreadable(path, &e))?;
                Ok(line.map(Event::Line))
            }
            Stream::Live { sim, next, over } => loop {
                if let Some(fact) = sim.facts().get(*next) {
                    *next += 1;
                    return Ok(Some(Event::Fact(*fact)));
                }
                if over.is_some() {
                    return Ok(None);
                }
                *next = 0;
                advance(sim, over)?;
            },
        }
    }

    fn text(&self, event: &Event) -> String {
        match (event, &self.stream) {
            (Event::Fact(fact), Stream::Live { sim, .. }) => trace::line(sim.world().names(), fact.at, &fact.what),
            (Event::Line(line), _) => line.clone(),
            (Event::Fact(_), Stream::Trace { .. }) => String::new(),
        }
    }

    /// Runs to the end, for the summary.
    fn finish(self) -> Result<(String, Ended), Failure> {
        match self.stream {
            Stream::Trace { .. } => {
                let path = self.folder.join("summary.json");
                let text = std::fs::read_to_string(&path).map_err(|e| unreadable(&path, &e))?;
                let summary = serde_json::from_str(&text).unwrap_or(Value::Null);
                let digest = self.manifest.map_or(String::new(), |m| m.digest);
                Ok((self.title, Ended { digest, summary, broken: None }))
            }
            Stream::Live { mut sim, mut over, .. } => {
                while over.is_none() {
                    advance(&mut sim, &mut over)?;
                }
                let finished = sim.finish(None);
                let digest = finished.manifest.digest;
                if let Some(before) = self.manifest.filter(|before| before.digest != digest) {
                    let what = "they were made by another build, or with flags that a scenario does not hold";
                    eprintln!(
                        "note: {} has digest {}, running its scenario again gives {digest}: {what}",
                        self.folder.display(),
                        before.digest
                    );
                }
                let summary = finished.summary.to_value();
                Ok((self.title, Ended { digest, summary, broken: over.flatten() }))
            }
        }
    }
}

/// A text as TOML.
fn quote(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn advance(sim: &mut Sim, over: &mut Option<Option<String>>) -> Result<(), Failure> {
    match sim.advance(&mut ()) {
        Ok(Stretch::More) => {}
        Ok(Stretch::Over(broken)) => *over = Some(broken.map(|b| format!("{} at {}: {}", b.what, b.at, b.text))),
        Err(Stop::Scenario(e)) => return Err(Failure::Input(e.render(on_terminal()))),
        Err(Stop::Input(told)) => return Err(in_data(&told)),
    }
    Ok(())
}

fn unreadable(path: &Path, e: &std::io::Error) -> Failure {
    Failure::Input(format!("error: cannot read {}: {e}\nhelp: name a scenario or a results folder", path.display()))
}

/// How far two runs go together.
struct Parting {
    common: u64,
    /// The last events in common.
    before: Vec<String>,
    /// The next ones of each side; `None` if they never part.
    split: Option<[Vec<String>; 2]>,
}

fn part(a: &mut Side, b: &mut Side, context: usize) -> Result<Parting, Failure> {
    let alike = are_alike(a, b);
    let mut common = 0;
    let mut before: VecDeque<Event> = VecDeque::with_capacity(context + 1);
    let next = loop {
        let (x, y) = (a.next()?, b.next()?);
        let equal = match (&x, &y) {
            (None, None) => break None,
            (Some(Event::Fact(x)), Some(Event::Fact(y))) if alike && x == y => true,
            // Numbers of names may differ where all that is said is the same.
            (Some(x), Some(y)) => same_instant(x, y) && a.text(x) == b.text(y),
            _ => false,
        };
        if !equal {
            break Some((x, y));
        }
        common += 1;
        before.extend(x);
        if before.len() > context {
            before.pop_front();
        }
    };
    let before = before.iter().map(|event| a.text(event)).collect();
    let split = match next {
        None => None,
        Some((x, y)) => {
            let after = |side: &mut Side, first: Option<Event>| -> Result<Vec<String>, Failure> {
                let mut lines: Vec<String> = first.iter().map(|event| side.text(event)).collect();
                while !lines.is_empty() && lines.len() < context.max(1) {
                    let Some(event) = side.next()? else { break };
                    lines.push(side.text(&event));
                }
                Ok(lines)
            };
            Some([after(a, x)?, after(b, y)?])
        }
    };
    Ok(Parting { common, before, split })
}

/// Traces show less of an instant than there is.
fn same_instant(x: &Event, y: &Event) -> bool {
    match (x, y) {
        (Event::Fact(x), Event::Fact(y)) => x.at == y.at,
        _ => true,
    }
}

/// Whether equal numbers stand for equal names on both sides: the same seed and the same names
/// from the beginning on. Then facts can be compared without being printed.
fn are_alike(a: &Side, b: &Side) -> bool {
    let (Stream::Live { sim: a, .. }, Stream::Live { sim: b, .. }) = (&a.stream, &b.stream) else { return false };
    let all = |names: &Names| -> Vec<String> {
        let texts = (0..).map(|n| names.text(Symbol(n)).to_owned());
        texts.take_while(|text| text != "?").collect()
    };
    a.world().dice().seed() == b.world().dice().seed() && all(a.world().names()) == all(b.world().names())
}

fn report(parting: &Parting, sides: [(&str, &Ended); 2]) -> String {
    let [(title_a, a), (title_b, b)] = sides;
    let mut text = format!("A  {title_a}\nB  {title_b}\n\n");
    match &parting.split {
        None if a.digest == b.digest => {
            text.push_str(&format!("the same: {} events, digest {}\n", parting.common, a.digest));
            return text;
        }
        None => {
            let how = "every event reads the same, the digests differ";
            text.push_str(&format!("{how}: {} and {} after {} events\n", a.digest, b.digest, parting.common));
        }
        Some(after) => {
            text.push_str(&format!("they part after {} common events\n", parting.common));
            if !parting.before.is_empty() {
                text.push_str("\nwhat led there:\n");
                parting.before.iter().for_each(|line| text.push_str(&format!("    {line}\n")));
            }
            for (name, lines) in ["A", "B"].iter().zip(after) {
                text.push_str(&format!("\n{name} goes on:\n"));
                lines.iter().for_each(|line| text.push_str(&format!("  {name} {line}\n")));
                if lines.is_empty() {
                    text.push_str(&format!("  {name} ends here\n"));
                }
            }
        }
    }
    for (name, ended) in [("A", a), ("B", b)] {
        if let Some(broken) = &ended.broken {
            text.push_str(&format!("\n{name} broke: {broken}\n"));
        }
    }
    text + &summaries(&a.summary, &b.summary)
}

/// The metrics that differ: those that comparisons show first.
fn summaries(a: &Value, b: &Value) -> String {
    let both = [a.clone(), b.clone()];
    let mut order: Vec<String> = Measure::defaults(&both).into_iter().map(|m| m.key).collect();
    let first = order.len();
    for key in both.iter().flat_map(keys) {
        if !order.contains(&key) {
            order.push(key);
        }
    }
    let number = |x: Option<f64>| x.map_or("-".to_owned(), |x| format!("{x}"));
    let differing = |key: &&String| metric(a, key).map(f64::to_bits) != metric(b, key).map(f64::to_bits);
    let main = order[..first].iter().filter(differing);
    let rest: Vec<&String> = order[first..].iter().filter(differing).collect();
    let count = main.clone().count() + rest.len();
    if count == 0 {
        return "\nthe summaries are equal\n".into();
    }
    let listed: Vec<&String> = main.chain(rest.iter().copied()).take(LISTED).collect();
    let width = listed.iter().map(|key| key.chars().count()).max().unwrap_or(0);
    let mut text = format!("\nsummaries differ in {count} of {} metrics:\n", order.len());
    for key in &listed {
        let (x, y) = (metric(a, key), metric(b, key));
        let change = x.zip(y).map_or(String::new(), |(x, y)| format!("  {:+}", crate::analysis::round6(y - x)));
        text.push_str(&format!("    {key:width$}  {:>14}  {:>14}{change}\n", number(x), number(y)));
    }
    if count > listed.len() {
        text.push_str(&format!("    ... and {} more\n", count - listed.len()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn summaries_say_what_differs() {
        let summary = |finished: i64, wait: Value| json!({ "tasks": { "finished": finished, "lost": 0 }, "w_s": wait });
        let text = summaries(&summary(10, json!(1.5)), &summary(7, json!(null)));
        expect_test::expect![[r#"

            summaries differ in 2 of 3 metrics:
                tasks.finished              10               7  -3
                w_s                        1.5               -
        "#]].assert_eq(&text);
        let same = summary(10, json!(1.5));
        assert_eq!(summaries(&same, &same), "\nthe summaries are equal\n");
    }

    #[test]
    fn a_parting_is_told_with_its_context() {
        let ended = |digest: &str| Ended { digest: digest.into(), summary: json!({}), broken: None };
        let parting = Parting {
            common: 2,
            before: vec!["one".into(), "two".into()],
            split: Some([vec!["three".into()], Vec::new()]),
        };
        let (a, b) = (ended("aa"), ended("bb"));
        let text = report(&parting, [("x.toml, seed 1", &a), ("y.toml, seed 1", &b)]);
        expect_test::expect![[r#"
            A  x.toml, seed 1
            B  y.toml, seed 1

            they part after 2 common events

            what led there:
                one
                two

            A goes on:
              A three

            B goes on:
              B ends here

            the summaries are equal
        "#]].assert_eq(&text);
    }
}
