use std::io::{self, Write};

use anyhow::Result;
use clap::Args;
use host::device::About;
use selvedge::message::VERSION;

use super::ConnectOptions;

#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    connect: ConnectOptions,
}

impl Options {
    pub fn run(self) -> Result<()> {
        let board = self.connect.greet()?;
        let About { name, architecture, input, format, flash, ram, unit } = board.about();
        let mut out = io::stdout().lock();
        writeln!(out, "{name}: {architecture} in {format}, from {input} to {} classes", architecture.outputs())?;
        writeln!(out, "Flash: {flash} bytes of weights")?;
        writeln!(out, "RAM:   {ram} bytes of input and activations")?;
        writeln!(out, "It counts {unit} and speaks version {VERSION} of the protocol")?;
        Ok(())
    }
}
