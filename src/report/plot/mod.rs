//! Figures: one file each, in one ordered list.
//!
//! A figure turns a recording into a `Chart` (what is shown) and a table (the numbers shown, as
//! CSV beside the picture). To add one: a file and a line in `FIGURES`.

mod agent_map;
mod agents;
pub mod axis;
mod canvas;
pub mod chart;
mod churn;
mod deployments;
mod dominant_share;
mod failover;
mod instances;
mod offers;
mod refusals;
mod shares;
mod tasks;
mod utilization;
mod waits;

use crate::analysis::coarse::coarse;
use crate::base::map::Map;
use crate::record::recording::{FaultMark, FrameworkRecord, Series};
use crate::record::text::{fixed, seconds};
use crate::record::{Files, Recording, csv_bytes};
use canvas::{Look, NARROW, WIDE};
use chart::{Chart, Colour, Entry, GREY, Mark, PALETTE, Reading, Swatch, VERMILLION};

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
    /// What one sees, in a sentence or two computed from the data.
    pub says: String,
}

/// All figures in the order in which a report shows them.
pub const FIGURES: &[Figure] = &[
    utilization::FIGURE,
    shares::FIGURE,
    dominant_share::FIGURE,
    waits::FIGURE,
    tasks::FIGURE,
    churn::FIGURE,
    agents::FIGURE,
    agent_map::FIGURE,
    failover::FIGURE,
    instances::FIGURE,
    deployments::FIGURE,
    offers::FIGURE,
    refusals::FIGURE,
];

/// Time series are joined to at most so many steps.
const STEPS_MAX: usize = 400;

/// Paths of all files that figures can make.
#[must_use]
pub fn all_paths() -> Vec<String> {
    let both = |f: &Figure| ["svg", "csv", "png"].map(|ending| format!("figures/{}.{ending}", f.name));
    FIGURES.iter().flat_map(both).collect()
}

/// A figure that has something to show.
pub struct Picture {
    pub figure: &'static Figure,
    pub drawn: Drawn,
}

/// All figures that have something to show.
#[must_use]
pub fn pictures(recording: &Recording) -> Vec<Picture> {
    let recording = coarse(recording, STEPS_MAX);
    let picture = |figure: &'static Figure| Some(Picture { figure, drawn: (figure.draw)(&recording)? });
    FIGURES.iter().filter_map(picture).collect()
}

impl Picture {
    /// As a file by itself.
    #[must_use]
    pub fn svg(&self) -> String {
        let look = Look { width: WIDE, title: self.figure.title, caption: Some(self.figure.caption) };
        canvas::svg(&self.drawn.chart, look)
    }
    /// For a page that has its own title and caption: on a wide screen, and on a narrow one.
    #[must_use]
    pub fn on_page(&self) -> [String; 2] {
        [WIDE, NARROW]
            .map(|width| canvas::svg(&self.drawn.chart, Look { width, title: self.figure.title, caption: None }))
    }
}

/// Pictures as files, with the numbers shown beside them.
#[must_use]
pub fn render(pictures: &[Picture]) -> Files {
    let mut files = Files::default();
    for picture in pictures {
        files.push(format!("figures/{}.svg", picture.figure.name), picture.svg());
        files.push(format!("figures/{}.csv", picture.figure.name), csv_bytes(picture.drawn.table.clone()));
    }
    files
}

// ---- what several figures share ----

/// More faults than this cannot be told apart; of a sort with at most so many all are shown.
const FAULTS_MAX: usize = 24;
const RARE: usize = 6;

