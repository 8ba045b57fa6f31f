//! Other compilers than the project's own, from rustup.

use std::process::Command;

use anyhow::Result;

use super::step;
use crate::workspace;

/// The compiler that checks what the stable one cannot.
pub const NIGHTLY: &str = "nightly";

/// Installs a compiler with these components, unless its cargo has this command.
pub fn get(toolchain: &str, command: &str, components: &[&str]) -> Result<()> {
    let found = rustup(&["run", toolchain, "cargo", command, "--help"]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    install(toolchain, components)
}

/// Installs a compiler with these components. Parts that are there are kept.
pub fn install(toolchain: &str, components: &[&str]) -> Result<()> {
    let components: Vec<_> = components.iter().flat_map(|component| ["--component", component]).collect();
    step(rustup(
        &[&["toolchain", "install", toolchain, "--profile", "minimal", "--no-self-update"], &components[..]].concat(),
    ))
}

/// Returns a command of another compiler's cargo, which builds into a folder of its own.
pub fn cargo(toolchain: &str, folder: &str, arguments: &[&str]) -> Result<Command> {
    let mut cargo = rustup(&[&["run", toolchain, "cargo"], arguments].concat());
    cargo.env("CARGO_TARGET_DIR", workspace::target_dir()?.join(folder));
    Ok(cargo)
}

/// Returns a command of rustup. It does not get the variables by which cargo runs this program, because they would choose its compiler.
pub fn rustup(arguments: &[&str]) -> Command {
    let mut rustup = launch::command("rustup");
    for name in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        rustup.env_remove(name);
    }
    rustup.args(arguments);
    rustup
}
