//! The figure of differences: for every metric a scale of its own with zero on it, for every
//! variant the mean difference, its interval, and the difference of each seed as a small dot.
//!
//! Written as SVG by hand, because it is mostly text in rows, which charts of curves cannot do.
//! Full dots stand for differences that are shown, hollow ones for those that are not, so colour
//! carries nothing alone.

use super::words::{Style, relative};
use crate::analysis::Comparison;
use crate::analysis::compare::{Difference, Row, Verdict};
use crate::report::escape::xml;
use crate::report::plot::axis::nice_step;
use std::fmt::Write as _;

const WIDTH: f64 = 880.0;
/// Where the scales begin and end.
const LEFT: f64 = 190.0;
const RIGHT: f64 = 620.0;
const ROW: f64 = 26.0;

const CSS: &str = ".cmp-t{font:13px sans-serif;fill:#212529}.cmp-b{font-weight:bold}.cmp-s{font-size:11px;\
    fill:#5f666d}.cmp-g{stroke:#d5d9dd;stroke-width:1}.cmp-z{stroke:#5f666d;stroke-width:1.5}.cmp-bg{fill:#fff}\
    .cmp-more{stroke:#d55e00;fill:#d55e00}.cmp-less{stroke:#0072b2;fill:#0072b2}.cmp-none{stroke:#7b838a;fill:#fff}\
    .cmp-d{fill:#7b838a;fill-opacity:.45}@media(prefers-color-scheme:dark){.cmp-t{fill:#e6e8ea}.cmp-s{fill:#a5adb5}\
    .cmp-bg{fill:#16191c}.cmp-g{stroke:#3a4046}.cmp-more{stroke:#f0883e;fill:#f0883e}.cmp-less{stroke:#56b4e9;\
    fill:#56b4e9}.cmp-none{fill:#16191c}}@media print{.cmp-t{fill:#000}.cmp-bg{fill:#fff}}";

/// The range of one metric and its ticks.
struct Scale {
    low: f64,
    high: f64,
    ticks: Vec<f64>,
}

impl Scale {
    fn of(row: &Row) -> Self {
        let (mut low, mut high) = (0.0_f64, 0.0_f64);
        for d in row.cells.iter().filter_map(|cell| cell.difference.as_ref()) {
            let ends = d.interval.into_iter().flat_map(|i| [i.low, i.high]);
            for x in ends.chain(d.by_seed.iter().flatten().copied()) {
                (low, high) = (low.min(x), high.max(x));
            }
        }
        if high - low <= 0.0 {
            (low, high) = (-1.0, 1.0);
        }
        let margin = (high - low) * 0.06;
        let (low, high) = (low - margin, high + margin);
        let step = nice_step((high - low) / 5.0);
        let from = libm::ceil(low / step) as i64;
        let to = libm::floor(high / step) as i64;
        Self { low, high, ticks: (from..=to).map(|k| k as f64 * step).collect() }
    }
    fn x(&self, value: f64) -> f64 {
        LEFT + (value - self.low) / (self.high - self.low) * (RIGHT - LEFT)
    }
}

pub(super) fn svg(comparison: &Comparison) -> String {
    let others = comparison.variants.len().saturating_sub(1) as f64;
    let block = 24.0 + others * ROW + 34.0;
    let height = 64.0 + comparison.rows.len() as f64 * block + 26.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\"><style>{CSS}</style><rect class=\"cmp-bg\" width=\"{WIDTH}\" \
         height=\"{height}\"/>\n"
    );
    let first = comparison.variants.first().map_or("", |v| v.name.as_str());
    text(&mut out, 20.0, 26.0, "cmp-t cmp-b", "", &format!("Differences to {first}"));
    let how = format!(
        "mean and 95 % interval of {}; small dots: single seeds; full: shown, hollow: not shown; each metric has a \
         scale of its own",
        super::tables::seeds(&comparison.seeds)
    );
    text(&mut out, 20.0, 46.0, "cmp-t cmp-s", "", &how);
    let mut top = 64.0;
    for row in &comparison.rows {
        draw_row(&mut out, comparison, row, top);
        top += block;
    }
    out.push_str("</svg>\n");
    out
}

