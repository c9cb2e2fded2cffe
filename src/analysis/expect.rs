//! `[[expect]]`: judges what a scenario says should be true of its run.
//!
//! An expectation at the end compares any key of `summary.json`. One at an instant, or within one,
//! compares a live metric of the recorder (`record::live`): it must hold when everything up to
//! that instant has happened, or at some moment not later. One between two instants must hold all
//! the time between them.

use super::metric::{exists, keys, metric};
use super::summary::Summary;
use crate::base::id::Names;
use crate::base::time::Time;
use crate::record::{LiveKey, Manifest, Recorder};
use crate::scenario::model::{Expect, Op, When};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// Expectations of a run and what is known of them so far. Cloning forks them.
#[derive(Clone, Debug)]
pub struct Expectations {
    items: Vec<Item>,
    /// How many `Within` are still open.
    open: usize,
    /// How many `Throughout` are still open.
    lasting: usize,
}

#[derive(Clone, Debug)]
struct Item {
    expect: Expect,
    live: Option<LiveKey>,
    verdict: Option<Verdict>,
    /// What a `Within` saw last before its time was up; of a `Throughout` what it saw last; of an
    /// `End` the live value then, for keys that the summary leaves out at zero.
    last: Option<f64>,
}

#[derive(Clone, Copy, Debug)]
struct Verdict {
    passed: bool,
    got: Option<f64>,
    /// When it was decided.
    at: Time,
}

/// An expectation, judged.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    pub passed: bool,
    /// What was expected, e.g. `tasks.finished >= 100 within 5m`.
    pub want: String,
    /// What was seen, e.g. `93`.
    pub got: String,
    pub why: String,
    /// Line in the scenario file.
    pub line: usize,
}

/// An expectation that can never be judged: the line in the scenario and what is wrong with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    pub line: usize,
    pub text: String,
}

impl Expectations {
    /// Resolves all keys before the run.
    ///
    /// # Errors
    /// Every expectation whose metric does not exist, or exists only at the end of a run.
    pub fn new(expects: &[Expect], recorder: &Recorder) -> Result<Self, Vec<Problem>> {
        let blank = blank_summary(recorder);
        let mut problems = Vec::new();
        let mut items = Vec::new();
        for expect in expects {
            let live = recorder.key(&expect.metric);
            // What messages and facts there are is known only afterwards.
            let late = ["messages.", "facts."].iter().any(|group| expect.metric.starts_with(group));
            let known = live.is_some() || late || exists(&blank, &expect.metric);
            let ended = expect.when == When::End;
            if !known {
                let near = nearest(&expect.metric, keys(&blank));
                let text = format!("there is no metric `{}`; did you mean `{near}`?", expect.metric);
                problems.push(Problem { line: expect.line, text });
            } else if !ended && live.is_none() {
                let text =
                    format!("`{}` is known only at the end of the run; leave out `at` or `within`", expect.metric);
                problems.push(Problem { line: expect.line, text });
            }
            items.push(Item { expect: expect.clone(), live, verdict: None, last: None });
        }
        let open = items.iter().filter(|i| matches!(i.expect.when, When::Within(_))).count();
        let lasting = items.iter().filter(|i| matches!(i.expect.when, When::Throughout(..))).count();
        if problems.is_empty() { Ok(Self { items, open, lasting }) } else { Err(problems) }
    }

    /// Whether `observe` should be called after every event (some `within` is undecided).
    #[must_use]
    pub fn is_watching(&self) -> bool {
        self.open > 0
    }

    /// The next instant at which `settle` must be called, when everything up to it has happened
    /// and nothing after it.
    #[must_use]
    pub fn due(&self) -> Option<Time> {
        let open = self.items.iter().filter(|i| i.verdict.is_none());
        let instants = open.filter_map(|i| match i.expect.when {
            When::At(t) => Some(t),
            When::Within(_) | When::Throughout(..) | When::End => None,
        });
        instants.min()
    }

    /// Judges what should be true at `now`: the recorder has been told everything up to it. At the
    /// end of the run `now` is `Time::MAX`: what holds then holds at all later instants.
    pub fn settle(&mut self, recorder: &Recorder, now: Time) {
        for item in self.items.iter_mut().filter(|i| i.verdict.is_none()) {
            if let (When::At(t), Some(key)) = (item.expect.when, item.live)
                && now >= t
            {
                let got = recorder.value(key);
                item.verdict = Some(Verdict { passed: holds(&item.expect, got), got: Some(got), at: t });
            }
            if let (When::End, Some(key), Time::MAX) = (item.expect.when, item.live, now) {
                item.last = Some(recorder.value(key));
            }
        }
    }

