//! The lines of a run on standard output, which the run does not depend on.

use std::{
    fmt::Arguments,
    io::{self, Write},
};

use anyhow::{Context, Result};

use crate::commands::note;

/// Standard output, until nobody takes it any more.
#[derive(Default)]
pub struct Screen {
    lost: Option<io::Error>,
}

impl Screen {
    /// Prints a line. Where that fails, a note says so once, and the run goes on without.
    pub fn print(&mut self, line: Arguments<'_>) {
        if self.lost.is_some() {
            return;
        }
        if let Err(error) = writeln!(terminal::stdout(), "{line}") {
            note(format_args!("{error}; training goes on"));
            self.lost = Some(error);
        }
    }

    /// Returns an error where lines were lost. Whoever closes a pipe (`… | head`) wants no more of them.
    pub fn finish(self) -> Result<()> {
        match self.lost {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(error).context("the weights are saved, but standard output could not be written to its end")
            }
            _ => Ok(()),
        }
    }
}
