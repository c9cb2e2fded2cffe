//! Variants of a scenario side by side: the same seeds for each, differences pair by pair.
//!
//! The first variant is the one that the others are compared with. Randomness is keyed by what it
//! decides, so with one seed all variants meet the same arrivals, run times and crashes (common
//! random numbers); what the seed does to all alike drops out of the differences.

use super::interval::{Interval, correlation, mean};
use super::measure::Measure;
use super::metric;
use serde_json::Value;

/// The probability with which an interval covers the truth.
pub const LEVEL: f64 = 0.95;

/// A variant: its name and what sets it apart from the scenario as it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Variant {
    pub name: String,
    /// Keys with values, as after `--set`.
    pub overrides: Vec<(String, String)>,
}

/// All runs, compared.
#[derive(Clone, PartialEq, Debug)]
pub struct Comparison {
    /// Name of the scenario.
    pub scenario: String,
    pub seeds: Vec<u64>,
    pub variants: Vec<Variant>,
    pub rows: Vec<Row>,
}

/// One metric over all variants.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    pub measure: Measure,
    /// In the order of the variants.
    pub cells: Vec<Cell>,
}

/// One metric of one variant.
#[derive(Clone, PartialEq, Debug)]
pub struct Cell {
    /// By seed; `None` where a run has no value (the wait of nobody).
    pub values: Vec<Option<f64>>,
    /// Mean over the runs that have a value.
    pub mean: Option<f64>,
    /// To the first variant, which has none.
    pub difference: Option<Difference>,
}

/// What a variant has more than the first one.
#[derive(Clone, PartialEq, Debug)]
pub struct Difference {
    /// By seed, where both have a value.
    pub by_seed: Vec<Option<f64>>,
    /// `None` with fewer than two pairs.
    pub interval: Option<Interval>,
    /// Mean difference as a fraction of the first variant's mean over the same seeds.
    pub relative: Option<f64>,
    /// How far the two move together from seed to seed: what pairing gains.
    pub correlation: Option<f64>,
    pub verdict: Verdict,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Equal with every seed.
    Same,
    More,
    Less,
    /// The interval covers zero.
    NotShown,
    /// Fewer than two seeds with which both have a value.
    TooFew,
}

impl Comparison {
    /// `summaries[variant][seed]` are `summary.json` as values.
    #[must_use]
    pub fn of(
        scenario: &str,
        variants: Vec<Variant>,
        seeds: &[u64],
        summaries: &[Vec<Value>],
        measures: Vec<Measure>,
    ) -> Self {
        let row = |measure: Measure| {
            let values = |runs: &Vec<Value>| runs.iter().map(|run| metric(run, &measure.key)).collect::<Vec<_>>();
            let all: Vec<Vec<Option<f64>>> = summaries.iter().map(values).collect();
            let cell = |(i, values): (usize, &Vec<Option<f64>>)| {
                let known: Vec<f64> = values.iter().flatten().copied().collect();
                let difference = (i > 0).then(|| difference(&all[0], values));
                Cell { values: values.clone(), mean: mean(&known), difference }
            };
            Row { cells: all.iter().enumerate().map(cell).collect(), measure }
        };
        Self {
            scenario: scenario.to_owned(),
            seeds: seeds.to_vec(),
            variants,
            rows: measures.into_iter().map(row).collect(),
        }
    }

    /// Every difference, with its metric and variant, metric by metric.
    pub fn differences(&self) -> impl Iterator<Item = (&Measure, &Variant, &Difference)> {
        self.rows.iter().flat_map(|row| {
            let pairs = row.cells.iter().zip(&self.variants);
            pairs.filter_map(|(cell, variant)| Some((&row.measure, variant, cell.difference.as_ref()?)))
        })
    }
}

