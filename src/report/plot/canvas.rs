//! Draws a chart as SVG. The only file that knows the drawing crate.
//!
//! The crate rounds to whole pixels, so everything is drawn eight times too large and only the
//! outer size of the picture is rewritten: curves are smooth and the file is no larger. Text is
//! set in the reader's sans-serif font, so its width is estimated here.
//!
//! What lies inside the axes of a panel is an inner picture of its own, which cuts off what
//! leaves it; a page's script zooms by moving its points. Colours are written as they are on
//! paper: a page replaces the neutral ones on a dark screen by rules of style.

use super::axis::Scale;
use super::chart::{Chart, Colour, Entry, Layer, Mark, Panel, Swatch};
use plotters::prelude::{DrawingBackend, IntoFont, RGBColor, SVGBackend, ShapeStyle, TextStyle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, FontTransform};
use std::fmt::Write as _;

/// How much larger than shown everything is drawn.
const SCALE: i32 = 8;
/// Width in pixels as shown: of a file, and of a page on a wide and on a narrow screen.
pub(crate) const WIDE: i32 = 880;
pub(crate) const NARROW: i32 = 420;
const RIGHT: i32 = 30;
/// Height of a row of names of faults, and how many there are at most.
const LABEL_ROW: i32 = 14;
const LABEL_ROWS_MAX: usize = 4;
/// Height that the strip of faults takes above coloured ground.
const STRIP: i32 = 6;
const PAPER: Colour = Colour(255, 255, 255);
const INK: Colour = Colour(33, 37, 41);
const SOFT: Colour = Colour(95, 102, 109);
const GRID: Colour = Colour(230, 233, 236);
const FAULT: Colour = Colour(213, 94, 0);

/// How a picture is framed.
#[derive(Clone, Copy)]
pub(crate) struct Look<'a> {
    /// In pixels as shown.
    pub(crate) width: i32,
    /// What it is called, for those who cannot see it.
    pub(crate) title: &'a str,
    /// A picture by itself has paper under it, its title above and this below; on a page those
    /// are the page's.
    pub(crate) caption: Option<&'a str>,
}

/// Estimated width of a text in the average sans-serif font.
fn text_width(text: &str, size: i32) -> i32 {
    // Wide fonts are assumed: a gap does no harm, a clipped word does.
    let wide = |c: char| match c {
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 98,
        'i' | 'l' | 'j' | 't' | 'f' | '.' | ',' | ':' | ';' | '|' | '\'' | ' ' | '(' | ')' | '\u{202f}' => 36,
        _ => 64,
    };
    (text.chars().map(wide).sum::<i32>() * size + 99) / 100
}

/// Words in lines of at most `width` pixels.
fn wrap(text: &str, size: i32, width: i32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if text_width(line, size) + text_width(word, size) + size / 3 <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

struct Canvas<'a>(SVGBackend<'a>);

/// A rectangle in pixels as shown.
#[derive(Clone, Copy)]
struct Frame {
    left: i32,
    top: i32,
    width: i32,
    height: i32,
}

