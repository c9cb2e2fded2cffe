//! Who has how much: dominant share of every framework over time.

use super::axis::{Axis, number};
use super::chart::{Chart, Layer, Panel, Stroke, steps};
use super::{
    Drawn, Figure, cell, faults, framework_colour, framework_legend, framework_names, max_of, readings, series_table,
};
use crate::analysis::share;
use crate::record::Recording;
use crate::record::recording::FrameworkRecord;
use crate::report::words::{percent, some};

pub(super) const FIGURE: Figure = Figure {
    name: "dominant-share",
    title: "Dominant share of the frameworks",
    caption: "The largest fraction of any kind of resource that a framework's tasks hold, relative \
              to the registered capacity, averaged over each interval; weights are not divided out.",
    draw,
};

fn draw(recording: &Recording) -> Option<Drawn> {
    let series = &recording.series;
    let shares: Vec<Vec<f64>> = recording.frameworks.iter().map(|f| share::dominant(recording, f)).collect();
    let top = max_of(shares.iter().flatten().copied());
    if top <= 0.0 {
        return None;
    }
    let mut legend = framework_legend(&recording.frameworks);
    for (entry, (framework, values)) in legend.iter_mut().zip(recording.frameworks.iter().zip(&shares)) {
        if entry.label == framework.name {
            let mean = share::mean(recording, values);
            let (weight, mean) = (number(framework.weight), percent(mean));
            entry.label = format!("{} (weight {weight}, mean {mean})", framework.name);
        }
    }
    // The first ones are drawn last, above the others.
    let lines = shares.iter().enumerate().rev();
    let layers = lines
        .map(|(i, v)| Layer::Line { colour: framework_colour(i), stroke: Stroke::Normal, points: steps(series, v) })
        .collect();
    let panel = Panel {
        heading: String::new(),
        height: 250,
        x: Axis::time(series.end.as_secs_f64()),
        y: Axis::percent("dominant share", top),
        layers,
        readings: readings(&framework_names(&recording.frameworks), 0, true),
    };
    let column = |(f, v): (&FrameworkRecord, &Vec<f64>)| (f.name.clone(), v.iter().map(|&x| cell(x)).collect());
    let columns: Vec<_> = recording.frameworks.iter().zip(&shares).map(column).collect();
    let marks = faults(recording, &mut legend);
    Some(Drawn {
        chart: Chart { legend, panels: vec![panel], marks },
        table: series_table(series, &columns),
        says: says(recording, &shares),
    })
}

fn says(recording: &Recording, shares: &[Vec<f64>]) -> String {
    let mean =
        |(f, values): (&FrameworkRecord, &Vec<f64>)| format!("{} {}", f.name, percent(share::mean(recording, values)));
    let means = recording.frameworks.iter().zip(shares).map(mean).collect();
    let mut text = format!("The mean dominant share was {}.", some(means, 4));
    if let Some(jain) = share::jain(recording) {
        let index = number(libm::round(jain * 1000.0) / 1000.0);
        text += &format!(
            " While two or more had tasks waiting, Jain's index of the weighted shares was {index} \
                          (1 is perfectly fair)."
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::synthetic::{Plan, make};

    #[test]
    fn one_line_and_one_column_per_framework() {
        let drawn = draw(&make(&Plan::small()).recording()).unwrap();
        assert_eq!(drawn.chart.panels[0].layers.len(), 2);
        assert_eq!(drawn.table[0], ["from_s", "to_s", "analytics", "web"]);
        assert!(drawn.chart.legend[1].label.starts_with("web (weight 2, mean "));
    }
}
