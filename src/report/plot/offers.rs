//! Offer traffic: how many offers the master makes and what becomes of them.

use super::axis::Axis;
use super::chart::{Chart, Colour, Entry, GREEN, Layer, ORANGE, PURPLE, Panel, Stroke, Swatch, steps};
use super::{Drawn, Figure, faults, max_of, rates, readings, series_table};
use crate::record::Recording;
use crate::record::recording::Series;
use crate::report::words::{count, percent};

pub(super) const FIGURE: Figure = Figure {
    name: "offers",
    title: "Offer traffic",
    caption: "Offers per second that the master made, and that ended accepted, declined or rescinded, \
              over each interval; an offer is one agent's resources for one framework.",
    draw,
};

type Of = fn(&Series) -> &Vec<i64>;
/// Of what is behind everything else.
const BAR: Colour = Colour(200, 206, 212);

const LINES: [(&str, Colour, Of); 4] = [
    ("made", BAR, |s| &s.offers_made),
    ("accepted", GREEN, |s| &s.offers_accepted),
    ("declined", ORANGE, |s| &s.offers_declined),
    ("rescinded", PURPLE, |s| &s.offers_rescinded),
];

fn draw(recording: &Recording) -> Option<Drawn> {
    let series = &recording.series;
    let shown: Vec<_> = LINES.into_iter().filter(|l| l.0 == "made" || l.2(series).iter().any(|&n| n > 0)).collect();
    let lines: Vec<(Colour, Vec<f64>)> = shown.iter().map(|l| (l.1, rates(series, l.2(series)))).collect();
    let top = max_of(lines.iter().flat_map(|l| l.1.iter().copied()));
    if top <= 0.0 {
        return None;
    }
    // All that are made end in one of the other ways, mostly at once: those lie on top of it.
    let layer = |(i, (colour, values)): (usize, &(Colour, Vec<f64>))| {
        let points = steps(series, values);
        if i == 0 {
            Layer::Area { colour: *colour, points: points.into_iter().map(|(x, y)| (x, 0.0, y)).collect() }
        } else {
            Layer::Line { colour: *colour, stroke: Stroke::Normal, points }
        }
    };
    let panel = Panel {
        heading: String::new(),
        height: 240,
        x: Axis::time(series.end.as_secs_f64()),
        y: Axis::amount("offers per second", top),
        layers: lines.iter().enumerate().map(layer).collect(),
        readings: readings(&LINES.map(|l| (format!("{} in the interval", l.0), l.1)), 0, false),
    };
    let swatch = |name: &str| if name == "made" { Swatch::Area } else { Swatch::Line };
    let entry = |l: &(&str, Colour, Of)| Entry { label: l.0.to_owned(), colour: l.1, swatch: swatch(l.0) };
    let mut legend: Vec<Entry> = shown.iter().map(entry).collect();
    let columns: Vec<_> =
        LINES.iter().map(|l| (l.0.to_owned(), l.2(series).iter().map(i64::to_string).collect())).collect();
    let marks = faults(recording, &mut legend);
    let chart = Chart { legend, panels: vec![panel], marks };
    Some(Drawn { chart, table: series_table(series, &columns), says: says(recording) })
}

fn says(recording: &Recording) -> String {
    let of = |name: &str| recording.counts.get(name).copied().unwrap_or(0) as i64;
    let [made, accepted, declined] = ["offers.made", "offers.accepted", "offers.declined"].map(of);
    let declined = percent(declined as f64 / made.max(1) as f64);
    let each = match of("tasks.launched") {
        _ if accepted == 0 => "none was accepted".to_owned(),
        launched => format!("{} launched {}", count(accepted, "accepted one"), count(launched, "task")),
    };
    format!("Of {}, {declined} were declined; {each}.", count(made, "offer"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::synthetic::{Plan, make};

    #[test]
    fn only_what_happened_has_a_line() {
        let recording = make(&Plan::small()).recording();
        let drawn = draw(&recording).unwrap();
        assert_eq!(drawn.chart.panels[0].layers.len(), 3, "none was rescinded");
        let made: i64 = drawn.table[1..].iter().map(|row| row[2].parse::<i64>().unwrap()).sum();
        assert_eq!(made as u64, *recording.counts.get("offers.made").unwrap());
    }
}
