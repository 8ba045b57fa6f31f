use std::io::{self, Write};

use anyhow::Result;
use clap::Args;
use host::engine::InstructionSet;

/// The fastest computes, unless the environment variable SELVEDGE_ENGINE names another. All compute the same bits.
#[derive(Args)]
pub struct Options {}

impl Options {
    pub fn run(self) -> Result<()> {
        for engine in InstructionSet::available() {
            writeln!(io::stdout(), "{engine}")?;
        }
        Ok(())
    }
}
