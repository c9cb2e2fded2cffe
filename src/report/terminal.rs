//! The summary for the terminal: what ran, how it went, in at most a screen.

use super::words::{length, number};
use crate::analysis::percentile::Spread;
use crate::analysis::summary::FrameworkSummary;
use crate::analysis::{Outcome, Summary};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use std::fmt::Write as _;

/// How many frameworks and faults are listed one by one.
const LISTED: usize = 6;

/// Text of about 30 lines, without colours, ending with a line break.
#[must_use]
pub fn summary_text(summary: &Summary, outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    let run = &summary.run;
    let line = format!("{}  seed {}  {} simulated", run.name, run.seed, length(run.simulated_s));
    let _ = writeln!(text, "{line}\ndigest {}\n", run.digest);
    if !summary.utilization.is_empty() {
        let _ = writeln!(text, "{}\n", utilization(summary));
    }
    if !summary.waits.is_empty() {
        let _ = writeln!(text, "{}\n", waits(summary));
    }
    text += &counts(summary);
    text += &gpus(summary);
    text += &requests(summary);
    text += &endpoints(summary);
    text += &schedulers(summary);
    text += &faults(summary);
    text += &expectations(outcomes);
    text
}

/// A table whose columns after the first `texts` are numbers, aligned to the right.
fn table(texts: usize, header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(header);
    table.add_rows(rows);
    for column in table.column_iter_mut().skip(texts) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

fn utilization(summary: &Summary) -> String {
    let percent = |x: f64| format!("{:.1} %", x * 100.0);
    let row = |(kind, u): (&str, &crate::analysis::utilization::Utilization)| {
        let capacity = match kind {
            "mem" | "disk" => format!("{} GiB", number(libm::round(u.capacity / 1024.0))),
            _ => number(libm::round(u.capacity)),
        };
        vec![kind.to_owned(), capacity, percent(u.used), percent(u.offered), percent(u.free)]
    };
    table(1, &["resource", "capacity", "used", "offered", "free"], summary.utilization.iter().map(row).collect())
}

fn waits(summary: &Summary) -> String {
    let mut rows = Vec::new();
    for (name, waits) in summary.waits.iter().take(LISTED) {
        let share = summary.frameworks.get(name).map_or(0.0, |f| f.dominant_share);
        for (which, spread) in [("first offer", &waits.first_offer_s), ("running", &waits.running_s)] {
            let first = which == "first offer";
            let label = if first { name.to_owned() } else { String::new() };
            let share = if first { format!("{:.1} %", share * 100.0) } else { String::new() };
            let mut row = vec![label, which.to_owned(), share, number(spread.samples as f64)];
            row.extend(percentiles(spread));
            rows.push(row);
        }
    }
    let header = ["framework", "wait until", "share", "samples", "p50", "p90", "p99", "p99.9"];
    let mut text = table(2, &header, rows);
    if summary.waits.0.len() > LISTED {
        let _ = write!(text, "\n ... and {} more frameworks in summary.json", summary.waits.0.len() - LISTED);
    }
    text
}

fn percentiles(spread: &Spread) -> Vec<String> {
    [spread.p50, spread.p90, spread.p99, spread.p99_9].map(|p| p.map_or("-".to_owned(), length)).to_vec()
}

/// Counters that are not zero, a line a group.
fn counts(summary: &Summary) -> String {
    const LINES: [(&str, &[&str]); 4] = [
        ("jobs", &["submitted", "ended", "waiting", "unplaceable"]),
        (
            "tasks",
            &["submitted", "launched", "finished", "failed", "killed", "lost", "queued", "running", "unplaceable"],
        ),
        ("offers", &["made", "accepted", "declined", "rescinded", "outstanding"]),
        ("agents", &["registered", "disconnections", "unreachable", "reregistrations", "removals"]),
    ];
    let mut text = String::new();
    for (group, names) in LINES {
        // The first says how much there was at all, so it is always there.
        let shown = names.iter().enumerate().map(|(i, name)| (i, *name, summary.number(group, name)));
        let shown = shown.filter(|(i, _, n)| *i == 0 || *n != 0);
        let words: Vec<String> = shown.map(|(_, name, n)| format!("{} {name}", number(n as f64))).collect();
        let _ = writeln!(text, "{group:<7} {}", words.join(", "));
    }
    text
}

/// How parts of GPUs were given out, and what became of the jobs.
fn gpus(summary: &Summary) -> String {
    let Some(share) = &summary.run.gpu_share else { return String::new() };
    let [submitted, waiting, never] = ["submitted", "waiting", "unplaceable"].map(|n| summary.number("jobs", n));
    let ran = submitted - waiting - never;
    let [ran, waiting, never] = [ran, waiting, never].map(|n| number(n as f64));
    format!("gpus    gpu_share = {share}: {ran} jobs ran, {waiting} still waited, {never} never fitted any machine\n")
}

/// How operators' requests went; of those that went wrong the first one.
fn requests(summary: &Summary) -> String {
    let all = &summary.responses;
    if all.is_empty() {
        return String::new();
    }
    type Is = fn(Option<u16>) -> bool;
    let kinds: [(&str, Is); 4] = [
        ("answered", |status| status.is_some_and(|s| (1..400).contains(&s))),
        ("refused", |status| status.is_some_and(|s| s >= 400)),
        ("unanswered", |status| status == Some(0)),
        ("without an answer yet", |status| status.is_none()),
    ];
    let mut parts = Vec::new();
    for (i, (what, is)) in kinds.into_iter().enumerate() {
        let of: Vec<_> = all.iter().filter(|r| is(r.status)).collect();
        let Some(first) = of.first() else {
            if i == 0 {
                parts.push(format!("0 {what}"));
            }
            continue;
        };
        let status = first.status.filter(|s| *s > 0).map_or(String::new(), |s| format!("{s} "));
        let which = format!(" ({status}{} {} at {})", first.method, first.path, length(first.at_s));
        let which = if i == 0 { "" } else { &which };
        parts.push(format!("{} {what}{which}", number(of.len() as f64)));
    }
    format!("requests {}\n", parts.join(", "))
}

/// What became of events, a line for each subscriber.
fn endpoints(summary: &Summary) -> String {
    let mut text = String::new();
    for (i, (name, counts)) in summary.endpoints.iter().enumerate() {
        let parts = counts.iter().filter(|(what, n)| *what == "delivered" || **n > 0);
        let parts: Vec<String> = parts.map(|(what, n)| format!("{} {what}", number(*n as f64))).collect();
        let _ = writeln!(text, "{:<7} to {name}: {}", if i == 0 { "events" } else { "" }, parts.join(", "));
    }
    text
}

/// How often schedulers began that are tasks of an app.
fn schedulers(summary: &Summary) -> String {
    let begun = |framework: &FrameworkSummary| framework.groups.get("schedulers")?.get("begun").copied();
    let lives = summary.frameworks.iter().filter_map(|(name, framework)| Some((name, begun(framework)?)));
    let lives = lives.filter(|(_, begun)| *begun > 0).map(|(name, begun)| format!("{name} {}", number(begun as f64)));
    let lives: Vec<String> = lives.collect();
    if lives.is_empty() {
        String::new()
    } else {
        format!("hosted  schedulers that began as tasks: {}\n", lives.join(", "))
    }
}

fn faults(summary: &Summary) -> String {
    if summary.faults.is_empty() {
        return String::new();
    }
    let bit = summary.faults.iter().filter(|f| f.bit).count();
    let mut text = format!("faults  {}, {bit} had an effect\n", number(summary.faults.len() as f64));
    for fault in summary.faults.iter().take(LISTED) {
        let began = fault.began_s.map_or("never began".to_owned(), |s| format!("at {}", length(s)));
        let ended = match (fault.began_s, fault.ended_s) {
            (Some(from), Some(to)) if to > from => format!(", for {}", length(to - from)),
            _ => String::new(),
        };
        let effect = if fault.bit { "" } else { ", had no effect" };
        let _ = writeln!(text, "        {} {began}{ended}{effect}", fault.label);
    }
    if summary.faults.len() > LISTED {
        let _ = writeln!(text, "        ... and {} more in summary.json", summary.faults.len() - LISTED);
    }
    text
}

fn expectations(outcomes: &[Outcome]) -> String {
    if outcomes.is_empty() {
        return String::new();
    }
    let passed = outcomes.iter().filter(|o| o.passed).count();
    let mut text = format!("expect  {passed} of {} hold\n", outcomes.len());
    for outcome in outcomes.iter().filter(|o| !o.passed) {
        let why = if outcome.why.is_empty() { String::new() } else { format!("  ({})", outcome.why) };
        let _ = writeln!(text, "        FAILED line {}: {}, got {}{why}", outcome.line, outcome.want, outcome.got);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::synthetic::{Plan, make};

    #[test]
    fn fits_a_screen_and_reads_well() {
        let made = make(&Plan { gpus: true, ..Plan::small() });
        let summary = Summary::of(&made.recording(), &made.manifest());
        let outcomes = [
            Outcome { passed: true, want: "jobs.ended == 150".into(), got: "150".into(), why: String::new(), line: 40 },
            Outcome {
                passed: false,
                want: "tasks.lost <= 10".into(),
                got: "93".into(),
                why: "few tasks die".into(),
                line: 44,
            },
        ];
        let text = summary_text(&summary, &outcomes);
        assert!(text.lines().count() <= 30 && text.lines().all(|l| l.chars().count() <= 100), "{text}");
        expect_test::expect![[r#"
            synthetic  seed 1  2h 00m simulated
            digest 99aa06d3014798d86001c324468d497f

             resource   capacity    used  offered    free
             cpus            315  52.0 %    0.0 %  48.0 %
             mem       1 259 GiB  33.9 %    0.0 %  66.1 %
             gpus             79  85.7 %    0.0 %  14.3 %

             framework  wait until    share  samples      p50      p90      p99    p99.9
             analytics  first offer  86.0 %       75  28m 06s  41m 07s  49m 40s  49m 40s
                        running                1 581  27m 04s  43m 04s  50m 28s  51m 13s
             web        first offer  25.6 %       75  29m 43s  41m 36s  50m 49s  50m 49s
                        running                1 690  29m 33s  41m 51s  50m 49s  50m 49s

            jobs    150 submitted, 150 ended
            tasks   3 271 submitted, 3 337 launched, 3 271 finished, 66 lost
            offers  3 013 made, 2 027 accepted, 986 declined
            agents  20 registered, 10 disconnections, 10 unreachable, 10 reregistrations
            faults  2, 2 had an effect
                    rack-0 lost at 16m 03s, for 4m 00s
                    rack-1 lost at 32m 07s, for 4m 00s
            expect  1 of 2 hold
                    FAILED line 44: tasks.lost <= 10, got 93  (few tasks die)
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn says_how_requests_went() {
        let made = crate::record::synthetic_services::make();
        let line = |recording: crate::record::Recording| {
            let text = summary_text(&Summary::of(&recording, &made.manifest()), &[]);
            text.lines().find(|l| l.starts_with("requests")).map(str::to_owned)
        };
        let mut recording = made.recording();
        let told =
            "requests 2 answered, 1 refused (422 POST /v2/apps at 60.0 s), 1 unanswered (GET /v2/leader at 10m 05s)";
        assert_eq!(line(recording.clone()).as_deref(), Some(told));
        recording.requests.truncate(1);
        assert_eq!(line(recording.clone()).as_deref(), Some("requests 1 answered"));
        recording.requests[0].status = None;
        let told = "requests 0 answered, 1 without an answer yet (POST /v2/apps at 5.00 s)";
        assert_eq!(line(recording.clone()).as_deref(), Some(told));
        recording.requests.clear();
        assert_eq!(line(recording), None);
    }

    #[test]
    fn says_what_became_of_events_and_which_schedulers_are_tasks() {
        let made = make(&Plan::small());
        let mut summary = Summary::of(&made.recording(), &made.manifest());
        let counts = |all: &[(&str, u64)]| all.iter().map(|(what, n)| ((*what).to_owned(), *n)).collect();
        summary.endpoints.push("audit", counts(&[("delivered", 12), ("slow", 0), ("failed", 0)]));
        summary.endpoints.push("billing", counts(&[("delivered", 0), ("failed", 3), ("skipped", 1200)]));
        let plain = summary_text(&summary, &[]);
        assert!(!plain.contains("hosted"), "{plain}");
        let (_, framework) = summary.frameworks.0.first_mut().expect("a framework");
        let (_, schedulers) = framework.groups.0.iter_mut().find(|(group, _)| group == "schedulers").expect("counted");
        schedulers.0.iter_mut().for_each(|(_, n)| *n = 2);
        let text = summary_text(&summary, &[]);
        let told: Vec<&str> = text.lines().filter(|line| line.contains(" to ") || line.starts_with("hosted")).collect();
        let events =
            ["events  to audit: 12 delivered", "        to billing: 0 delivered, 3 failed, 1\u{202f}200 skipped"];
        assert_eq!(told, [events[0], events[1], "hosted  schedulers that began as tasks: analytics 2"]);
    }

    #[test]
    fn says_how_gpus_were_shared() {
        let made = make(&Plan::small());
        let recording = crate::record::Recording { gpu_share: Some("devices".into()), ..made.recording() };
        let text = summary_text(&Summary::of(&recording, &made.manifest()), &[]);
        let line = "gpus    gpu_share = devices: 150 jobs ran, 0 still waited, 0 never fitted any machine";
        assert!(text.lines().any(|l| l == line), "{text}");
    }
}
