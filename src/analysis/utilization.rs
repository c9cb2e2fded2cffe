//! Utilization: what part of the registered capacity is held by tasks, sits in outstanding offers,
//! or is free. Capacity counts the agents that the master counts, so a lost rack lowers it.

use crate::record::recording::Series;
use serde::Serialize;

/// Fractions of the capacity; they sum to 1.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Utilization {
    pub used: f64,
    pub offered: f64,
    pub free: f64,
    /// Mean registered capacity in the resource's unit (CPUs, MiB, GPUs).
    pub capacity: f64,
}

/// Time-weighted over the whole run; `None` without any capacity of that kind.
#[must_use]
pub fn mean(series: &Series, kind: usize) -> Option<Utilization> {
    let weigh = |column: &[i64]| -> i128 {
        (0..series.rows()).map(|i| i128::from(column[i]) * i128::from(series.length_ns(i))).sum()
    };
    let (used, offered) = (weigh(&series.used[kind]), weigh(&series.offered[kind]));
    let capacity = weigh(&series.capacity[kind]);
    let of = |part: i128| super::round6(part as f64 / capacity as f64);
    (capacity > 0).then(|| Utilization {
        used: of(used),
        offered: of(offered),
        free: of(capacity - used - offered),
        capacity: super::round6(capacity as f64 / series.end.0 as f64 / 1e6),
    })
}

/// The same per row as [used, offered, free]; `None` while there is no capacity. Never negative.
#[must_use]
pub fn rows(series: &Series, kind: usize) -> Vec<Option<[f64; 3]>> {
    let row = |i: usize| {
        let [capacity, used, offered] =
            [&series.capacity, &series.used, &series.offered].map(|columns| columns[kind][i] as f64);
        let (used, offered) = (used / capacity, offered / capacity);
        (capacity > 0.0).then(|| [used, offered, (1.0 - used - offered).max(0.0)])
    };
    (0..series.rows()).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::{Span, Time};

    /// 10 s with 4 CPUs of which 1 is used, then 5 s with 2 CPUs, all used: 20 of 50 CPU seconds.
    #[test]
    fn weighs_by_time_and_capacity() {
        let mut series = Series { interval: Span::from_secs(10), end: Time::from_secs(15), ..Series::default() };
        series.capacity[0] = vec![4_000_000, 2_000_000];
        series.used[0] = vec![1_000_000, 2_000_000];
        series.offered[0] = vec![2_000_000, 0];
        series.jobs_waiting = vec![0, 0];
        let mean = mean(&series, 0).unwrap();
        assert_eq!(mean, Utilization { used: 0.4, offered: 0.4, free: 0.2, capacity: 3.333_333 });
        assert_eq!(rows(&series, 0), [Some([0.25, 0.5, 0.25]), Some([1.0, 0.0, 0.0])]);
        series.capacity[1] = vec![0, 0];
        series.used[1] = vec![0, 0];
        series.offered[1] = vec![0, 0];
        assert_eq!(super::mean(&series, 1), None);
    }
}
