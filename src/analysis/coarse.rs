//! Fewer, longer intervals: a day in seconds has more rows than a figure has pixels.

use crate::base::time::Span;
use crate::record::recording::{AgentEvent, Recording};
use crate::record::{framework_columns, series_columns};

/// The same recording with at most `rows_max` rows: equal numbers of neighbours are joined,
/// averages weighted by time, numbers of events added.
#[must_use]
pub fn coarse(recording: &Recording, rows_max: usize) -> Recording {
    let joined = recording.series.rows().div_ceil(rows_max.max(1)).max(1);
    let mut result = recording.clone();
    if joined == 1 {
        return result;
    }
    let lengths: Vec<i64> = (0..recording.series.rows()).map(|i| recording.series.length_ns(i)).collect();
    let average = |values: &[i64]| -> Vec<i64> {
        let groups = values.chunks(joined).zip(lengths.chunks(joined));
        groups.map(|(v, l)| weighted(v, l)).collect()
    };
    for (_, decimals, column) in series_columns(&mut result.series) {
        *column = match decimals {
            0 => column.chunks(joined).map(|c| c.iter().sum()).collect(),
            _ => average(column),
        };
    }
    for framework in &mut result.frameworks {
        for (_, column) in framework_columns(framework) {
            *column = average(column);
        }
    }
    for app in &mut result.apps {
        for column in &mut app.standing {
            *column = average(column);
        }
    }
    result.series.interval = Span(recording.series.interval.0.saturating_mul(joined as i64));
    result
}

/// Mean of values over lengths of time, rounded half up.
fn weighted(values: &[i64], lengths_ns: &[i64]) -> i64 {
    let sum: i128 = values.iter().zip(lengths_ns).map(|(v, l)| i128::from(*v) * i128::from(*l)).sum();
    let time: i128 = lengths_ns.iter().map(|l| i128::from(*l)).sum();
    (sum + time / 2).div_euclid(time.max(1)) as i64
}

/// How many agents met each of these events, per row.
#[must_use]
pub fn agent_events(recording: &Recording, events: &[AgentEvent]) -> Vec<i64> {
    let mut rows = vec![0; recording.series.rows()];
    for mark in recording.agent_marks.iter().filter(|m| events.contains(&m.what)) {
        // What happens at the very end belongs to the last row.
        let row = (mark.at.0 / recording.series.interval.0) as usize;
        let last = rows.len().saturating_sub(1);
        if let Some(cell) = rows.get_mut(row.min(last)) {
            *cell += 1;
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::utilization::mean;
    use crate::record::synthetic::{Plan, make};

    #[test]
    fn joining_rows_keeps_means_and_totals() {
        let fine = make(&Plan::small()).recording();
        let rough = coarse(&fine, 20);
        assert!(rough.series.rows() <= 20 && fine.series.rows() > 200);
        assert_eq!(rough.series.edge(rough.series.rows()), fine.series.edge(fine.series.rows()));
        assert_eq!(rough.series.offers_made.iter().sum::<i64>(), fine.series.offers_made.iter().sum::<i64>());
        let (a, b) = (mean(&fine.series, 0).unwrap(), mean(&rough.series, 0).unwrap());
        assert!((a.used - b.used).abs() < 1e-6, "{a:?} {b:?}");
        assert_eq!(weighted(&[1, 4], &[2, 1]), 2);
        let lost = agent_events(&rough, &[AgentEvent::Lost]);
        assert_eq!(lost.iter().sum::<i64>(), 10);
        assert_eq!(lost.iter().filter(|n| **n > 0).count(), 2);
    }
}
