//! Checks of the CUDA kernels. [`check::kernels`](crate::check) has the checks that take longer.

use std::{path::PathBuf, process::Command};

use anyhow::{Result, bail};
use launch::cargo;
use serde::Deserialize;

use super::{DENY_WARNINGS, step};
use crate::{
    cuda,
    gpu::{self, TESTED, add_gpu, code, has_compiler, registers},
    workspace,
};

/// Checks the lints of the workspace, with the GPU's part if this machine can compile it.
pub fn clippy() -> Result<()> {
    let mut clippy = cargo("clippy");
    clippy.args(["--workspace", "--all-targets"]);
    step(add_gpu(&mut clippy).args(DENY_WARNINGS))
}

/// Returns the command for the library's documentation.
pub fn doc() -> Command {
    let mut doc = cargo("doc");
    add_gpu(doc.args(["--workspace", "--no-deps"])).env("RUSTDOCFLAGS", "--deny warnings");
    doc
}

/// Reads the compiler's report of every kernel: no register may be spilled to memory. Then counts the instructions of each kernel for one GPU.
pub fn check_report() -> Result<()> {
    if !has_compiler() {
        say!("LEFT OUT: there is no CUDA compiler here; `cargo xtask setup --cuda` gets it");
        return Ok(());
    }
    let folder = compiled()?;
    let compiled = registers::without_spills(&folder)?;
    // SELVEDGE_CUDA_ARCHITECTURES may have chosen others.
    let is_there = compiled.iter().any(|compiled| compiled.architecture == format!("sm_{TESTED}"));
    match cuda::disassembler() {
        Ok(_) if !is_there => {
            say!("LEFT OUT: a count of the kernels' instructions: they were not compiled for {TESTED}");
        }
        Ok(disassembler) => code::lines(&folder, TESTED, &disassembler)?.iter().for_each(|line| say!("{line}")),
        Err(reason) => say!("LEFT OUT: a count of the kernels' instructions: {reason:#}"),
    }
    Ok(())
}

/// Runs the check of a GPU machine, from its pack to its last stage, on the emulated GPU.
pub fn rehearsal() -> Result<()> {
    if !has_compiler() {
        say!("LEFT OUT: there is no CUDA compiler here; `cargo xtask setup --cuda` gets it");
        return Ok(());
    }
    gpu::rehearse()
}

/// Returns the folder in which the build script of the package `cuda` stored the kernels and the compiler's report.
fn compiled() -> Result<PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        package_id: String,
        out_dir: PathBuf,
    }
    // With the documentation of the stage before, so that nothing is built anew.
    let messages = workspace::output(doc().args(["--message-format", "json-render-diagnostics"]))?;
    let mut scripts = messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    match scripts.find(|script| script.package_id.contains("/cuda#")) {
        Some(script) => Ok(script.out_dir),
        None => bail!("cargo does not say where it built the package cuda"),
    }
}
