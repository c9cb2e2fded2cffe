//! The tables of a comparison: for the terminal, CSV, Markdown, LaTeX and JSON.

use super::words::{Style, relative, sentence, verdict};
use crate::analysis::Comparison;
use crate::analysis::compare::{Difference, LEVEL, Verdict};
use crate::analysis::measure::Unit;
use crate::record::csv_bytes;
use crate::report::escape;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// One line of the table for people: a metric of a variant.
struct Line {
    /// Empty but in the first line of a metric.
    metric: String,
    variant: String,
    mean: String,
    difference: String,
    interval: String,
    relative: String,
    verdict: String,
    /// It differs from the first variant.
    shown: bool,
}

const HEADER: [&str; 7] = ["metric", "variant", "mean", "difference", "95 % interval", "relative", ""];

fn lines(comparison: &Comparison) -> Vec<Line> {
    let mut lines = Vec::new();
    for row in &comparison.rows {
        let style = Style::of(row);
        for (i, (cell, variant)) in row.cells.iter().zip(&comparison.variants).enumerate() {
            let d = cell.difference.as_ref();
            let same = d.is_some_and(|d| d.verdict == Verdict::Same);
            let interval = d.and_then(|d| d.interval).filter(|_| !same);
            lines.push(Line {
                metric: if i == 0 { row.measure.label.clone() } else { String::new() },
                variant: variant.name.clone(),
                mean: cell.mean.map_or("-".into(), |mean| style.value(mean)),
                difference: interval.map_or(String::new(), |i| style.signed(i.mean)),
                interval: interval.map_or(String::new(), |i| style.range(i.low, i.high)),
                relative: d.filter(|_| !same).map_or(String::new(), relative),
                verdict: d.map_or(String::new(), |d| verdict(&row.measure, d)),
                shown: d.is_some_and(is_shown),
            });
        }
    }
    lines
}

fn is_shown(d: &Difference) -> bool {
    matches!(d.verdict, Verdict::More | Verdict::Less)
}

impl Line {
    fn cells(&self) -> [&str; 7] {
        let Self { metric, variant, mean, difference, interval, relative, verdict, .. } = self;
        [metric, variant, mean, difference, interval, relative, verdict]
    }
}

/// What was compared, in a line.
pub(super) fn heading(comparison: &Comparison) -> String {
    let names: Vec<&str> = comparison.variants.iter().map(|v| v.name.as_str()).collect();
    format!("{}: {}, {}", comparison.scenario, names.join(" against "), seeds(&comparison.seeds))
}

/// `10 seeds, 1 to 10`
pub(super) fn seeds(seeds: &[u64]) -> String {
    let (first, last) = (seeds.first().copied().unwrap_or(0), seeds.last().copied().unwrap_or(0));
    format!("{} seeds, {first} to {last}", seeds.len())
}

/// Verdicts in words: every difference that is shown as a sentence, the others in one.
pub(super) fn verdicts(comparison: &Comparison) -> Vec<String> {
    let mut said = Vec::new();
    let mut not_shown: Vec<(String, Vec<String>)> = Vec::new();
    for row in &comparison.rows {
        let style = Style::of(row);
        for (cell, variant) in row.cells.iter().zip(&comparison.variants) {
            let Some(d) = &cell.difference else { continue };
            if is_shown(d) {
                let sentence = sentence(&style, &row.measure, &variant.name, d);
                said.push(format!("{sentence} ({})", row.measure.label));
                continue;
            }
            let label = row.measure.label.clone();
            match not_shown.iter_mut().find(|(name, _)| *name == variant.name) {
                Some((_, labels)) => labels.push(label),
                None => not_shown.push((variant.name.clone(), vec![label])),
            }
        }
    }
    let rest = |(name, labels): (String, Vec<String>)| match labels.len() {
        n if n == comparison.rows.len() => format!("{name}: no difference shown at 95 % in any of these {n} metrics"),
        _ => format!("{name}: no difference shown at 95 % in {}", labels.join("; ")),
    };
    said.extend(not_shown.into_iter().map(rest));
    said
}

