//! The simulator's allocator against recordings of the real one, offer by offer.

use mesosim::replay::{Case, Cases, Mesos, play};

/// All cases below `tests/oracle` and, if it is set, `MESOSIM_ORACLE`.
fn cases() -> Vec<Case> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle");
    #[expect(clippy::disallowed_methods, reason = "a test may be pointed at more recordings")]
    let more = std::env::var("MESOSIM_ORACLE").ok();
    let mut all = Vec::new();
    for folder in std::iter::once(folder.to_owned()).chain(more) {
        let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
        paths.sort();
        for path in paths {
            let text = std::fs::read_to_string(&path).unwrap();
            all.extend(Cases::new(&text).map(|case| case.unwrap_or_else(|error| panic!("{path:?}:{error}")).1));
        }
    }
    all
}

#[test]
fn the_allocator_agrees_with_the_real_one() {
    let (all, mut different) = (cases(), Vec::new());
    assert!(all.len() > 80, "{} cases", all.len());
    for case in &all {
        assert!(case.output.is_some(), "these are recordings");
        match play::<Mesos>(case) {
            Ok(ours) => {
                let difference = case.first_difference(&ours);
                different.extend(difference.map(|difference| format!("case `{}`: {difference}", case.name)));
            }
            Err(refused) => different.push(refused.to_string()),
        }
    }
    assert!(different.is_empty(), "{} of {} differ:\n{}", different.len(), all.len(), different.join("\n"));
}
