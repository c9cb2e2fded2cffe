//! Metrics in words: what a key of the summary means, in which unit it is, and what to say of
//! something that has more of it. For comparisons, which must speak of any metric.

use serde_json::Value;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    Seconds,
    /// A fraction, shown in per cent; differences in percentage points.
    Share,
    Count,
    /// A number without a unit.
    Plain,
}

/// A metric as people speak of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Measure {
    /// Its key in `summary.json`.
    pub key: String,
    pub label: String,
    pub unit: Unit,
    /// What one does that has more of it, and less of it: `waits longer`.
    pub more: String,
    pub less: String,
}

/// Frameworks that have metrics of their own unless some are asked for.
const FRAMEWORKS: usize = 4;

impl Measure {
    /// Any key; those that are not known better are called by their key.
    #[must_use]
    pub fn of(key: &str) -> Self {
        let new = |label: String, unit, more: &str, less: &str| Self {
            key: key.to_owned(),
            label,
            unit,
            more: more.to_owned(),
            less: less.to_owned(),
        };
        if let Some((framework, wait, which)) = wait(key) {
            let (what, more, less) = match wait {
                "first_offer_s" => ("wait for a first offer", "waits longer", "waits shorter"),
                "running_s" => ("wait until running", "waits longer", "waits shorter"),
                _ => ("time until a job ends", "takes longer", "takes shorter"),
            };
            return match which {
                "samples" => new(format!("{framework}: samples of {what}"), Unit::Count, "has more", "has fewer"),
                _ => new(format!("{framework}: {what}, {which}"), Unit::Seconds, more, less),
            };
        }
        let parts: Vec<&str> = key.split('.').collect();
        match parts[..] {
            ["utilization", kind, "used"] => {
                new(format!("{kind} used"), Unit::Share, &format!("uses more {kind}"), &format!("uses less {kind}"))
            }
            ["utilization", kind, part @ ("offered" | "free")] => new(
                format!("{kind} {part}"),
                Unit::Share,
                &format!("has more {kind} {part}"),
                &format!("has less {kind} {part}"),
            ),
            ["fairness", "jain"] => new("fairness (Jain's index)".into(), Unit::Plain, "is fairer", "is less fair"),
            ["run", "simulated_s"] => new("simulated time".into(), Unit::Seconds, "takes longer", "takes shorter"),
            ["frameworks", .., "dominant_share"] => {
                let name = &key["frameworks.".len()..key.len() - ".dominant_share".len()];
                let (more, less) = (format!("gives {name} more"), format!("gives {name} less"));
                new(format!("{name}: dominant share"), Unit::Share, &more, &less)
            }
            [group @ ("tasks" | "jobs" | "offers"), what] => new(
                format!("{group} {what}"),
                Unit::Count,
                &format!("has more {group} {what}"),
                &format!("has fewer {group} {what}"),
            ),
            [.., last] if last.ends_with("_s") => new(key.to_owned(), Unit::Seconds, "takes longer", "takes shorter"),
            _ => new(key.to_owned(), Unit::Plain, "has more", "has less"),
        }
    }

    /// Those that a comparison shows unless some are asked for, of runs with these summaries: what
    /// exists in all and is not zero in all.
    #[must_use]
    pub fn defaults(summaries: &[Value]) -> Vec<Self> {
        let Some(first) = summaries.first() else { return Vec::new() };
        let mut wanted = Vec::new();
        let frameworks = first["frameworks"].as_object().into_iter().flat_map(|f| f.keys()).take(FRAMEWORKS);
        for name in frameworks {
            wanted.extend(["mean", "p50", "p99"].map(|p| format!("waits.{name}.running_s.{p}")));
            wanted.push(format!("waits.{name}.completion_s.p50"));
            wanted.push(format!("frameworks.{name}.dominant_share"));
        }
        let kinds = first["utilization"].as_object().into_iter().flat_map(|u| u.keys());
        wanted.extend(kinds.map(|kind| format!("utilization.{kind}.used")));
        let counts = ["fairness.jain", "tasks.finished", "tasks.lost", "jobs.ended", "offers.made", "offers.declined"];
        wanted.extend(counts.map(str::to_owned));
        let says = |key: &String| {
            let values: Vec<Option<f64>> = summaries.iter().map(|s| super::metric(s, key)).collect();
            values.iter().flatten().any(|v| v.abs() > 0.0)
        };
        wanted.iter().filter(|key| says(key)).map(|key| Self::of(key)).collect()
    }
}

/// The framework, the wait and the statistic of `waits.FRAMEWORK.WAIT.STATISTIC`.
fn wait(key: &str) -> Option<(&str, &str, &str)> {
    let rest = key.strip_prefix("waits.")?;
    let found = ["first_offer_s", "running_s", "completion_s"].into_iter().find_map(|wait| {
        let at = rest.rfind(&format!(".{wait}."))?;
        Some((&rest[..at], wait, &rest[at + wait.len() + 2..]))
    });
    found.filter(|(framework, _, _)| !framework.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn metrics_have_words() {
        let told = |key: &str| {
            let m = Measure::of(key);
            format!("{} | {:?} | {} | {}", m.label, m.unit, m.more, m.less)
        };
        let keys = [
            "waits.web.eu.running_s.p99.9",
            "waits.a.completion_s.mean",
            "waits.a.running_s.samples",
            "utilization.cpus.used",
            "frameworks.web.eu.dominant_share",
            "tasks.finished",
            "fairness.jain",
            "faults.rack lost.ended_s",
            "messages.OFFERS",
        ];
        expect_test::expect![[r#"
            web.eu: wait until running, p99.9 | Seconds | waits longer | waits shorter
            a: time until a job ends, mean | Seconds | takes longer | takes shorter
            a: samples of wait until running | Count | has more | has fewer
            cpus used | Share | uses more cpus | uses less cpus
            web.eu: dominant share | Share | gives web.eu more | gives web.eu less
            tasks finished | Count | has more tasks finished | has fewer tasks finished
            fairness (Jain's index) | Plain | is fairer | is less fair
            faults.rack lost.ended_s | Seconds | takes longer | takes shorter
            messages.OFFERS | Plain | has more | has less"#]]
        .assert_eq(&keys.map(told).join("\n"));
    }

    #[test]
    fn defaults_are_what_says_something() {
        let summary = |wait: Value, lost: i64| {
            json!({
                "tasks": { "finished": 7, "lost": lost },
                "utilization": { "cpus": { "used": 0.5 }, "disk": { "used": 0.0 } },
                "fairness": { "jain": null },
                "waits": { "a": { "running_s": { "mean": null, "p50": wait, "p99": 2.0 } } },
                "frameworks": { "a": { "dominant_share": 0.25 } },
            })
        };
        let keys =
            |summaries: &[Value]| -> Vec<String> { Measure::defaults(summaries).into_iter().map(|m| m.key).collect() };
        let all = [
            "waits.a.running_s.p50",
            "waits.a.running_s.p99",
            "frameworks.a.dominant_share",
            "utilization.cpus.used",
            "tasks.finished",
            "tasks.lost",
        ];
        assert_eq!(keys(&[summary(json!(null), 0), summary(json!(1.0), 3)]), all);
        assert_eq!(keys(&[summary(json!(null), 0), summary(json!(0.0), 0)]), all[1..5]);
        assert!(keys(&[]).is_empty());
    }
}