/// For the terminal, ending with a line break.
#[must_use]
pub fn terminal(comparison: &Comparison) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(HEADER);
    table.add_rows(lines(comparison).iter().map(|line| line.cells().map(str::to_owned)));
    for column in [2, 3, 4, 5] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut text = format!("{}\n\n{}\n\n", heading(comparison), table.trim_fmt());
    for line in verdicts(comparison) {
        let _ = writeln!(text, "{line}");
    }
    text
}

/// One line per metric and variant, in the units of `summary.json`.
pub(super) fn csv(comparison: &Comparison) -> Vec<u8> {
    let header =
        ["metric", "variant", "runs", "mean", "difference", "low", "high", "relative", "correlation", "verdict"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    let number = |x: Option<f64>| x.map_or(String::new(), |x| tidy(x).to_string());
    for row in &comparison.rows {
        for (cell, variant) in row.cells.iter().zip(&comparison.variants) {
            let d = cell.difference.as_ref();
            let interval = d.and_then(|d| d.interval);
            let runs = cell.values.iter().flatten().count().to_string();
            rows.push(vec![
                row.measure.key.clone(),
                variant.name.clone(),
                runs,
                number(cell.mean),
                number(interval.map(|i| i.mean)),
                number(interval.map(|i| i.low)),
                number(interval.map(|i| i.high)),
                number(d.and_then(|d| d.relative)),
                number(d.and_then(|d| d.correlation)),
                d.map_or(String::new(), |d| name(d.verdict).to_owned()),
            ]);
        }
    }
    csv_bytes(rows)
}

/// One line per run, one column per metric.
pub(super) fn runs_csv(comparison: &Comparison) -> Vec<u8> {
    let mut header = vec!["variant".to_owned(), "seed".to_owned()];
    header.extend(comparison.rows.iter().map(|row| row.measure.key.clone()));
    let mut rows = vec![header];
    for (v, variant) in comparison.variants.iter().enumerate() {
        for (s, seed) in comparison.seeds.iter().enumerate() {
            let mut row = vec![variant.name.clone(), seed.to_string()];
            let value = |cell: Option<f64>| cell.map_or(String::new(), |x| x.to_string());
            row.extend(comparison.rows.iter().map(|r| value(r.cells[v].values[s])));
            rows.push(row);
        }
    }
    csv_bytes(rows)
}

pub(super) fn markdown(comparison: &Comparison) -> String {
    let mut text = format!("# {}\n\n", escape::markdown(&heading(comparison)));
    text.push_str("| metric | variant | mean | difference | 95 % interval | relative | verdict |\n");
    text.push_str("|---|---|---:|---:|---:|---:|---|\n");
    for line in lines(comparison) {
        let bold = |cell: &str| match (line.shown, cell.is_empty()) {
            (true, false) => format!("**{}**", escape::markdown(cell)),
            _ => escape::markdown(cell),
        };
        let [metric, variant, mean, difference, interval, relative, verdict] = line.cells();
        let plain = [metric, variant, mean].map(escape::markdown);
        let cells = [bold(difference), escape::markdown(interval), escape::markdown(relative), bold(verdict)];
        let _ = writeln!(text, "| {} | {} |", plain.join(" | "), cells.join(" | "));
    }
    text.push('\n');
    for line in verdicts(comparison) {
        let _ = writeln!(text, "- {}", escape::markdown(&line));
    }
    let _ = writeln!(text, "\n{}", escape::markdown(METHOD));
    text
}

/// A table for papers; needs no package.
pub(super) fn latex(comparison: &Comparison) -> String {
    let mut text = String::from("\\begin{table}\n\\centering\n\\begin{tabular}{llrrrrl}\n\\hline\n");
    text.push_str("Metric & Variant & Mean & Difference & 95\\,\\% interval & Relative & Verdict \\\\\n");
    for line in lines(comparison) {
        if !line.metric.is_empty() {
            text.push_str("\\hline\n");
        }
        let mut cells = line.cells().map(escape::latex);
        if line.shown {
            cells[3] = format!("\\textbf{{{}}}", cells[3]);
        }
        let _ = writeln!(text, "{} \\\\", cells.join(" & "));
    }
    let caption = format!("{}. {METHOD}", heading(comparison));
    let _ = write!(text, "\\hline\n\\end{{tabular}}\n\\caption{{{}}}\n\\end{{table}}\n", escape::latex(&caption));
    text
}

/// What the numbers are.
pub(super) const METHOD: &str = "Every variant was run with the same seeds, so that each meets the same arrivals, run \
     times and faults. Differences are to the first variant, run by run; the interval covers the mean difference with \
     95 % confidence (Student's t). Each interval stands for itself: of twenty without any true difference, one on \
     average does not cover zero.";

/// For programs: the same bytes however many workers made it.
#[must_use]
pub fn json(comparison: &Comparison) -> String {
    let variant = |v: &crate::analysis::compare::Variant| {
        let overrides: serde_json::Map<String, Value> =
            v.overrides.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        json!({ "name": v.name, "set": overrides })
    };
    let metric = |row: &crate::analysis::compare::Row| {
        let cell = |(cell, variant): (&crate::analysis::compare::Cell, &crate::analysis::compare::Variant)| {
            let mut object = json!({ "variant": variant.name, "mean": cell.mean.map(tidy), "values": cell.values });
            if let Some(d) = &cell.difference {
                object["difference"] = json!({
                    "mean": d.interval.map(|i| tidy(i.mean)),
                    "low": d.interval.map(|i| tidy(i.low)),
                    "high": d.interval.map(|i| tidy(i.high)),
                    "pairs": d.by_seed.iter().flatten().count(),
                    "relative": d.relative.map(tidy),
                    "correlation": d.correlation.map(tidy),
                    "verdict": name(d.verdict),
                    "words": sentence(&Style::of(row), &row.measure, &variant.name, d),
                });
            }
            object
        };
        let cells: Vec<Value> = row.cells.iter().zip(&comparison.variants).map(cell).collect();
        let unit = match row.measure.unit {
            Unit::Seconds => "s",
            Unit::Share => "fraction",
            Unit::Count => "count",
            Unit::Plain => "",
        };
        json!({ "metric": row.measure.key, "label": row.measure.label, "unit": unit, "variants": cells })
    };
    let whole = json!({
        "scenario": comparison.scenario,
        "level": LEVEL,
        "seeds": comparison.seeds,
        "variants": comparison.variants.iter().map(variant).collect::<Vec<_>>(),
        "metrics": comparison.rows.iter().map(metric).collect::<Vec<_>>(),
    });
    format!("{whole:#}\n")
}

fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Same => "same",
        Verdict::More => "more",
        Verdict::Less => "less",
        Verdict::NotShown => "not shown",
        Verdict::TooFew => "too few",
    }
}

