//! `cargo xtask bench …`: the host's benchmarks, built by `cargo bench` and run with the user's options, and the boards'.

mod device;
mod exported;
mod readme;

use std::{
    env,
    io::{Read, Seek},
    path::PathBuf,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, ensure};
use clap::Subcommand;
use serde::Deserialize;

use crate::{cuda, workspace};

/// The benchmark to run.
#[derive(Subcommand)]
pub enum Bench {
    /// Train or predict on this machine's CPU and measure it, against the machine's peak and against other programs
    Cpu(options::bench::Cpu),
    /// Train on this machine's NVIDIA GPU and measure it, against other programs
    Cuda(options::bench::Cuda),
    /// Measure each matrix product of a linear layer (outputs, input gradient, weight gradient) on one thread
    Kernels(options::bench::Kernels),
    /// Measure a prediction on the emulated boards: instructions, cycles by ARM's timings, code, RAM and stack, for each model and format
    Device(device::DeviceBenchOptions),
    /// Measure README's figures again: the accuracy of the recipe `best`, an epoch beside PyTorch, and a prediction on a board
    Readme(readme::ReadmeBenchOptions),
}

/// Runs the benchmark. A benchmark of the host gets the arguments of this program, and runs in the user's current folder, so relative paths are
/// correct.
pub fn run(bench: &Bench) -> Result<ExitCode> {
    let mut program = match bench {
        Bench::Cpu(_) => program(&HOST, "cpu")?,
        Bench::Cuda(_) => {
            cuda::compiler()?;
            program(&GPU, "cuda")?
        }
        Bench::Kernels(_) => program(&HOST, "kernels")?,
        Bench::Device(options) => return device::run(options),
        Bench::Readme(options) => return readme::run(options),
    };
    // After this program's name, `bench` and the benchmark's.
    program.args(env::args_os().skip(3));
    // Where criterion keeps its measurements.
    program.env("CRITERION_HOME", workspace::target_dir()?.join("criterion"));
    Ok(launch::hand_over(&mut program)?)
}

/// Cargo's options for the benchmarks of the package `host`.
const HOST: [&str; 2] = ["--package", "host"];
/// Cargo's options for the benchmark of the package `gpu`.
const GPU: [&str; 4] = ["--package", "gpu", "--features", "driver"];

/// Builds a benchmark of a package.
fn program(package: &[&str], name: &str) -> Result<Command> {
    let mut cargo = launch::cargo("bench");
    cargo.args(package).args(["--no-run", "--bench", name, "--message-format", "json-render-diagnostics"]);
    // Only a message says which of the files with the benchmark's name is this build's.
    let mut messages = tempfile::tempfile().context("no place for cargo's messages")?;
    let status = launch::run_shown(cargo.stdout(messages.try_clone()?))
        .with_context(|| format!("cannot start `{}`", workspace::shown(&cargo)))?;
    ensure!(status.success(), "the benchmark was not built, see above");
    let mut text = String::new();
    messages.rewind().and_then(|()| messages.read_to_string(&mut text)).context("cannot read cargo's messages")?;
    let program = text.lines().find_map(|line| Message::executable(line, name));
    let mut program = Command::new(program.with_context(|| format!("cargo does not say where it built {name}"))?);
    // Cargo's word for a benchmark.
    program.arg("--bench");
    Ok(program)
}

/// The part of a message of cargo that is used here.
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
    /// Returns the program that a message names, if it has this name.
    fn executable(line: &str, name: &str) -> Option<PathBuf> {
        let message: Self = serde_json::from_str(line).ok()?;
        (message.target.name == name).then_some(message.executable)
    }
}
