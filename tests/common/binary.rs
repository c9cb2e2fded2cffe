//! The binary as a test starts it: in a folder of the test's own, so that messages name no path of
//! this machine.

#![allow(dead_code, reason = "not every test file uses all of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One agent, one job from the scenario, no faults.
pub(crate) const TINY: &str = r#"duration = "1m"

[[agents]]
count = 1
resources = "cpus:4;mem:4096"

[[frameworks]]
name = "one"

[[workload]]
kind = "job-list"
framework = "one"
jobs = [{ at = "5s", cpus = 1, mem = "1GiB", duration = "10s" }]
"#;

pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A fresh folder with these files.
pub(crate) fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(env!("CARGO_CRATE_NAME")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a folder for the test");
    for (file, text) in files {
        fs::write(path.join(file), text).expect("a file for the test");
    }
    path
}

pub(crate) fn mesosim(folder: &Path, arguments: &[&str]) -> Outcome {
    let output = Command::new(env!("CARGO_BIN_EXE_mesosim"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Outcome {
        code: output.status.code().expect("it ends by itself"),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// Runs and must succeed; gives standard output.
pub(crate) fn good(folder: &Path, arguments: &[&str]) -> String {
    let outcome = mesosim(folder, arguments);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (0, ""), "{arguments:?}: {}", outcome.stdout);
    outcome.stdout
}

/// Every file below a folder, by its path from there.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(folder).expect("below").to_string_lossy().into_owned();
            if path.is_dir() {
                found.insert(format!("{name}/"), Vec::new());
                folders.push(path);
            } else {
                found.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

pub(crate) fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// `digest` of the manifest in `results`.
pub(crate) fn digest(results: &Path) -> String {
    let manifest: serde_json::Value = serde_json::from_str(&text(&results.join("manifest.json"))).expect("JSON");
    manifest["digest"].as_str().expect("a digest").to_owned()
}

/// Standard error of a refused command: exit 2, nothing on standard output, nothing written.
pub(crate) fn refused(folder: &Path, arguments: &[&str]) -> String {
    let before = files(folder);
    let outcome = mesosim(folder, arguments);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (2, ""), "{arguments:?}: {}", outcome.stderr);
    assert!(files(folder) == before, "{arguments:?} wrote something");
    outcome.stderr
}