fn difference(first: &[Option<f64>], other: &[Option<f64>]) -> Difference {
    let pairs: Vec<Option<(f64, f64)>> = first.iter().zip(other).map(|(a, b)| Some(((*a)?, (*b)?))).collect();
    let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().flatten().copied().unzip();
    let interval = Interval::paired(&a, &b, LEVEL);
    let verdict = match interval {
        None => Verdict::TooFew,
        // Not one pair differs in a single bit.
        Some(_) if a.iter().zip(&b).all(|(a, b)| a.to_bits() == b.to_bits()) => Verdict::Same,
        Some(interval) if interval.covers_zero() => Verdict::NotShown,
        Some(interval) if interval.mean > 0.0 => Verdict::More,
        Some(_) => Verdict::Less,
    };
    let base = mean(&a).filter(|base| base.abs() > 0.0);
    let relative = interval.zip(base).map(|(interval, base)| interval.mean / base.abs());
    let by_seed = pairs.iter().map(|pair| pair.map(|(a, b)| b - a)).collect();
    Difference { by_seed, interval, relative, correlation: correlation(&a, &b), verdict }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use serde_json::json;

    /// Five seeds of three variants in which everything occurs: more, less, the same, not shown,
    /// no value.
    pub(crate) fn example() -> Comparison {
        let seeds = [1, 2, 3, 4, 5];
        let noise = [0.0, 3.0, -2.0, 5.0, 1.0];
        let own = [0.3, -0.2, 0.1, -0.1, 0.2];
        let run = |wait: f64, used: f64, finished: i64, p99: Value| {
            json!({
                "waits": { "web & co": { "running_s": { "p50": wait, "p99": p99 } } },
                "utilization": { "cpus": { "used": used } },
                "tasks": { "finished": finished, "lost": 2 },
            })
        };
        let runs = |shift: f64, scale: f64, used: f64| -> Vec<Value> {
            let one = |k: usize| {
                let wait = 20.0 + noise[k] + shift + scale * own[k];
                let p99 = if k == 2 { Value::Null } else { json!(wait * 3.0) };
                run(wait, used + noise[k] / 100.0, 10_000 + (noise[k] * 100.0 + scale * own[k] * 90.0) as i64, p99)
            };
            (0..5).map(one).collect()
        };
        let variant =
            |name: &str| Variant { name: name.into(), overrides: vec![("allocator.policy".into(), name.into())] };
        let summaries = [runs(0.0, 0.0, 0.8), runs(3.0, 1.0, 0.75), runs(-0.05, 1.0, 0.8)];
        let keys = [
            "waits.web & co.running_s.p50",
            "waits.web & co.running_s.p99",
            "utilization.cpus.used",
            "tasks.finished",
            "tasks.lost",
        ];
        let variants = ["drf", "random", "lottery_50%"].map(variant).to_vec();
        Comparison::of("example", variants, &seeds, &summaries, keys.iter().map(|key| Measure::of(key)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_by_seed_and_verdicts_by_interval() {
        let comparison = testing::example();
        let verdicts: Vec<_> =
            comparison.differences().map(|(m, v, d)| (m.key.as_str(), v.name.as_str(), d.verdict)).collect();
        let (p50, p99) = ("waits.web & co.running_s.p50", "waits.web & co.running_s.p99");
        let (random, lottery) = ("random", "lottery_50%");
        let expected = [
            (p50, random, Verdict::More),
            (p50, lottery, Verdict::NotShown),
            (p99, random, Verdict::More),
            (p99, lottery, Verdict::NotShown),
            ("utilization.cpus.used", random, Verdict::Less),
            ("utilization.cpus.used", lottery, Verdict::Same),
            ("tasks.finished", random, Verdict::NotShown),
            ("tasks.finished", lottery, Verdict::NotShown),
            ("tasks.lost", random, Verdict::Same),
            ("tasks.lost", lottery, Verdict::Same),
        ];
        assert_eq!(verdicts, expected);
        let wait = comparison.rows[0].cells[1].difference.as_ref().unwrap();
        let interval = wait.interval.unwrap();
        // The seeds differ by up to seven seconds, the pairs by half a one.
        assert!((interval.mean - 3.06).abs() < 1e-9 && interval.high - interval.low < 0.6, "{interval:?}");
        assert!(wait.correlation.unwrap() > 0.99);
        assert!((wait.relative.unwrap() - 3.06 / 21.4).abs() < 1e-9);
        // A seed without a value is no pair.
        let p99 = comparison.rows[1].cells[1].difference.as_ref().unwrap();
        assert_eq!((p99.interval.unwrap().samples, p99.by_seed[2]), (4, None));
        assert_eq!(comparison.rows[0].cells[0].difference, None);
    }

    #[test]
    fn one_pair_is_too_few() {
        let alone = difference(&[Some(1.0), None], &[Some(2.0), Some(3.0)]);
        assert_eq!((alone.verdict, alone.interval, alone.by_seed), (Verdict::TooFew, None, vec![Some(1.0), None]));
    }
}
