//! `report.html`: one page that can be forwarded as it is. Figures, style and script are inside;
//! nothing is fetched, and nothing depends on when or where it was made.
//!
//! The page is a template (`page.html`) with a style (`page.css`) and a script (`page.js`) of our
//! own. Without scripts everything is there to be read; with them, figures over time can be
//! zoomed and read under the pointer. Each figure is in it twice, for wide and narrow screens.

mod answer;
mod tables;

use super::plot::Picture;
use super::verdict::Verdict;
use super::words::{count, length};
use crate::analysis::Summary;
use crate::analysis::recovery::{Recovery, recoveries};
use crate::record::{Manifest, Recording, csv_bytes};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::Serialize;
use serde_json::{Value, json};

pub const FILE: &str = "report.html";

/// Everything that a page is made of.
#[derive(Clone, Copy)]
pub struct Content<'a> {
    pub recording: &'a Recording,
    pub manifest: &'a Manifest,
    pub summary: &'a Summary,
    pub verdict: &'a Verdict,
    /// The scenario's text with all overrides.
    pub scenario: &'a str,
}

/// What the template is given.
#[derive(Serialize)]
struct Page<'a> {
    name: &'a str,
    ran: String,
    good: bool,
    verdict: String,
    cards: Vec<answer::Card>,
    broke: String,
    breach: Option<Value>,
    figures: Vec<Value>,
    tables: Vec<tables::Table>,
    replay: &'a str,
    digest: &'a str,
    scenario: &'a str,
    footer: String,
    css: &'static str,
    js: &'static str,
}

/// The whole file.
#[must_use]
pub fn page(content: Content<'_>, pictures: &[Picture]) -> String {
    let Content { recording, manifest, summary, verdict, scenario } = content;
    let recoveries = recoveries(recording);
    let breach =
        verdict.broken.as_ref().map(|b| json!({ "what": b.what, "at": length(b.at_ns as f64 / 1e9), "text": b.text }));
    let page = Page {
        name: &manifest.name,
        ran: answer::ran(recording, summary),
        good: verdict.is_good(),
        verdict: answer::verdict(verdict),
        cards: answer::cards(recording, summary, &recoveries),
        broke: broke(&recoveries),
        breach,
        figures: pictures.iter().map(figure).collect(),
        tables: tables::all(content, &recoveries),
        replay: &verdict.replay,
        digest: &manifest.digest,
        scenario: scenario.trim_end(),
        footer: format!(
            "A run of mesosim, a simulator of Mesos in virtual time. Hash of scenario and data {}, seed {}, format {}.",
            manifest.scenario, manifest.seed, manifest.format
        ),
        css: include_str!("page.css").trim_ascii_end(),
        js: include_str!("page.js").trim_ascii_end(),
    };
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let template = environment.template_from_str(include_str!("page.html"));
    template.and_then(|t| t.render(Serde(page))).expect("the template takes this page") + "\n"
}

fn broke(recoveries: &[Recovery]) -> String {
    if recoveries.is_empty() {
        return "Nothing was broken on purpose.".to_owned();
    }
    let one = |r: &Recovery| {
        let lasted = match r.ended {
            Some(ended) if ended > r.began => format!(" for {}", length((ended - r.began).as_secs_f64())),
            Some(_) => String::new(),
            None => " until the end".to_owned(),
        };
        let effect = if r.bit { "" } else { ", without effect" };
        format!("{} at {}{lasted}{effect}", r.label, length(r.began.as_secs_f64()))
    };
    let shown: Vec<String> = recoveries.iter().take(8).map(one).collect();
    let more = match recoveries.len() - shown.len() {
        0 => String::new(),
        n => format!("; and {}, see the table", count(n as i64, "other")),
    };
    format!("{}: {}{more}.", count(recoveries.len() as i64, "fault"), shown.join("; "))
}

fn figure(picture: &Picture) -> Value {
    let [wide, narrow] = picture.on_page();
    let figure = picture.figure;
    json!({
        "name": figure.name,
        "title": figure.title,
        "caption": figure.caption,
        "says": picture.drawn.says,
        "wide": wide,
        "narrow": narrow,
        "data": data(picture),
    })
}

/// A table of more bytes than this is only in its file.
const CSV_MAX: usize = 100_000;

