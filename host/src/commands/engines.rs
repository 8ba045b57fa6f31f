use std::io::Write;

use crate::engine::InstructionSet;
use anyhow::Result;

pub fn run(_: &options::commands::Engines) -> Result<()> {
    for engine in InstructionSet::available() {
        writeln!(terminal::stdout(), "{engine}")?;
    }
    Ok(())
}
