//! Dominant shares: the largest fraction of any kind of resource that a framework's tasks hold.

use crate::base::quantity::KINDS;
use crate::record::Recording;
use crate::record::recording::FrameworkRecord;

/// Dominant share of a framework per row: max over kinds of (average allocated / average
/// capacity). 0 while there is no capacity.
#[must_use]
pub fn dominant(recording: &Recording, framework: &FrameworkRecord) -> Vec<f64> {
    let series = &recording.series;
    let share = |row: usize| {
        let kinds = framework.allocated.iter().zip(&series.capacity).map(|(a, c)| (a[row] as f64, c[row] as f64));
        kinds.filter(|(_, c)| *c > 0.0).map(|(a, c)| a / c).fold(0.0, f64::max)
    };
    (0..series.rows()).map(share).collect()
}

/// What part of the capacity of one kind a framework's tasks hold, per row; of GPUs also what it
/// shares out itself. 0 while there is no capacity.
#[must_use]
pub fn of_kind(recording: &Recording, framework: &FrameworkRecord, kind: usize) -> Vec<f64> {
    let devices = |row: usize| if KINDS[kind] == "gpus" { framework.devices[row] } else { 0 };
    let part = |row: usize| match recording.series.capacity[kind][row] {
        0 => 0.0,
        capacity => (framework.allocated[kind][row] + devices(row)) as f64 / capacity as f64,
    };
    (0..recording.series.rows()).map(part).collect()
}

/// Time-weighted mean of a column of rows.
#[must_use]
pub fn mean(recording: &Recording, rows: &[f64]) -> f64 {
    let series = &recording.series;
    let weighed: f64 = rows.iter().enumerate().map(|(i, v)| v * series.length_ns(i) as f64).sum();
    if series.end.0 > 0 { weighed / series.end.0 as f64 } else { 0.0 }
}

/// Jain's index of fairness J = (sum x)^2 / (n sum x^2) over weight-normalised dominant shares of
/// the frameworks that have tasks waiting, averaged over the time in which at least two have.
/// 1 is perfectly fair, 1/n is everything to one. `None` if there is no such time.
#[must_use]
pub fn jain(recording: &Recording) -> Option<f64> {
    let shares: Vec<Vec<f64>> = recording.frameworks.iter().map(|f| dominant(recording, f)).collect();
    let (mut sum, mut time) = (0.0, 0.0);
    for row in 0..recording.series.rows() {
        let backlogged = recording.frameworks.iter().zip(&shares).filter(|(f, _)| f.queued[row] > 0);
        let x: Vec<f64> = backlogged.map(|(f, share)| share[row] / f.weight).collect();
        let squares: f64 = x.iter().map(|v| v * v).sum();
        if x.len() >= 2 && squares > 0.0 {
            let length = recording.series.length_ns(row) as f64;
            let total: f64 = x.iter().sum();
            sum += total * total / (x.len() as f64 * squares) * length;
            time += length;
        }
    }
    (time > 0.0).then(|| sum / time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::{Span, Time};
    use crate::record::recording::Series;

    /// The dominant-resource example of nine CPUs and 18 GB: three tasks <1, 4> and two of <3, 1>.
    fn example() -> Recording {
        let mut series = Series { interval: Span::from_secs(1), end: Time::from_secs(1), ..Series::default() };
        series.capacity = [vec![9_000_000], vec![18_000_000], vec![0], vec![0]];
        series.jobs_waiting = vec![0];
        let framework = |name: &str, cpus, mem| FrameworkRecord {
            name: name.into(),
            weight: 1.0,
            allocated: [vec![cpus], vec![mem], vec![0], vec![0]],
            queued: vec![1],
            ..FrameworkRecord::default()
        };
        let frameworks = vec![framework("a", 3_000_000, 12_000_000), framework("b", 6_000_000, 2_000_000)];
        Recording { series, frameworks, ..Recording::default() }
    }

    #[test]
    fn devices_that_are_shared_out_are_gpus_held() {
        let mut recording = example();
        recording.series.capacity[3] = vec![4_000_000];
        recording.frameworks[0].allocated[3] = vec![1_000_000];
        recording.frameworks[0].devices = vec![500_000];
        assert_eq!(of_kind(&recording, &recording.frameworks[0], 3), [0.375]);
        assert_eq!(of_kind(&recording, &recording.frameworks[1], 1), [2.0 / 18.0]);
    }

    #[test]
    fn equal_dominant_shares_are_fair() {
        let mut recording = example();
        for framework in &recording.frameworks {
            assert!((dominant(&recording, framework)[0] - 2.0 / 3.0).abs() < 1e-12);
        }
        assert!((jain(&recording).unwrap() - 1.0).abs() < 1e-12);
        // With weight 2 for one, x = (1/3, 2/3): J = 1 / (2 * 5/9).
        recording.frameworks[0].weight = 2.0;
        assert!((jain(&recording).unwrap() - 0.9).abs() < 1e-12);
        recording.frameworks[1].queued = vec![0];
        assert_eq!(jain(&recording), None);
    }
}
