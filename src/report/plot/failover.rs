//! Changes of leaders in phases: how long nobody led, and how long until all was as before.

use super::axis::Axis;
use super::chart::{BLACK, BLUE, Chart, Colour, Entry, GREEN, Layer, ORANGE, PURPLE, Panel, SKY, Swatch, VERMILLION};
use super::{Drawn, Figure, max_of};
use crate::analysis::failover::{Phase, phases, total_ns};
use crate::record::Recording;
use crate::record::recording::Failover;
use crate::record::text::seconds;
use crate::report::words::{count, length, list};

pub(super) const FIGURE: Figure = Figure {
    name: "failover",
    title: "Changes of leaders",
    caption: "From the moment when a leader was gone (it died, stepped down or its session expired) until \
              each next thing was as before. A phase begins when the one before it ends; the last one of a \
              master ends with the first offer after everybody was back, that of a Marathon when it has \
              subscribed.",
    draw,
};

/// How many are drawn.
const MOST: usize = 40;

/// In the order of both kinds of leaders together.
const PHASES: [(&str, Colour); 7] = [
    ("elected", VERMILLION),
    ("store read", PURPLE),
    ("first agent", ORANGE),
    ("99 % of agents", SKY),
    ("all frameworks", BLUE),
    ("subscribed", BLACK),
    ("first offer", GREEN),
];

fn draw(recording: &Recording) -> Option<Drawn> {
    let changes: Vec<(&Failover, Vec<Phase>)> = recording.failovers.iter().map(|f| (f, phases(f))).collect();
    if changes.iter().all(|c| c.1.is_empty()) {
        return None;
    }
    let shown = changes.len().min(MOST);
    let (mut layers, mut legend) = (Vec::new(), Vec::new());
    for (until, colour) in PHASES {
        let bar = |(i, (_, phases)): (usize, &(&Failover, Vec<Phase>))| {
            let phase = phases.iter().find(|p| p.until == until && p.to_ns > p.from_ns)?;
            let top = (shown - i) as f64 - 0.15;
            Some([phase.from_ns as f64 / 1e9, phase.to_ns as f64 / 1e9, top - 0.7, top])
        };
        let bars: Vec<[f64; 4]> = changes.iter().take(shown).enumerate().filter_map(bar).collect();
        if !bars.is_empty() {
            legend.push(Entry { label: format!("until {until}"), colour, swatch: Swatch::Area });
            layers.push(Layer::Bars { colour, opacity: 100, bars });
        }
    }
    let name = |(i, (f, _)): (usize, &(&Failover, Vec<Phase>))| {
        ((shown - i) as f64 - 0.5, format!("{}, {}", f.kind, length(f.lost_ns as f64 / 1e9)))
    };
    let longest = max_of(changes.iter().take(shown).filter_map(|c| Some(c.1.last()?.to_ns as f64 / 1e9)));
    let panel = Panel {
        heading: String::new(),
        height: (shown as i32 * 34).clamp(40, 420),
        x: Axis::amount("seconds since the leader was lost", longest),
        y: Axis::names("", shown as f64, changes.iter().take(shown).enumerate().map(name).collect()),
        layers,
        readings: Vec::new(),
    };
    let chart = Chart { legend, panels: vec![panel], marks: Vec::new() };
    Some(Drawn { chart, table: table(&changes), says: says(recording) })
}

fn table(changes: &[(&Failover, Vec<Phase>)]) -> Vec<Vec<String>> {
    let mut rows = vec![["leader", "lost_at_s", "until", "from_s", "length_s"].map(str::to_owned).to_vec()];
    for (change, phases) in changes {
        rows.extend(phases.iter().map(|p| {
            let length = seconds(p.to_ns - p.from_ns);
            vec![change.kind.clone(), seconds(change.lost_ns), p.until.to_owned(), seconds(p.from_ns), length]
        }));
    }
    rows
}

fn says(recording: &Recording) -> String {
    let one = |kind: &str| {
        let of: Vec<&Failover> = recording.failovers.iter().filter(|f| f.kind == kind).collect();
        if of.is_empty() {
            return None;
        }
        let elected = of.iter().filter_map(|f| Some(f.elected_ns? - f.lost_ns)).max();
        let totals: Vec<i64> = of.iter().filter_map(|f| total_ns(f)).collect();
        let elected = elected.map_or("no new one was elected".to_owned(), |ns| {
            format!("the next one was elected within {}", length(ns as f64 / 1e9))
        });
        let whole = match totals.iter().max() {
            Some(&ns) if totals.len() == of.len() => {
                format!("all was as before after at most {}", length(ns as f64 / 1e9))
            }
            _ => format!("{} did not come to their end", count((of.len() - totals.len()) as i64, "change")),
        };
        Some(format!("the leading {kind} was lost {}: {elected}, {whole}", times(of.len())))
    };
    let parts: Vec<String> = ["master", "marathon"].into_iter().filter_map(one).collect();
    let text = list(&parts);
    format!("{}{}.", text[..1].to_uppercase(), &text[1..])
}

fn times(n: usize) -> String {
    match n {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => format!("{n} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::synthetic_services::make;

    #[test]
    fn every_change_is_a_row_of_phases() {
        let drawn = draw(&make().recording()).unwrap();
        let rows: Vec<_> = drawn.chart.panels[0].y.ticks.iter().map(|t| t.1.as_str()).collect();
        assert_eq!(rows, ["master, 10m 00s", "marathon, 20m 00s"]);
        let phases: Vec<_> = drawn.table[1..].iter().map(|r| format!("{} {} {}", r[2], r[3], r[4])).collect();
        assert_eq!(
            phases,
            [
                "elected 0 10.2",
                "first agent 10.2 0.5",
                "99 % of agents 10.7 0.9",
                "all frameworks 11.6 0.4",
                "first offer 12 1",
                "elected 0 6",
                "store read 6 1",
                "subscribed 7 0.5"
            ]
        );
        assert!(
            drawn.says.starts_with("The leading master was lost once: the next one was elected within 10.2 s"),
            "{}",
            drawn.says
        );
        assert!(drawn.says.ends_with("within 6.00 s, all was as before after at most 7.50 s."), "{}", drawn.says);
    }
}
