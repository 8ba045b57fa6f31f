//! `cargo xtask check NAME`: a single check. `cargo xtask test` leaves out all of them except `loom`, because they take long or need an additional
//! tool.
//!
//! Each is one command, here and in the workflow that runs it.
//!
//! - [`api`]: the library's public interface. [`oldest`]: the oldest compilers. [`interpreted`], [`orders`] and [`races`]: programs run by Miri,
//!   by loom and under ThreadSanitizer.
//! - [`kernels`]: the CUDA kernels for every GPU, and under sanitizers.
//! - [`compiler`]: compilers beside the project's own. [`tool`]: the tools, of pinned versions.

mod api;
mod compiler;
mod interpreted;
mod kernels;
mod oldest;
pub mod orders;
mod races;
mod tool;

use std::{env, process::Command};

use anyhow::{Result, ensure};
use clap::Subcommand;
use launch::cargo;

use crate::workspace;
use compiler::rustup;
use tool::{CARGO_DENY, TYPOS};

/// If this variable is set, a missing tool is an error.
const REQUIRE_ALL: &str = "SELVEDGE_REQUIRE_ALL";
/// The other systems for which the program `selvedge` is compiled.
const SYSTEMS: [&str; 2] = ["x86_64-pc-windows-gnu", "aarch64-apple-darwin"];

/// The check to run.
#[derive(Subcommand)]
#[command(disable_help_subcommand = true)]
pub enum Check {
    /// Check the dependencies: licences, sources, versions and known vulnerabilities
    ///
    /// deny.toml has the rules. The list of vulnerabilities is downloaded from GitHub. If it cannot be downloaded, a note says so, and the rest is
    /// checked; with SELVEDGE_REQUIRE_ALL=1 this is an error.
    Deny,
    /// Check the spelling of code and texts; _typos.toml lists the correct words that the checker does not know
    Typos,
    /// Run `cargo check` on the library, the program selvedge and an example of the package trainer, each alone, with the oldest compiler that its
    /// Cargo.toml allows
    Oldest,
    /// Compile the library and the program selvedge for Windows and macOS. The program's feature `download` is left out, because it needs a C
    /// compiler for these systems
    Systems,
    /// Make the package of the library, and build it
    Package,
    /// Compare the library's public interface with core/api.txt, which lists it
    Api(api::Options),
    /// Compile the CUDA kernels for every GPU; no register may be spilled to memory. Then run their tests on the CPU, on every emulated GPU and under
    /// sanitizers. `cargo xtask test` compiles them for one GPU, and runs each test on one emulated GPU
    Kernels,
    /// Run the library's tests and those of the CPU engine in Miri, an interpreter that finds undefined behaviour
    Miri,
    /// Run the tests of the engine's threads in Miri, in many orders of the threads
    Threads(interpreted::Threads),
    /// Test the protocol of the engine's threads in loom, a tool that tries many orders of the threads; `cargo xtask test` runs this too
    Loom,
    /// Run the tests of the engine and of its threads under ThreadSanitizer, which finds data races
    Tsan,
}

/// Runs the check.
pub fn run(check: &Check) -> Result<()> {
    match check {
        Check::Deny => deny(),
        Check::Typos => step(launch::command(TYPOS.path()?)),
        Check::Oldest => oldest::run(),
        Check::Systems => systems(),
        Check::Package => package(),
        Check::Api(options) => api::run(options),
        Check::Kernels => kernels::run(),
        Check::Miri => interpreted::run(),
        Check::Threads(options) => interpreted::threads(options),
        Check::Loom => orders::run(),
        Check::Tsan => races::run(),
    }
}

fn deny() -> Result<()> {
    let program = CARGO_DENY.path()?;
    let deny = |arguments: &[&str]| {
        let mut deny = launch::command(&program);
        deny.args(["--workspace", "--all-features"]).args(arguments);
        deny
    };
    step(deny(&["check", "licenses", "bans", "sources"]))?;
    if let Err(error) = step(deny(&["fetch", "db"])) {
        ensure!(env::var_os(REQUIRE_ALL).is_none(), "the list of known weaknesses: {error:#}");
        say!("NOT CHECKED: known weaknesses of dependencies: their list cannot be fetched here");
        return Ok(());
    }
    step(deny(&["check", "--disable-fetch", "advisories"]))
}

fn systems() -> Result<()> {
    for target in SYSTEMS {
        step(rustup(&["target", "add", target]))?;
        let mut check = cargo("check");
        check.args(["--package", "core", "--package", "host", "--target", target]);
        check.args(["--no-default-features", "--features", "host/pictures,host/serial"]);
        step(check)?;
    }
    Ok(())
}

fn package() -> Result<()> {
    let mut package = cargo("package");
    package.args(["--package", "core", "--allow-dirty"]);
    step(package)
}

/// Shows a command, and runs it.
fn step(mut command: Command) -> Result<()> {
    say!("$ {}", workspace::shown(&command));
    workspace::run(&mut command)
}