    /// Whether `lasted` should be called whenever time has passed.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        self.lasting > 0
    }

    /// Judges what should be true all the time: nothing happened after `since` and before `now`.
    pub fn lasted(&mut self, recorder: &Recorder, since: Time, now: Time) {
        for item in self.items.iter_mut().filter(|i| i.verdict.is_none()) {
            let (When::Throughout(from, until), Some(key)) = (item.expect.when, item.live) else { continue };
            if now > from && since < until {
                let got = recorder.value(key);
                item.last = Some(got);
                if !holds(&item.expect, got) {
                    item.verdict = Some(Verdict { passed: false, got: item.last, at: since.max(from) });
                    self.lasting -= 1;
                    continue;
                }
            }
            if now >= until {
                item.verdict = Some(Verdict { passed: true, got: item.last, at: until });
                self.lasting -= 1;
            }
        }
    }

    /// Judges what should become true: an event at `now` has happened, maybe not the last one.
    pub fn observe(&mut self, recorder: &Recorder, now: Time) {
        for item in self.items.iter_mut().filter(|i| i.verdict.is_none()) {
            let (When::Within(t), Some(key)) = (item.expect.when, item.live) else { continue };
            if now > t {
                item.verdict = Some(Verdict { passed: false, got: item.last, at: t });
                self.open -= 1;
                continue;
            }
            let got = recorder.value(key);
            item.last = Some(got);
            if holds(&item.expect, got) {
                item.verdict = Some(Verdict { passed: true, got: Some(got), at: now });
                self.open -= 1;
            }
        }
    }

    /// The run is over.
    #[must_use]
    pub fn finish(self, summary: &Summary) -> Vec<Outcome> {
        let json = summary.to_value();
        let judge = |item: Item| {
            let verdict = item.verdict.unwrap_or_else(|| match item.expect.when {
                When::End => {
                    let got = metric(&json, &item.expect.metric).or(item.last);
                    Verdict { passed: got.is_some_and(|g| holds(&item.expect, g)), got, at: Time::MAX }
                }
                When::At(t) | When::Within(t) | When::Throughout(_, t) => {
                    Verdict { passed: false, got: item.last, at: t }
                }
            });
            outcome(item.expect, verdict)
        };
        self.items.into_iter().map(judge).collect()
    }
}

fn outcome(expect: Expect, verdict: Verdict) -> Outcome {
    let when = match expect.when {
        When::End => String::new(),
        When::At(t) => format!(" at {}", t - Time::ZERO),
        When::Within(t) => format!(" within {}", t - Time::ZERO),
        When::Throughout(from, until) => format!(" from {} until {}", from - Time::ZERO, until - Time::ZERO),
    };
    let got = verdict.got.map_or_else(|| "no value".to_owned(), number);
    let reached = match expect.when {
        When::Within(_) => verdict.passed,
        When::Throughout(..) => !verdict.passed,
        When::At(_) | When::End => false,
    };
    Outcome {
        passed: verdict.passed,
        want: format!("{} {} {}{when}", expect.metric, sign(expect.op), number(expect.value)),
        got: if reached { format!("{got} at {}", verdict.at - Time::ZERO) } else { got },
        why: expect.why,
        line: expect.line,
    }
}

fn sign(op: Op) -> &'static str {
    match op {
        Op::Equal => "==",
        Op::NotEqual => "!=",
        Op::Less => "<",
        Op::LessOrEqual => "<=",
        Op::Greater => ">",
        Op::GreaterOrEqual => ">=",
    }
}

fn number(x: f64) -> String {
    format!("{}", super::round6(x))
}

fn holds(expect: &Expect, got: f64) -> bool {
    let order = got.partial_cmp(&expect.value);
    match expect.op {
        Op::Equal => order == Some(Ordering::Equal),
        Op::NotEqual => order.is_some_and(Ordering::is_ne),
        Op::Less => order.is_some_and(Ordering::is_lt),
        Op::LessOrEqual => order.is_some_and(Ordering::is_le),
        Op::Greater => order.is_some_and(Ordering::is_gt),
        Op::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
    }
}

/// The summary of nothing, for its keys.
fn blank_summary(recorder: &Recorder) -> serde_json::Value {
    let manifest = Manifest {
        format: crate::record::manifest::FORMAT,
        name: String::new(),
        scenario: String::new(),
        seed: 0,
        digest: String::new(),
        digest_bytes: 0,
        simulated_ns: 0,
    };
    Summary::of(&recorder.clone().finish(Time::ZERO, &Names::default()), &manifest).to_value()
}

/// The key that needs the fewest edits to become `wanted`.
fn nearest(wanted: &str, keys: Vec<String>) -> String {
    keys.into_iter().min_by_key(|key| edits(wanted.as_bytes(), key.as_bytes())).unwrap_or_default()
}

