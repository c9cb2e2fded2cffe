//! The walls of the code, as tables and a checker that reads `src`: who may name whom, where
//! randomness and files are, what every plug-in must have, how long a file may be.
//!
//! Run with `cargo test --test architecture`. A violation prints as `file:line: what: allowed`.
//! To open a new arrow, add it to the table and say why in `src/README.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What the parts of the vocabulary and the pure cores may name beside themselves.
const WORDS: &[&str] =
    &["base", "fact", "job", "http", "actor", "mesos::message", "mesos::resource", "mesos::task_state", "zk::wire"];

/// What frameworks may name: the client's side of Mesos too.
const CLIENTS: &[&str] = &[
    "base",
    "fact",
    "job",
    "http",
    "actor",
    "mesos::message",
    "mesos::resource",
    "mesos::task_state",
    "mesos::driver",
    "zk::wire",
];

/// Room (a module and all below it, the longest match counts) and the paths that it may name
/// beside its own.
const ARROWS: &[(&str, &[&str])] = &[
    // Words that everybody shares.
    ("base", &[]),
    ("mesos::task_state", &["base"]),
    ("mesos::resource", &["base"]),
    ("fact", &["base", "mesos::task_state", "mesos::resource"]),
    ("job", &["base", "mesos::task_state", "mesos::resource"]),
    ("http", &[]),
    ("zk::wire", &["base", "actor::ProcessId", "zk::state"]),
    ("zk::state", &["base", "actor::ProcessId", "zk::wire"]),
    (
        "mesos::message",
        &["base", "fact", "job", "http", "zk::wire", "mesos::task_state", "mesos::resource", "actor::ProcessId"],
    ),
    ("actor", WORDS),
    // Pure cores: they know neither the engine nor one another.
    ("mesos", WORDS),
    ("frameworks", CLIENTS),
    ("marathon", CLIENTS),
    ("zk", WORDS),
    ("discovery", WORDS),
    // Machinery that has never heard of Mesos.
    ("engine", &["base"]),
    ("scenario", &["base"]),
    ("workload", &["base", "job", "scenario"]),
    // The glue, and those who look at it.
    (
        "world",
        &[
            "base",
            "fact",
            "job",
            "http",
            "actor",
            "mesos",
            "frameworks",
            "marathon",
            "zk",
            "discovery",
            "engine",
            "scenario",
            "workload",
        ],
    ),
    // Of Marathon what it writes down, and in tests how that is made.
    (
        "check",
        &[
            "base",
            "fact",
            "job",
            "http",
            "actor",
            "mesos",
            "world",
            "zk::wire",
            "marathon::model",
            "marathon::core::flags",
            "marathon::core::testing",
        ],
    ),
    // Facts to files to tables to pages. Task states are fields of facts.
    ("record", &["base", "fact", "mesos::task_state", "scenario"]),
    ("analysis", &["base", "record", "scenario"]),
    ("report", &["base", "record", "analysis"]),
    // What goes into an allocator and comes out, as files tell it.
    ("replay", &["base", "mesos::resource", "mesos::message", "mesos::allocator", "actor"]),
    // One run from end to end.
    ("sim", &["base", "fact", "frameworks", "scenario", "workload", "world", "check", "record", "analysis"]),
    (
        "cli",
        &[
            "sim",
            "base",
            "fact",
            "job",
            "actor",
            "mesos",
            "frameworks",
            "marathon",
            "zk",
            "discovery",
            "engine",
            "scenario",
            "workload",
            "world",
            "check",
            "record",
            "analysis",
            "report",
            "replay",
        ],
    ),
    // The binary.
    ("main", &["cli"]),
];

/// Folders with one idea a file, and their files that are no idea of their own.
const PLUGINS: &[(&str, &[&str])] = &[
    ("mesos/allocator/policy", &[]),
    ("mesos/allocator/chunk", &[]),
    ("frameworks/chooser", &[]),
    ("world/fault", &[]),
    ("workload", &[]),
    ("check", &["ledger", "marathons"]),
    ("report/plot", &["axis", "canvas", "chart"]),
    ("cli", &["grid", "kept", "many", "replay"]),
];

