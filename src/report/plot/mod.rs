//! Figures: one file each, in one ordered list.
//!
//! A figure turns a recording into a `Chart` (what is shown) and a table (the numbers shown, as
//! CSV beside the picture). To add one: a file and a line in `FIGURES`.

mod agents;
pub mod axis;
mod canvas;
pub mod chart;
mod dominant_share;
mod offers;
mod tasks;
mod utilization;
mod waits;

use crate::analysis::coarse::coarse;
use crate::record::recording::{FaultMark, FrameworkRecord, Series};
use crate::record::text::{fixed, seconds};
use crate::record::{Files, Recording, csv_bytes};
use chart::{Chart, Colour, Entry, GREY, Mark, PALETTE, Swatch, VERMILLION};

/// A figure of the report.
pub struct Figure {
    /// File name without ending.
    pub name: &'static str,
    pub title: &'static str,
    /// What is shown and how it is defined, in a sentence.
    pub caption: &'static str,
    /// `None` if the recording has nothing to show.
    pub draw: fn(&Recording) -> Option<Drawn>,
}

/// A figure's content.
pub struct Drawn {
    pub chart: Chart,
    /// Header and rows.
    pub table: Vec<Vec<String>>,
}

/// All figures in the order in which a report shows them.
pub const FIGURES: &[Figure] =
    &[utilization::FIGURE, dominant_share::FIGURE, waits::FIGURE, tasks::FIGURE, agents::FIGURE, offers::FIGURE];

/// Time series are joined to at most so many steps.
const STEPS_MAX: usize = 400;

/// Paths of all files that figures can make.
#[must_use]
pub fn all_paths() -> Vec<String> {
    let both = |f: &Figure| ["svg", "csv"].map(|ending| format!("figures/{}.{ending}", f.name));
    FIGURES.iter().flat_map(both).collect()
}

/// Draws every figure that has something to show.
#[must_use]
pub fn render(recording: &Recording) -> Files {
    let recording = coarse(recording, STEPS_MAX);
    let mut files = Files::default();
    for figure in FIGURES {
        if let Some(drawn) = (figure.draw)(&recording) {
            let svg = canvas::svg(figure.title, figure.caption, &drawn.chart);
            files.push(format!("figures/{}.svg", figure.name), svg);
            files.push(format!("figures/{}.csv", figure.name), csv_bytes(drawn.table));
        }
    }
    files
}

// ---- what several figures share ----

/// Faults as marks and, if there are any, their entry in the legend.
fn faults(recording: &Recording, legend: &mut Vec<Entry>) -> Vec<Mark> {
    let mark = |fault: &FaultMark| {
        let to_s = fault.ended.map(crate::base::time::Time::as_secs_f64);
        Some(Mark { label: fault.label.clone(), from_s: fault.began?.as_secs_f64(), to_s })
    };
    let mut marks: Vec<Mark> = recording.faults.iter().filter_map(mark).collect();
    marks.sort_by(|a, b| a.from_s.total_cmp(&b.from_s));
    if !marks.is_empty() {
        legend.push(Entry { label: "fault".into(), colour: VERMILLION, swatch: Swatch::Band });
    }
    marks
}

/// Colours of frameworks: the palette in their order; from the eighth on all are grey.
fn framework_colour(index: usize) -> Colour {
    PALETTE.get(index).copied().unwrap_or(GREY)
}

/// Legend lines of the frameworks; those without a colour of their own share one.
fn framework_legend(frameworks: &[FrameworkRecord]) -> Vec<Entry> {
    let line = |label: String, colour| Entry { label, colour, swatch: Swatch::Line };
    let named = frameworks.iter().enumerate().take(PALETTE.len());
    let mut legend: Vec<Entry> = named.map(|(i, f)| line(f.name.clone(), framework_colour(i))).collect();
    if frameworks.len() > PALETTE.len() {
        legend.push(line(format!("{} others", frameworks.len() - PALETTE.len()), GREY));
    }
    legend
}

/// A table over the rows of a series: `from_s`, `to_s` and columns of ready texts.
fn series_table(series: &Series, columns: &[(String, Vec<String>)]) -> Vec<Vec<String>> {
    let mut header = vec!["from_s".to_owned(), "to_s".to_owned()];
    header.extend(columns.iter().map(|c| c.0.clone()));
    let row = |i: usize| {
        let mut row = vec![seconds(series.edge(i).0), seconds(series.edge(i + 1).0)];
        row.extend(columns.iter().map(|c| c.1[i].clone()));
        row
    };
    std::iter::once(header).chain((0..series.rows()).map(row)).collect()
}

/// A number with up to six decimals.
fn cell(value: f64) -> String {
    fixed(libm::round(value * 1e6) as i64, 6)
}

/// Millionths as a number.
fn micro(value: i64) -> f64 {
    value as f64 / 1e6
}

fn max_of(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Span;
    use crate::record::synthetic::{Plan, make};

    #[test]
    fn every_figure_draws_and_says_what_it_shows() {
        let files = render(&make(&Plan { gpus: true, ..Plan::small() }).recording());
        for path in all_paths() {
            let text = String::from_utf8(files.get(&path).unwrap().to_vec()).unwrap();
            if path.ends_with(".svg") {
                assert!(text.contains("rack-0 lost") || path.contains("waits"), "{path} shows no fault");
                assert!(!text.contains("NaN") && text.len() < 200_000, "{path}: {} bytes", text.len());
            } else {
                assert!(text.lines().count() > 100, "{path}");
            }
        }
        for figure in FIGURES {
            assert!(figure.caption.ends_with('.'), "{}", figure.name);
        }
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert_eq!(render(&Recording::default()), Files::default());
    }

    /// Pictures for looking at, in the system's temporary folder.
    #[test]
    #[ignore = "writes pictures for people: cargo test pictures -- --ignored"]
    fn pictures() {
        let plans = [
            ("small", Plan::small()),
            ("gpus", Plan { gpus: true, agents: 8, ..Plan::small() }),
            (
                "many",
                Plan {
                    frameworks: &["ads", "batch", "ci", "data", "etl", "fleet", "grid", "hadoop", "index", "jobs"],
                    agents: 60,
                    jobs: 4_000,
                    gap: Span::from_secs(20),
                    faults: 12,
                    ..Plan::small()
                },
            ),
            ("short", Plan { jobs: 3, gap: Span::from_secs(2), faults: 0, ..Plan::small() }),
        ];
        for (name, plan) in plans {
            let dir = std::env::temp_dir().join("mesosim-pictures").join(name);
            render(&make(&plan).recording()).write(&dir, &all_paths()).unwrap();
        }
    }
}
