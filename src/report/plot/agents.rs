//! How many machines the master counts, and which it lost and got back.

use super::axis::Axis;
use super::chart::{BLUE, Chart, Colour, Entry, GREEN, Layer, ORANGE, Panel, Stroke, Swatch, VERMILLION, steps};
use super::{Drawn, Figure, cell, faults, max_of, micro, readings, series_table};
use crate::analysis::coarse::agent_events;
use crate::record::Recording;
use crate::record::recording::AgentEvent;
use crate::report::words::whole;

pub(super) const FIGURE: Figure = Figure {
    name: "agents",
    title: "Agents",
    caption: "Agents that the master counts as registered and those of them that are connected, averaged \
              over each interval; below, how many were lost (unreachable or removed) and returned in it.",
    draw,
};

fn draw(recording: &Recording) -> Option<Drawn> {
    let series = &recording.series;
    let top = max_of(series.agents_registered.iter().map(|&v| micro(v)));
    if top <= 0.0 {
        return None;
    }
    let x = Axis::time(series.end.as_secs_f64());
    let level = |column: &[i64], colour, stroke| Layer::Line {
        colour,
        stroke,
        points: steps(series, column).into_iter().map(|(x, v)| (x, micro(v))).collect(),
    };
    let mut panels = vec![Panel {
        heading: "In the master's books".into(),
        height: 180,
        x: x.clone(),
        y: Axis::amount("agents", top),
        layers: vec![
            level(&series.agents_registered, BLUE, Stroke::Bold),
            level(&series.agents_connected, ORANGE, Stroke::Thin),
        ],
        readings: readings(&[("registered".into(), BLUE), ("connected".into(), ORANGE)], 0, false),
    }];
    let line = |label: &str, colour| Entry { label: label.into(), colour, swatch: Swatch::Line };
    let mut legend = vec![line("registered", BLUE), line("connected", ORANGE)];

    let lost = agent_events(recording, &[AgentEvent::Lost, AgentEvent::Removed]);
    let returned = agent_events(recording, &[AgentEvent::Returned]);
    let most = lost.iter().chain(&returned).copied().max().unwrap_or(0);
    if most > 0 {
        let bars = |counts: &[i64], colour: Colour, part: f64| {
            let each = counts.iter().enumerate().filter(|(_, n)| **n > 0);
            let bar = move |(row, &n): (usize, &i64)| {
                let (from, to) = (series.edge(row).as_secs_f64(), series.edge(row + 1).as_secs_f64());
                // At least two pixels wide, the lost ones to the left of those that returned.
                let width = (to - from).max(x_pixels(series.end.as_secs_f64(), 4.0)) / 2.0;
                let left = from + part * width;
                let points = vec![(left, 0.0, n as f64), (left + width, 0.0, n as f64)];
                Layer::Area { colour, points }
            };
            each.map(bar).collect::<Vec<_>>()
        };
        let mut layers = bars(&lost, VERMILLION, 0.0);
        layers.extend(bars(&returned, GREEN, 1.0));
        let y = Axis::amount("agents", most as f64);
        panels.push(Panel {
            heading: "Lost and returned per interval".into(),
            height: 80,
            x,
            y,
            layers,
            readings: readings(&[("lost".into(), VERMILLION), ("returned".into(), GREEN)], 2, false),
        });
        let area = |label: &str, colour| Entry { label: label.into(), colour, swatch: Swatch::Area };
        legend.extend([area("lost", VERMILLION), area("returned", GREEN)]);
    }
    let columns = [
        ("registered".to_owned(), series.agents_registered.iter().map(|&v| cell(micro(v))).collect()),
        ("connected".to_owned(), series.agents_connected.iter().map(|&v| cell(micro(v))).collect()),
        ("lost".to_owned(), lost.iter().map(i64::to_string).collect()),
        ("returned".to_owned(), returned.iter().map(i64::to_string).collect()),
    ];
    let marks = faults(recording, &mut legend);
    Some(Drawn { chart: Chart { legend, panels, marks }, table: series_table(series, &columns), says: says(recording) })
}

fn says(recording: &Recording) -> String {
    let sum = |events: &[AgentEvent]| agent_events(recording, events).iter().sum::<i64>();
    let [lost, returned] = [sum(&[AgentEvent::Lost, AgentEvent::Removed]), sum(&[AgentEvent::Returned])];
    let registered = recording.levels.get("agents.registered").copied().unwrap_or(0);
    let most = recording.series.agents_registered.iter().max().copied().unwrap_or(0);
    let most = (most + 500_000) / 1_000_000;
    if lost == 0 {
        return format!(
            "No agent was lost; {} of at most {} were registered at the end.",
            whole(registered),
            whole(most)
        );
    }
    let times = if lost == 1 { "One agent was".to_owned() } else { format!("{} times an agent was", whole(lost)) };
    format!(
        "{times} lost, {} one came back; {} of at most {} were registered at the end.",
        if returned == 1 { "once".to_owned() } else { format!("{} times", whole(returned)) },
        whole(registered),
        whole(most)
    )
}

/// So many pixels of a time axis of about 800 pixels, in seconds.
fn x_pixels(end_s: f64, pixels: f64) -> f64 {
    end_s * pixels / 800.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::synthetic::{Plan, make};

    #[test]
    fn bars_appear_only_with_losses() {
        let calm = draw(&make(&Plan { faults: 0, ..Plan::small() }).recording()).unwrap();
        assert_eq!(calm.chart.panels.len(), 1);
        let stormy = draw(&make(&Plan::small()).recording()).unwrap();
        assert_eq!(stormy.chart.panels.len(), 2);
        assert_eq!(stormy.chart.panels[1].layers.len(), 4);
    }
}
