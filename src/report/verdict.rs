//! `verdict.json`: what the scenario expected and got, what broke, and the command to see it
//! again. Together with the recording it is all that a page needs.

use crate::analysis::Outcome;
use crate::record::folder::FolderError;
use serde::{Deserialize, Serialize};
use std::path::Path;

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// The command that makes the same run.
    pub replay: String,
    pub expectations: Vec<Outcome>,
    /// Whether invariants were checked.
    pub checked: bool,
    pub broken: Option<Breach>,
}

/// An invariant or an assertion that was violated.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breach {
    pub what: String,
    pub at_ns: i64,
    pub text: String,
}

impl Verdict {
    pub const FILE: &'static str = "verdict.json";

    /// Whether everything held.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.broken.is_none() && self.expectations.iter().all(|o| o.passed)
    }

    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain numbers and texts") + "\n"
    }

    /// # Errors
    /// The file and what is wrong with it.
    pub fn read(dir: &Path) -> Result<Self, FolderError> {
        let path = dir.join(Self::FILE);
        let text = std::fs::read_to_string(&path).map_err(|e| FolderError::read(&path, &e))?;
        serde_json::from_str(&text).map_err(|e| FolderError::new(&path, e.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_wrote() {
        let outcome = Outcome {
            passed: false,
            want: "tasks.lost <= 10".into(),
            got: "93".into(),
            why: "few tasks die".into(),
            line: 44,
        };
        let broken = Breach { what: "offer-once".into(), at_ns: 7, text: "twice".into() };
        let verdict = Verdict {
            replay: "mesosim run x".into(),
            expectations: vec![outcome],
            checked: true,
            broken: Some(broken),
        };
        let dir = std::env::temp_dir().join(format!("mesosim-verdict-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join(Verdict::FILE), verdict.to_json()).unwrap();
        assert_eq!(Verdict::read(&dir).unwrap(), verdict);
        assert!(!verdict.is_good() && Verdict::default().is_good());
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
