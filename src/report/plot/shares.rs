//! Who holds the capacity: stacked shares of each kind of resource, by role and framework.

use super::axis::Axis;
use super::chart::{Chart, Colour, Entry, GREY, Layer, PALE, PALETTE, Panel, Swatch, steps};
use super::{Drawn, Figure, cell, faults, readings, series_table};
use crate::analysis::share;
use crate::base::quantity::KINDS;
use crate::record::Recording;
use crate::report::words::{percent, some};

pub(super) const FIGURE: Figure = Figure {
    name: "shares",
    title: "Who holds the capacity",
    caption: "Share of the registered capacity of each kind that the tasks of every framework hold in \
              the master's books, stacked, averaged over each interval; frameworks of one role lie \
              beside each other.",
    draw,
};

/// A part of the stack: its name and its share per row.
struct Part {
    name: String,
    colour: Colour,
    rows: Vec<f64>,
}

fn draw(recording: &Recording) -> Option<Drawn> {
    let series = &recording.series;
    let held = |k: usize| recording.frameworks.iter().any(|f| f.allocated[k].iter().any(|&v| v > 0));
    let devices = series.devices_used.iter().any(|&v| v > 0);
    let shown = |&k: &usize| KINDS[k] != "disk" && (held(k) || KINDS[k] == "gpus" && devices);
    let kinds: Vec<usize> = (0..KINDS.len()).filter(shown).collect();
    if kinds.is_empty() {
        return None;
    }
    let (mut panels, mut columns, mut legend) = (Vec::new(), Vec::new(), Vec::new());
    for &kind in &kinds {
        let parts = parts(recording, kind);
        let mut below = vec![0.0; series.rows()];
        let mut layers = Vec::new();
        let first = columns.len();
        for part in &parts {
            let bounds: Vec<(f64, f64)> = below.iter().zip(&part.rows).map(|(&low, v)| (low, low + v)).collect();
            below = bounds.iter().map(|b| b.1).collect();
            let points = steps(series, &bounds).into_iter().map(|(x, (low, high))| (x, low, high)).collect();
            layers.push(Layer::Area { colour: part.colour, points });
            let texts = part.rows.iter().map(|&v| cell(v)).collect();
            columns.push((format!("{}_{}", KINDS[kind], part.name), texts));
        }
        let rest: Vec<(f64, f64)> = below.iter().map(|&low| (low.min(1.0), 1.0)).collect();
        let points = steps(series, &rest).into_iter().map(|(x, (low, high))| (x, low, high)).collect();
        layers.push(Layer::Area { colour: PALE, points });
        if legend.is_empty() {
            let entry = |p: &Part| Entry { label: p.name.clone(), colour: p.colour, swatch: Swatch::Area };
            legend = parts.iter().map(entry).collect();
            legend.push(Entry { label: "nobody".into(), colour: PALE, swatch: Swatch::Area });
        }
        let named: Vec<_> = parts.iter().map(|p| (p.name.clone(), p.colour)).collect();
        panels.push(Panel {
            heading: heading(kind),
            height: if kinds.len() > 2 { 120 } else { 150 },
            x: Axis::time(series.end.as_secs_f64()),
            y: Axis::percent("of capacity", 1.0),
            layers,
            readings: readings(&named, first, true),
        });
    }
    let marks = faults(recording, &mut legend);
    let chart = Chart { legend, panels, marks };
    Some(Drawn { chart, table: series_table(series, &columns), says: says(recording, &kinds) })
}

fn heading(kind: usize) -> String {
    match KINDS[kind] {
        "cpus" => "CPUs".to_owned(),
        "mem" => "Memory".to_owned(),
        "gpus" => "GPUs".to_owned(),
        other => other.to_owned(),
    }
}

/// The stack from below: frameworks by role; all beyond the palette are one part.
fn parts(recording: &Recording, kind: usize) -> Vec<Part> {
    let mut order: Vec<usize> = (0..recording.frameworks.len()).collect();
    order.sort_by(|&a, &b| recording.frameworks[a].role.cmp(&recording.frameworks[b].role));
    let mut parts: Vec<Part> = Vec::new();
    let mut others = vec![0.0; recording.series.rows()];
    for &i in &order {
        let framework = &recording.frameworks[i];
        let rows = share::of_kind(recording, framework, kind);
        match PALETTE.get(i) {
            Some(&colour) => {
                let own = framework.role == framework.name || framework.role.is_empty();
                let role = if own {
                    String::new()
                } else {
                    format!(" ({} {})", if framework.role.contains(", ") { "roles" } else { "role" }, framework.role)
                };
                parts.push(Part { name: format!("{}{role}", framework.name), colour, rows });
            }
            None => others.iter_mut().zip(rows).for_each(|(sum, v)| *sum += v),
        }
    }
    if recording.frameworks.len() > PALETTE.len() {
        let name = format!("{} others", recording.frameworks.len() - PALETTE.len());
        parts.push(Part { name, colour: GREY, rows: others });
    }
    parts
}

fn says(recording: &Recording, kinds: &[usize]) -> String {
    let one = |&kind: &usize| {
        let mean = |p: &Part| (p.name.clone(), share::mean(recording, &p.rows));
        let mut means: Vec<(String, f64)> = parts(recording, kind).iter().map(mean).collect();
        means.sort_by(|a, b| b.1.total_cmp(&a.1));
        let texts = means.into_iter().map(|(name, mean)| format!("{name} {}", percent(mean))).collect();
        format!("of the {}: {}", super::utilization::name(kind), some(texts, 4))
    };
    let text: Vec<String> = kinds.iter().map(one).collect();
    format!("Mean holdings {}.", text.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::synthetic::{Plan, make};

    #[test]
    fn the_stack_is_the_utilization() {
        let recording = make(&Plan { gpus: true, ..Plan::small() }).recording();
        let drawn = draw(&recording).unwrap();
        assert_eq!(drawn.chart.panels.len(), 3);
        let rows = crate::analysis::utilization::rows(&recording.series, 0);
        let top = parts(&recording, 0).iter().fold(vec![0.0; rows.len()], |mut sum: Vec<f64>, p| {
            sum.iter_mut().zip(&p.rows).for_each(|(s, v)| *s += v);
            sum
        });
        for (row, sum) in rows.iter().flatten().zip(top) {
            assert!((row[0] - sum).abs() < 1e-5, "{} {sum}", row[0]);
        }
    }

    #[test]
    fn more_frameworks_than_colours_share_one() {
        let mut recording = make(&Plan::small()).recording();
        while recording.frameworks.len() < 10 {
            recording.frameworks.push(recording.frameworks[0].clone());
        }
        let parts = parts(&recording, 0);
        assert_eq!((parts.len(), parts[7].name.as_str(), parts[7].colour), (8, "3 others", GREY));
    }
}