/// Rooms that read and write files. Unit tests (`mod tests`) may do so anywhere.
const FILES: &[&str] = &["cli", "scenario", "workload", "record", "report"];
/// The one file that names a random generator.
const DICE: &str = "base/dice.rs";
/// Longest file, unless it says `// flat table`; longest line outside of literals and
/// `rustfmt::skip`.
const MOST_LINES: usize = 900;
const MOST_COLUMNS: usize = 120;
/// Unfinished work, in code or comments.
const UNFINISHED: &[&str] = &["TODO", "FIXME", "XXX", "todo!", "unimplemented!"];

/// Path below `src` and text.
type Sources = BTreeMap<String, String>;

#[test]
fn the_walls_stand() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = Sources::new();
    read(&root, &root, &mut sources);
    assert!(sources.contains_key("lib.rs"), "no sources under {}", root.display());
    let violations = check(&sources);
    assert!(violations.is_empty(), "{} violation(s):\n{}", violations.len(), violations.join("\n"));
}

fn read(root: &Path, folder: &Path, sources: &mut Sources) {
    for entry in std::fs::read_dir(folder).expect("src can be read") {
        let path = entry.expect("src can be read").path();
        if path.is_dir() {
            read(root, &path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).expect("below src").to_string_lossy().replace('\\', "/");
            sources.insert(name, std::fs::read_to_string(&path).expect("sources are UTF-8"));
        }
    }
}

/// All violations, one line each.
fn check(sources: &Sources) -> Vec<String> {
    let mut found = Vec::new();
    for (file, text) in sources {
        let code = Code::new(text);
        let mut say = |line: usize, what: &str, allowed: &str| {
            found.push(format!("src/{file}:{line}: {what}: {allowed}"));
        };
        check_names(file, &code, &mut say);
        check_shape(text, &code, &mut say);
    }
    for (folder, helpers) in PLUGINS {
        check_plugins(sources, folder, helpers, &mut found);
    }
    found
}

/// `mesos/resource/mod.rs` is `mesos::resource`, `lib.rs` the root.
fn module_of(file: &str) -> Vec<String> {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

fn lies_in(path: &[String], room: &str) -> bool {
    room.split("::").enumerate().all(|(i, part)| path.get(i).is_some_and(|own| own == part))
}

fn check_names(file: &str, code: &Code, say: &mut impl FnMut(usize, &str, &str)) {
    let module = module_of(file);
    let rooms = ARROWS.iter().filter(|(room, _)| lies_in(&module, room));
    let room = rooms.max_by_key(|(room, _)| room.len());
    if room.is_none() && !module.is_empty() {
        say(1, "a room without arrows", "add it to `ARROWS` in tests/architecture.rs");
    }
    for (line, in_tests, path) in code.paths(&module) {
        let whole = path.join("::");
        if path[0] == "std" {
            let fs = path.get(1).is_some_and(|part| part == "fs");
            if fs && !in_tests && !FILES.iter().any(|room| lies_in(&module, room)) {
                say(line, &format!("`{whole}`"), &format!("files are for {}", FILES.join(", ")));
            }
            continue;
        }
        if (path[0].starts_with("rand_") || path[0] == "rand") && file != DICE {
            say(line, &format!("`{whole}`"), &format!("only {DICE} names a generator; draw from the dice"));
        }
        if path[0] == "tokio" {
            say(line, &format!("`{whole}`"), "nothing here is asynchronous");
        }
        let Some((room, allowed)) = room.filter(|_| path[0] == "crate") else { continue };
        let named = &path[1..];
        if !lies_in(named, room) && !allowed.iter().any(|open| lies_in(named, open)) {
            let list = if allowed.is_empty() { "nothing of ours".to_owned() } else { allowed.join(", ") };
            say(line, &format!("`{room}` names `{whole}`"), &format!("it may name {list}"));
        }
    }
    for pair in code.tokens.windows(2) {
        if pair[0].text == "async" && pair[1].text == "fn" {
            say(pair[0].line, "`async fn`", "nothing here is asynchronous");
        }
    }
}

fn check_shape(text: &str, code: &Code, say: &mut impl FnMut(usize, &str, &str)) {
    let lines = text.lines().count();
    if lines > MOST_LINES && !text.contains("// flat table") {
        say(lines, "the file is too long", &format!("{MOST_LINES} lines, unless it is a `// flat table`"));
    }
    for (i, line) in text.lines().enumerate() {
        let columns = line.chars().count().saturating_sub(code.literal_columns[i]);
        if columns > MOST_COLUMNS && !code.skipped.contains(&(i + 1)) {
            say(i + 1, "the line is too long", &format!("{MOST_COLUMNS} columns"));
        }
        if let Some(word) = UNFINISHED.iter().find(|word| has_word(line, word)) {
            say(i + 1, &format!("`{word}`"), "nothing is left unfinished");
        }
    }
}

fn has_word(line: &str, word: &str) -> bool {
    let beside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word)
        .any(|(at, _)| !beside(line[..at].chars().next_back()) && !beside(line[at + word.len()..].chars().next()))
}

