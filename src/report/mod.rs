//! Tables to bytes: figures, tables for the terminal, files. Never computes a statistic; that is
//! what `analysis` is for.

pub mod compare;
pub mod escape;
pub mod junit;
pub mod plot;
pub mod terminal;

use crate::analysis::Summary;
use crate::record::folder::FolderError;
use crate::record::{AGENTS_FILE, Files, Manifest, Recording};
use std::path::Path;

pub use terminal::summary_text;

/// The explicit list of faults and the trace: made by the run itself, if there is something.
pub const FAULTS_FILE: &str = "faults.toml";
pub const TRACE_FILE: &str = "run.trace";

/// Everything that a run leaves behind.
#[must_use]
pub fn render(recording: &Recording, manifest: &Manifest, summary: &Summary, figures: bool) -> Files {
    let mut files = Files::default();
    files.push(Manifest::FILE, manifest.to_json());
    files.push("summary.json", summary.to_json());
    files.append(recording.files());
    if figures {
        files.append(plot::render(recording));
    }
    files
}

/// Writes the results into `dir`; files of an earlier run that this one does not have go away.
///
/// # Errors
/// The path that cannot be written, and the mend.
pub fn write_results(dir: &Path, files: &Files) -> Result<(), FolderError> {
    let mut obsolete = plot::all_paths();
    // The trace is put there afterwards, by whoever wrote it on the way.
    obsolete.extend([AGENTS_FILE, FAULTS_FILE, TRACE_FILE].map(str::to_owned));
    files.write(dir, &obsolete)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::synthetic::{Plan, make};

    /// Two runs into one folder leave exactly what the second one made, byte for byte.
    #[test]
    fn results_are_reproducible_and_replaced() {
        let made = make(&Plan::small());
        let (recording, manifest) = (made.recording(), made.manifest());
        let summary = Summary::of(&recording, &manifest);
        let dir = std::env::temp_dir().join(format!("mesosim-results-{}", std::process::id()));
        let full = render(&recording, &manifest, &summary, true);
        assert_eq!(full, render(&make(&Plan::small()).recording(), &manifest, &summary, true));
        write_results(&dir, &full).unwrap();
        assert!(dir.join("figures/utilization.svg").exists());
        assert_eq!(Manifest::read(&dir).unwrap(), manifest);

        let calm = make(&Plan { faults: 0, ..Plan::small() });
        let summary = Summary::of(&calm.recording(), &calm.manifest());
        write_results(&dir, &render(&calm.recording(), &calm.manifest(), &summary, false)).unwrap();
        assert!(!dir.join("figures/utilization.svg").exists());
        assert_eq!(Recording::read(&dir).unwrap(), calm.recording());
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
