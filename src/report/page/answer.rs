//! The first screen of a page: what ran, whether it held, and the answer in three cards.

use crate::analysis::Summary;
use crate::analysis::failover::total_ns;
use crate::analysis::recovery::Recovery;
use crate::record::Recording;
use crate::report::verdict::Verdict;
use crate::report::words::{count, length, list, percent, whole};
use serde::Serialize;

/// A card: one large figure with what it means, a few rows beside it, a remark.
#[derive(Serialize, Default)]
pub(super) struct Card {
    title: &'static str,
    big: String,
    what: String,
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    note: String,
}

/// How many rows a card has at most.
const ROWS: usize = 5;

pub(super) fn ran(recording: &Recording, summary: &Summary) -> String {
    let fleet: u32 = recording.racks.iter().map(|r| r.agents).sum();
    let registered = summary.number("agents", "registrations");
    let agents = if fleet == 0 { registered } else { registered.min(i64::from(fleet)) };
    let racks = recording.racks.len() as i64;
    let mut parts = vec![if racks > 1 {
        format!("{} in {}", count(agents, "agent"), count(racks, "rack"))
    } else {
        count(agents, "agent")
    }];
    parts.push(count(recording.frameworks.len() as i64, "framework"));
    let [jobs, tasks] = ["jobs", "tasks"].map(|group| summary.number(group, "submitted"));
    parts.push(format!("{} with {}", count(jobs, "job"), count(tasks, "task")));
    let simulated = length(summary.run.simulated_s);
    let mut text = format!("{}; {simulated} simulated with seed {}.", list(&parts), summary.run.seed);
    if let Some(share) = &summary.run.gpu_share {
        let [waiting, never] = ["waiting", "unplaceable"].map(|n| summary.number("jobs", n));
        let ran = whole(jobs - waiting - never);
        text += &format!(
            " Parts of GPUs were given out as {share}: {ran} jobs ran, {} still waited, {} never fitted any machine.",
            whole(waiting),
            whole(never)
        );
    }
    text
}

pub(super) fn verdict(verdict: &Verdict) -> String {
    let invariants = match (&verdict.broken, verdict.checked) {
        (Some(broken), _) => format!("{} was violated", broken.what),
        (None, true) => "no invariant was violated".to_owned(),
        (None, false) => "invariants were not checked".to_owned(),
    };
    let all = verdict.expectations.len() as i64;
    let missed = verdict.expectations.iter().filter(|o| !o.passed).count() as i64;
    let expected = match (all, missed) {
        (0, _) => "Nothing was expected".to_owned(),
        (1, 0) => "The one expectation holds".to_owned(),
        (_, 0) => format!("All {all} expectations hold"),
        (_, missed) => {
            let not = if missed == 1 { "does not hold" } else { "do not hold" };
            format!("{missed} of {} {not}", count(all, "expectation"))
        }
    };
    format!("{expected}, and {invariants}.")
}

pub(super) fn cards(recording: &Recording, summary: &Summary, recoveries: &[Recovery]) -> Vec<Card> {
    vec![utilization(summary), waits(summary), recovery(recording, summary, recoveries)]
}

/// A kind of resource in a sentence.
pub(super) fn kind_name(kind: &str) -> &str {
    match kind {
        "cpus" => "CPUs",
        "mem" => "memory",
        "gpus" => "GPUs",
        other => other,
    }
}

/// An amount of a kind with its unit.
pub(super) fn capacity(kind: &str, amount: f64) -> String {
    match kind {
        "mem" | "disk" => format!("{} GiB", whole(libm::round(amount / 1024.0) as i64)),
        _ => whole(libm::round(amount) as i64),
    }
}