/// The elements that `draw` makes, without the picture around them.
fn elements(draw: impl FnOnce(&mut Canvas<'_>)) -> String {
    let mut buffer = String::new();
    draw(&mut Canvas(SVGBackend::with_string(&mut buffer, (1, 1))));
    let body = buffer.split_once('\n').map_or("", |(_, rest)| rest);
    body.trim_end().trim_end_matches("</svg>").to_owned()
}

impl Canvas<'_> {
    fn style(colour: Colour, opacity: f64, eighths: u32) -> ShapeStyle {
        let color = RGBColor(colour.0, colour.1, colour.2).mix(opacity);
        ShapeStyle { color, filled: false, stroke_width: eighths }
    }
    /// A line through points given in drawn pixels; `eighths` of a shown pixel wide.
    fn path(&mut self, points: Vec<(i32, i32)>, colour: Colour, opacity: f64, eighths: u32) {
        let drawn = self.0.draw_path(points, &Self::style(colour, opacity, eighths));
        drawn.expect("drawing into memory");
    }
    fn polygon(&mut self, points: Vec<(i32, i32)>, colour: Colour, opacity: f64) {
        let drawn = self.0.fill_polygon(points, &Self::style(colour, opacity, 0));
        drawn.expect("drawing into memory");
    }
    fn line(&mut self, from: (i32, i32), to: (i32, i32), colour: Colour, eighths: u32) {
        let points = vec![(from.0 * SCALE, from.1 * SCALE), (to.0 * SCALE, to.1 * SCALE)];
        self.path(points, colour, 1.0, eighths);
    }
    fn fill(&mut self, f: Frame, colour: Colour, opacity: f64) {
        let (l, t, r, b) = (f.left, f.top, f.left + f.width, f.top + f.height);
        let corners = [(l, t), (r, t), (r, b), (l, b)].map(|(x, y)| (x * SCALE, y * SCALE));
        self.polygon(corners.to_vec(), colour, opacity);
    }
    fn text(&mut self, text: &str, at: (i32, i32), size: i32, colour: Colour, anchor: HPos) {
        self.styled(text, at, size, colour, anchor, FontStyle::Normal, FontTransform::None);
    }
    fn bold(&mut self, text: &str, at: (i32, i32), size: i32) {
        self.styled(text, at, size, INK, HPos::Left, FontStyle::Bold, FontTransform::None);
    }
    #[expect(clippy::too_many_arguments, reason = "one call per text; a struct would only rename the parameters")]
    fn styled(
        &mut self,
        text: &str,
        at: (i32, i32),
        size: i32,
        colour: Colour,
        anchor: HPos,
        font: FontStyle,
        turn: FontTransform,
    ) {
        // The backend divides sizes by 1.24.
        let font = ("sans-serif", f64::from(size * SCALE) * 1.24).into_font().style(font).transform(turn);
        let color = RGBColor(colour.0, colour.1, colour.2);
        let style = TextStyle::from(font).color(&color).pos(Pos::new(anchor, VPos::Center));
        self.0.draw_text(text, &style, (at.0 * SCALE, at.1 * SCALE)).expect("drawing into memory");
    }
}

/// Where everything goes, in pixels as shown.
struct Layout {
    width: i32,
    height: i32,
    legend_top: i32,
    frames: Vec<Frame>,
    caption_top: i32,
}

impl Layout {
    fn of(chart: &Chart, look: Look<'_>, legend_rows: i32, label_rows: i32, caption_lines: usize) -> Self {
        let (width, left) = (look.width, left_edge(chart, look.width));
        let legend_top = if look.caption.is_some() { 50 } else { 14 };
        let mut top = legend_top - 4 + legend_rows * 20 + if label_rows > 0 { 6 + label_rows * LABEL_ROW } else { 2 };
        let mut frames = Vec::new();
        for panel in &chart.panels {
            top += if panel.heading.is_empty() { 6 } else { 24 };
            frames.push(Frame { left, top, width: width - left - RIGHT, height: panel.height });
            top += panel.height + 8;
        }
        let caption_top = top + 50;
        let height = caption_top + if look.caption.is_some() { caption_lines as i32 * 17 + 8 } else { -8 };
        Self { width, height, legend_top, frames, caption_top }
    }
}

/// Where the panels begin: after ticks, a gap on both sides, and the title on its side.
fn left_edge(chart: &Chart, width: i32) -> i32 {
    let names = chart.panels.iter().flat_map(|p| &p.y.ticks).map(|t| text_width(&t.1, 11));
    (names.max().unwrap_or(0) + 34).clamp(if width < WIDE { 50 } else { 66 }, width / 3)
}

