//! Why apps did not take the offers that they got.

use super::axis::Axis;
use super::chart::{Chart, Colour, Entry, GREY, Layer, PALETTE, Panel, Swatch};
use super::{Drawn, Figure, max_of};
use crate::record::Recording;
use crate::record::recording::AppRecord;
use crate::report::words::{count, percent, whole};

pub(super) const FIGURE: Figure = Figure {
    name: "refusals",
    title: "Why offers were refused",
    caption: "Offers that Marathon matched with an app and refused, by the reason that was found first, over \
              the whole run.",
    draw,
};

/// Apps shown: those that refused most.
const MOST: usize = 20;

fn total(app: &AppRecord) -> u64 {
    app.refused.iter().map(|r| *r.1).sum()
}

fn draw(recording: &Recording) -> Option<Drawn> {
    let mut apps: Vec<&AppRecord> = recording.apps.iter().filter(|a| total(a) > 0).collect();
    if apps.is_empty() {
        return None;
    }
    apps.sort_by_key(|a| std::cmp::Reverse(total(a)));
    let reasons = reasons(&apps);
    let shown = &apps[..apps.len().min(MOST)];
    let mut lefts = vec![0.0; shown.len()];
    let (mut layers, mut legend) = (Vec::new(), Vec::new());
    for (i, (reason, _)) in reasons.iter().enumerate() {
        let colour = colour(i);
        let mut bars = Vec::new();
        for (row, (app, left)) in shown.iter().zip(&mut lefts).enumerate() {
            let n = app.refused.get(reason).copied().unwrap_or(0) as f64;
            let top = (shown.len() - row) as f64 - 0.15;
            if n > 0.0 {
                bars.push([*left, *left + n, top - 0.7, top]);
                *left += n;
            }
        }
        legend.push(Entry { label: words(reason), colour, swatch: Swatch::Area });
        layers.push(Layer::Bars { colour, opacity: 100, bars });
    }
    let name = |(row, app): (usize, &&AppRecord)| ((shown.len() - row) as f64 - 0.5, app.name.clone());
    let panel = Panel {
        heading: String::new(),
        height: (shown.len() as i32 * 30).clamp(44, 420),
        x: Axis::amount("offers refused", max_of(lefts)),
        y: Axis::names("", shown.len() as f64, shown.iter().enumerate().map(name).collect()),
        layers,
        readings: Vec::new(),
    };
    let chart = Chart { legend, panels: vec![panel], marks: Vec::new() };
    Some(Drawn { chart, table: table(&apps), says: says(&reasons) })
}

/// All reasons with their numbers, the most frequent first.
fn reasons(apps: &[&AppRecord]) -> Vec<(String, u64)> {
    let mut reasons: Vec<(String, u64)> = Vec::new();
    for (reason, &n) in apps.iter().flat_map(|a| a.refused.iter()) {
        match reasons.iter_mut().find(|r| r.0 == reason) {
            Some(found) => found.1 += n,
            None => reasons.push((reason.to_owned(), n)),
        }
    }
    reasons.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    reasons
}

fn colour(index: usize) -> Colour {
    PALETTE.get(index).copied().unwrap_or(GREY)
}

/// `UnfulfilledConstraint` as `unfulfilled constraint`.
fn words(reason: &str) -> String {
    let mut text = String::new();
    for c in reason.chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.extend(c.to_lowercase());
    }
    text
}

fn table(apps: &[&AppRecord]) -> Vec<Vec<String>> {
    let mut rows = vec![["app", "reason", "offers"].map(str::to_owned).to_vec()];
    for app in apps {
        rows.extend(app.refused.iter().map(|(reason, n)| vec![app.name.clone(), reason.to_owned(), n.to_string()]));
    }
    rows
}

fn says(reasons: &[(String, u64)]) -> String {
    let all: u64 = reasons.iter().map(|r| r.1).sum();
    let (most, n) = reasons.first().map_or((String::new(), 0), |r| (words(&r.0), r.1));
    let part = percent(n as f64 / all.max(1) as f64);
    let others = match reasons.len() {
        1 => "all for one reason".to_owned(),
        n => format!("for {} reasons", whole(n as i64)),
    };
    format!("{} refused, {others}; most often, in {part} of all cases, {most}.", count(all as i64, "offer"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::synthetic_services::make;

    #[test]
    fn apps_are_bars_of_their_reasons() {
        let drawn = draw(&make().recording()).unwrap();
        assert_eq!(drawn.table[1..].len(), 3);
        assert_eq!(
            drawn.says,
            "100 offers refused, for 2 reasons; most often, in 90.0 % of all cases, unfulfilled constraint."
        );
        let legend: Vec<_> = drawn.chart.legend.iter().map(|e| e.label.as_str()).collect();
        assert_eq!(legend, ["unfulfilled constraint", "insufficient cpus"]);
    }
}