/// What the script is told: edges of the steps, what each panel reads, the table as a file.
fn data(picture: &Picture) -> String {
    let table = &picture.drawn.table;
    let rows = table.get(1..).unwrap_or_default();
    let number = |text: &str| text.parse::<f64>().map_or(Value::Null, Value::from);
    let over_time = table.first().is_some_and(|header| header[0] == "from_s");
    let mut edges: Vec<Value> = Vec::new();
    if over_time {
        edges.extend(rows.iter().map(|row| number(&row[0])));
        edges.extend(rows.last().map(|row| number(&row[1])));
    }
    let reading = |r: &super::plot::chart::Reading| {
        let values: Vec<Value> = rows.iter().map(|row| number(&row[2 + r.column])).collect();
        json!({ "label": r.label, "colour": r.colour.hex(), "percent": r.percent, "values": values })
    };
    let panels = picture.drawn.chart.panels.iter().map(|p| p.readings.iter().map(reading).collect::<Vec<_>>());
    let csv = String::from_utf8(csv_bytes(table.clone())).ok().filter(|csv| csv.len() <= CSV_MAX);
    let data = json!({ "edges": edges, "panels": panels.collect::<Vec<_>>(), "csv": csv });
    // The end of a script is looked for in its text.
    data.to_string().replace("</", "<\\/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::synthetic::{Plan, make};
    use crate::report::plot::pictures;

    fn render(plan: &Plan, verdict: &Verdict) -> String {
        let made = make(plan);
        let (recording, manifest) = (made.recording(), made.manifest());
        let summary = Summary::of(&recording, &manifest);
        let scenario = "seed = 1 # </script><b>";
        let content = Content { recording: &recording, manifest: &manifest, summary: &summary, verdict, scenario };
        page(content, &pictures(&recording))
    }

    /// Opened and closed tags match, and what must be closed is.
    fn check_tags(html: &str) {
        const VOID: [&str; 2] = ["meta", "!DOCTYPE"];
        let mut open: Vec<&str> = Vec::new();
        let mut rest = html;
        while let Some(at) = rest.find('<') {
            rest = &rest[at + 1..];
            let end = rest.find('>').expect("a tag ends");
            let tag = &rest[..end];
            let name = tag.trim_start_matches('/').split([' ', '/', '\n']).next().unwrap();
            if tag.starts_with('/') {
                assert_eq!(open.pop(), Some(name), "…{}", &rest[..end.min(60)]);
            } else if !tag.ends_with('/') && !VOID.contains(&name) {
                open.push(name);
            }
            rest = &rest[end + 1..];
            if let "script" | "style" = *open.last().unwrap_or(&"") {
                rest = &rest[rest.find("</").expect("it ends")..];
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }

    #[test]
    fn a_page_stands_on_its_own() {
        let verdict = Verdict { replay: "mesosim run a&b.toml".into(), ..Verdict::default() };
        let html = render(&Plan::small(), &verdict);
        check_tags(&html);
        for outside in ["http://", "https://", "src=", "@import", "url("] {
            let own = html.replace("http://www.w3.org/2000/svg", "");
            assert!(!own.contains(outside), "{outside}");
        }
        assert!(html.contains("a&amp;b.toml") && html.contains("&lt;&#x2f;script&gt;&lt;b&gt;"));
        assert!(!html.contains("NaN") && !html.contains("None"));
        assert_eq!(html, render(&Plan::small(), &verdict));
        assert!(html.len() < 1_500_000, "{} bytes", html.len());
    }

    #[test]
    fn the_first_screen_says_what_failed() {
        let outcome = crate::analysis::Outcome {
            passed: false,
            want: "tasks.lost <= 10".into(),
            got: "93".into(),
            why: "few tasks die".into(),
            line: 44,
        };
        let verdict = Verdict { replay: "x".into(), expectations: vec![outcome], ..Verdict::default() };
        let html = render(&Plan { faults: 0, ..Plan::small() }, &verdict);
        let head = html.split_once("<h2>What broke</h2>").unwrap().0;
        assert!(
            head.contains("verdict bad") && head.contains("1 of 1 expectation does not hold"),
            "{}",
            &head[head.len() - 900..]
        );
        assert!(html.contains("Nothing was broken on purpose."));
    }

    #[test]
    fn an_empty_run_has_a_page() {
        let (recording, manifest) = (Recording::default(), make(&Plan::small()).manifest());
        let summary = Summary::of(&recording, &manifest);
        let verdict = Verdict::default();
        let content =
            Content { recording: &recording, manifest: &manifest, summary: &summary, verdict: &verdict, scenario: "" };
        check_tags(&page(content, &pictures(&recording)));
    }
}
