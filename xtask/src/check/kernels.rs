//! The CUDA kernels: compiled for every GPU, run on every emulated GPU, and run under sanitizers.

use std::process::Command;

use anyhow::{Context, Result};
use launch::cargo;

use super::step;
use crate::{
    cuda,
    gpu::{self, add_gpu, registers},
    setup, workspace,
};

/// The environment variable with which the emulator's kernels are built with AddressSanitizer and UndefinedBehaviorSanitizer.
const SANITIZE: &str = "SELVEDGE_SANITIZE";
/// The environment variable with which each training of the kernels' tests runs on every emulated GPU.
const EVERY_WAY: &str = "SELVEDGE_EVERY_WAY";

/// Compiles the kernels. Fails if a register is spilled to memory. Installs the compiler if there is none. Then runs the kernels' tests.
pub fn run() -> Result<()> {
    if cuda::compiler().is_err() {
        cuda::set_up()?;
    }
    registers::without_spills(&gpu::kernels(None)?)?;
    step(tests(EVERY_WAY))?;
    sanitized()
}

/// Returns the command for the kernels' tests on the CPU, with an environment variable set.
fn tests(variable: &str) -> Command {
    // Of the workspace, as then only what the variable changes is built anew.
    let mut tests = cargo("test");
    add_gpu(tests.args(["--profile", "dev", "--workspace", "--test", "launches", "--test", "kernels"]));
    tests.env(variable, "1");
    tests
}

/// Runs the kernels' tests with every access to memory and every conversion checked.
fn sanitized() -> Result<()> {
    let library = setup::sanitizer();
    let library = library.context("the C compiler here has no AddressSanitizer (Debian: apt-get install g++)")?;
    let runner = format!("CARGO_TARGET_{}_RUNNER", workspace::host()?.replace(['-', '.'], "_").to_uppercase());
    // A Rust program does not bring the library, which must be there before all others. What the process keeps to its end is no leak.
    let preloaded = format!("env LD_PRELOAD={library} ASAN_OPTIONS=detect_leaks=0");
    let mut tests = tests(SANITIZE);
    tests.env(runner, preloaded);
    step(tests)
}