fn utilization(summary: &Summary) -> Card {
    let kinds = &summary.utilization;
    let most = kinds.iter().max_by(|a, b| a.1.used.total_cmp(&b.1.used));
    let Some((kind, first)) = most else {
        return Card {
            title: "Utilization",
            big: "none".into(),
            what: "no agent ever registered".into(),
            ..Card::default()
        };
    };
    let row = |(kind, u): (&str, &crate::analysis::utilization::Utilization)| {
        vec![kind_name(kind).to_owned(), percent(u.used), percent(u.offered), percent(u.free)]
    };
    Card {
        title: "Utilization",
        big: percent(first.used),
        what: format!("of the {} in use, on average", kind_name(kind)),
        header: vec!["", "used", "offered", "free"],
        rows: kinds.iter().map(row).collect(),
        note: format!(
            "Of {} on average.",
            list(&kinds.iter().map(|(k, u)| amount_of(k, u.capacity)).collect::<Vec<_>>())
        ),
    }
}

/// `3 176 CPUs`, `12 704 GiB of memory`.
fn amount_of(kind: &str, amount: f64) -> String {
    let of = if kind == "cpus" || kind == "gpus" { "" } else { "of " };
    format!("{} {of}{}", capacity(kind, amount), kind_name(kind))
}

fn waits(summary: &Summary) -> Card {
    let some = |p: Option<f64>| p.map_or("-".to_owned(), length);
    let mut ran: Vec<_> = summary.waits.iter().filter(|(_, w)| w.running_s.samples > 0).collect();
    ran.sort_by(|a, b| b.1.running_s.p99.unwrap_or(0.0).total_cmp(&a.1.running_s.p99.unwrap_or(0.0)));
    let Some((slowest, worst)) = ran.first() else {
        return Card { title: "Waits", big: "none".into(), what: "no task of a job ran".into(), ..Card::default() };
    };
    let row = |(name, w): &(&str, &crate::analysis::summary::Waits)| {
        vec![(*name).to_owned(), some(w.running_s.p50), some(w.running_s.p99), some(w.running_s.p99_9)]
    };
    let others = if ran.len() > ROWS { format!(" {} more in the table.", ran.len() - ROWS) } else { String::new() };
    let queued = summary.number("tasks", "queued");
    let left = match queued {
        0 => "No task was left waiting at the end.".to_owned(),
        n => format!(
            "{} still waiting at the end.",
            if n == 1 { "One task was".into() } else { format!("{} tasks were", whole(n)) }
        ),
    };
    Card {
        title: "Waits",
        big: some(worst.running_s.p99),
        what: match ran.len() {
            1 => "until 99 % of the tasks ran".to_owned(),
            _ => format!("until 99 % of the tasks of {slowest} ran, the longest"),
        },
        header: vec!["until running", "p50", "p99", "p99.9"],
        rows: ran.iter().take(ROWS).map(row).collect(),
        note: left + &others,
    }
}

fn recovery(recording: &Recording, summary: &Summary, recoveries: &[Recovery]) -> Card {
    let title = "Recovery";
    let lost = summary.number("tasks", "lost");
    let note = match lost {
        0 => "No task died with its machine.".to_owned(),
        1 => "One task died with its machine.".to_owned(),
        n => format!("{} tasks died with their machines.", whole(n)),
    };
    if recoveries.is_empty() && recording.failovers.is_empty() {
        let note = note + &short(recording);
        let away = recording.agent_marks.is_empty();
        let what = if away { "and no agent was lost" } else { "see the figures for agents that went by themselves" };
        return Card { title, big: "no faults".into(), what: what.into(), note, ..Card::default() };
    }
    let hit: Vec<&Recovery> = recoveries.iter().filter(|r| r.agents > 0).collect();
    let span = |s: Option<crate::base::time::Span>| s.map_or("-".to_owned(), |s| length(s.as_secs_f64()));
    let never = hit.iter().filter(|r| r.whole.is_none()).count() as i64;
    let (big, what) = if hit.is_empty() {
        ("no agent".to_owned(), format!("was lost to any of {}", count(recoveries.len() as i64, "fault")))
    } else if never > 0 {
        let of = if hit.len() == 1 { "the fault" } else { "the faults" };
        (format!("{never} of {}", hit.len()), format!("of {of} that took agents not made good by the end"))
    } else {
        let worst = hit.iter().max_by_key(|r| (r.whole, std::cmp::Reverse(r.began))).expect("not empty");
        (span(worst.whole), format!("after the end of a fault until all agents were back, at worst ({})", worst.label))
    };
    let mut worst: Vec<&Recovery> = hit.clone();
    worst.sort_by_key(|r| (std::cmp::Reverse(r.agents), r.began));
    let row = |r: &&Recovery| vec![r.label.clone(), whole(r.agents as i64), span(r.noticed), span(r.whole)];
    let mut rows: Vec<Vec<String>> = worst.iter().take(ROWS).map(row).collect();
    rows.extend(leaders(recording));
    Card { title, big, what, header: vec!["fault", "agents", "noticed", "whole"], rows, note: note + &short(recording) }
}

