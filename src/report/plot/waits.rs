//! How long work waits: distributions of the time to the first offer and to running.

use super::axis::Axis;
use super::chart::{Chart, Layer, Panel, Stroke};
use super::{Drawn, Figure, cell, framework_colour, framework_legend, max_of};
use crate::analysis::percentile::{curve, percentile_ns};
use crate::record::recording::FrameworkRecord;
use crate::record::text::seconds;
use crate::record::{Ecdf, Recording};
use crate::report::words::length;

pub(super) const FIGURE: Figure = Figure {
    name: "waits",
    title: "Waits",
    caption: "Fraction of jobs that were offered resources, and of tasks whose container ran, within \
              the given time after they were submitted. Further attempts of lost tasks do not count; \
              waits shorter than the axis start at its left end.",
    draw,
};

type Of = fn(&FrameworkRecord) -> &Ecdf;
const PANELS: [(&str, &str, Of); 2] = [
    ("first_offer", "Submitted until first offered resources, per job", |f| &f.first_offer),
    ("running", "Submitted until running, per task", |f| &f.started),
];

/// Nothing shorter is told apart, and the axis covers one to five decades below the longest.
const SHORTEST_S: f64 = 1e-6;

fn draw(recording: &Recording) -> Option<Drawn> {
    let curves: Vec<Vec<Vec<(f64, f64)>>> =
        PANELS.iter().map(|p| recording.frameworks.iter().map(|f| curve(p.2(f))).collect()).collect();
    let all = || curves.iter().flatten().flatten().map(|p| p.0);
    all().next()?;
    // Without any wait at all the axis is any one.
    let longest = if all().all(|x| x <= 0.0) { 1.0 } else { max_of(all()).max(SHORTEST_S * 10.0) };
    let shortest = all().filter(|&x| x > 0.0).fold(longest, f64::min).max(SHORTEST_S);
    let low = shortest.clamp(longest / 1e5, longest / 1e1);
    let mut panels = Vec::new();
    for ((_, heading, _), of) in PANELS.iter().zip(&curves) {
        let x = Axis::log_seconds("wait, logarithmic", low, longest);
        let line = |(i, points): (usize, &Vec<(f64, f64)>)| Layer::Line {
            colour: framework_colour(i),
            stroke: Stroke::Normal,
            points: stairs(points, x.min, x.max),
        };
        let lines = of.iter().enumerate().rev().filter(|(_, points)| !points.is_empty());
        let layers = lines.map(line).collect();
        let mut y = Axis::percent("of all", 1.0);
        y.ticks.insert(4, (0.9, "90 %".into()));
        panels.push(Panel { heading: (*heading).to_owned(), height: 180, x, y, layers, readings: Vec::new() });
    }
    // Apps wait in Marathon's books, so a Marathon has no curve.
    let has_curve = |i: usize| i >= recording.frameworks.len() || curves.iter().any(|of| !of[i].is_empty());
    let legend = framework_legend(&recording.frameworks).into_iter().enumerate();
    let legend = legend.filter(|(i, _)| has_curve(*i)).map(|(_, entry)| entry).collect();
    Some(Drawn { chart: Chart { legend, panels, marks: Vec::new() }, table: table(recording), says: says(recording) })
}

fn says(recording: &Recording) -> String {
    let one = |f: &FrameworkRecord| {
        let at = |per_mille| Some(length(percentile_ns(&f.started, per_mille)? as f64 / 1e9));
        Some(format!("half of the tasks of {} ran within {}, 99 % within {}", f.name, at(500)?, at(990)?))
    };
    let parts: Vec<String> = recording.frameworks.iter().filter_map(one).take(3).collect();
    if parts.is_empty() {
        return "No task of a job ran.".to_owned();
    }
    let text = parts.join("; ");
    format!("{}{}.", text[..1].to_uppercase(), &text[1..])
}

/// The corners of the curve, from the left end to the right one.
fn stairs(points: &[(f64, f64)], left: f64, right: f64) -> Vec<(f64, f64)> {
    let mut corners = vec![(left, 0.0)];
    let mut height = 0.0;
    for &(x, fraction) in points {
        corners.extend([(x, height), (x, fraction)]);
        height = fraction;
    }
    corners.push((right, height));
    corners
}

fn table(recording: &Recording) -> Vec<Vec<String>> {
    let mut rows = vec![["framework", "wait", "wait_s", "fraction"].map(str::to_owned).to_vec()];
    for framework in &recording.frameworks {
        for (name, _, of) in PANELS {
            let ecdf = of(framework);
            let row = |&(rank, ns): &(u64, u64)| {
                let fraction = cell(rank as f64 / ecdf.samples as f64);
                vec![framework.name.clone(), name.to_owned(), seconds(ns as i64), fraction]
            };
            rows.extend(ecdf.points.iter().map(row));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::synthetic::{Plan, make};
    use crate::report::plot::axis::Scale;

    #[test]
    fn curves_are_stairs_from_none_to_all() {
        assert_eq!(
            stairs(&[(2.0, 0.5), (3.0, 1.0)], 1.0, 10.0),
            [(1.0, 0.0), (2.0, 0.0), (2.0, 0.5), (3.0, 0.5), (3.0, 1.0), (10.0, 1.0)]
        );
        let drawn = draw(&make(&Plan::small()).recording()).unwrap();
        for panel in &drawn.chart.panels {
            assert!(panel.x.scale == Scale::Log && panel.layers.len() == 2);
        }
        let mut recording = make(&Plan::small()).recording();
        for framework in &mut recording.frameworks {
            // All waits zero: still a picture.
            framework.first_offer = Ecdf::of(vec![0, 0]);
            framework.started = Ecdf::of(vec![0, 0]);
        }
        assert!(draw(&recording).is_some());
    }
}