fn check_plugins(sources: &Sources, folder: &str, helpers: &[&str], found: &mut Vec<String>) {
    let list = format!("{folder}/mod.rs");
    let ideas: BTreeSet<&str> = sources
        .keys()
        .filter_map(|file| file.strip_prefix(folder)?.strip_prefix('/')?.split(['/', '.']).next())
        .filter(|idea| *idea != "mod" && !helpers.contains(idea))
        .collect();
    for idea in ideas {
        let own = [format!("{folder}/{idea}.rs"), format!("{folder}/{idea}/mod.rs")];
        let file = own.into_iter().find(|file| sources.contains_key(file)).unwrap_or_default();
        let mut say = |what: &str, allowed: &str| found.push(format!("src/{file}:1: {what}: {allowed}"));
        let listed = sources.get(&list).is_some_and(|text| {
            let tokens = Code::new(text).tokens;
            let declared = |i: usize| i > 0 && tokens[i - 1].text == "mod";
            (0..tokens.len()).any(|i| tokens[i].text == idea && !declared(i))
        });
        if !listed {
            say("a plug-in that is not in its list", &format!("name it in src/{list}, or here among the helpers"));
        }
        if !sources.get(&file).is_some_and(|text| text.starts_with("//!")) {
            say("a plug-in without a doc", "begin it with `//!` and say what it is and why");
        }
        let below = format!("{folder}/{idea}/");
        let tested = |(name, text): (&String, &String)| {
            (*name == file || name.starts_with(&below)) && Code::new(text).tokens.windows(2).any(is_test)
        };
        if !sources.iter().any(tested) {
            say("a plug-in without a test", "test it in `#[cfg(test)] mod tests` below");
        }
    }
}

/// `#[test]`, or a `proptest!` block.
fn is_test(pair: &[Token]) -> bool {
    (pair[0].text == "test" && pair[1].text == "]") || (pair[0].text == "proptest" && pair[1].text == "!")
}

/// A word or a single character of punctuation (`::` is one).
#[derive(Debug)]
struct Token {
    text: String,
    line: usize,
}

/// A source without comments and literals.
struct Code {
    tokens: Vec<Token>,
    /// Columns of each line that lie within literals.
    literal_columns: Vec<usize>,
    /// Lines of items under `rustfmt::skip`.
    skipped: BTreeSet<usize>,
}

impl Code {
    fn new(text: &str) -> Self {
        let (bare, literal_columns) = strip(text);
        let mut tokens: Vec<Token> = Vec::new();
        for (i, line) in bare.lines().enumerate() {
            let mut rest = line.trim_start();
            while let Some(first) = rest.chars().next() {
                let word = |c: char| c.is_alphanumeric() || c == '_';
                let len = match rest {
                    _ if word(first) => rest.find(|c| !word(c)).unwrap_or(rest.len()),
                    _ if rest.starts_with("::") => 2,
                    _ => first.len_utf8(),
                };
                tokens.push(Token { text: rest[..len].to_owned(), line: i + 1 });
                rest = rest[len..].trim_start();
            }
        }
        let mut skipped = BTreeSet::new();
        for (i, triple) in tokens.windows(3).enumerate() {
            if triple[0].text == "rustfmt" && triple[2].text == "skip" {
                let mut depth = 0;
                for token in &tokens[i + 3..] {
                    skipped.insert(token.line);
                    depth += i32::from(token.text == "{") - i32::from(token.text == "}");
                    if (token.text == "}" || token.text == ";") && depth == 0 {
                        break;
                    }
                }
            }
        }
        let skipped = match (skipped.first(), skipped.last()) {
            // Lines of nothing but a literal have no token.
            (Some(&first), Some(&last)) => (first..=last).collect(),
            _ => skipped,
        };
        Self { tokens, literal_columns, skipped }
    }