/// Faults as marks and, if there are any, their entry in the legend. Of very many, the rare sorts
/// are shown in full (the rack among all the machines that crash), the others as notches.
fn faults(recording: &Recording, legend: &mut Vec<Entry>) -> Vec<Mark> {
    // Labels that differ in numbers alone are of one sort.
    let sort = |f: &FaultMark| f.label.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    let crowd = recording.faults.len() > FAULTS_MAX;
    let mut sorts: Map<String, usize> = Map::default();
    if crowd {
        recording.faults.iter().for_each(|f| *sorts.entry(sort(f)).or_default() += 1);
    }
    let mark = |fault: &FaultMark| {
        let to_s = fault.ended.map(crate::base::time::Time::as_secs_f64);
        let minor = crowd && sorts[&sort(fault)] > RARE;
        Some(Mark { label: fault.label.clone(), from_s: fault.began?.as_secs_f64(), to_s, minor })
    };
    let mut marks: Vec<Mark> = recording.faults.iter().filter_map(mark).collect();
    marks.sort_by(|a, b| a.from_s.total_cmp(&b.from_s));
    if !marks.is_empty() {
        let label = if crowd { format!("{} faults, notched at the top", marks.len()) } else { "fault".to_owned() };
        legend.push(Entry { label, colour: VERMILLION, swatch: Swatch::Band });
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

/// One reading a column, the first of them `from`.
fn readings(named: &[(String, Colour)], from: usize, percent: bool) -> Vec<Reading> {
    let reading = |(i, (label, colour)): (usize, &(String, Colour))| Reading {
        label: label.clone(),
        colour: *colour,
        column: from + i,
        percent,
    };
    named.iter().enumerate().map(reading).collect()
}

/// Names and colours of the frameworks.
fn framework_names(frameworks: &[FrameworkRecord]) -> Vec<(String, Colour)> {
    frameworks.iter().enumerate().map(|(i, f)| (f.name.clone(), framework_colour(i))).collect()
}

/// Numbers of events per interval as events per second.
fn rates(series: &Series, counts: &[i64]) -> Vec<f64> {
    let rate = |(row, &n): (usize, &i64)| n as f64 / (series.length_ns(row) as f64 / 1e9);
    let mut rates: Vec<f64> = counts.iter().enumerate().map(rate).collect();
    // A last interval of some microseconds would be a spike of chance.
    if let [.., before, last] = rates.as_mut_slice()
        && series.length_ns(series.rows() - 1) * 4 < series.interval.0
    {
        *last = *before;
    }
    rates
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
    use crate::record::synthetic_services;

    /// Figures that only a run with leaders and apps has.
    const MARATHON: [&str; 4] = ["failover", "instances", "deployments", "refusals"];

    #[test]
    fn every_figure_draws_and_says_what_it_shows() {
        let mut pictures = pictures(&make(&Plan { gpus: true, ..Plan::small() }).recording());
        let services = super::pictures(&synthetic_services::make().recording());
        pictures.extend(services.into_iter().filter(|p| MARATHON.contains(&p.figure.name)));
        assert_eq!(pictures.len(), FIGURES.len());
        let files = render(&pictures);
        for path in all_paths().into_iter().filter(|path| !path.ends_with(".png")) {
            let text = String::from_utf8(files.get(&path).unwrap().to_vec()).unwrap();
            if path.ends_with(".svg") {
                let timeless = ["waits", "failover", "refusals"].iter().any(|name| path.contains(name));
                assert!(
                    text.contains("rack-0 lost") || text.contains("leading master crashed") || timeless,
                    "{path} shows no fault"
                );
                assert!(!text.contains("NaN") && text.len() < 200_000, "{path}: {} bytes", text.len());
            } else {
                assert!(text.lines().count() > 3, "{path}");
            }
        }
        for picture in pictures {
            assert!(picture.figure.caption.ends_with('.'), "{}", picture.figure.name);
            assert!(picture.drawn.says.ends_with('.'), "{}: {}", picture.figure.name, picture.drawn.says);
        }
    }

    #[test]
    fn of_many_faults_the_rare_ones_are_seen() {
        let fault = |label: String| FaultMark {
            label,
            began: Some(crate::base::time::Time::from_secs(1)),
            ..FaultMark::default()
        };
        let mut faults: Vec<FaultMark> = (0..60).map(|i| fault(format!("agent-{i} crashed"))).collect();
        faults.push(fault("rack_id=r3 lost".into()));
        let marks = super::faults(&Recording { faults, ..Recording::default() }, &mut Vec::new());
        let seen: Vec<&str> = marks.iter().filter(|m| !m.minor).map(|m| m.label.as_str()).collect();
        assert_eq!((marks.len(), seen), (61, vec!["rack_id=r3 lost"]));
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert!(pictures(&Recording::default()).is_empty());
    }

    /// Pictures for looking at, in the system's temporary folder.
    #[test]
    #[ignore = "writes pictures for people: cargo test pictures -- --ignored"]
    fn pictures_to_look_at() {
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
            render(&pictures(&make(&plan).recording())).write(&dir, &all_paths()).unwrap();
        }
        let dir = std::env::temp_dir().join("mesosim-pictures/services");
        render(&pictures(&synthetic_services::make().recording())).write(&dir, &all_paths()).unwrap();
    }
}