fn draw_row(out: &mut String, comparison: &Comparison, row: &Row, top: f64) {
    let (scale, style) = (Scale::of(row), Style::of(row));
    text(out, 20.0, top + 14.0, "cmp-t cmp-b", "", &row.measure.label);
    let base = row.cells.first().and_then(|cell| cell.mean);
    if let (Some(mean), Some(first)) = (base, comparison.variants.first()) {
        let mean = format!("{} {}", first.name, style.value(mean));
        text(out, WIDTH - 20.0, top + 14.0, "cmp-t cmp-s", "end", &mean);
    }
    let plot = top + 24.0;
    let bottom = plot + ROW * (row.cells.len().max(1) - 1) as f64;
    for &tick in &scale.ticks {
        let class = if tick.abs() > 0.0 { "cmp-g" } else { "cmp-z" };
        line(out, (scale.x(tick), plot), (scale.x(tick), bottom), class, 0.0);
        text(out, scale.x(tick), bottom + 14.0, "cmp-t cmp-s", "middle", &style.signed(tick));
    }
    let pairs = row.cells.iter().zip(&comparison.variants);
    let shown = pairs.filter_map(|(cell, variant)| Some((cell.difference.as_ref()?, variant)));
    for (i, (d, variant)) in shown.enumerate() {
        let y = plot + ROW * (i as f64 + 0.5);
        text(out, LEFT - 14.0, y + 4.0, "cmp-t", "end", &shortened(&variant.name));
        draw_difference(out, &scale, d, y);
        let numbers = [style.difference(d), relative(d)].into_iter().filter(|part| !part.is_empty());
        text(out, RIGHT + 14.0, y + 4.0, "cmp-t", "", &numbers.collect::<Vec<_>>().join(", "));
    }
}

fn draw_difference(out: &mut String, scale: &Scale, d: &Difference, y: f64) {
    for x in d.by_seed.iter().flatten() {
        let _ = writeln!(out, "<circle class=\"cmp-d\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2\"/>", scale.x(*x), y + 7.0);
    }
    let Some(interval) = d.interval else { return };
    let class = match d.verdict {
        Verdict::More => "cmp-more",
        Verdict::Less => "cmp-less",
        Verdict::Same | Verdict::NotShown | Verdict::TooFew => "cmp-none",
    };
    let (low, high) = (scale.x(interval.low), scale.x(interval.high));
    line(out, (low, y), (high, y), class, 2.5);
    for end in [low, high] {
        line(out, (end, y - 5.0), (end, y + 5.0), class, 2.0);
    }
    let mean = scale.x(interval.mean);
    let _ = writeln!(out, "<circle class=\"{class}\" stroke-width=\"2\" cx=\"{mean:.1}\" cy=\"{y:.1}\" r=\"5\"/>");
}

fn line(out: &mut String, from: (f64, f64), to: (f64, f64), class: &str, width: f64) {
    let width = if width > 0.0 { format!(" stroke-width=\"{width}\"") } else { String::new() };
    let (x1, y1, x2, y2) = (from.0, from.1, to.0, to.1);
    let _ = writeln!(out, "<path class=\"{class}\"{width} d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\"/>");
}

fn text(out: &mut String, x: f64, y: f64, class: &str, anchor: &str, words: &str) {
    let anchor = if anchor.is_empty() { String::new() } else { format!(" text-anchor=\"{anchor}\"") };
    let _ = writeln!(out, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\"{anchor}>{}</text>", xml(words));
}

/// A name that fits beside the scale.
fn shortened(name: &str) -> String {
    const MOST: usize = 24;
    if name.chars().count() <= MOST {
        return name.to_owned();
    }
    name.chars().take(MOST - 1).chain(['\u{2026}']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::compare::testing::example;

    #[test]
    fn every_difference_is_drawn_on_its_scale() {
        let comparison = example();
        let svg = svg(&comparison);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        // Two others and five metrics; one metric lacks a seed in both.
        assert_eq!(svg.matches("r=\"5\"").count(), 10);
        assert_eq!(svg.matches("cmp-d\" ").count(), 2 * 5 * 5 - 2);
        assert_eq!(svg.matches("class=\"cmp-more\" stroke-width=\"2\" cx").count(), 2);
        assert!(svg.contains("web &amp; co: wait until running, p50"));
        let scale = Scale::of(&comparison.rows[0]);
        assert!(scale.ticks.iter().any(|t| t.abs() <= 0.0), "zero is on it: {:?}", scale.ticks);
        assert!((scale.x(scale.low) - LEFT).abs() < 1e-9 && (scale.x(scale.high) - RIGHT).abs() < 1e-9);
    }

    #[test]
    fn a_metric_without_any_difference_has_a_scale() {
        let comparison = example();
        let scale = Scale::of(&comparison.rows[4]);
        assert!(scale.low < 0.0 && scale.high > 0.0);
        assert_eq!(shortened("abc"), "abc");
        assert_eq!(shortened(&"x".repeat(30)).chars().count(), 24);
    }
}
