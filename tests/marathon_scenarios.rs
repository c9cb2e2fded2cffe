//! `scenarios/marathon/`: what they expect holds, and is worth expecting: without any one of their
//! requests or faults something that is expected does not happen. And the old bugs: each is seen in
//! its scenario, which is clean without it.

use mesosim::actor::bug::{BUGS, Exhibit};
use mesosim::check::INVARIANTS;
use mesosim::scenario::Scenario;
use mesosim::sim::{Finished, Sim};
use std::path::{Path, PathBuf};

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

fn run(path: &Path, overrides: &[(String, String)], bug: Option<&Exhibit>) -> Finished {
    let scenario = Scenario::load(path, overrides, None).unwrap_or_else(|e| panic!("{}", e.render(false)));
    let mut sim = Sim::of(scenario, true).unwrap_or_else(|e| panic!("{}", e.render(false)));
    if let Some(exhibit) = bug {
        sim.world_mut().show_bug(exhibit.bug);
    }
    match sim.run(&mut ()) {
        Ok(finished) => finished,
        Err(e) => panic!("{}: {e:?}", path.display()),
    }
}

/// What is wrong with a run: the invariant, and every expectation that was missed.
fn wrong(finished: &Finished) -> Vec<String> {
    let broken = finished.broken.iter().map(|broken| format!("{}: {}", broken.what, broken.text));
    let missed = finished.expectations.iter().filter(|outcome| !outcome.passed);
    broken.chain(missed.map(|outcome| format!("{}, got {}: {}", outcome.want, outcome.got, outcome.why))).collect()
}

fn all() -> Vec<PathBuf> {
    let folder = scenarios().join("marathon");
    let mut all: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path()).collect();
    all.sort();
    all
}

#[test]
fn what_they_expect_holds() {
    let all = all();
    assert!(all.len() >= 20, "{all:?}");
    let mut told = String::new();
    for path in &all {
        for line in wrong(&run(path, &[], None)) {
            told += &format!("{}: {line}\n", path.display());
        }
        let text = std::fs::read_to_string(path).expect("it can be read");
        assert!(text.lines().next().is_some_and(|line| line.starts_with("# ")), "{}: no question", path.display());
        assert!(text.lines().take(3).any(|line| line.contains('?')), "{}: no question", path.display());
    }
    assert!(told.is_empty(), "{told}");
}

/// A scenario in which some request or fault made no difference would ask nothing.
#[test]
fn nothing_in_them_is_idle() {
    let mut idle = String::new();
    for path in all() {
        let table: toml::Table = std::fs::read_to_string(&path).expect("it can be read").parse().expect("it is TOML");
        for kind in ["request", "fault"] {
            let list = table.get(kind).and_then(toml::Value::as_array).cloned().unwrap_or_default();
            for at in 0..list.len() {
                let mut less = list.clone();
                let gone = less.remove(at);
                let without = [(kind.to_owned(), toml::Value::Array(less).to_string())];
                if wrong(&run(&path, &without, None)).is_empty() {
                    idle += &format!("{}: nobody misses {gone}\n", path.display());
                }
            }
        }
    }
    assert!(idle.is_empty(), "{idle}");
}

#[test]
fn every_bug_is_seen_and_only_with_its_switch() {
    let mut told = String::new();
    for exhibit in BUGS {
        let path = scenarios().join(exhibit.scenario);
        let wrong = wrong(&run(&path, &[], Some(exhibit)));
        let is_invariant = INVARIANTS.iter().any(|row| row.0 == exhibit.fires);
        let sign = if is_invariant { format!("{}:", exhibit.fires) } else { exhibit.fires.to_owned() };
        if !wrong.iter().any(|line| line.starts_with(&sign)) {
            told += &format!("{}: {} does not fire: {wrong:#?}\n", exhibit.name, exhibit.fires);
        }
    }
    // That they are clean without is `what_they_expect_holds`.
    assert!(told.is_empty(), "{told}");
    assert!(BUGS.len() >= 8);
}
