//! How much work there is: tasks waiting and running per framework over time.

use super::axis::Axis;
use super::chart::{Chart, Layer, Panel, Stroke, steps};
use super::{
    Drawn, Figure, cell, faults, framework_colour, framework_legend, framework_names, max_of, micro, readings,
    series_table,
};
use crate::record::Recording;
use crate::record::recording::FrameworkRecord;
use crate::report::words::{length, whole};

pub(super) const FIGURE: Figure = Figure {
    name: "tasks",
    title: "Tasks waiting and running",
    caption: "Tasks that were submitted and neither run nor have ended (waiting; lost ones wait \
              again), and tasks whose containers run, averaged over each interval.",
    draw,
};

type Of = fn(&FrameworkRecord) -> &Vec<i64>;
const PANELS: [(&str, &str, Of); 2] = [("Waiting", "queued", |f| &f.queued), ("Running", "running", |f| &f.running)];

fn draw(recording: &Recording) -> Option<Drawn> {
    let series = &recording.series;
    let (mut panels, mut columns) = (Vec::new(), Vec::new());
    for (heading, name, of) in PANELS {
        let top = max_of(recording.frameworks.iter().flat_map(|f| of(f).iter().map(|&v| micro(v))));
        let line = |(i, f): (usize, &FrameworkRecord)| Layer::Line {
            colour: framework_colour(i),
            stroke: Stroke::Normal,
            points: steps(series, of(f)).into_iter().map(|(x, v)| (x, micro(v))).collect(),
        };
        panels.push(Panel {
            heading: heading.to_owned(),
            height: 150,
            x: Axis::time(series.end.as_secs_f64()),
            y: Axis::amount("tasks", top),
            layers: recording.frameworks.iter().enumerate().rev().map(line).collect(),
            readings: readings(&framework_names(&recording.frameworks), columns.len(), false),
        });
        for framework in &recording.frameworks {
            let texts = of(framework).iter().map(|&v| cell(micro(v))).collect();
            columns.push((format!("{}_{name}", framework.name), texts));
        }
    }
    let worked = recording.frameworks.iter().any(|f| f.queued.iter().chain(&f.running).any(|&v| v > 0));
    let mut legend = framework_legend(&recording.frameworks);
    let marks = faults(recording, &mut legend);
    worked.then(|| Drawn {
        chart: Chart { legend, panels, marks },
        table: series_table(series, &columns),
        says: says(recording),
    })
}

fn says(recording: &Recording) -> String {
    let rows = 0..recording.series.rows();
    let total = |row: usize, of: Of| recording.frameworks.iter().map(|f| of(f)[row]).sum::<i64>();
    let most = |of: Of| rows.clone().map(|row| (total(row, of), std::cmp::Reverse(row))).max().unwrap_or_default();
    let (waiting, at) = most(|f| &f.queued);
    let (running, _) = most(|f| &f.running);
    let tasks = |micro: i64| whole((micro + 500_000) / 1_000_000);
    if waiting < 500_000 {
        return format!("Hardly a task ever waited; at most {} ran at once.", tasks(running));
    }
    let at = length(recording.series.edge(at.0).as_secs_f64());
    format!(
        "The backlog was largest at {at}, when {} tasks waited; at most {} ran at once.",
        tasks(waiting),
        tasks(running)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::synthetic::{Plan, make};

    #[test]
    fn two_panels_with_a_line_per_framework() {
        let drawn = draw(&make(&Plan::small()).recording()).unwrap();
        let shape: Vec<_> = drawn.chart.panels.iter().map(|p| (p.heading.as_str(), p.layers.len())).collect();
        assert_eq!(shape, [("Waiting", 2), ("Running", 2)]);
        assert_eq!(drawn.table[0].len(), 6);
    }
}
