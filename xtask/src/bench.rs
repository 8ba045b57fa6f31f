//! `cargo xtask bench …`: the host's benchmarks, built by `cargo bench` and run with the user's options.

use std::process::{Command, ExitCode};

use anyhow::{Result, bail};
use clap::Subcommand;

use crate::{
    selvedge::{self, Build},
    workspace,
};

/// Which benchmark.
#[derive(Subcommand)]
pub enum Bench {
    /// Trains on the CPU, beside its peak and other programs (`cargo xtask bench cpu --help` lists the options)
    #[command(disable_help_flag = true)]
    Cpu(selvedge::Options),
    /// Measures the single products on one thread (criterion's options)
    #[command(disable_help_flag = true)]
    Kernels(selvedge::Options),
}

/// Builds a benchmark and becomes it, where the user is: paths mean what they say.
pub fn run(bench: &Bench) -> Result<ExitCode> {
    let (name, options) = match bench {
        Bench::Cpu(options) => ("cpu", options),
        Bench::Kernels(options) => ("kernels", options),
    };
    let mut cargo = workspace::cargo();
    cargo.args(["bench", "--no-run", "--package", "host", "--bench", name]);
    Build::of_options(&options.arguments).set(&mut cargo);
    let program = match workspace::build(&mut cargo, name)? {
        Ok(program) => program,
        Err(failure) => bail!("the benchmark was not built: `{}` failed, see above", failure.command),
    };
    let mut program = Command::new(program);
    // Cargo's word for a benchmark, and where criterion keeps its measurements.
    program.arg("--bench").args(&options.arguments).env("CRITERION_HOME", workspace::target_dir()?.join("criterion"));
    selvedge::hand_over(&mut program)
}
