//! Task churn: how fast tasks start and end, and how many die on the way.

use super::axis::Axis;
use super::chart::{BLACK, Chart, Colour, Entry, Layer, PURPLE, Panel, SKY, Stroke, Swatch, VERMILLION, steps};
use super::{Drawn, Figure, faults, max_of, rates, readings, series_table};
use crate::record::Recording;
use crate::record::recording::Series;
use crate::report::words::{count, number};

pub(super) const FIGURE: Figure = Figure {
    name: "churn",
    title: "Task churn",
    caption: "Containers that started and that ended, per second, averaged over each interval, in truth; \
              below, those of them that ended with an error (failed) or died with their machine (lost).",
    draw,
};

type Of = fn(&Series) -> &Vec<i64>;
type Line = (&'static str, Colour, Swatch, Of);
const FLOW: [Line; 2] =
    [("started", SKY, Swatch::Area, |s| &s.tasks_started), ("ended", BLACK, Swatch::Line, |s| &s.tasks_ended)];
const DEATHS: [Line; 2] =
    [("failed", PURPLE, Swatch::Line, |s| &s.tasks_failed), ("lost", VERMILLION, Swatch::Line, |s| &s.tasks_lost)];

fn draw(recording: &Recording) -> Option<Drawn> {
    let series = &recording.series;
    let happened = |lines: &[Line]| lines.iter().any(|l| l.3(series).iter().any(|&n| n > 0));
    if !happened(&FLOW) {
        return None;
    }
    let (mut panels, mut columns, mut legend) = (Vec::new(), Vec::new(), Vec::new());
    for (heading, lines, height) in [("Started and ended", FLOW, 170), ("Failed and lost", DEATHS, 90)] {
        let named = lines.map(|l| (format!("{} in the interval", l.0), l.1));
        let first = columns.len();
        columns.extend(lines.map(|l| (l.0.to_owned(), l.3(series).iter().map(i64::to_string).collect())));
        if !happened(&lines) {
            continue;
        }
        let curves = lines.map(|l| rates(series, l.3(series)));
        let layer = |(l, values): (&Line, &Vec<f64>)| {
            let points = steps(series, values);
            match l.2 {
                Swatch::Line => Layer::Line { colour: l.1, stroke: Stroke::Thin, points },
                _ => Layer::Area { colour: l.1, points: points.into_iter().map(|(x, y)| (x, 0.0, y)).collect() },
            }
        };
        legend.extend(lines.map(|l| Entry { label: l.0.to_owned(), colour: l.1, swatch: l.2 }));
        panels.push(Panel {
            heading: heading.to_owned(),
            height,
            x: Axis::time(series.end.as_secs_f64()),
            y: Axis::amount("tasks per second", max_of(curves.iter().flatten().copied())),
            layers: lines.iter().zip(&curves).map(layer).collect(),
            readings: readings(&named, first, false),
        });
    }
    let marks = faults(recording, &mut legend);
    let chart = Chart { legend, panels, marks };
    Some(Drawn { chart, table: series_table(series, &columns), says: says(recording) })
}

fn says(recording: &Recording) -> String {
    let series = &recording.series;
    let of = |name: &str| recording.counts.get(name).copied().unwrap_or(0) as i64;
    let busiest = max_of(rates(series, &series.tasks_started));
    let fates = ["finished", "failed", "killed", "lost"].map(|name| (of(&format!("tasks.{name}")), name));
    let fates: Vec<String> =
        fates.into_iter().filter(|f| f.0 > 0).map(|(n, name)| format!("{} {name}", number(n as f64))).collect();
    let ended = if fates.is_empty() { "none ended".to_owned() } else { fates.join(", ") };
    let busiest = number(libm::round(busiest * 100.0) / 100.0);
    format!("{} started, {busiest} a second in the busiest interval; {ended}.", count(of("tasks.started"), "container"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::synthetic::{Plan, make};

    #[test]
    fn deaths_have_a_panel_if_there_are_any() {
        let recording = make(&Plan::small()).recording();
        let drawn = draw(&recording).unwrap();
        assert_eq!(drawn.chart.panels.len(), 2);
        let sum = |column: usize| drawn.table[1..].iter().map(|row| row[column].parse::<u64>().unwrap()).sum::<u64>();
        assert_eq!(sum(2), *recording.counts.get("tasks.started").unwrap());
        assert_eq!(sum(5), *recording.counts.get("tasks.lost").unwrap());
        let calm = draw(&make(&Plan { faults: 0, ..Plan::small() }).recording()).unwrap();
        assert_eq!(calm.chart.panels.len(), 1);
    }
}
