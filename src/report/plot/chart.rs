//! What a figure shows, as plain data: panels with axes and layers, a legend, marks. `canvas`
//! draws it.

use super::axis::Axis;
use crate::record::recording::Series;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Colour(pub u8, pub u8, pub u8);

impl Colour {
    /// As in style sheets: `#0072B2`.
    #[must_use]
    pub fn hex(self) -> String {
        format!("#{:02X}{:02X}{:02X}", self.0, self.1, self.2)
    }
}

/// Colours of Okabe and Ito that readers with any colour vision can tell apart, in the order in
/// which frameworks get them.
pub const PALETTE: [Colour; 7] = [BLUE, ORANGE, GREEN, VERMILLION, SKY, PURPLE, BLACK];
pub const BLUE: Colour = Colour(0, 114, 178);
pub const ORANGE: Colour = Colour(230, 159, 0);
pub const GREEN: Colour = Colour(0, 158, 115);
pub const VERMILLION: Colour = Colour(213, 94, 0);
pub const SKY: Colour = Colour(86, 180, 233);
pub const PURPLE: Colour = Colour(204, 121, 167);
pub const BLACK: Colour = Colour(40, 40, 40);
/// What is left over: free capacity, all other frameworks.
pub const PALE: Colour = Colour(222, 226, 230);
pub const GREY: Colour = Colour(150, 155, 160);

#[derive(Clone, PartialEq, Debug, Default)]
pub struct Chart {
    pub legend: Vec<Entry>,
    pub panels: Vec<Panel>,
    /// Vertical bands in all panels, in seconds.
    pub marks: Vec<Mark>,
}

/// A line of the legend.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    pub label: String,
    pub colour: Colour,
    pub swatch: Swatch,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Swatch {
    Area,
    /// An area that is what lies behind.
    Pale,
    Line,
    /// The pale band of a fault.
    Band,
}

/// Something that lasted from one instant to another, or until the end.
#[derive(Clone, PartialEq, Debug)]
pub struct Mark {
    pub label: String,
    pub from_s: f64,
    pub to_s: Option<f64>,
    /// One of very many: a notch at the top, no name.
    pub minor: bool,
}

/// One coordinate system. Panels of a chart share the horizontal axis.
#[derive(Clone, PartialEq, Debug)]
pub struct Panel {
    pub heading: String,
    pub height: i32,
    pub x: Axis,
    pub y: Axis,
    pub layers: Vec<Layer>,
    /// What a reader is told of the step under the pointer, on a page with scripts.
    pub readings: Vec<Reading>,
}

/// A column of the figure's table, as read in one panel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reading {
    pub label: String,
    pub colour: Colour,
    /// Column of the table, counted after those of time.
    pub column: usize,
    /// Whether the values are fractions.
    pub percent: bool,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Layer {
    /// Filled between two curves: (x, lower, upper).
    Area {
        colour: Colour,
        points: Vec<(f64, f64, f64)>,
    },
    Line {
        colour: Colour,
        stroke: Stroke,
        points: Vec<(f64, f64)>,
    },
    /// Rectangles: left, right, lower, upper; at least a pixel wide.
    Bars {
        colour: Colour,
        /// From 0 to 100.
        opacity: u8,
        bars: Vec<[f64; 4]>,
    },
}

/// Width of a line in eighths of a pixel. A thin line on a bold one shows both where they meet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Stroke {
    Thin = 9,
    Normal = 14,
    Bold = 30,
}

/// The corners of a step curve over the rows of a series; neighbours of equal value are one step.
#[must_use]
pub fn steps<T: Copy + PartialEq>(series: &Series, values: &[T]) -> Vec<(f64, T)> {
    let mut corners: Vec<(f64, T)> = Vec::new();
    for (row, &value) in values.iter().enumerate() {
        let (from, to) = (series.edge(row).as_secs_f64(), series.edge(row + 1).as_secs_f64());
        match corners.last_mut() {
            Some(last) if last.1 == value => last.0 = to,
            _ => corners.extend([(from, value), (to, value)]),
        }
    }
    corners
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::{Span, Time};

    #[test]
    fn equal_steps_are_joined() {
        let series = Series { interval: Span::from_secs(2), end: Time::from_secs(7), ..Series::default() };
        assert_eq!(steps(&series, &[1, 1, 3, 3]), [(0.0, 1), (4.0, 1), (4.0, 3), (7.0, 3)]);
    }
}
