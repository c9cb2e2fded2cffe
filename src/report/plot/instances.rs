//! Instances of Marathon's apps by how they stand, against how many there should be.

use super::axis::Axis;
use super::chart::{
    BLACK, BLUE, Chart, Colour, Entry, GREY, Layer, ORANGE, PURPLE, Panel, SKY, Stroke, Swatch, VERMILLION, steps,
};
use super::{Drawn, Figure, cell, faults, max_of, micro, readings, series_table};
use crate::record::Recording;
use crate::record::recording::{AppRecord, STANDINGS};
use crate::report::words::{count, length, percent};

pub(super) const FIGURE: Figure = Figure {
    name: "instances",
    title: "Instances of the apps",
    caption: "Instances in Marathon's books, averaged over each interval: with good health checks (healthy), \
              running without any (running), failing them (unhealthy), on their way up (staged), on \
              unreachable agents (lost), being killed (stopping). The line is how many there should be.",
    draw,
};

/// Panels at most; more apps are summed.
const PANELS: usize = 6;
/// By index in `STANDINGS`.
const COLOURS: [Colour; STANDINGS.len()] = [BLACK, BLUE, SKY, PURPLE, ORANGE, VERMILLION, GREY];

/// A panel: what it is called, and its columns by standing in millionths.
struct Shown {
    name: String,
    standing: [Vec<i64>; STANDINGS.len()],
}

fn draw(recording: &Recording) -> Option<Drawn> {
    let series = &recording.series;
    let shown = shown(recording);
    if shown.is_empty() || series.rows() == 0 {
        return None;
    }
    let (mut panels, mut columns) = (Vec::new(), Vec::new());
    let seen = |k: usize| shown.iter().any(|s| s.standing[k].iter().any(|&v| v > 0));
    for app in &shown {
        let first = columns.len();
        let mut below = vec![0; series.rows()];
        let mut layers = Vec::new();
        for (k, name) in STANDINGS.iter().enumerate() {
            let column = &app.standing[k];
            columns.push((format!("{} {name}", app.name), column.iter().map(|&v| cell(micro(v))).collect()));
            if k == 0 || column.iter().all(|&v| v == 0) {
                continue;
            }
            let bounds: Vec<(i64, i64)> = below.iter().zip(column).map(|(&low, v)| (low, low + v)).collect();
            below = bounds.iter().map(|b| b.1).collect();
            let points = steps(series, &bounds).into_iter().map(|(x, (l, h))| (x, micro(l), micro(h))).collect();
            layers.push(Layer::Area { colour: COLOURS[k], points });
        }
        let target = &app.standing[0];
        let points = steps(series, target).into_iter().map(|(x, v)| (x, micro(v))).collect();
        layers.push(Layer::Line { colour: BLACK, stroke: Stroke::Normal, points });
        let named: Vec<_> = STANDINGS.iter().zip(COLOURS).map(|(name, colour)| ((*name).to_owned(), colour)).collect();
        panels.push(Panel {
            heading: app.name.clone(),
            height: if shown.len() > 3 { 90 } else { 130 },
            x: Axis::time(series.end.as_secs_f64()),
            y: Axis::amount("instances", max_of(below.iter().chain(target).map(|&v| micro(v)))),
            layers,
            readings: readings(&named, first, false)
                .into_iter()
                .enumerate()
                .filter(|(k, _)| *k == 0 || seen(*k))
                .map(|r| r.1)
                .collect(),
        });
    }
    let mut legend = vec![Entry { label: "target".into(), colour: BLACK, swatch: Swatch::Line }];
    let area = |k: usize| Entry { label: STANDINGS[k].into(), colour: COLOURS[k], swatch: Swatch::Area };
    legend.extend((1..STANDINGS.len()).filter(|&k| seen(k)).map(area));
    let marks = faults(recording, &mut legend);
    let chart = Chart { legend, panels, marks };
    Some(Drawn { chart, table: series_table(series, &columns), says: says(recording) })
}

/// Every app, or the sum of all and those that lacked most.
fn shown(recording: &Recording) -> Vec<Shown> {
    let one = |app: &AppRecord| Shown { name: app.name.clone(), standing: app.standing.clone() };
    if recording.apps.len() <= PANELS {
        return recording.apps.iter().map(one).collect();
    }
    let sum = |k: usize| {
        let total = |row: usize| recording.apps.iter().map(|a| a.standing[k][row]).sum();
        (0..recording.series.rows()).map(total).collect()
    };
    let all = Shown {
        name: format!("All {}", count(recording.apps.len() as i64, "app")),
        standing: std::array::from_fn(sum),
    };
    let lack = |app: &AppRecord| -> i64 {
        let [target, healthy, running, ..] = &app.standing;
        target.iter().zip(healthy).zip(running).map(|((t, h), r)| (t - h - r).max(0)).sum()
    };
    let mut order: Vec<usize> = (0..recording.apps.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(lack(&recording.apps[i])), i));
    let worst = order.into_iter().take(PANELS - 1).map(|i| one(&recording.apps[i]));
    std::iter::once(all).chain(worst).collect()
}

fn says(recording: &Recording) -> String {
    let apps = count(recording.apps.len() as i64, "app");
    let Some(longest) = recording.shortages.iter().max_by_key(|s| (s.1 - s.0, std::cmp::Reverse(s.0))) else {
        return format!("{apps}: none ever lacked an instance.");
    };
    let total: i64 = recording.shortages.iter().map(|s| s.1 - s.0).sum();
    let part = percent(total as f64 / recording.series.end.0.max(1) as f64);
    let [from, to] = [longest.0, longest.1].map(|ns| length(ns as f64 / 1e9));
    let times = recording.shortages.len();
    let often = if times == 1 { "once".to_owned() } else { format!("{times} times") };
    let (spent, worst) = (length(total as f64 / 1e9), length((longest.1 - longest.0) as f64 / 1e9));
    format!(
        "{apps}: some lacked instances that serve {often}, for {spent} in all ({part} of the run); the longest was \
         {worst}, from {from} to {to}."
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::synthetic_services::make;

    #[test]
    fn instances_stack_and_the_target_is_a_line() {
        let recording = make().recording();
        let drawn = draw(&recording).unwrap();
        let headings: Vec<_> = drawn.chart.panels.iter().map(|p| p.heading.as_str()).collect();
        assert_eq!(headings, ["/web", "/db"]);
        assert_eq!(drawn.table[0].len(), 2 + 2 * STANDINGS.len());
        assert!(drawn.says.contains("2 apps: some lacked instances"), "{}", drawn.says);
    }

    #[test]
    fn many_apps_are_summed() {
        let mut recording = make().recording();
        let app = recording.apps[0].clone();
        recording.apps.extend((0..8).map(|i| AppRecord { name: format!("/more/{i}"), ..app.clone() }));
        let drawn = draw(&recording).unwrap();
        assert_eq!((drawn.chart.panels.len(), drawn.chart.panels[0].heading.as_str()), (6, "All 10 apps"));
    }
}
