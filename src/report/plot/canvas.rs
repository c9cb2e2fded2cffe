//! Draws a chart as SVG. The only file that knows the drawing crate.
//!
//! The crate rounds to whole pixels, so everything is drawn eight times too large and only the
//! outer size of the picture is rewritten: curves are smooth and the file is no larger. Text is
//! set in the reader's sans-serif font, so its width is estimated here.

use super::chart::{Chart, Colour, Entry, Layer, Mark, Panel, Swatch};
use plotters::prelude::{DrawingBackend, IntoFont, RGBColor, SVGBackend, ShapeStyle, TextStyle};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, FontTransform};

/// How much larger than shown everything is drawn.
const SCALE: i32 = 8;
/// Width of a figure in pixels as shown.
const WIDTH: i32 = 880;
const LEFT: i32 = 66;
const RIGHT: i32 = 30;
const INK: Colour = Colour(33, 37, 41);
const SOFT: Colour = Colour(95, 102, 109);
const GRID: Colour = Colour(230, 233, 236);
const FAULT: Colour = Colour(213, 94, 0);

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

/// The chart as a complete SVG file.
#[must_use]
pub(super) fn svg(title: &str, caption: &str, chart: &Chart) -> String {
    let caption = wrap(caption, 12, WIDTH - 40);
    let (legend, legend_rows) = place_legend(&chart.legend);
    let labels = place_marks(chart);
    let legend_top = 46;
    let panels_top = legend_top + legend_rows * 20 + if labels.is_empty() { 2 } else { 20 };
    let mut top = panels_top;
    let mut frames = Vec::new();
    for panel in &chart.panels {
        top += if panel.heading.is_empty() { 6 } else { 24 };
        frames.push(Frame { left: LEFT, top, width: WIDTH - LEFT - RIGHT, height: panel.height });
        top += panel.height + 8;
    }
    let axis_top = top - 8;
    let caption_top = axis_top + 58;
    let height = caption_top + caption.len() as i32 * 17 + 8;

    let mut buffer = String::new();
    {
        let size = ((WIDTH * SCALE) as u32, (height * SCALE) as u32);
        let mut canvas = Canvas(SVGBackend::with_string(&mut buffer, size));
        canvas.fill(Frame { left: 0, top: 0, width: WIDTH, height }, Colour(255, 255, 255), 1.0);
        canvas.styled(title, (20, 24), 17, INK, HPos::Left, FontStyle::Bold, FontTransform::None);
        for (entry, (x, row)) in chart.legend.iter().zip(legend) {
            draw_entry(&mut canvas, entry, x, legend_top + row * 20 + 4);
        }
        for (label, x, anchor) in labels {
            canvas.text(&label, (x, panels_top - 8), 11, SOFT, anchor);
        }
        for (panel, &frame) in chart.panels.iter().zip(&frames) {
            draw_panel(&mut canvas, panel, frame, &chart.marks);
        }
        if let (Some(panel), Some(&frame)) = (chart.panels.last(), frames.last()) {
            draw_x_axis(&mut canvas, panel, frame);
        }
        for (i, line) in caption.iter().enumerate() {
            canvas.text(line, (20, caption_top + i as i32 * 17), 12, SOFT, HPos::Left);
        }
        canvas.0.present().expect("drawing into memory");
    }
    let drawn = format!(r#"<svg width="{}" height="{}""#, WIDTH * SCALE, height * SCALE);
    buffer.replacen(&drawn, &format!(r#"<svg width="{WIDTH}" height="{height}" role="img""#), 1)
}

/// Where each entry goes: x and row; and how many rows there are.
fn place_legend(entries: &[Entry]) -> (Vec<(i32, i32)>, i32) {
    let (mut x, mut row) = (20, 0);
    let mut places = Vec::new();
    for entry in entries {
        let width = 24 + text_width(&entry.label, 12) + 18;
        if x > 20 && x + width > WIDTH - RIGHT {
            (x, row) = (20, row + 1);
        }
        places.push((x, row));
        x += width;
    }
    (places, if entries.is_empty() { 0 } else { row + 1 })
}

fn draw_entry(canvas: &mut Canvas<'_>, entry: &Entry, x: i32, y: i32) {
    match entry.swatch {
        Swatch::Area => canvas.fill(Frame { left: x, top: y - 5, width: 16, height: 11 }, entry.colour, 1.0),
        Swatch::Line => canvas.line((x, y), (x + 16, y), entry.colour, 20),
        Swatch::Band => {
            canvas.fill(Frame { left: x, top: y - 5, width: 16, height: 11 }, entry.colour, 0.16);
            canvas.line((x, y - 5), (x, y + 6), entry.colour, 8);
        }
    }
    canvas.text(&entry.label, (x + 22, y), 12, INK, HPos::Left);
}

/// Labels of marks above the first panel that fit beside each other; the others stay unnamed.
fn place_marks(chart: &Chart) -> Vec<(String, i32, HPos)> {
    let Some(panel) = chart.panels.first() else { return Vec::new() };
    let (mut used, mut labels) = (0, Vec::new());
    for mark in &chart.marks {
        let x = LEFT + (panel.x.place(mark.from_s) * f64::from(WIDTH - LEFT - RIGHT)) as i32;
        let width = text_width(&mark.label, 11);
        let (anchor, from) = if x + width > WIDTH - 8 { (HPos::Right, x - width) } else { (HPos::Left, x) };
        if from >= used {
            labels.push((mark.label.clone(), x, anchor));
            used = from + width + 10;
        }
    }
    labels
}

fn draw_panel(canvas: &mut Canvas<'_>, panel: &Panel, frame: Frame, marks: &[Mark]) {
    let Frame { left, top, width, height } = frame;
    let (right, bottom) = (left + width, top + height);
    let x = |v: f64| left * SCALE + (panel.x.place(v) * f64::from(width * SCALE)) as i32;
    let y = |v: f64| bottom * SCALE - (panel.y.place(v) * f64::from(height * SCALE)) as i32;
    canvas.styled(&panel.heading, (left, top - 11), 13, INK, HPos::Left, FontStyle::Bold, FontTransform::None);
    // Areas hide the grid, so it is drawn above them, and lines above the grid.
    for layer in &panel.layers {
        if let Layer::Area { colour, points } = layer {
            let lower = points.iter().rev().map(|p| (x(p.0), y(p.1)));
            let outline = points.iter().map(|p| (x(p.0), y(p.2))).chain(lower);
            canvas.polygon(outline.collect(), *colour, 1.0);
        }
    }
    for (value, text) in &panel.y.ticks {
        let y = y(*value);
        canvas.path(vec![(left * SCALE, y), (right * SCALE, y)], GRID, 0.8, 6);
        canvas.text(text, (left - 8, y / SCALE), 11, SOFT, HPos::Right);
    }
    for (value, _) in &panel.x.ticks {
        canvas.path(vec![(x(*value), top * SCALE), (x(*value), bottom * SCALE)], GRID, 0.8, 6);
    }
    let middle = (18, top + height / 2);
    canvas.styled(&panel.y.title, middle, 11, SOFT, HPos::Center, FontStyle::Normal, FontTransform::Rotate270);
    for mark in marks {
        let (from, to) = (x(mark.from_s), x(mark.to_s.unwrap_or(panel.x.max)));
        let (t, b) = (top * SCALE, bottom * SCALE);
        canvas.polygon(vec![(from, t), (to, t), (to, b), (from, b)], FAULT, 0.13);
        canvas.path(vec![(from, t), (from, b)], FAULT, 0.8, 8);
    }
    for layer in &panel.layers {
        if let Layer::Line { colour, stroke, points } = layer {
            canvas.path(points.iter().map(|p| (x(p.0), y(p.1))).collect(), *colour, 1.0, *stroke as u32);
        }
    }
    canvas.line((left, bottom), (right, bottom), SOFT, 8);
}

fn draw_x_axis(canvas: &mut Canvas<'_>, panel: &Panel, frame: Frame) {
    let bottom = frame.top + frame.height;
    for (value, text) in &panel.x.ticks {
        let x = frame.left + (panel.x.place(*value) * f64::from(frame.width)) as i32;
        canvas.line((x, bottom), (x, bottom + 4), SOFT, 8);
        canvas.text(text, (x, bottom + 14), 11, SOFT, HPos::Center);
    }
    canvas.text(&panel.x.title, (frame.left + frame.width / 2, bottom + 32), 11, SOFT, HPos::Center);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::plot::axis::Axis;
    use crate::report::plot::chart::{BLUE, Stroke};

    #[test]
    fn the_outer_size_is_as_shown_and_text_is_escaped() {
        let panel = Panel {
            heading: "a < b & c".into(),
            height: 100,
            x: Axis::time(10.0),
            y: Axis::amount("tasks", 4.0),
            layers: vec![Layer::Line { colour: BLUE, stroke: Stroke::Normal, points: vec![(0.0, 0.0), (10.0, 4.0)] }],
        };
        let marks = vec![Mark { label: "rack lost".into(), from_s: 9.9, to_s: None }];
        let svg = svg("T", "A caption.", &Chart { legend: vec![], panels: vec![panel], marks });
        assert!(svg.starts_with("<svg width=\"880\" height=\""), "{}", &svg[..80]);
        assert!(svg.contains("viewBox=\"0 0 7040 ") && svg.trim_end().ends_with("</svg>"));
        assert!(svg.contains("a &lt; b &amp; c") && svg.contains("rack lost"));
        // The line goes from corner to corner of the panel.
        assert!(svg.contains("528,") && svg.contains(&format!("{},", (WIDTH - RIGHT) * SCALE)));
    }

    #[test]
    fn long_captions_wrap() {
        let lines = wrap("one two three four", 12, 60);
        assert_eq!(lines, ["one two", "three", "four"]);
    }
}
