//! Deployments of Marathon as bars over time.

use super::axis::Axis;
use super::chart::{BLUE, Chart, Colour, Entry, GREY, Layer, ORANGE, Panel, Swatch, VERMILLION};
use super::{Drawn, Figure, faults};
use crate::record::Recording;
use crate::record::recording::DeploymentRecord;
use crate::record::text::seconds;
use crate::report::words::{count, length, whole};

pub(super) const FIGURE: Figure = Figure {
    name: "deployments",
    title: "Deployments",
    caption: "Every deployment from its beginning to its end, named by the apps that it changed; the pale \
              parts are every second step of it.",
    draw,
};

/// How each ended, and what is under way at the end.
const ENDS: [(&str, &str, Colour); 4] = [
    ("succeeded", "succeeded", BLUE),
    ("failed", "failed", VERMILLION),
    ("cancelled", "cancelled", GREY),
    ("", "not finished", ORANGE),
];
/// Only the longest are drawn.
const MOST: usize = 200;

fn draw(recording: &Recording) -> Option<Drawn> {
    let end = recording.series.end.0;
    let length_ns = |d: &DeploymentRecord| d.ended_ns.unwrap_or(end) - d.began_ns;
    let mut shown: Vec<&DeploymentRecord> = recording.deployments.iter().collect();
    if shown.is_empty() {
        return None;
    }
    shown.sort_by_key(|d| std::cmp::Reverse(length_ns(d)));
    shown.truncate(MOST);
    shown.sort_by_key(|d| d.began_ns);
    let (mut layers, mut legend) = (Vec::new(), Vec::new());
    for (how, label, colour) in ENDS {
        let (mut dark, mut pale) = (Vec::new(), Vec::new());
        for (i, d) in shown.iter().enumerate().filter(|(_, d)| d.how == how) {
            let top = (shown.len() - i) as f64 - 0.1;
            for (k, (from, to)) in parts(d, end).into_iter().enumerate() {
                let bar = [from as f64 / 1e9, to as f64 / 1e9, top - 0.8, top];
                if k % 2 == 0 { dark.push(bar) } else { pale.push(bar) }
            }
        }
        if !dark.is_empty() {
            legend.push(Entry { label: label.into(), colour, swatch: Swatch::Area });
            layers.push(Layer::Bars { colour, opacity: 100, bars: dark });
            layers.push(Layer::Bars { colour, opacity: 60, bars: pale });
        }
    }
    let name = |(i, d): (usize, &&DeploymentRecord)| ((shown.len() - i) as f64 - 0.5, apps(d));
    let panel = Panel {
        heading: String::new(),
        height: (shown.len() as i32 * 22).clamp(44, 420),
        x: Axis::time(recording.series.end.as_secs_f64()),
        y: Axis::names("", shown.len() as f64, shown.iter().enumerate().map(name).collect()),
        layers,
        readings: Vec::new(),
    };
    let marks = faults(recording, &mut legend);
    let chart = Chart { legend, panels: vec![panel], marks };
    Some(Drawn { chart, table: table(recording), says: says(recording) })
}

/// From where to where its steps last.
fn parts(d: &DeploymentRecord, end: i64) -> Vec<(i64, i64)> {
    let mut edges = vec![d.began_ns];
    let mut last = 1;
    for step in d.steps.iter().filter(|s| s.step > 1) {
        if step.step > last {
            edges.push(step.at_ns);
            last = step.step;
        }
    }
    edges.push(d.ended_ns.unwrap_or(end));
    edges.windows(2).map(|w| (w[0], w[1])).collect()
}

/// The apps that it changes, or its id as long as it has begun no step.
fn apps(d: &DeploymentRecord) -> String {
    let mut names: Vec<&str> = Vec::new();
    for step in &d.steps {
        if !names.contains(&step.app.as_str()) {
            names.push(&step.app);
        }
    }
    match names.as_slice() {
        [] => d.name.clone(),
        [one] => (*one).to_owned(),
        [first, rest @ ..] => format!("{first} +{}", rest.len()),
    }
}

fn table(recording: &Recording) -> Vec<Vec<String>> {
    let mut rows = vec![["deployment", "what", "at_s", "step", "app"].map(str::to_owned).to_vec()];
    for d in &recording.deployments {
        let mut row = |what: &str, at_ns: i64, step: String, app: &str| {
            rows.push(vec![d.name.clone(), what.to_owned(), seconds(at_ns), step, app.to_owned()]);
        };
        row("began", d.began_ns, String::new(), "");
        for step in &d.steps {
            row("step", step.at_ns, step.step.to_string(), &step.app);
        }
        if let Some(ended) = d.ended_ns {
            row(&d.how, ended, String::new(), "");
        }
    }
    rows
}

fn says(recording: &Recording) -> String {
    let all = &recording.deployments;
    let of = |how: &str| all.iter().filter(|d| d.how == how).count() as i64;
    let ends = ENDS.iter().map(|(how, label, _)| (of(how), *label)).filter(|e| e.0 > 0);
    let ends: Vec<String> = ends.map(|(n, label)| format!("{} {label}", whole(n))).collect();
    let longest = all
        .iter()
        .filter_map(|d| Some((d.ended_ns? - d.began_ns, d)))
        .max_by_key(|l| (l.0, std::cmp::Reverse(l.1.began_ns)));
    let longest = longest.map_or(String::new(), |(ns, d)| {
        format!(
            "; the longest took {} ({}, from {})",
            length(ns as f64 / 1e9),
            apps(d),
            length(d.began_ns as f64 / 1e9)
        )
    });
    format!("{}: {}{longest}.", count(all.len() as i64, "deployment"), ends.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::recording::Step;
    use crate::record::synthetic_services::make;

    #[test]
    fn steps_are_parts_of_their_bar() {
        let step = |step, at_ns, app: &str| Step { step, at_ns, app: app.into() };
        let steps = vec![step(1, 5, "/a"), step(1, 5, "/b"), step(2, 9, "/a"), step(2, 9, "/c")];
        let d = DeploymentRecord { name: "d".into(), began_ns: 4, steps, ..DeploymentRecord::default() };
        assert_eq!(parts(&d, 20), [(4, 9), (9, 20)]);
        assert_eq!(apps(&d), "/a +2");
    }

    #[test]
    fn deployments_of_a_made_up_run() {
        let drawn = draw(&make().recording()).unwrap();
        let names: Vec<_> = drawn.chart.panels[0].y.ticks.iter().map(|t| t.1.as_str()).collect();
        assert_eq!(names, ["/db +1", "/web", "/web"]);
        assert_eq!(
            drawn.says,
            "3 deployments: 2 succeeded, 1 cancelled; the longest took 95.0 s (/db +1, from 5.00 s)."
        );
    }
}
