//! `selvedge device …`: a board that runs the firmware's program `serve`.

mod eval;
mod info;
mod predict;

use std::time::Duration;

use crate::device::{self, Board};
use anyhow::Result;
use options::{Device, commands::device::Connect};

/// Runs the command.
pub fn run(device: &Device) -> Result<()> {
    match device {
        Device::Info(options) => info::run(options),
        Device::Predict(options) => predict::run(options),
        Device::Eval(options) => eval::run(options),
    }
}

fn greet(options: &Connect) -> Result<Board> {
    let line = device::connect(&options.connect, options.baud)?;
    Ok(Board::greet(line, Duration::from_secs(options.timeout.into()))?)
}
