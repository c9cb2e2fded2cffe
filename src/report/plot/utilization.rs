//! Where the capacity is: used, offered or free, per kind of resource over time.

use super::axis::Axis;
use super::chart::{BLUE, Chart, Colour, Entry, Layer, ORANGE, PALE, Panel, Swatch, steps};
use super::{Drawn, Figure, cell, faults, readings, series_table};
use crate::analysis::utilization::{Utilization, mean, rows};
use crate::base::quantity::KINDS;
use crate::record::Recording;
use crate::record::recording::Series;
use crate::report::words::{list, number, percent};

pub(super) const FIGURE: Figure = Figure {
    name: "utilization",
    title: "Utilization of the cluster",
    caption: "Share of the registered capacity that tasks hold in the master's books (used; GPUs that \
              frameworks share out themselves included), that sits in outstanding offers (offered), and \
              the rest (free), averaged over each interval.",
    draw,
};

const PARTS: [(&str, Colour); 3] = [("used", BLUE), ("offered", ORANGE), ("free", PALE)];

fn draw(recording: &Recording) -> Option<Drawn> {
    let series = &recording.series;
    // Disks are hardly ever asked for: shown only if used.
    let shown = |k: usize| KINDS[k] != "disk" || series.used[k].iter().any(|&v| v > 0);
    let kinds: Vec<(usize, Utilization)> =
        (0..KINDS.len()).filter(|&k| shown(k)).filter_map(|k| Some((k, mean(series, k)?))).collect();
    if kinds.is_empty() || series.rows() == 0 {
        return None;
    }
    let mut panels = Vec::new();
    let mut columns = Vec::new();
    for &(kind, average) in &kinds {
        let parts = rows(series, kind);
        let mut layers = Vec::new();
        for (p, (name, colour)) in PARTS.into_iter().enumerate() {
            let bounds = |row: &Option<[f64; 3]>| {
                row.map(|r| (r[..p].iter().sum::<f64>().min(1.0), r[..=p].iter().sum::<f64>().min(1.0)))
            };
            let bounds: Vec<_> = parts.iter().map(bounds).collect();
            layers.extend(areas(&steps(series, &bounds), colour));
            let text = |row: &Option<[f64; 3]>| row.map_or(String::new(), |r| cell(r[p]));
            columns.push((format!("{}_{name}", KINDS[kind]), parts.iter().map(text).collect()));
        }
        panels.push(Panel {
            heading: heading(kind, average),
            height: if kinds.len() > 2 { 120 } else { 150 },
            x: Axis::time(series.end.as_secs_f64()),
            y: Axis::percent("of capacity", 1.0),
            layers,
            readings: readings(&PARTS.map(|(name, colour)| (name.to_owned(), colour)), columns.len() - 3, true),
        });
    }
    let entry = |(label, colour): (&str, Colour)| Entry { label: label.into(), colour, swatch: Swatch::Area };
    let mut legend: Vec<Entry> = PARTS.into_iter().map(entry).collect();
    let marks = faults(recording, &mut legend);
    Some(Drawn {
        chart: Chart { legend, panels, marks },
        table: series_table(series, &columns),
        says: says(series, &kinds),
    })
}

fn says(series: &Series, kinds: &[(usize, Utilization)]) -> String {
    let shown = kinds.iter().filter(|(_, average)| average.used > 0.0);
    let one = |(kind, average): &(usize, Utilization)| {
        let rows = rows(series, *kind);
        let of = |part: usize| rows.iter().flatten().map(move |r| r[part]).fold(0.0, f64::max);
        format!("{} of the {} ({} at most)", percent(average.used), name(*kind), percent(of(0)))
    };
    let parts: Vec<String> = shown.map(one).collect();
    if parts.is_empty() {
        return "Nothing was used.".to_owned();
    }
    let offered = kinds.iter().map(|k| k.1.offered).fold(0.0, f64::max);
    let sat = if offered < 0.001 { "hardly any".to_owned() } else { format!("at most {} of a kind", percent(offered)) };
    format!("On average, tasks held {}; {sat} sat in offers.", list(&parts))
}

/// A kind of resource in a sentence.
pub(super) fn name(kind: usize) -> &'static str {
    match KINDS[kind] {
        "cpus" => "CPUs",
        "mem" => "memory",
        "gpus" => "GPUs",
        other => other,
    }
}

fn heading(kind: usize, average: Utilization) -> String {
    let capacity = match KINDS[kind] {
        "cpus" => format!("CPUs ({} on average)", number(libm::round(average.capacity))),
        "gpus" => format!("GPUs ({} on average)", number(libm::round(average.capacity))),
        name => format!("{name} ({} GiB on average)", number(libm::round(average.capacity / 1024.0))),
    };
    let capacity = capacity.replacen("mem", "Memory", 1).replacen("disk", "Disk", 1);
    format!("{capacity}: {} used, {} offered", percent(average.used), percent(average.offered))
}

/// One area per stretch of time with capacity.
fn areas(corners: &[(f64, Option<(f64, f64)>)], colour: Colour) -> Vec<Layer> {
    let stretches = corners.split(|c| c.1.is_none());
    let area = |stretch: &[(f64, Option<(f64, f64)>)]| {
        let points: Vec<_> = stretch.iter().filter_map(|&(x, b)| b.map(|(low, high)| (x, low, high))).collect();
        let visible = points.iter().any(|p| p.2 > p.1);
        visible.then_some(Layer::Area { colour, points })
    };
    stretches.filter_map(area).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::synthetic::{Plan, make};

    #[test]
    fn panels_are_the_kinds_in_use_and_areas_stack_to_one() {
        let drawn = draw(&make(&Plan::small()).recording()).unwrap();
        assert_eq!(drawn.chart.panels.len(), 2);
        assert!(drawn.chart.panels[1].heading.starts_with("Memory ("), "{}", drawn.chart.panels[1].heading);
        let Some(Layer::Area { points, .. }) = drawn.chart.panels[0].layers.last() else { panic!("areas") };
        assert!(points.iter().all(|p| (p.2 - 1.0).abs() < 1e-9));
        assert_eq!(
            drawn.table[0][2..],
            ["cpus_used", "cpus_offered", "cpus_free", "mem_used", "mem_offered", "mem_free"]
        );
    }
}
