//! The parts that the benchmarks of training share.
//!
//! - [`subject`]: what is trained, on which images. [`peer`]: another program's epochs.
//! - [`turns`]: rounds of a peer's and our own. [`spread`]: medians. [`epoch_seconds`]: an observer.

mod epoch_seconds;
mod peer;
mod spread;
mod subject;
mod turns;

use std::{
    env,
    io::{self, IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Result;
use comfy_table::{CellAlignment, Table};
use host::files;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

pub use epoch_seconds::EpochSeconds;
pub use peer::Peer;
pub use spread::Spread;
pub use subject::{architecture, data, test_samples};
pub use turns::{Against, spread, take_turns};

/// Runs a benchmark and shows its error.
pub fn run(benchmark: impl FnOnce(&mut dyn Write) -> Result<()>) -> ExitCode {
    // Cargo says `--bench` where a benchmark is asked for. Without it, this is `cargo test`, which measures nothing.
    if !env::args_os().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    match benchmark(&mut io::stdout()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has seen enough of it (`… | head`).
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // A closed standard error is no reason to panic.
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Checks that the files can be written and that no two are the same, before the time is spent.
pub fn check_outputs<const FILES: usize>(files: [(&str, &Option<PathBuf>); FILES]) -> Result<()> {
    let given: Vec<_> = files.into_iter().filter_map(|(option, path)| Some((option, path.as_deref()?))).collect();
    given.iter().try_for_each(|(_, path)| files::check_writable(path))?;
    Ok(files::check_distinct(&given)?)
}

/// Returns a progress bar. If standard error is not a terminal, it shows nothing.
pub fn progress_bar(measurements: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}");
    let bar = ProgressBar::new(measurements as u64);
    let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    if !io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar
}

/// Aligns some columns for numbers.
pub fn align_right(mut table: Table, columns: std::ops::Range<usize>) -> Table {
    for column in table.column_iter_mut().take(columns.end).skip(columns.start) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