    /// Every path with `::`, absolute (`crate::...` or the name of another crate) and with braces
    /// multiplied out, the line where it begins, and whether that is in `mod tests`.
    fn paths(&self, module: &[String]) -> Vec<(usize, bool, Vec<String>)> {
        let (mut found, mut at, mut depth) = (Vec::new(), 0, 0);
        // Modules inside the file and the depth of braces at which each ends.
        let mut inline: Vec<(String, i32)> = Vec::new();
        while let Some(token) = self.tokens.get(at) {
            let next = |k: usize| self.tokens.get(at + k).map_or("", |token| &*token.text);
            match &*token.text {
                "{" => depth += 1,
                "}" => {
                    depth -= 1;
                    inline.retain(|(_, outer)| *outer < depth);
                }
                "mod" if next(2) == "{" => inline.push((next(1).to_owned(), depth)),
                "use" => {
                    at = self.tree(at + 1, &mut found, module, &inline).max(at + 1);
                    continue;
                }
                word if is_word(word) && next(1) == "::" => {
                    at = self.tree(at, &mut found, module, &inline).max(at + 1);
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        found
    }

    /// Reads one tree of paths from token `at`; gives the token after it.
    fn tree(
        &self,
        at: usize,
        found: &mut Vec<(usize, bool, Vec<String>)>,
        module: &[String],
        inline: &[(String, i32)],
    ) -> usize {
        let mut leaves = Vec::new();
        let end = self.leaves(at, &[], &mut leaves);
        let in_tests = inline.iter().any(|(name, _)| name == "tests");
        for (line, path) in leaves {
            found.extend(absolute(path, module, inline).map(|path| (line, in_tests, path)));
        }
        end
    }

    fn leaves(&self, mut at: usize, before: &[String], found: &mut Vec<(usize, Vec<String>)>) -> usize {
        let text = |at: usize| self.tokens.get(at).map_or("", |token| &*token.text);
        let (mut path, line) = (before.to_vec(), self.tokens.get(at).map_or(0, |token| token.line));
        loop {
            match text(at) {
                "{" => {
                    at += 1;
                    while !matches!(text(at), "}" | "" | ";") {
                        let after = self.leaves(at, &path, found);
                        at = after.max(at + 1);
                        if text(at) == "as" {
                            at += 2;
                        }
                        if text(at) == "," {
                            at += 1;
                        }
                    }
                    return at + 1;
                }
                word if is_word(word) => path.push(word.to_owned()),
                // A glob names the module itself; `path::<T>` ends the path.
                _ => break,
            }
            at += 1;
            if text(at) != "::" {
                break;
            }
            at += 1;
        }
        if path.len() > before.len() || text(at) == "*" {
            found.push((line, path));
        }
        at + usize::from(text(at) == "*")
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Resolves `self`, `super` and, in the binary, the name of the library.
fn absolute(path: Vec<String>, module: &[String], inline: &[(String, i32)]) -> Option<Vec<String>> {
    let first = path.first()?;
    if first == "mesosim" || first == "crate" {
        return Some(std::iter::once("crate".to_owned()).chain(path.into_iter().skip(1)).collect());
    }
    if first != "self" && first != "super" {
        return Some(path);
    }
    let mut here: Vec<String> = module.iter().cloned().chain(inline.iter().map(|(name, _)| name.clone())).collect();
    let mut rest = path.into_iter().peekable();
    while let Some(step) = rest.next_if(|part| part == "self" || part == "super") {
        if step == "super" {
            here.pop();
        }
    }
    Some(std::iter::once("crate".to_owned()).chain(here).chain(rest).collect())
}

/// Blanks comments and literals, keeping lines; counts the columns of literals by line.
fn strip(text: &str) -> (String, Vec<usize>) {
    let chars: Vec<char> = text.chars().collect();
    let (mut bare, mut columns) = (String::with_capacity(text.len()), vec![0; text.lines().count() + 1]);
    let (mut at, mut line) = (0, 0);
    while at < chars.len() {
        let here = |word: &str| word.chars().enumerate().all(|(k, c)| chars.get(at + k) == Some(&c));
        let glued = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
        let (len, literal) = if here("//") {
            (chars[at..].iter().take_while(|c| **c != '\n').count(), false)
        } else if here("/*") {
            (block_comment(&chars[at..]), false)
        } else if !glued && (here("r\"") || here("r#") || here("br\"") || here("br#")) {
            (raw_string(&chars[at..]), true)
        } else if here("\"") {
            (quoted(&chars[at..], '"'), true)
        } else if here("'") {
            (character(&chars[at..]), true)
        } else {
            (0, false)
        };
        for k in 0..len.max(1) {
            let c = chars[at + k];
            let newline = c == '\n';
            columns[line] += usize::from(literal && len > 0 && !newline);
            bare.push(if len > 0 && !newline { ' ' } else { c });
            line += usize::from(newline);
        }
        at += len.max(1);
    }
    (bare, columns)
}

fn block_comment(chars: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 1),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 1),
            _ => {}
        }
        at += 1;
        if depth == 0 {
            break;
        }
    }
    at
}

fn raw_string(chars: &[char]) -> usize {
    let start = 1 + usize::from(chars[0] == 'b');
    let hashes = chars[start..].iter().take_while(|c| **c == '#').count();
    if chars.get(start + hashes) != Some(&'"') {
        // A raw identifier: leave it alone.
        return 0;
    }
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let body = start + hashes + 1;
    let len = chars[body..].windows(end.len()).position(|window| window == end);
    len.map_or(chars.len(), |len| body + len + end.len())
}

fn quoted(chars: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < chars.len() && chars[at] != quote {
        at += 1 + usize::from(chars[at] == '\\');
    }
    (at + 1).min(chars.len())
}

/// A character literal; 0 for a lifetime.
fn character(chars: &[char]) -> usize {
    match (chars.get(1), chars.get(2)) {
        (Some('\\'), _) => quoted(chars, '\''),
        (Some(_), Some('\'')) => 3,
        _ => 0,
    }
}

/// The checker itself: each row is a source with one fault, or none.
mod self_tests {
    use super::*;

