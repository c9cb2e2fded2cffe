//! Utilization: what part of the registered capacity is held by tasks, sits in outstanding offers,
//! or is free. Capacity counts the agents that the master counts, so a lost rack lowers it.
//!
//! GPU devices that a framework packs itself are used GPUs. Mesos does not know that and offers
//! them again and again: of what is offered, at most what is left counts.

use crate::base::quantity::KINDS;
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

/// Capacity, used and offered of a kind in a row, in millionths of a unit.
fn amounts(series: &Series, kind: usize, row: usize) -> [i64; 3] {
    let (capacity, mut used, mut offered) =
        (series.capacity[kind][row], series.used[kind][row], series.offered[kind][row]);
    if KINDS[kind] == "gpus" && series.devices_used[row] > 0 {
        used += series.devices_used[row];
        offered = offered.min(capacity - used).max(0);
    }
    [capacity, used, offered]
}

/// Time-weighted over the whole run; `None` without any capacity of that kind.
#[must_use]
pub fn mean(series: &Series, kind: usize) -> Option<Utilization> {
    let mut sums = [0_i128; 3];
    for row in 0..series.rows() {
        for (sum, amount) in sums.iter_mut().zip(amounts(series, kind, row)) {
            *sum += i128::from(amount) * i128::from(series.length_ns(row));
        }
    }
    let [capacity, used, offered] = sums;
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
        let [capacity, used, offered] = amounts(series, kind, i).map(|v| v as f64);
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
        series.devices_used = vec![0, 0];
        let mean = mean(&series, 0).unwrap();
        assert_eq!(mean, Utilization { used: 0.4, offered: 0.4, free: 0.2, capacity: 3.333_333 });
        assert_eq!(rows(&series, 0), [Some([0.25, 0.5, 0.25]), Some([1.0, 0.0, 0.0])]);
        series.capacity[1] = vec![0, 0];
        series.used[1] = vec![0, 0];
        series.offered[1] = vec![0, 0];
        assert_eq!(super::mean(&series, 1), None);
    }

    /// 4 GPUs, all offered; a framework has 1.5 devices in use: Mesos offers what is not free.
    #[test]
    fn packed_devices_are_used() {
        let mut series = Series { interval: Span::from_secs(10), end: Time::from_secs(10), ..Series::default() };
        series.capacity[3] = vec![4_000_000];
        series.used[3] = vec![0];
        series.offered[3] = vec![4_000_000];
        series.devices_used = vec![1_500_000];
        series.jobs_waiting = vec![0];
        let mean = mean(&series, 3).unwrap();
        assert_eq!(mean, Utilization { used: 0.375, offered: 0.625, free: 0.0, capacity: 4.0 });
        assert_eq!(rows(&series, 3), [Some([0.375, 0.625, 0.0])]);
    }
}
