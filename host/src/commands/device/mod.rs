//! `selvedge device …`: a board that runs the firmware's program `serve`.

mod eval;
mod info;
mod predict;

use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand};
use host::device::{self, Board};

/// What a board can be asked.
#[derive(Subcommand)]
pub enum Command {
    /// Show what the board and its model are
    Info(info::Options),
    /// Let the board classify pictures or other samples
    Predict(predict::Options),
    /// Let the board classify test samples, and compare each class and every bit of the logits with this machine's own
    Eval(eval::Options),
}

impl Command {
    pub fn run(self) -> Result<()> {
        match self {
            Self::Info(options) => options.run(),
            Self::Predict(options) => options.run(),
            Self::Eval(options) => options.run(),
        }
    }
}

/// How the board is reached.
#[derive(Args)]
struct ConnectOptions {
    /// The board's serial port, or `unix:PATH` for an emulator's socket
    #[arg(long, value_name = "PORT|unix:PATH")]
    connect: String,

    /// The serial port's speed in bits a second: the one in the board's file
    #[arg(long, default_value_t = 115_200, value_parser = clap::value_parser!(u32).range(1..))]
    baud: u32,

    /// How many seconds an answer may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    timeout: u32,
}

impl ConnectOptions {
    fn greet(&self) -> Result<Board> {
        let line = device::connect(&self.connect, self.baud)?;
        Ok(Board::greet(line, Duration::from_secs(self.timeout.into()))?)
    }
}
