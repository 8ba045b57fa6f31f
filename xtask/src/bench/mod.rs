//! `cargo xtask bench …`: the host's benchmarks, built by `cargo bench` and run with the user's options, and the boards'.

mod cycles;
mod device;

use std::{
    ffi::OsString,
    fs::{self, File},
    path::PathBuf,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, ensure};
use clap::Subcommand;
use serde::Deserialize;

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
    Ok(launch::hand_over(&mut program)?)
}

/// Builds a benchmark of the host's, as these options need it.
fn program(name: &str, options: &[OsString]) -> Result<Command> {
    let mut cargo = launch::cargo("bench");
    cargo.args(["--no-run", "--package", "host", "--bench", name, "--message-format", "json-render-diagnostics"]);
    if name == "cuda" || program::asks_for_cuda(options) {
        program::with_cuda(&mut cargo)?;
    }
    // Only a message says which of the files with the benchmark's name is this build's.
    let messages = workspace::target_dir()?.join("bench.json");
    let file = File::create(&messages).with_context(|| format!("cannot write {}", messages.display()))?;
    let status = launch::run_shown(cargo.stdout(file)).with_context(|| format!("cannot start `{}`", workspace::shown(&cargo)))?;
    ensure!(status.success(), "the benchmark was not built, see above");
    let text = fs::read_to_string(&messages).with_context(|| format!("cannot read {}", messages.display()))?;
    let program = text.lines().find_map(|line| Message::executable(line, name));
    let mut program = Command::new(program.with_context(|| format!("cargo does not say where it built {name}"))?);
    // Cargo's word for a benchmark.
    program.arg("--bench");
    Ok(program)
}

/// A message of cargo's, as far as it is of use here.
#[derive(Deserialize)]
struct Message {
    target: Target,
    executable: PathBuf,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

impl Message {
    /// Returns the program that a message names, if it is of this name.
    fn executable(line: &str, name: &str) -> Option<PathBuf> {
        let message: Self = serde_json::from_str(line).ok()?;
        (message.target.name == name).then_some(message.executable)
    }
}
