//! The command line: one file per subcommand, in one ordered list.
//!
//! Exit codes: 0 all is well; 1 a run broke an invariant, an assertion or an expectation; 2 the
//! input is wrong, and then nothing was written.

use clap::Parser;
use std::process::ExitCode;

/// Why a subcommand ends without success.
pub enum Failure {
    /// Already reported on standard error, exit 1.
    Broken,
    /// What is wrong with the input and the mend, exit 2.
    Input(String),
}

mod grid;
mod kept;
mod many;
mod replay;

macro_rules! commands {
    ($($name:ident $type:ident),+) => {
        $(mod $name;)+
        /// A wind tunnel for Mesos and Marathon: the real scheduling logic in virtual time.
        #[derive(Parser)]
        #[command(name = "mesosim", version, max_term_width = 100)]
        enum Command {
            $($type($name::Arguments),)+
        }
        impl Command {
            fn run(self) -> Result<(), Failure> {
                match self { $(Self::$type(arguments) => $name::run(arguments),)+ }
            }
        }
    };
}
commands!(
    run Run, compare Compare, test Test, diff Diff, plan Plan, match_ Match, execute Execute, report Report,
    allocator Allocator, validate Validate, bench Bench, plugins Plugins
);

/// Parses the arguments and runs the subcommand.
pub fn main() -> ExitCode {
    match Command::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Broken) => ExitCode::from(1),
        Err(Failure::Input(text)) => {
            eprintln!("{text}");
            ExitCode::from(2)
        }
    }
}

/// What is wrong with a data file, told as `file:line: what; mend`.
fn in_data(told: &str) -> Failure {
    let (what, mend) = told.rsplit_once("; ").unwrap_or((told, "correct the file"));
    Failure::Input(format!("error: {what}\nhelp: {mend}"))
}

/// Writes to standard output; a reader that has gone away is no error of ours.
fn print(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Whether standard error is a terminal: colours and progress only there.
fn on_terminal() -> bool {
    use std::io::IsTerminal;
    std::io::stderr().is_terminal()
}

/// Reads a scenario with its overrides.
fn load(
    path: &std::path::Path,
    set: &[String],
    data: Option<&std::path::Path>,
    more: Vec<(String, String)>,
) -> Result<crate::scenario::Scenario, Failure> {
    let overrides = overrides(set, more)?;
    crate::scenario::Scenario::load(path, &overrides, data).map_err(|e| Failure::Input(e.render(on_terminal())))
}

/// The texts of `--set` as keys with values, and more of them.
fn overrides(set: &[String], more: Vec<(String, String)>) -> Result<Vec<(String, String)>, Failure> {
    let mut overrides = Vec::new();
    for pair in set {
        let Some((key, value)) = pair.split_once('=') else {
            let text = format!("error: --set {pair}: there is no value\nhelp: write --set {pair}=VALUE");
            return Err(Failure::Input(text));
        };
        overrides.push((key.trim().to_owned(), value.trim().to_owned()));
    }
    overrides.extend(more);
    Ok(overrides)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Command::command().debug_assert();
    }
}
