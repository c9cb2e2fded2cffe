//! The summary of a run: what `summary.json` holds and `[[expect]]` compares.

use super::percentile::Spread;
use super::utilization::Utilization;
use super::{round6, share, utilization};
use crate::base::quantity::KINDS;
use crate::record::ordered::Ordered;
use crate::record::recording::{FaultMark, FrameworkRecord, Recording, RequestRecord};
use crate::record::{Ecdf, Manifest};
use serde::Serialize;

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Summary {
    pub run: Run,
    /// `tasks`, `jobs`, `offers`, `agents`, ...: counters, and levels at the end of the run.
    #[serde(flatten)]
    pub groups: Ordered<Ordered<i64>>,
    /// By kind of resource, those that there are.
    pub utilization: Ordered<Utilization>,
    pub fairness: Fairness,
    /// By framework.
    pub waits: Ordered<Waits>,
    pub frameworks: Ordered<FrameworkSummary>,
    /// By app of Marathon: instances by how they stand at the end, and how many were lost, failed
    /// or were killed; and offers that it did not take, by reason.
    #[serde(skip_serializing_if = "Ordered::is_empty")]
    pub apps: Ordered<AppSummary>,
    /// By endpoint: events that were posted to it, by what became of them.
    #[serde(skip_serializing_if = "Ordered::is_empty")]
    pub endpoints: Ordered<Ordered<u64>>,
    pub faults: Vec<FaultSummary>,
    /// What operators asked of HTTP APIs, in the order of the scenario.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub responses: Vec<ResponseSummary>,
    pub messages: Ordered<u64>,
    pub facts: Ordered<u64>,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Run {
    pub name: String,
    pub scenario: String,
    pub seed: u64,
    pub digest: String,
    pub digest_bytes: u64,
    pub simulated_s: f64,
    /// How jobs that ask for parts of GPUs got them, if any did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gpu_share: Option<String>,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Fairness {
    /// See `share::jain`.
    pub jain: Option<f64>,
}

/// Waits of one framework.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Waits {
    /// Per job: submitted until first offered resources.
    pub first_offer_s: Spread,
    /// Per task: submitted until its container ran.
    pub running_s: Spread,
    /// Per job: submitted until ended.
    pub completion_s: Spread,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct FrameworkSummary {
    pub role: String,
    pub weight: f64,
    /// Time-weighted mean over the run.
    pub dominant_share: f64,
    #[serde(flatten)]
    pub groups: Ordered<Ordered<i64>>,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct AppSummary {
    #[serde(flatten)]
    pub counts: Ordered<u64>,
    pub refused: Ordered<u64>,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct FaultSummary {
    pub label: String,
    pub began_s: Option<f64>,
    pub bit: bool,
    pub ended_s: Option<f64>,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ResponseSummary {
    pub at_s: f64,
    pub method: String,
    pub path: String,
    /// `None`: there was no answer yet at the end; 0: nobody answered.
    pub status: Option<u16>,
    /// Until the answer, or until nobody was asked any more.
    pub took_s: Option<f64>,
}

impl Summary {
    #[must_use]
    pub fn of(recording: &Recording, manifest: &Manifest) -> Self {
        let mut groups = Ordered::default();
        for (key, &n) in recording.counts.iter() {
            put(&mut groups, key, n as i64);
        }
        for (key, &n) in recording.levels.iter() {
            put(&mut groups, key, n);
        }
        let kinds = KINDS.iter().enumerate();
        let known = kinds.filter_map(|(k, name)| Some(((*name).to_owned(), utilization::mean(&recording.series, k)?)));
        let named = |f: &FrameworkRecord| f.name.clone();
        Self {
            run: Run {
                name: manifest.name.clone(),
                scenario: manifest.scenario.clone(),
                seed: manifest.seed,
                digest: manifest.digest.clone(),
                digest_bytes: manifest.digest_bytes,
                simulated_s: manifest.simulated_ns as f64 / 1e9,
                gpu_share: recording.gpu_share.clone(),
            },
            groups,
            utilization: known.collect(),
            fairness: Fairness { jain: share::jain(recording).map(round6) },
            waits: recording.frameworks.iter().map(|f| (named(f), waits(f))).collect(),
            frameworks: recording.frameworks.iter().map(|f| (named(f), framework(recording, f))).collect(),
            apps: (recording.apps.iter())
                .map(|a| (a.name.clone(), AppSummary { counts: a.counts.clone(), refused: a.refused.clone() }))
                .collect(),
            endpoints: recording.endpoints.clone(),
            faults: recording.faults.iter().map(fault).collect(),
            responses: recording.requests.iter().map(response).collect(),
            messages: recording.messages.clone(),
            facts: recording.facts.clone(),
        }
    }

    /// As JSON, for `metric`.
    #[must_use]
    pub fn to_value(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("plain numbers and texts")
    }

    /// The text of `summary.json`.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain numbers and texts") + "\n"
    }

    /// A counter or level, by `group.name`.
    #[must_use]
    pub fn number(&self, group: &str, name: &str) -> i64 {
        self.groups.get(group).and_then(|g| g.get(name)).copied().unwrap_or(0)
    }
}

/// Puts `group.name` into its group.
fn put(groups: &mut Ordered<Ordered<i64>>, key: &str, value: i64) {
    let (group, name) = key.split_once('.').expect("keys of counters have two levels");
    match groups.0.iter_mut().find(|(g, _)| g == group) {
        Some((_, entries)) => entries.push(name, value),
        None => groups.push(group, Ordered(vec![(name.to_owned(), value)])),
    }
}

fn waits(framework: &FrameworkRecord) -> Waits {
    let spread = |ecdf: &Ecdf| Spread::of(ecdf);
    Waits {
        first_offer_s: spread(&framework.first_offer),
        running_s: spread(&framework.started),
        completion_s: spread(&framework.completion),
    }
}

fn framework(recording: &Recording, framework: &FrameworkRecord) -> FrameworkSummary {
    let mut groups = Ordered::default();
    for (key, &n) in framework.counts.iter() {
        put(&mut groups, key, n as i64);
    }
    let share = share::mean(recording, &share::dominant(recording, framework));
    FrameworkSummary { role: framework.role.clone(), weight: framework.weight, dominant_share: round6(share), groups }
}

fn response(request: &RequestRecord) -> ResponseSummary {
    ResponseSummary {
        at_s: request.at_ns as f64 / 1e9,
        method: request.method.clone(),
        path: request.path.clone(),
        status: request.status,
        took_s: request.ended_ns.map(|ended| (ended - request.at_ns) as f64 / 1e9),
    }
}

fn fault(fault: &FaultMark) -> FaultSummary {
    FaultSummary {
        label: fault.label.clone(),
        began_s: fault.began.map(crate::base::time::Time::as_secs_f64),
        bit: fault.bit.is_some(),
        ended_s: fault.ended.map(crate::base::time::Time::as_secs_f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Recording;
    use crate::record::synthetic::{Plan, make};

    #[test]
    fn the_json_is_stable_and_the_same_from_a_folder() {
        let made = make(&Plan { jobs: 60, faults: 1, ..Plan::small() });
        let summary = Summary::of(&made.recording(), &made.manifest());
        expect_test::expect_file!["testdata/summary.json"].assert_eq(&summary.to_json());

        let dir = std::env::temp_dir().join(format!("mesosim-summary-{}", std::process::id()));
        made.recording().files().write(&dir, &[]).unwrap();
        assert_eq!(Summary::of(&Recording::read(&dir).unwrap(), &made.manifest()), summary);
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn an_empty_run_has_a_summary() {
        let summary = Summary::of(&Recording::default(), &make(&Plan::small()).manifest());
        assert!(summary.utilization.is_empty() && summary.fairness.jain.is_none());
    }
}
