//! Summaries of finished runs, kept as files so that an interrupted comparison goes on where it
//! was, and a larger one begins with what a smaller one has made.
//!
//! A file is named by the hash of its scenario, which covers overrides, seed and data, and holds
//! the hash of the program that made it: another build may come to other results. A file that is
//! torn or of another program is as good as none.

use crate::base::digest::Digest;
use crate::record::manifest::FORMAT;
use crate::scenario::Scenario;
use serde_json::{Value, json};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A folder of summaries.
pub(super) struct Kept {
    folder: PathBuf,
    program: String,
}

impl Kept {
    /// Makes the folder; `None` if this program cannot be read, so that nothing is kept.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub(super) fn new(folder: &Path) -> io::Result<Option<Self>> {
        let program = std::env::current_exe().and_then(fs::read);
        let Ok(program) = program else { return Ok(None) };
        fs::create_dir_all(folder)?;
        let mut digest = Digest::default();
        digest.put(&program);
        Ok(Some(Self { folder: folder.to_owned(), program: digest.hex() }))
    }

    fn path(&self, scenario: &Scenario) -> PathBuf {
        self.folder.join(format!("{}.json", scenario.hash))
    }

    /// The summary of a run that was finished before.
    pub(super) fn find(&self, scenario: &Scenario) -> Option<Value> {
        let text = fs::read_to_string(self.path(scenario)).ok()?;
        let mut file: Value = serde_json::from_str(&text).ok()?;
        let same = [
            ("format", json!(FORMAT)),
            ("program", json!(self.program)),
            ("scenario", json!(scenario.hash)),
            ("seed", json!(scenario.seed)),
        ];
        let same = same.iter().all(|(key, value)| file.get(key) == Some(value));
        let summary = file.get_mut("summary").filter(|s| same && s["run"]["digest"].is_string())?;
        Some(summary.take())
    }

    /// Keeps the summary of a run that is finished.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn keep(&self, scenario: &Scenario, summary: &Value) -> io::Result<()> {
        let file = json!({
            "format": FORMAT,
            "program": self.program,
            "scenario": scenario.hash,
            "seed": scenario.seed,
            "summary": summary,
        });
        let path = self.path(scenario);
        let partial = path.with_extension("partial");
        fs::write(&partial, file.to_string())?;
        fs::rename(&partial, &path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(seed: u64) -> Scenario {
        let text = format!("duration = '1m'\nseed = {seed}\n[[agents]]\ncount = 1\nresources = 'cpus:1'\n");
        Scenario::parse(&text, "test.toml", Path::new(""), &[], None).unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn whole_files_of_this_program_are_found_and_no_others() {
        let folder = std::env::temp_dir().join(format!("mesosim-kept-{}", std::process::id()));
        let kept = Kept::new(&folder).unwrap().unwrap();
        let summary = json!({ "run": { "digest": "ab" }, "waits": { "p50": 0.000_001_234 } });
        let first = scenario(1);
        assert_eq!(kept.find(&first), None);
        kept.keep(&first, &summary).unwrap();
        assert_eq!(kept.find(&first), Some(summary.clone()));
        assert_eq!(kept.find(&scenario(2)), None);
        // Torn anywhere it is none.
        let text = fs::read_to_string(kept.path(&first)).unwrap();
        for end in (0..text.len()).step_by(7) {
            fs::write(kept.path(&first), &text[..end]).unwrap();
            assert_eq!(kept.find(&first), None, "{end}");
        }
        fs::write(kept.path(&first), text.replace(&kept.program, "other")).unwrap();
        assert_eq!(kept.find(&first), None, "of another program");
        fs::remove_dir_all(&folder).unwrap();
    }
}