/// The chart as a complete SVG element.
#[must_use]
pub(crate) fn svg(chart: &Chart, look: Look<'_>) -> String {
    let caption = wrap(look.caption.unwrap_or_default(), 12, look.width - 40);
    let (legend, legend_rows) = place_legend(&chart.legend, look.width);
    let (labels, label_rows) = place_marks(chart, look.width);
    let layout = Layout::of(chart, look, legend_rows, label_rows, caption.len());
    let Layout { width, height, .. } = layout;
    let (w, h) = (width * SCALE, height * SCALE);
    let mut title = String::new();
    for c in look.title.chars() {
        match c {
            '<' => title.push_str("&lt;"),
            '&' => title.push_str("&amp;"),
            '"' => title.push_str("&quot;"),
            c => title.push(c),
        }
    }
    let mut out = format!(
        "<svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {w} {h}\" role=\"img\" aria-label=\"{title}\" \
         xmlns=\"http://www.w3.org/2000/svg\">\n"
    );
    out += &elements(|canvas| {
        if look.caption.is_some() {
            canvas.fill(Frame { left: 0, top: 0, width, height }, PAPER, 1.0);
            canvas.bold(look.title, (20, 24), 17);
        }
        for (entry, (x, row)) in chart.legend.iter().zip(legend) {
            draw_entry(canvas, entry, x, layout.legend_top + row * 20);
        }
        for (i, line) in caption.iter().enumerate() {
            canvas.text(line, (20, layout.caption_top + i as i32 * 17), 12, SOFT, HPos::Left);
        }
    });
    let lowest = layout.frames.first().map_or(0, |f| f.top) - if first_heading(chart) { 32 } else { 10 };
    for Label { mark, row, x, anchor } in labels {
        let y = lowest - row * LABEL_ROW;
        let text = elements(|canvas| canvas.text(&mark.label, (x, y), 11, SOFT, anchor));
        let _ = writeln!(out, "<g data-at=\"{}\">{text}</g>", mark.from_s);
    }
    for (panel, &frame) in chart.panels.iter().zip(&layout.frames) {
        draw_panel(&mut out, panel, frame, &chart.marks);
    }
    if let (Some(panel), Some(&frame)) = (chart.panels.last(), layout.frames.last()) {
        draw_x_axis(&mut out, panel, frame);
    }
    out + "</svg>\n"
}

fn first_heading(chart: &Chart) -> bool {
    chart.panels.first().is_some_and(|p| !p.heading.is_empty())
}

/// Where each entry goes: x and row; and how many rows there are.
fn place_legend(entries: &[Entry], width: i32) -> (Vec<(i32, i32)>, i32) {
    let (mut x, mut row) = (20, 0);
    let mut places = Vec::new();
    for entry in entries {
        let wide = 24 + text_width(&entry.label, 12) + 18;
        if x > 20 && x + wide > width - RIGHT {
            (x, row) = (20, row + 1);
        }
        places.push((x, row));
        x += wide;
    }
    (places, if entries.is_empty() { 0 } else { row + 1 })
}

fn draw_entry(canvas: &mut Canvas<'_>, entry: &Entry, x: i32, y: i32) {
    match entry.swatch {
        Swatch::Area => canvas.fill(Frame { left: x, top: y - 5, width: 16, height: 11 }, entry.colour, 1.0),
        Swatch::Pale => canvas.fill(Frame { left: x, top: y - 5, width: 16, height: 11 }, entry.colour, 0.3),
        Swatch::Line => canvas.line((x, y), (x + 16, y), entry.colour, 20),
        Swatch::Band => {
            canvas.fill(Frame { left: x, top: y - 5, width: 16, height: 11 }, entry.colour, 0.16);
            canvas.line((x, y - 5), (x, y + 6), entry.colour, 8);
        }
    }
    canvas.text(&entry.label, (x + 22, y), 12, INK, HPos::Left);
}

/// The name of a mark above the first panel.
struct Label<'a> {
    mark: &'a Mark,
    /// From the panel upwards.
    row: i32,
    x: i32,
    anchor: HPos,
}

