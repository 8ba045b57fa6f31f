//! Checks of the CUDA kernels: they are compiled for every GPU, and run on the CPU under sanitizers.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result, bail, ensure};
use launch::cargo;
use serde::Deserialize;

use super::{CORE_FEATURES, DENY_WARNINGS, step};
use crate::{
    cuda,
    gpu::{
        self, ARCHITECTURES, code,
        registers::{self, Compiled},
    },
    setup, workspace,
};

/// The environment variable with which the emulator's kernels are built with AddressSanitizer and UndefinedBehaviorSanitizer.
const SANITIZE: &str = "SELVEDGE_SANITIZE";

/// The GPU whose machine code is counted.
const LISTED: &str = "90";

/// Returns the options by which a build contains the GPU's part, or none where there is no compiler for it.
pub fn features() -> &'static [&'static str] {
    if cfg!(target_os = "linux") && cuda::compiler().is_ok() { &["--features", "tests/cuda"] } else { &[] }
}

/// Checks the lints of the workspace without options, of the GPU's part, and of core with its optional parts.
pub fn clippy() -> Result<()> {
    step(lints().args(["--workspace"]).args(DENY_WARNINGS))?;
    if !features().is_empty() {
        step(gpu_lints().args(DENY_WARNINGS))?;
    }
    step(lints().args(["--package", "core"]).args(CORE_FEATURES).args(DENY_WARNINGS))
}

/// Returns the command for the lints.
fn lints() -> Command {
    let mut clippy = cargo("clippy");
    clippy.arg("--all-targets");
    clippy
}

/// Returns the command for the lints of the GPU's part. Clippy has a build of its own, for which the kernels are compiled for one GPU only.
fn gpu_lints() -> Command {
    let mut clippy = lints();
    clippy.arg("--workspace").args(features()).env(ARCHITECTURES, LISTED);
    clippy
}

/// Returns the command for the library's documentation. Its build compiles the kernels for every GPU, and the tests use the same build.
pub fn doc() -> Command {
    let mut doc = cargo("doc");
    doc.args(["--workspace", "--no-deps"]).args(features()).env("RUSTDOCFLAGS", "--deny warnings");
    doc
}

/// Reads the compiler's report of every kernel for every GPU: no register may be spilled to memory. Then counts the instructions of each kernel for
/// one GPU.
pub fn check_report() -> Result<()> {
    if features().is_empty() {
        say!("LEFT OUT: there is no CUDA compiler here; `cargo xtask setup --cuda` gets it");
        return Ok(());
    }
    let report = report()?;
    let text = fs::read_to_string(&report).with_context(|| format!("cannot read {}", report.display()))?;
    let compiled = registers::read(&text);
    let functions: usize = compiled.iter().map(|compiled| compiled.functions).sum();
    ensure!(functions > 0, "{} tells of no function", report.display());
    let mut spilling = 0;
    for Compiled { kernel, architecture, spills, .. } in &compiled {
        spills.iter().for_each(|spill| say!("SPILL: {kernel} for {architecture}, {spill}"));
        spilling += spills.len();
    }
    ensure!(spilling == 0, "{spilling} of {functions} compiled functions spill registers to memory");
    say!("No register of {functions} compiled functions is spilled to memory");
    let folder = report.parent().context("a file lies in a folder")?;
    // SELVEDGE_CUDA_ARCHITECTURES may have chosen others.
    let is_there = compiled.iter().any(|compiled| compiled.architecture == format!("sm_{LISTED}"));
    match cuda::disassembler() {
        Ok(_) if !is_there => {
            say!("LEFT OUT: a count of the kernels' instructions: they were not compiled for {LISTED}");
        }
        Ok(disassembler) => code::lines(folder, LISTED, &disassembler)?.iter().for_each(|line| say!("{line}")),
        Err(reason) => say!("LEFT OUT: a count of the kernels' instructions: {reason:#}"),
    }
    Ok(())
}

/// Runs the check of a GPU machine, from its pack to its last stage, on the emulated GPU.
pub fn rehearsal() -> Result<()> {
    if features().is_empty() {
        say!("LEFT OUT: there is no CUDA compiler here; `cargo xtask setup --cuda` gets it");
        return Ok(());
    }
    gpu::rehearse()
}

/// Runs the kernels' tests on the CPU with every access to memory and every conversion checked.
pub fn sanitized() -> Result<()> {
    let Some(library) = setup::sanitizer() else {
        say!("LEFT OUT: the C compiler here has no AddressSanitizer (Debian: apt-get install g++)");
        return Ok(());
    };
    let version = workspace::output(launch::command("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc does not name its host")?;
    let runner = format!("CARGO_TARGET_{}_RUNNER", host.replace(['-', '.'], "_").to_uppercase());
    // A Rust program does not bring the library, which must be there before all others. What the process keeps to its end is no leak.
    let preloaded = format!("env LD_PRELOAD={library} ASAN_OPTIONS=detect_leaks=0");
    // Of the workspace, as then only what the variable changes is built anew.
    let mut test = cargo("test");
    test.args(["--profile", "dev", "--workspace", "--test", "launches", "--test", "kernels"]).args(features());
    step(test.env(SANITIZE, "1").env(runner, preloaded))
}

/// Returns the file in which the build script of the package `cuda` stored the compiler's output.
fn report() -> Result<PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        package_id: String,
        out_dir: PathBuf,
    }
    // With the documentation of the stage before, so that nothing is built anew.
    let messages = workspace::output(doc().args(["--message-format", "json-render-diagnostics"]))?;
    let mut scripts = messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    match scripts.find(|script| script.package_id.contains("/cuda#")) {
        Some(script) => Ok(script.out_dir.join("selvedge.report")),
        None => bail!("cargo does not say where it built the package cuda"),
    }
}