/// Levenshtein's distance.
fn edits(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Count;
    use crate::record::live::LEVELS;
    use crate::record::synthetic::{Made, Plan, make};

    fn expect(metric: &str, op: Op, value: f64, when: When) -> Expect {
        Expect { metric: metric.into(), op, value, when, line: 7, why: "because".into() }
    }

    fn judge(made: &Made, expects: &[Expect]) -> Vec<Outcome> {
        let mut recorder = Recorder::new(made.setup.clone());
        let mut expectations = Expectations::new(expects, &recorder).unwrap();
        let mut since = Time::ZERO;
        for fact in &made.facts {
            while let Some(due) = expectations.due().filter(|&d| d < fact.at) {
                expectations.settle(&recorder, due);
            }
            if expectations.is_lasting() {
                expectations.lasted(&recorder, since, fact.at);
            }
            since = fact.at;
            recorder.fact(fact.at, &fact.what);
            if expectations.is_watching() {
                expectations.observe(&recorder, fact.at);
            }
        }
        expectations.lasted(&recorder, since, Time::MAX);
        expectations.settle(&recorder, Time::MAX);
        expectations.finish(&Summary::of(&recorder.finish(made.end, &made.names), &made.manifest()))
    }

    #[test]
    fn judges_at_the_end_at_an_instant_and_within_one() {
        let made = make(&Plan { jobs: 40, faults: 1, ..Plan::small() });
        let strike = made.recording().faults[0].began.unwrap();
        let heal = made.recording().faults[0].ended.unwrap();
        let later = |t: Time| Time(t.0 + 1);
        let cases = [
            (expect("jobs.ended", Op::Equal, 40.0, When::End), true),
            (expect("jobs.ended", Op::Greater, 40.0, When::End), false),
            (expect("faults.rack-0 lost.bit", Op::Equal, 1.0, When::End), true),
            (expect("waits.web.running_s.p99.9", Op::GreaterOrEqual, 0.0, When::End), true),
            (expect("agents.registered", Op::Equal, 20.0, When::At(Time(strike.0 - 1))), true),
            (expect("agents.registered", Op::Equal, 15.0, When::At(strike)), true),
            (expect("agents.registered", Op::Less, 16.0, When::At(later(strike))), true),
            (expect("agents.registered", Op::NotEqual, 20.0, When::Within(strike)), true),
            (expect("tasks.lost", Op::Greater, 0.0, When::Within(Time(strike.0 - 1))), false),
            (expect("tasks.lost", Op::Greater, 1e9, When::Within(heal)), false),
            (expect("jobs.ended", Op::Equal, 40.0, When::At(Time(made.end.0 * 2))), true),
            (expect("agents.registered", Op::Equal, 20.0, When::Throughout(Time(strike.0 / 2), strike)), true),
            (expect("agents.registered", Op::Equal, 20.0, When::Throughout(Time(strike.0 / 2), later(strike))), false),
            (expect("agents.registered", Op::Equal, 15.0, When::Throughout(strike, later(strike))), true),
        ];
        let outcomes = judge(&made, &cases.clone().map(|c| c.0));
        for ((case, passed), outcome) in cases.iter().zip(&outcomes) {
            assert_eq!(outcome.passed, *passed, "{case:?}: {outcome:?}");
        }
        assert_eq!(outcomes[0].want, "jobs.ended == 40");
        assert_eq!(outcomes[1].got, "40");
    }

    /// A key that can be asked for during a run can be asked for at its end.
    #[test]
    fn live_keys_are_keys_of_the_summary() {
        let made = make(&Plan::small());
        let recorder = made.recorder();
        let summary = Summary::of(&made.recording(), &made.manifest()).to_value();
        let own = ["tasks.queued", "tasks.running", "dominant_share", "tasks.finished", "jobs.ended", "offers.made"];
        let keys = (Count::ALL.iter().map(|c| c.key().to_owned()))
            .chain(LEVELS.iter().map(|l| l.0.to_owned()))
            .chain(own.iter().map(|key| format!("frameworks.web.{key}")))
            .chain(["used", "offered", "free"].map(|part| format!("utilization.mem.{part}")));
        for key in keys {
            assert!(recorder.metric(&key).is_some() && exists(&summary, &key), "{key}");
        }
        let same = ["tasks.finished", "frameworks.web.tasks.queued", "agents.registered"];
        for key in same {
            assert_eq!(recorder.metric(key), metric(&summary, key), "{key}");
        }
    }

    #[test]
    fn unknown_metrics_are_refused_with_the_nearest_one() {
        let made = make(&Plan::small());
        let recorder = Recorder::new(made.setup);
        let expects = [
            expect("task.finished", Op::Equal, 1.0, When::End),
            expect("waits.web.running_s.p99", Op::Less, 1.0, When::At(Time::ZERO)),
            expect("waits.web.running_s.p99", Op::Less, 1.0, When::End),
            expect("messages.OFFERS", Op::Less, 1.0, When::End),
            expect("utilization.gpus.used", Op::Less, 1.0, When::End),
        ];
        let problems = Expectations::new(&expects, &recorder).unwrap_err();
        assert_eq!(problems.len(), 2);
        assert_eq!(problems[0].text, "there is no metric `task.finished`; did you mean `tasks.finished`?");
        assert!(problems[1].text.contains("only at the end"));
    }
}
