//! The agents as a map over time: which rack lost whom, and when they were back.

use super::axis::Axis;
use super::chart::{BLACK, Chart, Colour, Entry, GREY, Layer, ORANGE, Panel, SKY, Swatch, VERMILLION};
use super::{Drawn, Figure, faults};
use crate::analysis::agent_states::{Away, Cell, Row, Stay, grid, rows, stays, worst};
use crate::record::Recording;
use crate::record::text::seconds;
use crate::report::words::{count, length, some, whole};

pub(super) const FIGURE: Figure = Figure {
    name: "agent-map",
    title: "Agents over time",
    caption: "Every agent is a row, or shares one with its neighbours if there are many, grouped by rack. \
              It is coloured while the master does not count it or has no connection with it; the paler, \
              the smaller the part of the row's agents.",
    draw,
};

const ROWS_MAX: u32 = 210;
const COLUMNS: usize = 320;
const HEIGHT_MAX: i32 = 420;
/// Gaps between more racks than this would be all that one sees.
const GAPS_MAX: usize = 60;

fn colour(how: Away) -> Colour {
    match how {
        Away::NotYet => GREY,
        Away::Disconnected => ORANGE,
        Away::Unreachable => VERMILLION,
        Away::Removed => BLACK,
    }
}

fn draw(recording: &Recording) -> Option<Drawn> {
    let stays = stays(recording);
    if stays.is_empty() {
        return None;
    }
    let rows = rows(recording, ROWS_MAX);
    let places = Places::of(&rows, recording.racks.len());
    let cells = grid(recording, &stays, &rows, COLUMNS);
    let end_s = recording.series.end.as_secs_f64();
    let at = |column: usize| end_s * column as f64 / COLUMNS as f64;
    let rack_bars = places.racks.iter().map(|&(_, low, high)| [0.0, end_s, low, high]).collect();
    let mut layers = vec![Layer::Bars { colour: SKY, opacity: 30, bars: rack_bars }];
    let mut legend = vec![Entry { label: "registered and connected".into(), colour: SKY, swatch: Swatch::Pale }];
    for how in Away::ALL {
        for quarters in 1..=4 {
            let bar = |c: &Cell| {
                let (low, high) = places.rows[c.row];
                [at(c.from), at(c.to), low, high]
            };
            let of = cells.iter().filter(|c| c.how == how && c.quarters == quarters);
            let bars: Vec<[f64; 4]> = of.map(bar).collect();
            if !bars.is_empty() {
                layers.push(Layer::Bars {
                    colour: colour(how),
                    opacity: [40, 60, 80, 100][usize::from(quarters) - 1],
                    bars,
                });
            }
        }
        if stays.iter().any(|s| s.how == how) {
            legend.push(Entry { label: how.name().into(), colour: colour(how), swatch: Swatch::Area });
        }
    }
    let ticks = places
        .racks
        .iter()
        .map(|&(rack, low, high)| (f64::midpoint(low, high), recording.racks[rack as usize].name.clone()));
    let panel = Panel {
        heading: String::new(),
        height: (rows.len() as i32 * 12).clamp(60, HEIGHT_MAX),
        x: Axis::time(end_s),
        y: Axis::names("rack", places.height, ticks.collect()),
        layers,
        readings: Vec::new(),
    };
    let marks = faults(recording, &mut legend);
    let chart = Chart { legend, panels: vec![panel], marks };
    Some(Drawn { chart, table: table(recording, &stays), says: says(recording, &stays) })
}

/// Where rows lie, from the top down; 1 is a row.
struct Places {
    rows: Vec<(f64, f64)>,
    /// (rack, lower, upper edge).
    racks: Vec<(u32, f64, f64)>,
    height: f64,
}

impl Places {
    fn of(rows: &[Row], racks: usize) -> Self {
        let gap = if racks <= GAPS_MAX { (rows.len() as f64 * 0.006).max(0.15) } else { 0.0 };
        let new_rack = |i: usize| i > 0 && rows[i].rack != rows[i - 1].rack;
        let gaps = (0..rows.len()).filter(|&i| new_rack(i)).count();
        let height = rows.len() as f64 + gap * gaps as f64;
        let (mut top, mut places, mut bands) = (height, Vec::new(), Vec::<(u32, f64, f64)>::new());
        for (i, row) in rows.iter().enumerate() {
            if new_rack(i) {
                top -= gap;
            }
            let edges = (top - 1.0, top);
            places.push(edges);
            match bands.last_mut() {
                Some(band) if band.0 == row.rack => band.1 = edges.0,
                _ => bands.push((row.rack, edges.0, edges.1)),
            }
            top -= 1.0;
        }
        Self { rows: places, racks: bands, height }
    }
}

fn table(recording: &Recording, stays: &[Stay]) -> Vec<Vec<String>> {
    let header = ["agent", "rack", "state", "from_s", "until_s"].map(str::to_owned).to_vec();
    let row = |s: &Stay| {
        let rack = recording.racks[s.rack as usize].name.clone();
        vec![s.host.clone(), rack, s.how.name().to_owned(), seconds(s.from.0), seconds(s.to.0)]
    };
    std::iter::once(header).chain(stays.iter().map(row)).collect()
}

fn says(recording: &Recording, stays: &[Stay]) -> String {
    let agents: u32 = recording.racks.iter().map(|r| r.agents).sum();
    let (most, at) = worst(stays);
    let mut hit: Vec<(usize, u32)> = Vec::new();
    for rack in 0..recording.racks.len() as u32 {
        let mut hosts: Vec<u32> = stays.iter().filter(|s| s.rack == rack).map(|s| s.index).collect();
        hosts.sort_unstable();
        hosts.dedup();
        hit.push((hosts.len(), rack));
    }
    hit.retain(|h| h.0 > 0);
    hit.sort_by_key(|h| (std::cmp::Reverse(h.0), h.1));
    let name =
        |&(n, rack): &(usize, u32)| format!("{} ({})", recording.racks[rack as usize].name, count(n as i64, "agent"));
    let racks = some(hit.iter().map(name).collect(), 4);
    format!(
        "At worst, {} of {} were away at once, first at {}; hit were {racks}.",
        whole(most),
        count(i64::from(agents), "agent"),
        length(at.as_secs_f64())
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::synthetic::{Plan, make};

    #[test]
    fn racks_lie_under_each_other_with_gaps() {
        let row = |rack, first| Row { rack, first, end: first + 1 };
        let places = Places::of(&[row(0, 0), row(0, 1), row(1, 2)], 2);
        assert!((places.height - 3.15).abs() < 1e-9);
        assert!(places.racks.len() == 2 && places.rows[2].0.abs() < 1e-9);
        assert!(places.racks[0].1 > places.racks[1].2);
    }

    #[test]
    fn the_map_shows_both_racks_that_were_lost() {
        let recording = make(&Plan::small()).recording();
        let drawn = draw(&recording).unwrap();
        assert_eq!(drawn.chart.panels[0].y.ticks.len(), 4);
        assert_eq!(drawn.table.len(), 11);
        assert!(drawn.says.contains("hit were rack-0 (5 agents) and rack-1 (5 agents)"), "{}", drawn.says);
        assert!(draw(&make(&Plan { faults: 0, ..Plan::small() }).recording()).is_none());
    }
}
