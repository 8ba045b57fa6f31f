use std::io::{self, Write};

use crate::engine::InstructionSet;
use anyhow::Result;

pub fn run(_: &options::commands::Engines) -> Result<()> {
    for engine in InstructionSet::available() {
        writeln!(io::stdout(), "{engine}")?;
    }
    Ok(())
}