    fn on(files: &[(&str, &str)]) -> Vec<String> {
        check(&files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect())
    }
    fn fires(file: &str, text: &str, expected: &str) {
        let found = on(&[(file, text)]);
        assert!(found.len() == 1 && found[0].contains(expected), "{text}\nwanted {expected}, got {found:#?}");
    }
    fn passes(file: &str, text: &str) {
        assert_eq!(on(&[(file, text)]), Vec::<String>::new(), "{text}");
    }

    #[test]
    fn arrows_are_found_however_they_are_written() {
        let line = "src/engine/queue.rs:1: `engine` names `crate::world::World`: it may name base";
        fires("engine/queue.rs", "use crate::world::World;", line);
        fires(
            "engine/queue.rs",
            "\n\nfn f() -> crate::fact::Fact {}",
            "queue.rs:3: `engine` names `crate::fact::Fact`",
        );
        fires("engine/queue.rs", "use crate::{base::id, mesos::{self}};", "names `crate::mesos::self`");
        fires("engine/queue.rs", "use crate::{\n  base::{id, time::Time as T},\n  job::Job};", "queue.rs:3: `engine`");
        fires("engine/queue.rs", "use super::super::job::Job;", "`crate::job::Job`");
        fires("engine/queue.rs", "mod tests { use super::super::super::job; }", "`crate::job`");
        fires("frameworks/batch/mod.rs", "use crate::mesos::master::Master;", "mesos::message, mesos::resource");
        fires("frameworks/batch/mod.rs", "use crate::mesos::*;", "`crate::mesos`");
        fires("mesos/resource/text.rs", "use super::super::message::Msg;", "`mesos::resource` names");
        fires("record/trace.rs", "use crate::world::World;", "`record` names `crate::world::World`");
        fires("scenario/model.rs", "use crate::engine::Queue;", "`scenario` names");
        fires("main.rs", "fn main() { mesosim::world::run() }", "`main` names `crate::world::run`");
        fires("attic/mod.rs", "", "a room without arrows");
    }

