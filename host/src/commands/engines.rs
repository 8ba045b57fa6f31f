use std::io::{self, Write};

use anyhow::Result;
use host::engine::InstructionSet;

pub fn run(_: &options::Engines) -> Result<()> {
    for engine in InstructionSet::available() {
        writeln!(io::stdout(), "{engine}")?;
    }
    Ok(())
}