/// Names of marks in as few rows as hold them without touching, and how many rows those are. What
/// does not fit into the last row stays unnamed.
fn place_marks(chart: &Chart, width: i32) -> (Vec<Label<'_>>, i32) {
    let Some(panel) = chart.panels.first() else { return (Vec::new(), 0) };
    let left = left_edge(chart, width);
    let (mut used, mut labels): (Vec<i32>, Vec<Label<'_>>) = (Vec::new(), Vec::new());
    for mark in chart.marks.iter().filter(|mark| !mark.minor) {
        let x = left + (panel.x.place(mark.from_s) * f64::from(width - left - RIGHT)) as i32;
        let wide = text_width(&mark.label, 11);
        let (anchor, from) = if x + wide > width - 8 { (HPos::Right, x - wide) } else { (HPos::Left, x) };
        let row = used.iter().position(|&end| from >= end).unwrap_or(used.len());
        if row < LABEL_ROWS_MAX {
            used.resize(used.len().max(row + 1), 0);
            used[row] = from + wide + 10;
            labels.push(Label { mark, row: row as i32, x, anchor });
        }
    }
    (labels, used.len() as i32)
}

fn draw_panel(out: &mut String, panel: &Panel, frame: Frame, marks: &[Mark]) {
    let Frame { left, top, width, height } = frame;
    let (right, bottom) = (left + width, top + height);
    let x = |v: f64| left * SCALE + (panel.x.place(v) * f64::from(width * SCALE)) as i32;
    // On coloured ground a tint would be another colour, so faults are a strip above it.
    let covered = panel.layers.iter().any(|layer| covers(layer, panel));
    let strip = if covered && marks.iter().any(|mark| !mark.minor) { STRIP } else { 0 };
    let y = |v: f64| bottom * SCALE - (panel.y.place(v) * f64::from((height - strip) * SCALE)) as i32;
    *out += &elements(|canvas| {
        let fits = text_width(&panel.heading, 13) <= width + RIGHT;
        canvas.bold(&panel.heading, (if fits { left } else { 8 }, top - 11), if fits { 13 } else { 11 });
        // Names closer than a line of text would lie on each other.
        let mut free = i32::MAX;
        for (value, text) in &panel.y.ticks {
            let y = y(*value) / SCALE;
            if free.abs_diff(y) >= 12 {
                canvas.text(text, (left - 8, y), 11, SOFT, HPos::Right);
                free = y;
            }
        }
        let (middle, font) = ((14, top + height / 2), FontStyle::Normal);
        canvas.styled(&panel.y.title, middle, 11, SOFT, HPos::Center, font, FontTransform::Rotate270);
    });
    let (l, t, w, h) = (left * SCALE, top * SCALE, width * SCALE, height * SCALE);
    let time = match panel.x.scale {
        Scale::Time => format!(" data-from=\"{}\" data-to=\"{}\"", panel.x.min, panel.x.max),
        Scale::Linear | Scale::Log => String::new(),
    };
    let _ = writeln!(
        out,
        "<svg class=\"plot\" x=\"{l}\" y=\"{t}\" width=\"{w}\" height=\"{h}\" viewBox=\"{l} {t} {w} {h}\"{time}>"
    );
    *out += &elements(|canvas| {
        // Areas hide the grid, so it is drawn above them, and lines above the grid.
        for layer in &panel.layers {
            draw_surface(canvas, layer, &x, &y);
        }
        let across = panel.y.ticks.iter().map(|t| t.0).collect();
        for &value in panel.y.lines.as_ref().unwrap_or(&across) {
            canvas.path(vec![(left * SCALE, y(value)), (right * SCALE, y(value))], GRID, 0.8, 6);
        }
        for (value, _) in &panel.x.ticks {
            canvas.path(vec![(x(*value), top * SCALE), (x(*value), bottom * SCALE)], GRID, 0.8, 6);
        }
        for mark in marks {
            let (from, to) = (x(mark.from_s), x(mark.to_s.unwrap_or(panel.x.max)));
            let (t, b) = (top * SCALE, bottom * SCALE);
            if mark.minor {
                canvas.path(vec![(from, t), (from, t + 7 * SCALE)], FAULT, 0.8, 8);
                continue;
            }
            if covered {
                let end = t + (strip - 2) * SCALE;
                canvas.polygon(vec![(from, t), (to, t), (to, end), (from, end)], FAULT, 1.0);
                canvas.path(vec![(to, t), (to, b)], FAULT, 0.8, 6);
            } else {
                canvas.polygon(vec![(from, t), (to, t), (to, b), (from, b)], FAULT, 0.13);
            }
            canvas.path(vec![(from, t), (from, b)], FAULT, 0.8, 10);
        }
        for layer in &panel.layers {
            if let Layer::Line { colour, stroke, points } = layer {
                canvas.path(points.iter().map(|p| (x(p.0), y(p.1))).collect(), *colour, 1.0, *stroke as u32);
            }
        }
    });
    *out += "</svg>\n";
    *out += &elements(|canvas| canvas.line((left, bottom), (right, bottom), SOFT, 8));
}

/// Whether a layer colours the ground from side to side.
fn covers(layer: &Layer, panel: &Panel) -> bool {
    let wide = 0.8 * (panel.x.max - panel.x.min);
    match layer {
        Layer::Area { points, .. } => points.first().zip(points.last()).is_some_and(|(a, b)| b.0 - a.0 >= wide),
        Layer::Bars { bars, .. } => bars.iter().any(|b| b[1] - b[0] >= wide),
        Layer::Line { .. } => false,
    }
}

fn draw_surface(canvas: &mut Canvas<'_>, layer: &Layer, x: &dyn Fn(f64) -> i32, y: &dyn Fn(f64) -> i32) {
    match layer {
        Layer::Area { colour, points } => {
            let lower = points.iter().rev().map(|p| (x(p.0), y(p.1)));
            let outline = points.iter().map(|p| (x(p.0), y(p.2))).chain(lower);
            canvas.polygon(outline.collect(), *colour, 1.0);
        }
        Layer::Bars { colour, opacity, bars } => {
            for &[from, to, low, high] in bars {
                let (l, t, b) = (x(from), y(high), y(low));
                let r = x(to).max(l + SCALE);
                canvas.polygon(vec![(l, t), (r, t), (r, b), (l, b)], *colour, f64::from(*opacity) / 100.0);
            }
        }
        Layer::Line { .. } => {}
    }
}

fn draw_x_axis(out: &mut String, panel: &Panel, frame: Frame) {
    let bottom = frame.top + frame.height;
    let widest = panel.x.ticks.iter().map(|t| text_width(&t.1, 11)).max().unwrap_or(0) + 6;
    let (mut free, mut ticks) = (i32::MIN, String::new());
    for (value, text) in &panel.x.ticks {
        let x = frame.left + (panel.x.place(*value) * f64::from(frame.width)) as i32;
        let named = x - widest / 2 >= free;
        if named {
            free = x + widest / 2;
        }
        ticks += &elements(|canvas| {
            canvas.line((x, bottom), (x, bottom + 4), SOFT, 8);
            if named {
                canvas.text(text, (x, bottom + 14), 11, SOFT, HPos::Center);
            }
        });
    }
    let _ = writeln!(out, "<g class=\"ticks\">{ticks}</g>");
    let middle = (frame.left + frame.width / 2, bottom + 32);
    *out += &elements(|canvas| canvas.text(&panel.x.title, middle, 11, SOFT, HPos::Center));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::plot::axis::Axis;
    use crate::report::plot::chart::{BLUE, Stroke};

    fn chart() -> Chart {
        let panel = Panel {
            heading: "a < b & c".into(),
            height: 100,
            x: Axis::time(10.0),
            y: Axis::amount("tasks", 4.0),
            layers: vec![Layer::Line { colour: BLUE, stroke: Stroke::Normal, points: vec![(0.0, 0.0), (10.0, 4.0)] }],
            readings: Vec::new(),
        };
        let marks = vec![Mark { label: "rack lost".into(), from_s: 9.9, to_s: None, minor: false }];
        Chart { legend: vec![], panels: vec![panel], marks }
    }

    #[test]
    fn the_outer_size_is_as_shown_and_text_is_escaped() {
        let svg = svg(&chart(), Look { width: WIDE, title: "T \"<", caption: Some("A caption.") });
        assert!(svg.starts_with("<svg width=\"880\" height=\""), "{}", &svg[..80]);
        assert!(svg.contains("viewBox=\"0 0 7040 ") && svg.trim_end().ends_with("</svg>"));
        assert!(svg.contains("a &lt; b &amp; c") && svg.contains("rack lost") && svg.contains("\"T &quot;&lt;\""));
        // The line goes from corner to corner of the panel.
        assert!(svg.contains("528,") && svg.contains(&format!("{},", (WIDE - RIGHT) * SCALE)));
        assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
    }

    #[test]
    fn on_a_page_a_picture_is_its_axes_alone() {
        let bare = svg(&chart(), Look { width: NARROW, title: "T", caption: None });
        assert!(bare.starts_with("<svg width=\"420\""));
        assert!(!bare.contains("#FFFFFF") && !bare.contains(">\nT\n<"), "paper and title are the page's");
        assert!(bare.contains("data-from=\"0\" data-to=\"10\"") && bare.contains("<g data-at=\"9.9\">"));
    }

    #[test]
    fn names_of_faults_that_touch_go_one_above_the_other() {
        let mark = |label: &str, from_s| Mark { label: label.into(), from_s, to_s: None, minor: false };
        let mut chart = chart();
        chart.marks = vec![
            mark("rack_id=r1 lost", 1.0),
            mark("leading-master crashed", 1.1),
            mark("leading-marathon crashed", 1.2),
            mark("agent-7 crashed", 1.3),
            mark("one too many", 1.4),
            mark("agent-0 cut off", 8.0),
        ];
        let (labels, rows) = place_marks(&chart, WIDE);
        let placed: Vec<(&str, i32)> = labels.iter().map(|l| (l.mark.label.as_str(), l.row)).collect();
        let expected = [
            ("rack_id=r1 lost", 0),
            ("leading-master crashed", 1),
            ("leading-marathon crashed", 2),
            ("agent-7 crashed", 3),
            ("agent-0 cut off", 0),
        ];
        assert_eq!((placed.as_slice(), rows), (expected.as_slice(), 4));
    }

    #[test]
    fn faults_lie_above_coloured_ground() {
        let mut chart = chart();
        chart.panels[0].layers = vec![Layer::Bars { colour: BLUE, opacity: 100, bars: vec![[0.0, 10.0, 0.0, 4.0]] }];
        let top = |chart: &Chart| {
            let svg = svg(chart, Look { width: WIDE, title: "T", caption: None });
            let inner = svg.split("class=\"plot\"").nth(1).expect("a plot").to_owned();
            let bar = inner.split("points=\"").nth(1).expect("a bar").split(',').nth(1).expect("its top");
            bar.split(' ').next().expect("a number").parse::<i32>().expect("a number")
        };
        let with = top(&chart);
        chart.marks.clear();
        // The names of faults move the whole panel down; the strip moves its ground further.
        assert_eq!(with - top(&chart), (4 + LABEL_ROW + STRIP) * SCALE);
    }

    #[test]
    fn long_captions_wrap() {
        let lines = wrap("one two three four", 12, 60);
        assert_eq!(lines, ["one two", "three", "four"]);
    }
}
