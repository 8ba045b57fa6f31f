//! The lines of a run on standard output, which the run does not depend on.

use std::{
    fmt::Arguments,
    io::{self, Write},
};

use anyhow::{Context, Result};

use crate::commands::note;

/// Standard output. After the first failure it stays silent.
#[derive(Default)]
pub struct Screen {
    /// True if only results are printed.
    is_quiet: bool,
    lost: Option<io::Error>,
}

impl Screen {
    /// Returns the screen; a quiet screen shows only results.
    pub fn new(is_quiet: bool) -> Self {
        Self { is_quiet, lost: None }
    }

    /// Returns true if only results are printed.
    pub fn is_quiet(&self) -> bool {
        self.is_quiet
    }

    /// Prints a line about the run as it goes.
    pub fn print(&mut self, line: Arguments<'_>) {
        if !self.is_quiet {
            self.print_result(line);
        }
    }

    /// Prints a line of the result. If that fails, a note says so once, and the run goes on.
    pub fn print_result(&mut self, line: Arguments<'_>) {
        if self.lost.is_some() {
            return;
        }
        if let Err(error) = writeln!(terminal::stdout(), "{line}") {
            note(format_args!("{error}; training goes on"));
            self.lost = Some(error);
        }
    }

    /// Returns an error if lines were lost. A closed pipe (`… | head`) is no error.
    pub fn finish(self) -> Result<()> {
        match self.lost {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(error).context("the weights are saved, but standard output could not be written to its end")
            }
            _ => Ok(()),
        }
    }
}