/// The slowest change of each kind of leader: until the next was elected, until all was as before.
fn leaders(recording: &Recording) -> Vec<Vec<String>> {
    let one = |kind: &str| {
        let of = recording.failovers.iter().filter(|f| f.kind == kind);
        let slowest = of.max_by_key(|f| (total_ns(f).unwrap_or(i64::MAX), std::cmp::Reverse(f.lost_ns)))?;
        let after = |ns: Option<i64>| ns.map_or("-".to_owned(), |ns| length(ns as f64 / 1e9));
        let elected = slowest.elected_ns.map(|ns| ns - slowest.lost_ns);
        Some(vec![format!("leading {kind} lost"), "-".to_owned(), after(elected), after(total_ns(slowest))])
    };
    ["master", "marathon"].into_iter().filter_map(one).collect()
}

/// How long apps lacked instances.
fn short(recording: &Recording) -> String {
    if recording.apps.is_empty() {
        return String::new();
    }
    let total: i64 = recording.shortages.iter().map(|s| s.1 - s.0).sum();
    match total {
        0 => " No app ever lacked an instance.".to_owned(),
        ns => format!(
            " Some app lacked instances that serve for {} in all, deployments included.",
            length(ns as f64 / 1e9)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::synthetic::{Plan, make};

    #[test]
    fn the_answer_of_a_made_up_run() {
        let made = make(&Plan::small());
        let recording = made.recording();
        let summary = Summary::of(&recording, &made.manifest());
        let recoveries = crate::analysis::recovery::recoveries(&recording);
        let mut text = ran(&recording, &summary) + "\n";
        for card in cards(&recording, &summary, &recoveries) {
            text += &format!("{}: {} {}\n", card.title, card.big, card.what);
            for row in &card.rows {
                text += &format!("  {}\n", row.join(" | "));
            }
            text += &format!("  {}\n", card.note);
        }
        expect_test::expect![[r#"
            20 agents in 4 racks, 2 frameworks and 150 jobs with 3 271 tasks; 90m 13s simulated with seed 1.
            Utilization: 69.9 % of the CPUs in use, on average
              CPUs | 69.9 % | 0.0 % | 30.1 %
              memory | 45.7 % | 0.0 % | 54.3 %
              Of 313 CPUs and 1 252 GiB of memory on average.
            Waits: 14m 33s until 99 % of the tasks of web ran, the longest
              web | 9m 11s | 14m 33s | 14m 39s
              analytics | 6m 58s | 14m 18s | 14m 37s
              No task was left waiting at the end.
            Recovery: 0 s after the end of a fault until all agents were back, at worst (rack-0 lost)
              rack-0 lost | 5 | 0 s | 0 s
              rack-1 lost | 5 | 0 s | 0 s
              132 tasks died with their machines.
        "#]]
        .assert_eq(&text);
    }
}
