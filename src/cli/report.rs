//! `mesosim report DIR`: draws page and figures again from the folder of a run.

use super::{Failure, print};
use crate::report::{self, Drawing, page};
use clap::Args;
use std::path::PathBuf;

/// Draw page and figures again from the results of a run, the same to the byte.
#[derive(Args)]
pub(super) struct Arguments {
    /// The folder that a run wrote.
    dir: PathBuf,
    /// Write them into another folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Figures as PNG too.
    #[cfg(feature = "png")]
    #[arg(long)]
    png: bool,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    #[cfg(feature = "png")]
    let drawing = if arguments.png { Drawing::Png } else { Drawing::Svg };
    #[cfg(not(feature = "png"))]
    let drawing = Drawing::Svg;
    let wrong = |e| Failure::Input(format!("error: {e}"));
    let files = report::redraw(&arguments.dir, drawing).map_err(wrong)?;
    let out = arguments.out.unwrap_or(arguments.dir);
    report::write_drawn(&out, &files).map_err(wrong)?;
    print(&format!("report in {}\n", out.join(page::FILE).display()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_a_run_is_named_with_the_mend() {
        let dir = std::env::temp_dir().join("mesosim-no-such-run");
        let Err(Failure::Input(text)) = run(Arguments { dir, out: None, #[cfg(feature = "png")] png: false }) else {
            panic!("there is no run");
        };
        assert!(text.contains("manifest.json") && text.contains("mesosim run"), "{text}");
    }
}
