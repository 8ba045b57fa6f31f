//! The library for a browser, compiled and bound to a script that calls it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    toolchain::{PAGE_TARGET, Toolchain},
    workspace,
};

const PROFILE: &str = "web";

/// Returns a cargo command for the library.
pub fn cargo(toolchain: &Toolchain, subcommand: &str) -> Command {
    let mut cargo = toolchain.cargo(subcommand, PAGE_TARGET, None);
    cargo.args(["--package", "web", "--profile", PROFILE]);
    // Every browser of the last years has the vectors.
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", "-Ctarget-feature=+simd128");
    cargo
}

/// Returns the command of the program `site`, which writes the script that calls the library, and serves the page's folder.
pub fn site() -> Result<Command> {
    let program = launch::Program { name: "site", task: "which makes the page", seconds: 90, features: "" };
    Ok(Command::new(program.build()?))
}

/// Compiles the library, and writes it into this folder with the script for a browser.
pub fn browser(toolchain: &Toolchain, out: &Path) -> Result<()> {
    bind(toolchain, out, &[])
}

/// Does the same with the script for Node. Returns the script's path.
pub fn node(toolchain: &Toolchain, out: &Path) -> Result<PathBuf> {
    bind(toolchain, out, &["--node"])?;
    Ok(out.join("web.js"))
}

fn bind(toolchain: &Toolchain, out: &Path, options: &[&str]) -> Result<()> {
    let status = launch::run_shown(&mut cargo(toolchain, "build")).context("cannot start cargo")?;
    anyhow::ensure!(status.success(), "the library for a browser was not built, see above");
    let library = workspace::target_dir()?.join(PAGE_TARGET).join(PROFILE).join("web.wasm");
    workspace::run(site()?.arg("bind").arg(library).arg("--out").arg(out).args(options))
}
