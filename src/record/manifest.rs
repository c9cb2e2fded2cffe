//! `manifest.json`: what was run, so that anybody can tell whether two results are of one run.
//!
//! Nothing in it depends on when, where or by which build the run was made.

use super::folder::FolderError;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Version of the layout of result folders.
pub const FORMAT: u32 = 1;

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the folder's layout.
    pub format: u32,
    /// The scenario's name.
    pub name: String,
    /// Hash of the scenario's text and of the files it reads.
    pub scenario: String,
    pub seed: u64,
    /// Hash of all core facts.
    pub digest: String,
    /// How many bytes of facts it covers.
    pub digest_bytes: u64,
    /// Where simulated time ended, in nanoseconds.
    pub simulated_ns: i64,
}

impl Manifest {
    pub const FILE: &'static str = "manifest.json";

    #[must_use]
    pub fn to_json(&self) -> String {
        let json = serde_json::to_string_pretty(self);
        json.expect("plain numbers and texts") + "\n"
    }

    /// # Errors
    /// The file and what is wrong with it.
    pub fn read(dir: &Path) -> Result<Self, FolderError> {
        let path = dir.join(Self::FILE);
        let text = std::fs::read_to_string(&path).map_err(|e| FolderError::read(&path, &e))?;
        let manifest: Self = serde_json::from_str(&text).map_err(|e| FolderError::new(&path, e.to_string()))?;
        if manifest.format != FORMAT {
            let text = format!("has format {}, this program reads {FORMAT}; run the scenario again", manifest.format);
            return Err(FolderError::new(&path, text));
        }
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_in_a_fixed_order() {
        let manifest = Manifest {
            format: FORMAT,
            name: "first-flight".into(),
            scenario: "0123".into(),
            seed: 42,
            digest: "ab".into(),
            digest_bytes: 96,
            simulated_ns: 1_500_000_000,
        };
        expect_test::expect![[r#"
            {
              "format": 1,
              "name": "first-flight",
              "scenario": "0123",
              "seed": 42,
              "digest": "ab",
              "digest_bytes": 96,
              "simulated_ns": 1500000000
            }
        "#]]
        .assert_eq(&manifest.to_json());
        assert_eq!(serde_json::from_str::<Manifest>(&manifest.to_json()).unwrap(), manifest);
    }
}
