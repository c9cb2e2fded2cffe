//! The page of a comparison: one file, no script, nothing fetched; the answer first.

use super::tables::{METHOD, heading, seeds, verdicts};
use super::words::{Style, relative, verdict};
use crate::analysis::Comparison;
use crate::analysis::compare::Verdict;
use crate::report::escape::xml;
use std::fmt::Write as _;

const CSS: &str = ":root{color-scheme:light dark;--ink:#212529;--soft:#5f666d;--line:#d5d9dd;--bg:#fff;--more:#d55e00;\
    --less:#0072b2}@media(prefers-color-scheme:dark){:root{--ink:#e6e8ea;--soft:#a5adb5;--line:#3a4046;--bg:#16191c;\
    --more:#f0883e;--less:#56b4e9}}body{font:16px/1.5 sans-serif;color:var(--ink);background:var(--bg);margin:2rem auto;\
    max-width:58rem;padding:0 1rem}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}.soft{color:var(--soft)}\
    .scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem;width:100%}th,td{padding:.3rem .6rem;\
    border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}th:first-child,td:first-child,\
    th:nth-child(2),td:nth-child(2),th:last-child,td:last-child{text-align:left}td:first-child{white-space:normal}\
    .more{color:var(--more);font-weight:bold}.less{color:var(--less);font-weight:bold}svg{max-width:100%;height:auto}\
    pre{overflow-x:auto;border:1px solid var(--line);padding:.6rem}@media print{body{margin:0;max-width:none;\
    font-size:11pt}pre{white-space:pre-wrap}}";

pub(super) fn html(comparison: &Comparison, figure: &str, again: &str) -> String {
    let title = xml(&heading(comparison));
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<style>{CSS}</style>\n</head>\n\
         <body>\n<h1>{title}</h1>\n<ul>\n"
    );
    for line in verdicts(comparison) {
        let _ = writeln!(out, "<li>{}</li>", xml(&line));
    }
    out.push_str("</ul>\n<h2>Differences</h2>\n<div class=\"scroll\">\n");
    out.push_str(figure);
    out.push_str("</div>\n<h2>Numbers</h2>\n");
    table(&mut out, comparison);
    let _ = writeln!(out, "<p class=\"soft\">{}</p>\n<h2>What was run</h2>", xml(METHOD));
    let _ = writeln!(out, "<p>Scenario {}, {}.</p>\n<ul>", xml(&comparison.scenario), seeds(&comparison.seeds));
    for variant in &comparison.variants {
        let set: Vec<String> =
            variant.overrides.iter().map(|(k, v)| format!("<code>{} = {}</code>", xml(k), xml(v))).collect();
        let _ = writeln!(out, "<li>{}: {}</li>", xml(&variant.name), set.join(", "));
    }
    let _ = writeln!(out, "</ul>\n<pre>{}</pre>\n</body>\n</html>", xml(again));
    out
}

fn table(out: &mut String, comparison: &Comparison) {
    out.push_str("<div class=\"scroll\"><table>\n<tr><th>metric<th>variant<th>mean<th>difference<th>95 % interval");
    out.push_str("<th>relative<th>verdict</tr>\n");
    for row in &comparison.rows {
        let style = Style::of(row);
        for (i, (cell, variant)) in row.cells.iter().zip(&comparison.variants).enumerate() {
            let label = if i == 0 { xml(&row.measure.label) } else { String::new() };
            let mean = cell.mean.map_or("-".into(), |mean| style.value(mean));
            let _ = write!(out, "<tr><td>{label}<td>{}<td>{mean}", xml(&variant.name));
            match (&cell.difference, cell.difference.as_ref().and_then(|d| d.interval)) {
                (Some(d), Some(interval)) => {
                    let class = match d.verdict {
                        Verdict::More => "more",
                        Verdict::Less => "less",
                        Verdict::Same | Verdict::NotShown | Verdict::TooFew => "soft",
                    };
                    let (mean, range) = (style.signed(interval.mean), style.range(interval.low, interval.high));
                    let words = xml(&verdict(&row.measure, d));
                    let _ = write!(out, "<td>{mean}<td>{range}<td>{}<td class=\"{class}\">{words}", relative(d));
                }
                (Some(d), None) => {
                    let _ = write!(out, "<td><td><td><td class=\"soft\">{}", xml(&verdict(&row.measure, d)));
                }
                (None, _) => out.push_str("<td><td><td><td>"),
            }
            out.push_str("</tr>\n");
        }
    }
    out.push_str("</table></div>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::compare::testing::example;

    #[test]
    fn one_file_that_fetches_nothing() {
        let page = html(&example(), "<svg></svg>", "mesosim compare 'a&b.toml'");
        for fetched in ["src=", "href=", "url(", "@import", "<script"] {
            assert!(!page.contains(fetched), "{fetched}");
        }
        assert!(page.contains("mesosim compare &#39;a&amp;b.toml&#39;") && page.contains("<svg></svg>"));
        assert!(page.contains("web &amp; co: wait until running, p50"));
        assert_eq!(page.matches("<tr>").count(), 1 + 5 * 3);
        assert_eq!(page.matches("class=\"more\"").count(), 2);
    }
}
