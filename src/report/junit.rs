//! Results of many runs as JUnit XML, which build servers read.

use super::escape::xml;
use std::fmt::Write as _;

/// One run as a test case.
#[derive(Clone, PartialEq, Debug)]
pub struct Case {
    /// What it belongs to: the scenario's file.
    pub class: String,
    pub name: String,
    pub seconds: f64,
    pub outcome: CaseOutcome,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CaseOutcome {
    Passed,
    /// Something that must hold did not: a line that says what, and everything.
    Failed {
        what: String,
        text: String,
    },
    /// It could not be run.
    Error {
        what: String,
        text: String,
    },
    Skipped {
        why: String,
    },
}

/// The whole file.
#[must_use]
pub fn junit(suite: &str, cases: &[Case]) -> String {
    let count = |wanted: fn(&CaseOutcome) -> bool| cases.iter().filter(|case| wanted(&case.outcome)).count();
    let failures = count(|o| matches!(o, CaseOutcome::Failed { .. }));
    let errors = count(|o| matches!(o, CaseOutcome::Error { .. }));
    let skipped = count(|o| matches!(o, CaseOutcome::Skipped { .. }));
    let seconds: f64 = cases.iter().map(|case| case.seconds).sum();
    let counts = format!(
        "tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{seconds:.3}\"",
        cases.len()
    );
    let suite = xml(suite);
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n<testsuite name=\"{suite}\" {counts}>\n"
    );
    for case in cases {
        let (class, name) = (xml(&case.class), xml(&case.name));
        let _ = write!(out, "<testcase classname=\"{class}\" name=\"{name}\" time=\"{:.3}\"", case.seconds);
        let inside = |kind: &str, what: &str, text: &str| {
            format!(">\n<{kind} message=\"{}\">{}</{kind}>\n</testcase>\n", line(what), xml(text))
        };
        out.push_str(&match &case.outcome {
            CaseOutcome::Passed => "/>\n".to_owned(),
            CaseOutcome::Failed { what, text } => inside("failure", what, text),
            CaseOutcome::Error { what, text } => inside("error", what, text),
            CaseOutcome::Skipped { why } => format!(">\n<skipped message=\"{}\"/>\n</testcase>\n", line(why)),
        });
    }
    out + "</testsuite>\n</testsuites>\n"
}

/// An attribute: line breaks would be read as spaces.
fn line(text: &str) -> String {
    xml(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_and_every_nasty_character() {
        let case = |name: &str, outcome| Case { class: "a&b.toml".into(), name: name.into(), seconds: 0.25, outcome };
        let (what, text) = ("got <1>\n& 'x'".to_owned(), "first \"line\"\nsecond ]]> line\u{1}".to_owned());
        let cases = [
            case("seed 1", CaseOutcome::Passed),
            case("seed 2", CaseOutcome::Failed { what: what.clone(), text: text.clone() }),
            case("seed 3", CaseOutcome::Error { what, text }),
            case("seed 4", CaseOutcome::Skipped { why: "no data".into() }),
        ];
        expect_test::expect![[r#"
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuites tests="4" failures="1" errors="1" skipped="1" time="1.000">
            <testsuite name="mesosim test &lt;all&gt;" tests="4" failures="1" errors="1" skipped="1" time="1.000">
            <testcase classname="a&amp;b.toml" name="seed 1" time="0.250"/>
            <testcase classname="a&amp;b.toml" name="seed 2" time="0.250">
            <failure message="got &lt;1&gt; &amp; &#39;x&#39;">first &quot;line&quot;
            second ]]&gt; line�</failure>
            </testcase>
            <testcase classname="a&amp;b.toml" name="seed 3" time="0.250">
            <error message="got &lt;1&gt; &amp; &#39;x&#39;">first &quot;line&quot;
            second ]]&gt; line�</error>
            </testcase>
            <testcase classname="a&amp;b.toml" name="seed 4" time="0.250">
            <skipped message="no data"/>
            </testcase>
            </testsuite>
            </testsuites>
        "#]]
        .assert_eq(&junit("mesosim test <all>", &cases));
    }
}