/// Without the dust of binary fractions.
fn tidy(x: f64) -> f64 {
    // Adding zero makes the negative zero an ordinary one.
    if x.abs() < 1e6 { libm::round(x * 1e9) / 1e9 + 0.0 } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::compare::testing::example;

    #[test]
    fn the_terminal() {
        expect_test::expect![[r#"
            example: drf against random against lottery_50%, 5 seeds, 1 to 5

             metric                             variant         mean  difference   95 % interval  relative
             web & co: wait until running, p50  drf          21.40 s
                                                random       24.46 s     +3.06 s    [2.80, 3.32]     +14 %  waits longer
                                                lottery_50%  21.41 s     +0.01 s   [-0.25, 0.27]       0 %  no difference shown at 95 %
             web & co: wait until running, p99  drf           66.8 s
                                                random        75.9 s      +9.1 s     [8.0, 10.3]     +14 %  waits longer
                                                lottery_50%   66.8 s       0.0 s     [-1.1, 1.1]       0 %  no difference shown at 95 %
             cpus used                          drf          81.40 %
                                                random       76.40 %    -5.00 pp  [-5.00, -5.00]    -6.1 %  uses less cpus
                                                lottery_50%  81.40 %                                        the same with every seed
             tasks finished                     drf           10 140
                                                random        10 145          +5       [-18, 29]    +0.1 %  no difference shown at 95 %
                                                lottery_50%   10 145          +5       [-18, 29]    +0.1 %  no difference shown at 95 %
             tasks lost                         drf                2
                                                random             2                                        the same with every seed
                                                lottery_50%        2                                        the same with every seed

            random waits longer: +3.06 s [2.80, 3.32] (web & co: wait until running, p50)
            random waits longer: +9.1 s [8.0, 10.3] (web & co: wait until running, p99)
            random uses less cpus: -5.00 pp [-5.00, -5.00] (cpus used)
            lottery_50%: no difference shown at 95 % in any of these 5 metrics
            random: no difference shown at 95 % in tasks finished; tasks lost
        "#]].assert_eq(&terminal(&example()));
    }

    #[test]
    fn csv_has_every_number() {
        expect_test::expect![[r#"
            metric,variant,runs,mean,difference,low,high,relative,correlation,verdict
            waits.web & co.running_s.p50,drf,5,21.4,,,,,,
            waits.web & co.running_s.p50,random,5,24.46,3.06,2.802523073,3.317476927,0.142990654,0.998234871,more
            waits.web & co.running_s.p50,lottery_50%,5,21.41,0.01,-0.247476927,0.267476927,0.00046729,0.998234871,not shown
            waits.web & co.running_s.p99,drf,4,66.75,,,,,,
            waits.web & co.running_s.p99,random,4,75.9,9.15,8.013639374,10.286360626,0.137078652,0.998098,more
            waits.web & co.running_s.p99,lottery_50%,4,66.75,0,-1.136360626,1.136360626,0,0.998098,not shown
            utilization.cpus.used,drf,5,0.814,,,,,,
            utilization.cpus.used,random,5,0.764,-0.05,-0.05,-0.05,-0.061425061,1,less
            utilization.cpus.used,lottery_50%,5,0.814,0,0,0,0,1,same
            tasks.finished,drf,5,10140,,,,,,
            tasks.finished,random,5,10145.4,5.4,-17.772923411,28.572923411,0.000532544,0.998585075,not shown
            tasks.finished,lottery_50%,5,10145.4,5.4,-17.772923411,28.572923411,0.000532544,0.998585075,not shown
            tasks.lost,drf,5,2,,,,,,
            tasks.lost,random,5,2,0,0,0,0,,same
            tasks.lost,lottery_50%,5,2,0,0,0,0,,same
        "#]].assert_eq(&String::from_utf8(csv(&example())).unwrap());
        let runs = String::from_utf8(runs_csv(&example())).unwrap();
        assert_eq!(runs.lines().count(), 1 + 3 * 5);
        assert!(runs.contains("\nrandom,3,21.1,,0.73,9809,2\n"), "{runs}");
    }

    #[test]
    fn markdown_and_latex_are_escaped() {
        let (markdown, latex) = (markdown(&example()), latex(&example()));
        assert!(markdown.contains("| lottery\\_50% |"), "{markdown}");
        assert!(
            markdown.lines().filter(|l| l.starts_with('|')).all(|l| l.replace("\\|", "").matches('|').count() == 8)
        );
        assert!(latex.contains("lottery\\_50\\% &") && latex.contains("web \\& co:"), "{latex}");
        let rows = latex.lines().filter(|l| l.ends_with("\\\\"));
        assert!(rows.clone().count() == 16 && rows.clone().all(|l| l.replace("\\&", "").matches('&').count() == 6));
    }

    #[test]
    fn json_reads_back() {
        let value: Value = serde_json::from_str(&json(&example())).unwrap();
        assert_eq!(value["seeds"], json!([1, 2, 3, 4, 5]));
        assert_eq!(value["variants"][1]["set"]["allocator.policy"], "random");
        let wait = &value["metrics"][0]["variants"][1];
        assert_eq!((&wait["difference"]["mean"], &wait["difference"]["verdict"]), (&json!(3.06), &json!("more")));
        assert_eq!(value["metrics"][1]["variants"][0]["values"][2], Value::Null);
    }
}
