//! The READMEs tell the truth: commands that they show are accepted, scenarios parse, paths exist,
//! every folder of the code is on the map, and what is pasted is what is printed.

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn mesosim(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_mesosim"))
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("the binary starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("it ends by itself"), text(output.stdout), text(output.stderr))
}

/// The blocks of code of a Markdown text: what stands behind the fence, and the lines.
fn fences(markdown: &str) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    let mut inside = false;
    for line in markdown.lines() {
        match line.strip_prefix("```") {
            Some(kind) if !inside => {
                found.push((kind.to_owned(), Vec::new()));
                inside = true;
            }
            Some(_) => inside = false,
            None if inside => found.last_mut().expect("a fence is open").1.push(line.to_owned()),
            None => {}
        }
    }
    found
}

/// What stands between single backticks, outside of fences.
fn words(markdown: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (i, block) in markdown.split("\n```").enumerate() {
        // Blocks alternate: prose, then code that began with the fence.
        if i % 2 == 0 {
            found.extend(block.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found
}

/// Command lines of mesosim, as words after its name.
fn commands(markdown: &str) -> Vec<Vec<String>> {
    let in_fences = fences(markdown).into_iter().flat_map(|(_, lines)| lines);
    let all = in_fences.chain(words(markdown));
    let bare = |line: String| {
        let line = line.trim();
        let line = line.split(" #").next().unwrap_or_default();
        let rest = line.strip_prefix("mesosim ").or_else(|| line.strip_prefix("cargo run --release -- "))?;
        // What stands in double quotes is one word.
        let parts = rest.split('"').enumerate();
        let words = parts.flat_map(|(i, part)| match i % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect::<Vec<_>>(),
            _ => vec![part.to_owned()],
        });
        Some(words.collect())
    };
    all.filter_map(bare).collect()
}

#[test]
fn the_two_commands_of_the_start_are_there() {
    let lines: Vec<String> = fences(&text("README.md")).into_iter().flat_map(|(_, lines)| lines).collect();
    for command in ["cargo run --release -- run scenarios/first-flight.toml", "cargo test"] {
        assert!(lines.iter().any(|line| line == command), "{command}");
    }
}

#[test]
fn every_command_is_accepted() {
    let commands = commands(&text("README.md"));
    assert!(commands.len() >= 8, "{commands:?}");
    for words in commands {
        // Words in capitals stand for something; with --help nothing runs, but the subcommand must
        // exist, and an unknown flag before it is an error.
        let words: Vec<&str> = words.iter().map(String::as_str).filter(|w| !w.starts_with('[')).collect();
        let (code, _, stderr) = mesosim(&[&words[..], &["--help"]].concat());
        assert_eq!(code, 0, "{words:?}: {stderr}");
        for path in words.iter().filter(|w| w.ends_with(".toml")) {
            assert!(root().join(path).is_file(), "{path}");
        }
        // Really parsed, as far as it can be without running: a scenario with its overrides.
        if words[0] == "run" && words.get(1).is_some_and(|w| w.ends_with(".toml")) {
            let mut check = vec!["validate", words[1]];
            for pair in words.windows(2).filter(|pair| pair[0] == "--set") {
                check.extend(pair);
            }
            let (code, _, stderr) = mesosim(&check);
            assert_eq!(code, 0, "{check:?}: {stderr}");
        }
    }
}

/// Flags that the README lists are known to `run`.
#[test]
fn every_flag_exists() {
    let (_, help, _) = mesosim(&["run", "--help"]);
    let readme = text("README.md");
    let words = words(&readme);
    let flags: Vec<&str> =
        words.iter().filter_map(|w| w.split_whitespace().next()).filter(|w| w.starts_with("--")).collect();
    assert!(flags.len() > 10, "{flags:?}");
    for flag in flags {
        // `--resources` is Mesos' own, `--release` Cargo's, `--help` not in the help's list alone.
        let known = help.split([' ', '\n', ',']).any(|word| word == flag) || flag == "--resources";
        assert!(known, "`run --help` does not know {flag}");
    }
}

/// The scenario in the README is one.
#[test]
fn the_example_scenario_is_good() {
    let blocks: Vec<_> = fences(&text("README.md")).into_iter().filter(|(kind, _)| kind == "toml").collect();
    assert!(!blocks.is_empty());
    for (i, (_, lines)) in blocks.into_iter().enumerate() {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("readme-{i}.toml"));
        std::fs::write(&path, lines.join("\n")).expect("a file for the test");
        let (code, _, stderr) = mesosim(&["validate", &path.to_string_lossy()]);
        assert_eq!(code, 0, "{stderr}");
    }
}

/// What is shown of first-flight is what it prints.
#[test]
fn the_output_shown_is_real() {
    let (code, stdout, stderr) = mesosim(&["run", "scenarios/first-flight.toml", "--no-report"]);
    assert_eq!(code, 0, "{stderr}");
    let blocks = fences(&text("README.md"));
    let shown = blocks.iter().find(|(_, lines)| lines.iter().any(|line| line.starts_with("digest "))).expect("shown");
    let mut lines = shown.1.clone();
    assert_eq!(lines.pop().as_deref(), Some("report in results/first-flight/report.html"));
    assert_eq!(lines.pop().as_deref(), Some("results in results/first-flight"));
    assert_eq!(lines.join("\n").trim_end(), stdout.trim_end());
}

fn folders(below: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(below).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "testdata") {
            found.push(path.clone());
            folders(&path, found);
        }
    }
}

#[test]
fn every_folder_of_the_code_is_on_the_map() {
    let map = text("src/README.md");
    let src = root().join("src");
    let mut all = Vec::new();
    folders(&src, &mut all);
    assert!(all.len() > 15);
    for folder in all {
        let name = folder.strip_prefix(&src).expect("below src").to_string_lossy().replace('\\', "/");
        assert!(map.contains(&format!("`{name}/`")), "src/README.md does not name `{name}/`");
    }
}

/// Paths in backticks exist: from the root in README.md, from `src` or the root in src/README.md.
#[test]
fn every_path_exists() {
    for (readme, bases) in
        [("README.md", &["."][..]), ("src/README.md", &["src", ".", "src/mesos", "src/mesos/allocator"])]
    {
        let all = words(&text(readme));
        let looks_like_path = |word: &&String| {
            let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
            let rooted = ["src/", "scenarios/", "tests/"].iter().any(|start| word.starts_with(start));
            let in_map = readme.starts_with("src") && (word.ends_with('/') || word.ends_with(".rs"));
            plain && (rooted || in_map)
        };
        let paths: Vec<_> = all.iter().filter(looks_like_path).collect();
        assert!(paths.len() > 8, "{readme}: {paths:?}");
        for path in paths {
            assert!(bases.iter().any(|base| root().join(base).join(path).exists()), "{readme} names `{path}`");
        }
    }
}
