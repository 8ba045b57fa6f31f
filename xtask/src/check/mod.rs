//! `cargo xtask check NAME`: a check that `cargo xtask test` leaves out, because it takes long or needs an additional tool.
//!
//! Each is one command, here and in the workflow that runs it. [`tool`]: the tools, of pinned versions.

mod tool;

use std::{env, fs, process::Command};

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use launch::cargo;

use crate::workspace;
use tool::{CARGO_DENY, TYPOS};

/// The nightly compiler, for the checks that the stable compiler does not have.
const NIGHTLY: &str = "nightly";
/// A clock, and four processors. Rayon keeps threads to the end of the program, and its queues need the newer rules of borrowing.
const MIRI_FLAGS: &str = "-Zmiri-disable-isolation -Zmiri-num-cpus=4 -Zmiri-ignore-leaks -Zmiri-tree-borrows";
/// If this variable is set, a missing tool is an error.
const REQUIRE_ALL: &str = "SELVEDGE_REQUIRE_ALL";
/// The other systems for which the trainer is compiled.
const SYSTEMS: [&str; 2] = ["x86_64-pc-windows-gnu", "aarch64-apple-darwin"];

/// The check to run.
#[derive(Subcommand)]
#[command(disable_help_subcommand = true)]
pub enum Check {
    /// Check the dependencies: licences, sources, versions and known vulnerabilities
    ///
    /// deny.toml has the rules. The list of vulnerabilities is downloaded from GitHub. If it cannot be downloaded, a note says so, and the rest is checked; with
    /// SELVEDGE_REQUIRE_ALL=1 this is an error.
    Deny,
    /// Check the spelling of code and texts; _typos.toml lists the correct words that the checker does not know
    Typos,
    /// Build the library and the trainer with the oldest compiler that Cargo.toml allows
    Oldest,
    /// Compile the library and the trainer for Windows and macOS, without the download, which would need a C compiler for these systems
    Systems,
    /// Make the package of the library, and build it
    Package,
    /// Run the tests of the engine's threads in an interpreter that finds data races and undefined behaviour, with many schedules of the threads
    Threads(Threads),
}

/// Options of `check threads`.
#[derive(Args)]
pub struct Threads {
    /// The number of schedules
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    schedules: u32,
}

/// Runs the check.
pub fn run(check: &Check) -> Result<()> {
    match check {
        Check::Deny => deny(),
        Check::Typos => step(launch::command(TYPOS.path()?)),
        Check::Oldest => oldest(),
        Check::Systems => systems(),
        Check::Package => package(),
        Check::Threads(Threads { schedules }) => threads(*schedules),
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

/// The oldest compiler's version, which the workspace's Cargo.toml names.
fn oldest_version() -> Result<String> {
    let path = launch::root().join("Cargo.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let manifest: toml::Table = text.parse().with_context(|| path.display().to_string())?;
    let version = manifest["workspace"]["package"].get("rust-version").and_then(toml::Value::as_str);
    Ok(version.context("Cargo.toml names no rust-version")?.to_owned())
}

fn oldest() -> Result<()> {
    let version = oldest_version()?;
    compiler(&version, "check", &[])?;
    step(cargo_of(&version, "oldest", &["check", "--package", "core", "--package", "host", "--locked"])?)
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

fn threads(schedules: u32) -> Result<()> {
    compiler(NIGHTLY, "miri", &["--component", "miri", "--component", "rust-src"])?;
    let mut miri = cargo_of(NIGHTLY, "miri", &["miri", "test", "--package", "team", "--lib"])?;
    miri.env("MIRIFLAGS", format!("{MIRI_FLAGS} -Zmiri-many-seeds=0..{schedules}"));
    step(miri)
}

/// Installs a compiler with these components, unless its cargo already has the command.
fn compiler(toolchain: &str, command: &str, components: &[&str]) -> Result<()> {
    let found = rustup(&["run", toolchain, "cargo", command, "--help"]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    step(rustup(
        &[&["toolchain", "install", toolchain, "--profile", "minimal", "--no-self-update"], components].concat(),
    ))
}

/// Cargo of another compiler, with its own folder for what it builds.
fn cargo_of(toolchain: &str, folder: &str, arguments: &[&str]) -> Result<Command> {
    let mut cargo = rustup(&[&["run", toolchain, "cargo"], arguments].concat());
    cargo.env("CARGO_TARGET_DIR", workspace::target_dir()?.join(folder));
    Ok(cargo)
}

/// Returns a command for rustup, without the variables that cargo set for this program, because they would choose a compiler.
fn rustup(arguments: &[&str]) -> Command {
    let mut rustup = launch::command("rustup");
    for name in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        rustup.env_remove(name);
    }
    rustup.args(arguments);
    rustup
}

/// Shows a command, and runs it.
fn step(mut command: Command) -> Result<()> {
    say!("$ {}", workspace::shown(&command));
    workspace::run(&mut command)
}
