//! What is said when a run breaks something, and the command that shows it again: the same words
//! for one run and for many.

use crate::analysis::Outcome;
use crate::sim::Broken;
use std::path::Path;

/// A violation with its last events and the command that makes the run again.
pub(super) fn report_broken(broken: &Broken, replay: &str, seed: u64) -> String {
    let mut text =
        format!("violated: {} at {} with seed {seed}\n  {}\nlast events:\n", broken.what, broken.at, broken.text);
    for line in &broken.tail {
        text.push_str(&format!("  {line}\n"));
    }
    text + &format!("replay: {replay}\n")
}

/// An expectation that did not hold, with its place in the scenario.
pub(super) fn report_missed(scenario: &Path, outcome: &Outcome) -> String {
    let why = if outcome.why.is_empty() { String::new() } else { format!(" ({})", outcome.why) };
    format!("{}:{}: expected {}{why}, got {}", scenario.display(), outcome.line, outcome.want, outcome.got)
}

/// `mesosim run` of a scenario with this seed and these overrides, with a trace.
pub(super) fn command(scenario: &Path, seed: u64, set: &[String], data: Option<&Path>, more: &str) -> String {
    let path = |path: &Path| quoted(&path.display().to_string());
    let mut command = format!("mesosim run {} --seed {seed}{more}", path(scenario));
    for pair in set {
        command.push_str(&format!(" --set {}", quoted(pair)));
    }
    if let Some(data) = data {
        command.push_str(&format!(" --data {}", path(data)));
    }
    command
}

/// A word as a shell takes it.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-=:,+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Time;

    #[test]
    fn a_replay_can_be_pasted_into_a_shell() {
        let words = ["seed=7", "frameworks.a b.role='x'", ""].map(quoted);
        assert_eq!(words, ["seed=7", r"'frameworks.a b.role='\''x'\'''", "''"]);
    }

    #[test]
    fn a_violation_says_how_to_see_it_again() {
        let broken = Broken {
            what: "offer-once".into(),
            at: Time::from_secs(61),
            text: "offer O7 ended twice".into(),
            tail: vec!["first".into(), "second".into()],
        };
        expect_test::expect![[r#"
            violated: offer-once at 00:01:01.000000 with seed 7
              offer O7 ended twice
            last events:
              first
              second
            replay: mesosim run x.toml --seed 7
        "#]]
        .assert_eq(&report_broken(&broken, "mesosim run x.toml --seed 7", 7));
    }
}
