//! What a shell command does in a world where nothing really runs: how long it takes, what it
//! prints, how it exits.
//!
//! A few commands mean what they mean in a shell: `echo TEXT` (also to `1>&2`), `sleep N`, `true`,
//! `false`, `exit N`, `:`; joined with `;`, `&&`, `||` or line ends. Anything else is taken to run
//! for a given time and to succeed without a word.

use crate::base::time::Span;

/// A command that has been thought through.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Command {
    pub duration: Span,
    pub status: u8,
    /// What it writes, in order.
    written: Vec<Written>,
}

/// Files of a sandbox.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum File {
    Stdout,
    Stderr,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Written {
    /// Since the start of the command.
    after: Span,
    file: File,
    text: String,
}

impl Command {
    /// What is in a file of its sandbox when it has run so long.
    #[must_use]
    pub fn sandbox(&self, file: File, ran: Span) -> String {
        let until = self.written.iter().filter(|w| w.file == file && w.after <= ran);
        until.map(|w| w.text.as_str()).collect()
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Join {
    Always,
    And,
    Or,
}

/// Reads a command. `other`: how long a command takes that is not known here.
#[must_use]
pub fn read(text: &str, other: Span) -> Command {
    let mut all = Command { duration: Span::ZERO, status: 0, written: Vec::new() };
    for (join, words) in split(text) {
        let skip = match join {
            Join::Always => false,
            Join::And => all.status != 0,
            Join::Or => all.status == 0,
        };
        let Some(name) = words.first().filter(|_| !skip) else { continue };
        let number = |default: f64| words.get(1).and_then(|w| w.parse().ok()).unwrap_or(default);
        match name.as_str() {
            "echo" => {
                let to_stderr = words.iter().any(|w| w == "1>&2" || w == ">&2");
                let said: Vec<&str> = words[1..].iter().filter(|w| !w.ends_with(">&2")).map(String::as_str).collect();
                let file = if to_stderr { File::Stderr } else { File::Stdout };
                all.written.push(Written { after: all.duration, file, text: said.join(" ") + "\n" });
                all.status = 0;
            }
            "sleep" => {
                all.duration += Span((number(0.0).max(0.0) * 1e9) as i64);
                all.status = 0;
            }
            "true" | ":" => all.status = 0,
            "false" => all.status = 1,
            "exit" => {
                all.status = number(f64::from(all.status)) as i64 as u8;
                return all;
            }
            _ => {
                all.duration += other;
                all.status = 0;
            }
        }
    }
    all
}

/// Simple commands with what joins each to the one before; quotes group words.
fn split(text: &str) -> Vec<(Join, Vec<String>)> {
    let mut all = vec![(Join::Always, Vec::new())];
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let end = |word: &mut Option<String>, all: &mut Vec<(Join, Vec<String>)>| {
            if let Some(word) = word.take() {
                all.last_mut().expect("never empty").1.push(word);
            }
        };
        match (quote, c) {
            (Some(q), _) if c == q => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ';' | '\n') => {
                end(&mut word, &mut all);
                all.push((Join::Always, Vec::new()));
            }
            (None, '&' | '|') if rest.peek() == Some(&c) => {
                rest.next();
                end(&mut word, &mut all);
                all.push((if c == '&' { Join::And } else { Join::Or }, Vec::new()));
            }
            (None, _) if c.is_whitespace() => end(&mut word, &mut all),
            (None, _) => word.get_or_insert_default().push(c),
        }
    }
    if let Some(word) = word {
        all.last_mut().expect("never empty").1.push(word);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let command = read(text, Span::from_secs(7));
        let [stdout, stderr] = [File::Stdout, File::Stderr].map(|file| command.sandbox(file, command.duration));
        format!("{} {stdout:?} {stderr:?} {}", command.duration, command.status)
    }

    #[test]
    fn a_command_that_is_cut_short_has_written_less() {
        let command = read("echo one; sleep 2; echo two; echo oops 1>&2; sleep 2; echo three", Span::ZERO);
        let stdout = |seconds| command.sandbox(File::Stdout, Span::from_secs(seconds));
        assert_eq!([0, 1, 2, 3, 4].map(stdout), ["one\n", "one\n", "one\ntwo\n", "one\ntwo\n", "one\ntwo\nthree\n"]);
        assert_eq!(command.sandbox(File::Stderr, Span::from_secs(1)), "");
    }

    #[test]
    fn known_commands_mean_what_they_say() {
        assert_eq!(shown("echo hello  'wide  world'; sleep 2.5"), r#"2.5s "hello wide  world\n" "" 0"#);
        assert_eq!(shown("false && echo no || echo yes"), r#"0s "yes\n" "" 0"#);
        assert_eq!(shown("echo oops 1>&2; exit 3; echo never"), r#"0s "" "oops\n" 3"#);
        assert_eq!(shown("sleep 1 && false"), r#"1s "" "" 1"#);
        assert_eq!(shown("python3 server.py --port 80"), r#"7s "" "" 0"#);
        assert_eq!(shown(""), r#"0s "" "" 0"#);
        assert_eq!(shown("exit"), r#"0s "" "" 0"#);
    }
}
