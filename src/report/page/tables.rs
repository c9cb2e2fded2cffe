//! The tables of a page.

use super::Content;
use super::answer::{capacity, kind_name};
use crate::analysis::percentile::Spread;
use crate::analysis::recovery::Recovery;
use crate::base::time::Span;
use crate::report::words::{length, number, percent, whole};
use serde::Serialize;

/// The first `texts` columns are texts, the others numbers.
#[derive(Serialize)]
pub(super) struct Table {
    title: &'static str,
    says: String,
    texts: usize,
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

/// All tables that have rows.
pub(super) fn all(content: Content<'_>, recoveries: &[Recovery]) -> Vec<Table> {
    let tables = [
        expectations(content),
        faults(recoveries),
        requests(content),
        utilization(content),
        waits(content),
        frameworks(content),
        counts(content),
    ];
    tables.into_iter().filter(|t| !t.rows.is_empty()).collect()
}

fn expectations(content: Content<'_>) -> Table {
    let row = |o: &crate::analysis::Outcome| {
        let held = if o.passed { "✓ holds" } else { "✗ does not hold" };
        vec![held.to_owned(), o.want.clone(), o.got.clone(), o.why.clone()]
    };
    Table {
        title: "Expectations",
        says: String::new(),
        texts: 4,
        header: vec!["", "expected", "got", "because"],
        rows: content.verdict.expectations.iter().map(row).collect(),
    }
}

/// How many faults are listed one by one.
const FAULTS: usize = 60;

fn faults(recoveries: &[Recovery]) -> Table {
    let span = |s: Option<Span>| s.map_or("-".to_owned(), |s| length(s.as_secs_f64()));
    let row = |r: &Recovery| {
        vec![
            r.label.clone(),
            if r.bit { "yes" } else { "no" }.to_owned(),
            length(r.began.as_secs_f64()),
            span(r.ended.map(|ended| ended - r.began)),
            whole(r.agents as i64),
            span(r.noticed),
            span(r.whole),
        ]
    };
    let mut says = "Agents are those that lost their connection or were given up while the fault lasted; it was \
                    noticed when the first was. The cluster is whole when no more agents are away than before, \
                    counted from the end of the fault."
        .to_owned();
    if recoveries.len() > FAULTS {
        says += &format!(" The first {FAULTS} of {}.", whole(recoveries.len() as i64));
    }
    Table {
        title: "Faults",
        says,
        texts: 2,
        header: vec!["fault", "effect", "began", "lasted", "agents", "noticed after", "whole after"],
        rows: recoveries.iter().take(FAULTS).map(row).collect(),
    }
}

/// How many requests are listed one by one.
const REQUESTS: usize = 60;

fn requests(content: Content<'_>) -> Table {
    let all = &content.summary.responses;
    let row = |r: &crate::analysis::summary::ResponseSummary| {
        let came = match r.status {
            None => "no answer yet".to_owned(),
            Some(0) => "nobody answered".to_owned(),
            Some(status @ 400..) => format!("{status} refused"),
            Some(status) => status.to_string(),
        };
        let took = r.took_s.map_or("-".to_owned(), length);
        vec![format!("{} {}", r.method, r.path), came, length(r.at_s), took]
    };
    let mut says = "What operators asked of Marathon. The bodies of the answers are in responses.jsonl.".to_owned();
    if all.len() > REQUESTS {
        says += &format!(" The first {REQUESTS} of {}.", whole(all.len() as i64));
    }
    Table {
        title: "Requests",
        says,
        texts: 2,
        header: vec!["request", "answer", "asked at", "after"],
        rows: all.iter().take(REQUESTS).map(row).collect(),
    }
}

fn utilization(content: Content<'_>) -> Table {
    let row = |(kind, u): (&str, &crate::analysis::utilization::Utilization)| {
        vec![
            kind_name(kind).to_owned(),
            capacity(kind, u.capacity),
            percent(u.used),
            percent(u.offered),
            percent(u.free),
        ]
    };
    Table {
        title: "Capacity",
        says: "Means over the run, of what registered agents have.".into(),
        texts: 1,
        header: vec!["resource", "capacity", "used", "offered", "free"],
        rows: content.summary.utilization.iter().map(row).collect(),
    }
}

fn waits(content: Content<'_>) -> Table {
    let mut rows = Vec::new();
    for (name, waits) in content.summary.waits.iter() {
        let kinds = [
            ("first offer, per job", &waits.first_offer_s),
            ("running, per task", &waits.running_s),
            ("ended, per job", &waits.completion_s),
        ];
        for (until, spread) in kinds.into_iter().filter(|k| k.1.samples > 0) {
            let mut row = vec![name.to_owned(), until.to_owned(), whole(spread.samples as i64)];
            row.extend(spread_cells(spread));
            rows.push(row);
        }
    }
    Table {
        title: "Waits",
        says: "From being submitted, exact percentiles of all samples.".into(),
        texts: 2,
        header: vec!["framework", "until", "samples", "mean", "p50", "p90", "p99", "p99.9", "most"],
        rows,
    }
}

fn spread_cells(s: &Spread) -> Vec<String> {
    [s.mean, s.p50, s.p90, s.p99, s.p99_9, s.max].map(|v| v.map_or("-".to_owned(), length)).to_vec()
}

fn frameworks(content: Content<'_>) -> Table {
    let row = |(name, f): (&str, &crate::analysis::summary::FrameworkSummary)| {
        let of = |group: &str, key: &str| {
            let n = f.groups.get(group).and_then(|g| g.get(key)).copied().unwrap_or(0);
            whole(n)
        };
        let mut row = vec![name.to_owned(), f.role.clone(), number(f.weight), percent(f.dominant_share)];
        row.extend(["submitted", "ended"].map(|key| of("jobs", key)));
        row.extend(["launched", "finished", "failed", "lost", "running", "queued"].map(|key| of("tasks", key)));
        row
    };
    Table {
        title: "Frameworks",
        says: "Dominant share: mean over the run. Running and queued: at the end.".into(),
        texts: 2,
        header: vec![
            "framework",
            "role",
            "weight",
            "dominant share",
            "jobs",
            "ended",
            "tasks launched",
            "finished",
            "failed",
            "lost",
            "running",
            "queued",
        ],
        rows: content.summary.frameworks.iter().map(row).collect(),
    }
}

fn counts(content: Content<'_>) -> Table {
    let row = |(group, entries): (&str, &crate::record::ordered::Ordered<i64>)| {
        let shown = entries.iter().filter(|(_, n)| **n != 0);
        let words: Vec<String> = shown.map(|(name, n)| format!("{} {}", whole(*n), name.replace('_', " "))).collect();
        (!words.is_empty()).then(|| vec![group.replace('_', " "), words.join(", ")])
    };
    Table {
        title: "Everything counted",
        says: String::new(),
        texts: 2,
        header: vec!["what", "how many"],
        rows: content.summary.groups.iter().filter_map(row).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Summary;
    use crate::record::synthetic::{Plan, make};
    use crate::report::verdict::Verdict;

    #[test]
    fn requests_tell_how_they_were_answered() {
        let made = crate::record::synthetic_services::make();
        let (recording, manifest, verdict) = (made.recording(), made.manifest(), Verdict::default());
        let summary = Summary::of(&recording, &manifest);
        let content =
            Content { recording: &recording, manifest: &manifest, summary: &summary, verdict: &verdict, scenario: "" };
        let told: Vec<String> = requests(content).rows.iter().map(|row| row.join(" | ")).collect();
        let want = [
            "POST /v2/apps | 201 | 5.00 s | 0 s",
            "POST /v2/apps | 422 refused | 60.0 s | 10.0 ms",
            "GET /v2/leader | nobody answered | 10m 05s | 10.0 s",
            "PUT /v2/apps/web | 200 | 23m 22s | 0 s",
        ];
        assert_eq!(told, want);
    }

    #[test]
    fn rows_are_as_wide_as_their_header() {
        let made = make(&Plan::small());
        let (recording, manifest, verdict) = (made.recording(), made.manifest(), Verdict::default());
        let summary = Summary::of(&recording, &manifest);
        let content =
            Content { recording: &recording, manifest: &manifest, summary: &summary, verdict: &verdict, scenario: "" };
        let tables = all(content, &crate::analysis::recovery::recoveries(&recording));
        let titles: Vec<&str> = tables.iter().map(|t| t.title).collect();
        assert_eq!(titles, ["Faults", "Capacity", "Waits", "Frameworks", "Everything counted"]);
        for table in &tables {
            assert!(table.rows.iter().all(|row| row.len() == table.header.len()), "{}", table.title);
        }
    }
}
