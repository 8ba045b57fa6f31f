use std::io::Write;

use crate::{device::About, task::output_words};
use anyhow::Result;
use options::commands::device;
use selvedge::message::VERSION;

use super::greet;

pub fn run(options: &device::Info) -> Result<()> {
    let board = greet(&options.connect)?;
    let About { name, architecture, input, element, format, task, flash, ram, unit } = board.about();
    let mut out = terminal::stdout();
    writeln!(
        out,
        "{name}: {architecture} in {format}, from {input} ({element}) to {} {}",
        architecture.outputs(),
        output_words(*task)[usize::from(architecture.outputs() != 1)]
    )?;
    writeln!(out, "Flash: {flash} bytes of weights")?;
    writeln!(out, "RAM:   {ram} bytes of input and activations")?;
    writeln!(out, "It counts {unit} and speaks version {VERSION} of the protocol")?;
    Ok(())
}
