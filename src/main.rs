//! The command line of mesosim.

use std::process::ExitCode;

fn main() -> ExitCode {
    mesosim::cli::main()
}