    #[test]
    fn allowed_arrows_and_look_alikes_pass() {
        passes("engine/queue.rs", "use crate::base::time::Time; use super::clock; mod tests { use super::*; }");
        passes("mesos/master/mod.rs", "use crate::mesos::allocator::Cycle; use crate::actor::{Cx, Effect};");
        passes("mesos/message.rs", "fn f(p: crate::actor::ProcessId) {}");
        passes(
            "engine/queue.rs",
            "// crate::world::World\n/* crate::world */ const S: &str = \"crate::world::World\";",
        );
        passes("engine/queue.rs", "const R: &str = r#\"crate::world \" std::fs\"#; const C: char = '\"';");
        passes("engine/queue.rs", "fn f<'a>(x: &'a str) -> Vec<u8> { Vec::<u8>::new() }");
        passes("main.rs", "fn main() { mesosim::cli::main() }");
        passes("lib.rs", "pub mod base;");
    }

    #[test]
    fn doors_to_the_outside_are_few() {
        fires("mesos/agent/mod.rs", "use rand_core::Rng;", "`rand_core::Rng`: only base/dice.rs");
        passes("base/dice.rs", "use rand_core::Rng;");
        fires("world/net.rs", "use std::{fmt, fs::File};", "`std::fs::File`: files are for cli");
        fires("analysis/share.rs", "fn f() { std::fs::read(\"a\") }", "`std::fs::read`");
        passes("record/write.rs", "use std::{fmt, fs::File};");
        passes("analysis/share.rs", "mod tests { fn f() { std::fs::read(\"a\") } }");
        fires("analysis/share.rs", "mod tests { fn f() {} }\nfn g() { std::fs::read(\"a\") }", "share.rs:2");
        fires("engine/run.rs", "async fn f() {}", "`async fn`");
        fires("engine/run.rs", "use tokio::task;", "`tokio::task`");
    }

    #[test]
    fn files_keep_their_shape() {
        fires("base/a.rs", "// TODO: later", "`TODO`");
        fires("base/a.rs", "fn f() { todo!() }", "`todo!`");
        fires("base/a.rs", "fn f() { unimplemented!() }", "`unimplemented!`");
        passes("base/a.rs", "const TODOS: u8 = 1;");
        fires("base/a.rs", &format!("// {}", "x".repeat(118)), "a.rs:1: the line is too long: 120 columns");
        passes("base/a.rs", &format!("const A: &str = \"{}\";", "x".repeat(118)));
        passes("base/a.rs", &format!("#[rustfmt::skip]\nfn f() {{\n    {}\n}}", "x".repeat(118)));
        fires("base/a.rs", &format!("#[rustfmt::skip]\nfn f() {{ }}\n\nfn {}() {{}}", "x".repeat(118)), "a.rs:4");
        fires("base/a.rs", &"\n".repeat(901), "the file is too long");
        passes("base/a.rs", &format!("// flat table{}", "\n".repeat(901)));
    }

    #[test]
    fn plugins_are_listed_documented_and_tested() {
        let good = "//! Why.\n#[cfg(test)] mod tests { #[test] fn t() {} }";
        let list = "policies!(drf, random);";
        let of =
            |list, policy| on(&[("mesos/allocator/policy/mod.rs", list), ("mesos/allocator/policy/drf.rs", policy)]);
        assert_eq!(of(list, good), Vec::<String>::new());
        assert_eq!(of(list, "//! Why.\nproptest! {}"), Vec::<String>::new());
        let one = |found: Vec<String>, what: &str| assert!(found.len() == 1 && found[0].contains(what), "{found:?}");
        one(of("pub mod drf; // drf", good), "src/mesos/allocator/policy/drf.rs:1: a plug-in that is not in its list");
        one(of(list, "#[cfg(test)] mod tests { #[test] fn t() {} }"), "without a doc");
        one(of(list, "//! Why. #[test]"), "without a test");
        let folder = [("cli/mod.rs", "commands!(run)"), ("cli/run/mod.rs", "//! Why."), ("cli/run/out.rs", good)];
        assert_eq!(on(&folder), Vec::<String>::new());
    }
}
