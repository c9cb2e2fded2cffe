//! The cases in `tests/oracle` are read without loss, and the reference plays them as they are recorded.

mod reference;

use mesosim::replay::{Case, Cases};

fn cases() -> Vec<Case> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle");
    #[expect(clippy::disallowed_methods, reason = "a test may be pointed at more recordings")]
    let more = std::env::var("MESOSIM_ORACLE").ok();
    let folders = std::iter::once(folder.to_owned()).chain(more);
    let mut paths: Vec<_> =
        folders.flat_map(|folder| std::fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    paths.sort();
    let mut all = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        all.extend(Cases::new(&text).map(|case| case.unwrap_or_else(|error| panic!("{path:?}:{error}")).1));
    }
    all
}

#[test]
fn what_is_read_is_written_again() {
    let all = cases();
    assert!(all.len() > 80, "{} cases", all.len());
    for case in all {
        let again = Case::from_json(&case.to_json()).unwrap();
        assert_eq!((case.name, case.why), (again.name, again.why));
        assert_eq!((case.input, case.output), (again.input, again.output));
    }
}

#[test]
fn the_reference_agrees_with_the_recordings() {
    let mut different = Vec::new();
    for case in cases() {
        let ours = mesosim::replay::play::<reference::Reference>(&case).unwrap_or_else(|refused| panic!("{refused}"));
        assert!(case.output.is_some(), "these are recordings");
        if let Some(difference) = case.first_difference(&ours) {
            different.push(format!("case `{}`: {difference}", case.name));
        }
    }
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
}
