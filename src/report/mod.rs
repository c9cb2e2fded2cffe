//! Tables to bytes: figures, the page, tables for the terminal, files. Never computes a statistic;
//! that is what `analysis` is for.

pub mod compare;
pub mod escape;
pub mod junit;
pub mod page;
pub mod plot;
#[cfg(feature = "png")]
pub mod png;
pub mod terminal;
pub mod verdict;
pub mod words;

use crate::analysis::Summary;
use crate::record::folder::FolderError;
use crate::record::{AGENTS_FILE, APPS_FILE, Files, Manifest, Recording};
use page::Content;
use plot::Picture;
use std::path::Path;

pub use terminal::summary_text;
pub use verdict::{Breach, Verdict};

pub const SCENARIO_FILE: &str = "scenario.toml";
/// The explicit list of faults and the trace: made by the run itself, if there is something.
pub const FAULTS_FILE: &str = "faults.toml";
pub const TRACE_FILE: &str = "run.trace";
/// What operators were answered, one JSON object a line.
pub const RESPONSES_FILE: &str = "responses.jsonl";

/// What is drawn beside the numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Drawing {
    None,
    /// The page, and figures as SVG with their numbers.
    Svg,
    /// Also as PNG.
    #[cfg(feature = "png")]
    Png,
}

/// Everything that a run leaves behind.
#[must_use]
pub fn render(content: Content<'_>, drawing: Drawing) -> Files {
    let mut files = Files::default();
    files.push(Manifest::FILE, content.manifest.to_json());
    files.push("summary.json", content.summary.to_json());
    files.push(Verdict::FILE, content.verdict.to_json());
    files.push(SCENARIO_FILE, content.scenario);
    files.append(content.recording.files());
    files.append(draw(content, drawing));
    files
}

/// The page and the figures.
fn draw(content: Content<'_>, drawing: Drawing) -> Files {
    if drawing == Drawing::None {
        return Files::default();
    }
    let pictures = plot::pictures(content.recording);
    let mut files = plot::render(&pictures);
    if drawing != Drawing::Svg {
        files.append(pngs(&pictures));
    }
    files.push(page::FILE, page::page(content, &pictures));
    files
}

#[cfg(feature = "png")]
fn pngs(pictures: &[Picture]) -> Files {
    let rasteriser = png::Rasteriser::default();
    let mut files = Files::default();
    for picture in pictures {
        let bytes = rasteriser.png(&picture.svg()).expect("our own pictures are SVG of a few million pixels");
        files.push(format!("figures/{}.png", picture.figure.name), bytes);
    }
    files
}

#[cfg(not(feature = "png"))]
fn pngs(_: &[Picture]) -> Files {
    Files::default()
}

/// Draws page and figures again from the folder of a run: the same bytes as the run did.
///
/// # Errors
/// The file that cannot be read, and the mend.
pub fn redraw(dir: &Path, drawing: Drawing) -> Result<Files, FolderError> {
    let manifest = Manifest::read(dir)?;
    let recording = Recording::read(dir)?;
    let verdict = Verdict::read(dir)?;
    let path = dir.join(SCENARIO_FILE);
    let scenario = std::fs::read_to_string(&path).map_err(|e| FolderError::read(&path, &e))?;
    let summary = Summary::of(&recording, &manifest);
    let content = Content {
        recording: &recording,
        manifest: &manifest,
        summary: &summary,
        verdict: &verdict,
        scenario: &scenario,
    };
    Ok(draw(content, drawing))
}

/// Files of a command's sandbox.
pub const SANDBOX_FILES: [&str; 2] = ["stdout", "stderr"];

/// Where a file of the sandbox of a framework goes.
#[must_use]
pub fn sandbox_path(framework: &str, file: &str) -> String {
    let plain = framework.replace(['/', '\\'], "-");
    let plain = if plain.chars().all(|c| c == '.') { "_" } else { &plain };
    format!("{SANDBOX_FOLDER}/{plain}/{file}")
}

const SANDBOX_FOLDER: &str = "sandbox";

