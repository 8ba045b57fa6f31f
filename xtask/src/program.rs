//! The program `selvedge`: built in release, run with the user's options.

use std::{ffi::OsString, path::PathBuf, process::Command, process::ExitCode};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{cuda, workspace};

/// Options that `selvedge` itself reads.
#[derive(Args)]
pub struct Options {
    /// Options of `selvedge`; `--help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<OsString>,
}

/// Builds `selvedge` and runs one of its commands. The exit code is the program's.
pub fn run(command: &str, options: &Options) -> Result<ExitCode> {
    let mut selvedge = Command::new(program(asks_for_cuda(&options.arguments))?);
    selvedge.arg(command).args(&options.arguments);
    Ok(launch::hand_over(&mut selvedge)?)
}

/// Tells whether options of `selvedge` ask for the CUDA engine: the build must know. All of them stay the program's to judge.
pub fn asks_for_cuda(arguments: &[OsString]) -> bool {
    let mut arguments = arguments.iter().take_while(|argument| *argument != "--");
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            Some("--cuda" | "--device=cuda") => return true,
            Some("--device") if arguments.next().is_some_and(|device| device == "cuda") => return true,
            _ => {}
        }
    }
    false
}

/// Tells cargo to build the CUDA engine too. Where that could only fail, says so first.
pub fn with_cuda(cargo: &mut Command) -> Result<()> {
    cuda::compiler().context("--cuda")?;
    cargo.args(["--features", "cuda"]);
    Ok(())
}

/// Builds the program, perhaps with the CUDA engine, and returns its path.
pub fn program(cuda: bool) -> Result<PathBuf> {
    let program = launch::Program { name: "selvedge", task: "which trains and predicts", seconds: 100, features: "" };
    if !cuda {
        return Ok(program.build()?);
    }
    cuda::compiler().context("--cuda")?;
    Ok(launch::Program { features: "host/cuda", ..program }.build()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_knows_what_the_program_is_asked_for() {
        let asks = |line: &str| asks_for_cuda(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        for line in ["--cuda", "--device cuda", "--epochs 2 --device=cuda", "--device cpu --cuda"] {
            assert!(asks(line), "{line}");
        }
        let others = ["--epochs 2 --help", "--device cpu", "--device=auto", "--device", "--out cuda"];
        for line in others.into_iter().chain(["file -- --device cuda", "file.selvedge -- --cuda"]) {
            assert!(!asks(line), "{line}");
        }
    }
}
