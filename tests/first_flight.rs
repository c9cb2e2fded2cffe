//! `scenarios/first-flight.toml` and `scenarios/failover/`: what they expect holds, and is worth
//! expecting: without any one of the faults, something that is expected does not happen.

use mesosim::scenario::Scenario;
use mesosim::sim::Sim;
use std::path::{Path, PathBuf};

/// Reasons of the expectations that fail when the scenario is run with these faults.
fn missed(path: &Path, faults: Option<&toml::Value>) -> Vec<String> {
    let overrides: Vec<(String, String)> =
        faults.map(|list| ("fault".to_owned(), list.to_string())).into_iter().collect();
    let scenario = Scenario::load(path, &overrides, None).unwrap_or_else(|e| panic!("{}", e.render(false)));
    let finished = match Sim::of(scenario, true).map(|sim| sim.run(&mut ())) {
        Ok(Ok(finished)) => finished,
        other => panic!("{}: {:?}", path.display(), other.map(|run| run.map(|_| ()))),
    };
    assert!(finished.broken.is_none(), "{}: {:?}", path.display(), finished.broken);
    // Counting the faults themselves would be too easy.
    let missed = finished.expectations.into_iter().filter(|o| !o.passed && !o.want.starts_with("faults_injected"));
    missed.map(|outcome| outcome.why).collect()
}

/// Every expectation holds, and for each fault one is missed without it.
fn is_good(path: &Path) {
    let text = std::fs::read_to_string(path).expect("it can be read");
    let table: toml::Table = text.parse().expect("it is TOML");
    let faults = table["fault"].as_array().expect("it has faults").clone();
    assert_eq!(missed(path, None), Vec::<String>::new(), "{}", path.display());
    for at in 0..faults.len() {
        let mut less = faults.clone();
        let gone = less.remove(at);
        let missed = missed(path, Some(&toml::Value::Array(less)));
        assert!(!missed.is_empty(), "{}: nobody misses {gone}", path.display());
    }
}

fn scenarios(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut all: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path()).collect();
    all.sort();
    all
}

#[test]
fn first_flight_expects_what_its_faults_cause() {
    is_good(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/first-flight.toml"));
}

#[test]
fn failover_scenarios_expect_what_their_faults_cause() {
    let all = scenarios("scenarios/failover");
    assert!(all.len() >= 10, "{all:?}");
    all.iter().for_each(|path| is_good(path));
}
