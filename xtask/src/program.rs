//! The program `selvedge`, without or with a GPU: checks its options, then builds it and runs it with them.

use std::{
    env,
    path::PathBuf,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result};
use options::commands::{Search, Train, train::Choice};

use crate::cuda;

/// Builds `selvedge` and becomes it, with this program's own arguments: the options of both are the same.
pub fn run(command: &options::Command) -> Result<ExitCode> {
    command.check()?;
    let on_gpu = match command {
        options::Command::Train(Train { device, .. }) | options::Command::Search(Search { device, .. }) => {
            device.choice() == Choice::Cuda
        }
        _ => false,
    };
    let mut selvedge = Command::new(program(on_gpu)?);
    // Its messages name its commands as they were typed.
    selvedge.env("SELVEDGE_COMMAND", "cargo xtask");
    Ok(launch::hand_over(selvedge.args(env::args_os().skip(1)))?)
}

/// The program of the package `host`, which has no GPU.
pub const PROGRAM: launch::Program<'_> =
    launch::Program { name: "selvedge", task: "which trains and predicts", seconds: 120, features: "" };

/// The program of the package `gpu`: the same with an NVIDIA GPU.
const GPU_PROGRAM: launch::Program<'_> = launch::Program {
    name: "selvedge-cuda",
    task: "which also trains on an NVIDIA GPU",
    seconds: 200,
    features: "gpu/driver",
};

/// Builds the program, with an NVIDIA GPU if `cuda` is true, and returns its path.
pub fn program(cuda: bool) -> Result<PathBuf> {
    if !cuda {
        return Ok(PROGRAM.build()?);
    }
    cuda::compiler().context("--cuda")?;
    Ok(GPU_PROGRAM.build()?)
}
