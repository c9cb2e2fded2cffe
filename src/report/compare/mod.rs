//! Variants side by side, as files: tables for people, papers and programs, a figure, a page.
//!
//! All are a function of the comparison alone, so they are the same however many workers made it
//! and however often it was interrupted.

mod figure;
mod page;
mod tables;
mod words;

use crate::analysis::Comparison;
use crate::record::Files;

pub use tables::{json, terminal};

/// Everything that a comparison leaves behind. `again`: the command that makes it again.
#[must_use]
pub fn render(comparison: &Comparison, again: &str) -> Files {
    let mut files = Files::default();
    let figure = figure::svg(comparison);
    files.push("comparison.json", json(comparison));
    files.push("comparison.csv", tables::csv(comparison));
    files.push("runs.csv", tables::runs_csv(comparison));
    files.push("comparison.md", tables::markdown(comparison));
    files.push("comparison.tex", tables::latex(comparison));
    files.push("index.html", page::html(comparison, &figure, again));
    files.push("differences.svg", figure);
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::compare::testing::example;

    #[test]
    fn all_files_are_there_and_the_same_twice() {
        let files = render(&example(), "mesosim compare x.toml");
        let names: Vec<&str> = files.iter().map(|f| f.0).collect();
        let expected = [
            "comparison.json",
            "comparison.csv",
            "runs.csv",
            "comparison.md",
            "comparison.tex",
            "index.html",
            "differences.svg",
        ];
        assert_eq!(names, expected);
        assert_eq!(files, render(&example(), "mesosim compare x.toml"));
    }
}
