//! `selvedge device …`: a board that runs the firmware's program `serve`.

mod eval;
mod info;
mod predict;

use std::{path::Path, time::Duration};

use crate::{
    device::{self, About, Board},
    model_file::ModelFile,
};
use anyhow::{Result, ensure};
use options::{Device, commands::device::Connect};
use selvedge::shape::Signature;

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

/// Checks that a board runs the network of a file.
fn check(path: &Path, about: &About, file: &ModelFile<'_>) -> Result<()> {
    let (architecture, format) = (file.architecture(), file.format());
    let Signature { preparation, task, .. } = file.signature();
    let (element, task) = (preparation.element(), task.kind());
    ensure!(
        (&about.architecture, about.format, about.element, about.task) == (&architecture, format, element, task),
        "{} holds a {architecture} network for {task} in {format} that takes {element}, but {} runs {} for {} in {} that takes {}",
        path.display(),
        about.name,
        about.architecture,
        about.task,
        about.format,
        about.element
    );
    Ok(())
}