/// Files of sandboxes that are there from an earlier run.
fn old_sandboxes(dir: &Path) -> Vec<String> {
    let folders = std::fs::read_dir(dir.join(SANDBOX_FOLDER)).into_iter().flatten().flatten();
    let names = folders.filter_map(|entry| entry.file_name().into_string().ok());
    names.flat_map(|name| SANDBOX_FILES.map(|file| sandbox_path(&name, file))).collect()
}

/// Writes the results into `dir`; files of an earlier run that this one does not have go away.
///
/// # Errors
/// The path that cannot be written, and the mend.
pub fn write_results(dir: &Path, files: &Files) -> Result<(), FolderError> {
    let mut obsolete = drawn_paths();
    // The trace is put there afterwards, by whoever wrote it on the way.
    obsolete.extend([AGENTS_FILE, APPS_FILE, FAULTS_FILE, RESPONSES_FILE, TRACE_FILE].map(str::to_owned));
    obsolete.extend(old_sandboxes(dir));
    files.write(dir, &obsolete)
}

/// Writes what was drawn again into `dir`; pictures of an earlier drawing go away.
///
/// # Errors
/// The path that cannot be written, and the mend.
pub fn write_drawn(dir: &Path, files: &Files) -> Result<(), FolderError> {
    files.write(dir, &drawn_paths())
}

fn drawn_paths() -> Vec<String> {
    let mut paths = plot::all_paths();
    paths.push(page::FILE.to_owned());
    paths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::synthetic::{Made, Plan, make};

    fn files(made: &Made, drawing: Drawing) -> Files {
        let (recording, manifest) = (made.recording(), made.manifest());
        let summary = Summary::of(&recording, &manifest);
        let verdict = Verdict { replay: "mesosim run x.toml".into(), checked: true, ..Verdict::default() };
        let scenario = "seed = 1\n";
        let content =
            Content { recording: &recording, manifest: &manifest, summary: &summary, verdict: &verdict, scenario };
        render(content, drawing)
    }

    /// Two runs into one folder leave exactly what the second one made, byte for byte; and what is
    /// drawn again from the folder is what was drawn first.
    #[test]
    fn results_are_reproducible_and_replaced() {
        let made = make(&Plan::small());
        let dir = std::env::temp_dir().join(format!("mesosim-results-{}", std::process::id()));
        let full = files(&made, Drawing::Svg);
        assert_eq!(full, files(&make(&Plan::small()), Drawing::Svg));
        write_results(&dir, &full).unwrap();
        assert!(dir.join("figures/utilization.svg").exists());
        assert_eq!(Manifest::read(&dir).unwrap(), made.manifest());
        let again = redraw(&dir, Drawing::Svg).unwrap();
        assert!(again.get(page::FILE).is_some());
        for (path, bytes) in again.iter() {
            assert!(full.get(path) == Some(bytes), "{path}");
        }

        let sandbox = sandbox_path("../backup", "stdout");
        assert_eq!(
            (sandbox.as_str(), sandbox_path("..", "stderr").as_str()),
            ("sandbox/..-backup/stdout", "sandbox/_/stderr")
        );
        let mut with_sandbox = full.clone();
        with_sandbox.push(&*sandbox, "done\n");
        write_results(&dir, &with_sandbox).unwrap();
        assert!(dir.join(&sandbox).exists());

        let calm = make(&Plan { faults: 0, ..Plan::small() });
        write_results(&dir, &files(&calm, Drawing::None)).unwrap();
        assert!(!dir.join("figures/utilization.svg").exists() && !dir.join(page::FILE).exists());
        assert!(!dir.join(&sandbox).exists());
        assert_eq!(Recording::read(&dir).unwrap(), calm.recording());
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[cfg(feature = "png")]
    #[test]
    fn every_figure_has_its_png() {
        let drawn = files(&make(&Plan::small()), Drawing::Png);
        let with = |ending: &str| drawn.iter().filter(|(path, _)| path.ends_with(ending)).count();
        assert_eq!(with(".png"), with(".svg"));
    }
}
