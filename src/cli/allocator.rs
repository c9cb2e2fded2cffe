//! `mesosim allocator replay CASES...`: what this allocator does with recorded events, beside what
//! was recorded. It is how an allocator problem from production becomes a test.

use super::{Failure, print};
use crate::replay::{Case, Cases, Event, Mesos, Player, Record, play};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

/// Replay recorded allocator events.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Play cases and compare offers, order, counts and shares with what was recorded.
    Replay(Replay),
}

/// Play cases and compare offers, order, counts and shares with what was recorded.
#[derive(Args)]
struct Replay {
    /// Files of cases, one JSON object for each case.
    #[arg(required = true)]
    cases: Vec<PathBuf>,
    /// Print our records as JSON lines, each with its `case`, and compare nothing.
    #[arg(long)]
    emit: bool,
    /// Let another policy decide who is next (`mesosim plugins` lists them).
    #[arg(long, value_name = "NAME")]
    policy: Option<String>,
    /// Print one JSON object for each case, and one for the summary.
    #[arg(long, conflicts_with = "emit")]
    json: bool,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let What::Replay(replay) = arguments.what;
    run_replay::<Mesos>(&replay)
}

/// How many cases there were, and how they went.
#[derive(Default)]
struct Tally {
    cases: usize,
    events: usize,
    records: usize,
    different: usize,
    /// Without recorded output.
    only_played: usize,
}

fn run_replay<P: Player>(replay: &Replay) -> Result<(), Failure> {
    let mut tally = Tally::default();
    for path in &replay.cases {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::Input(format!("error: {}: {error}\nhelp: name a file of cases", path.display()))
        })?;
        let mut any = false;
        for case in Cases::new(&text) {
            let (line, case) = case.map_err(|error| Failure::Input(format!("error: {}:{error}", path.display())))?;
            any = true;
            one::<P>(replay, path, line, case, &mut tally)?;
        }
        if !any {
            let text =
                format!("error: {}: there is no case\nhelp: write one JSON object for each case", path.display());
            return Err(Failure::Input(text));
        }
    }
    if !replay.emit {
        print(&summary(&tally, replay.json));
    }
    if tally.different == 0 { Ok(()) } else { Err(Failure::Broken) }
}

fn one<P: Player>(replay: &Replay, path: &Path, line: usize, mut case: Case, tally: &mut Tally) -> Result<(), Failure> {
    if let (Some(policy), Some(Event::Init(init))) = (&replay.policy, case.input.first_mut()) {
        init.sorter.clone_from(policy);
    }
    let records =
        play::<P>(&case).map_err(|refused| Failure::Input(format!("error: {}:{line}: {refused}", path.display())))?;
    tally.cases += 1;
    tally.events += case.input.len();
    tally.records += records.len();
    if replay.emit {
        let lines = records.iter().map(|record| format!("{}\n", record.to_json(Some(&case.name))));
        print(&lines.collect::<String>());
        return Ok(());
    }
    print(&verdict(replay.json, &case, &records, tally));
    Ok(())
}

/// The line of one case.
fn verdict(json: bool, case: &Case, records: &[Record], tally: &mut Tally) -> String {
    let found = case.first_difference(records);
    tally.different += usize::from(found.is_some());
    tally.only_played += usize::from(case.output.is_none());
    let word = match (&found, &case.output) {
        (Some(_), _) => "differs",
        (None, Some(_)) => "agrees",
        (None, None) => "played",
    };
    if json {
        let mut line = serde_json::json!({
            "case": case.name, "result": word, "events": case.input.len(), "records": records.len(),
        });
        if let (Some(found), Some(map)) = (found, line.as_object_mut()) {
            let difference = serde_json::json!({
                "record": found.record, "what": found.what, "recorded": found.recorded, "ours": found.ours,
            });
            map.insert("difference".to_owned(), difference);
        }
        return format!("{line}\n");
    }
    match found {
        Some(found) => format!("{word}  {}: {found}\n", case.name),
        None => {
            let rounded =
                if case.rounded && case.output.is_some() { ", shares of rounded amounts to 1e-3" } else { "" };
            let (events, records) = (count(case.input.len(), "event"), count(records.len(), "record"));
            format!("{word:7}  {} ({events}, {records}{rounded})\n", case.name)
        }
    }
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn summary(tally: &Tally, json: bool) -> String {
    let Tally { cases, events, records, different, only_played } = *tally;
    let agree = cases - different - only_played;
    if json {
        let line = serde_json::json!({
            "cases": cases, "agree": agree, "differ": different, "played": only_played,
            "events": events, "records": records,
        });
        return format!("{line}\n");
    }
    let played = if only_played > 0 { format!(", {only_played} without recorded output") } else { String::new() };
    let (cases, events) = (count(cases, "case"), count(events, "event"));
    format!("{cases}, {events}: {agree} agree, {different} differ{played}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts_every_case_once() {
        let tally = Tally { cases: 5, events: 1, records: 9, different: 1, only_played: 2 };
        assert_eq!(summary(&tally, false), "5 cases, 1 event: 2 agree, 1 differ, 2 without recorded output\n");
        let json: serde_json::Value = serde_json::from_str(&summary(&tally, true)).unwrap();
        assert_eq!((&json["agree"], &json["differ"], &json["played"]), (&2.into(), &1.into(), &2.into()));
    }
}
