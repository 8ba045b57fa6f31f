use std::io::{self, Write};

use anyhow::Result;
use clap::Args;
use host::engine::InstructionSet;

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
