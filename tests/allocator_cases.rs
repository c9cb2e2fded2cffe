//! The cases in `tests/oracle` are read without loss and played by every allocator that we have.

use mesosim::replay::{Case, Cases};

fn cases() -> Vec<Case> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracle");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
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
        assert_eq!(case, again);
    }
}
