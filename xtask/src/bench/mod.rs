//! `cargo xtask bench …`: the host's benchmarks, built by `cargo bench` and run with the user's options, and the boards'.

mod device;

use std::{
    ffi::OsString,
    process::{Command, ExitCode},
};

use anyhow::{Result, bail};
use clap::Subcommand;

use crate::{program, workspace};

/// Which benchmark.
#[derive(Subcommand)]
pub enum Bench {
    /// Trains on the CPU, beside its peak and other programs (`cargo xtask bench cpu --help` lists the options)
    #[command(disable_help_flag = true)]
    Cpu(program::Options),
    /// Trains on an NVIDIA GPU, beside other programs (`cargo xtask bench cuda --help` lists the options)
    #[command(disable_help_flag = true)]
    Cuda(program::Options),
    /// Measures the single products on one thread (criterion's options)
    #[command(disable_help_flag = true)]
    Kernels(program::Options),
    /// Measures a prediction on the emulated boards: instructions, cycles by ARM's timings, code, RAM and stack, for each model and format
    Device(device::Options),
}

/// Measures; a benchmark of the host's runs where the user is, so that paths mean what they say.
pub fn run(bench: &Bench) -> Result<ExitCode> {
    let (name, options) = match bench {
        Bench::Cpu(options) => ("cpu", options),
        Bench::Cuda(options) => ("cuda", options),
        Bench::Kernels(options) => ("kernels", options),
        Bench::Device(options) => return device::run(options),
    };
    let mut program = program(name, &options.arguments)?;
    // Where criterion keeps its measurements.
    program.args(&options.arguments).env("CRITERION_HOME", workspace::target_dir()?.join("criterion"));
    program::hand_over(&mut program)
}

/// Builds a benchmark of the host's, as these options need it.
fn program(name: &str, options: &[OsString]) -> Result<Command> {
    let mut cargo = workspace::cargo();
    cargo.args(["bench", "--no-run", "--package", "host", "--bench", name]);
    if name == "cuda" || program::asks_for_cuda(options) {
        program::with_cuda(&mut cargo)?;
    }
    let program = match workspace::build(&mut cargo, name)? {
        Ok(program) => program,
        Err(failure) => bail!("the benchmark was not built: `{}` failed, see above", failure.command),
    };
    let mut program = Command::new(program);
    // Cargo's word for a benchmark.
    program.arg("--bench");
    Ok(program)
}
