//! `cargo xtask test`: everything that must hold before a change is kept. It stops at the first stage that fails.

mod kernels;

use std::{env, process::Command, time::Instant};

use anyhow::{Context, Result, bail};
use board::Board;
use clap::Args;
use launch::cargo;

use crate::{
    cuda,
    flash::{
        Device, Firmware, Program,
        model::{Model, Weights},
    },
    python, setup,
    toolchain::{self, Toolchain},
    workspace,
};

/// Core's optional parts.
const CORE_FEATURES: [&str; 2] = ["--features", "micromath,defmt"];
/// A warning is an error, for clippy.
const DENY_WARNINGS: [&str; 3] = ["--", "--deny", "warnings"];

/// Which stages.
#[derive(Args)]
pub struct Options {
    /// Run only the stages with this in their name
    #[arg(long, value_name = "STAGE")]
    only: Option<String>,
}

/// Sets up, then runs every stage.
pub fn run(options: &Options) -> Result<()> {
    let mut stages = Stages { only: options.only.as_deref(), passed: Vec::new(), start: Instant::now() };
    say!("── set-up");
    setup::run(&setup::Options::default())?;
    let toolchain = Toolchain::find()?;
    // Not every machine can download PyTorch: what needs it is left out, and said to be at the end.
    if let Err(error) = python::set_up() {
        say!("NO PYTHON to test interchange against: {error:#}");
    }
    if let Err(error) = cuda::set_up() {
        say!("NO CUDA COMPILER to build the kernels by: {error:#}");
    }
    say!("── set-up: done in {:.1} s", stages.start.elapsed().as_secs_f32());

    stages.run("fmt", || step(cargo("fmt").args(["--all", "--check"])))?;
    stages.run("clippy", || {
        step(cargo("clippy").args(["--workspace", "--all-targets"]).args(DENY_WARNINGS))?;
        step(kernels::clippy().args(DENY_WARNINGS))
    })?;
    stages.run("rustdoc", || {
        let mut doc = cargo("doc");
        step(doc.args(["--workspace", "--no-deps"]).args(kernels::features()).env("RUSTDOCFLAGS", "--deny warnings"))
    })?;
    stages.run("thumb", || thumb(&toolchain))?;
    stages.run("firmware", || firmware(&toolchain))?;
    stages.run("cuda", kernels::check_report)?;
    // It takes longest, and runs the firmware in the emulator.
    stages.run("tests", || {
        // With this, a test that would leave something out fails.
        let all = ("SELVEDGE_REQUIRE_ALL", "1");
        step(cargo("test").arg("--workspace").args(kernels::features()).env(all.0, all.1))?;
        step(cargo("test").args(["--package", "core"]).args(CORE_FEATURES).env(all.0, all.1))
    })?;
    // Last: it builds the kernels' tests anew.
    stages.run("sanitizers", kernels::sanitized)?;
    stages.end()
}

/// The stages so far.
struct Stages<'a> {
    only: Option<&'a str>,
    passed: Vec<String>,
    start: Instant,
}

impl Stages<'_> {
    fn run(&mut self, name: &str, stage: impl FnOnce() -> Result<()>) -> Result<()> {
        if self.only.is_some_and(|only| !name.contains(only)) {
            return Ok(());
        }
        say!("── {name}");
        let start = Instant::now();
        stage().with_context(|| format!("stage {name}"))?;
        say!("── {name}: passed in {:.1} s", start.elapsed().as_secs_f32());
        self.passed.push(name.to_owned());
        Ok(())
    }

    fn end(self) -> Result<()> {
        let seconds = self.start.elapsed().as_secs();
        let left_out = match self.only {
            Some(only) if self.passed.is_empty() => {
                bail!(
                    "no stage has {only} in its name: there are fmt, clippy, rustdoc, thumb, firmware, cuda, tests, sanitizers"
                )
            }
            Some(_) => "the other stages were not asked for".to_owned(),
            None => left_out(),
        };
        say!("── passed in {seconds} s: {}; {left_out}", self.passed.join(", "));
        Ok(())
    }
}

/// What the tests had to leave out on this machine.
fn left_out() -> String {
    let has_data = env::var_os("FASHION_MNIST_DIR").is_some_and(|folder| !folder.is_empty());
    let data = (!has_data).then_some("what needs Fashion-MNIST itself, as FASHION_MNIST_DIR does not name its folder");
    let python = python::found().is_none().then_some("what needs PyTorch and ONNX Runtime, as there is no Python here");
    let cuda = cuda::compiler().is_err().then_some("what needs NVIDIA's compiler, as there is none here");
    let parts: Vec<_> = data.into_iter().chain(python).chain(cuda).collect();
    if parts.is_empty() { "nothing was left out".into() } else { format!("left out: {}", parts.join("; ")) }
}

/// The library for each of the firmware's targets, with and without its optional parts.
fn thumb(toolchain: &Toolchain) -> Result<()> {
    for target in toolchain::targets()? {
        step(toolchain.cargo("build", &target).args(["--package", "core"]))?;
        step(toolchain.cargo("build", &target).args(["--package", "core"]).args(CORE_FEATURES))?;
    }
    Ok(())
}

/// The programs for every board with its own model, and for one board the trainer: built, and their lints.
///
/// The weights are hardly trained: what is built here is not run. The tests flash their own.
fn firmware(toolchain: &Toolchain) -> Result<()> {
    for name in board::names()? {
        let board = Board::named(&name)?;
        let fitting =
            [Program::Predict, Program::Serve, Program::Loader, Program::Fingerprint, Program::Bare, Program::Crash];
        programs(toolchain, &board, &fitting, &Model::named(&board.model, Some("builtin".into()))?)?;
    }
    let board = Board::named(board::DEFAULT)?;
    programs(toolchain, &board, &[Program::Train], &Model::named("tiny", Some("builtin".into()))?)
}

fn programs(toolchain: &Toolchain, board: &Board, programs: &[Program], model: &Model) -> Result<()> {
    let embed = workspace::target_dir()?.join("embed").join(format!("{}-test", board.name));
    let weights = embed.with_extension("selvedge");
    step(model.train_command(&weights).args(["--limit-train", "64", "--steps", "1"]))?;
    let weights = Weights::read(&weights)?;
    step(&mut model.embed_command(Some(&weights), "test", Some(2), &embed))?;
    let probe = board.probe.as_ref().map(|_| Device::Probe);
    for device in [Device::Emulator].into_iter().chain(probe) {
        for &program in programs {
            let firmware = Firmware { board, program, device, layers: None, embed: &embed };
            // The program `crash` is built for one way to crash.
            let cargo = |subcommand| {
                let mut cargo = firmware.cargo(toolchain, subcommand);
                cargo.env("SELVEDGE_CRASH", "panic");
                cargo
            };
            step(cargo("clippy").args(DENY_WARNINGS))?;
            step(&mut cargo("build"))?;
        }
    }
    Ok(())
}

/// Shows a command, and runs it.
fn step(command: &mut Command) -> Result<()> {
    say!("$ {}", workspace::shown(command));
    workspace::run(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(only: Option<&str>) -> Stages<'_> {
        Stages { only, passed: Vec::new(), start: Instant::now() }
    }

    #[test]
    fn a_failing_stage_is_named() {
        let error = stages(None).run("fmt", || bail!("no")).unwrap_err();
        assert_eq!(format!("{error:#}"), "stage fmt: no");
    }

    #[test]
    fn only_the_stages_asked_for_run() {
        let mut stages = stages(Some("fm"));
        stages.run("fmt", || Ok(())).unwrap();
        stages.run("thumb", || bail!("not asked for")).unwrap();
        assert_eq!(stages.passed, ["fmt"]);
        stages.end().unwrap();
    }

    #[test]
    fn an_unknown_stage_lists_the_known() {
        let error = stages(Some("x")).end().unwrap_err().to_string();
        assert!(error.contains("fmt, clippy, rustdoc, thumb, firmware, cuda, tests, sanitizers"), "{error}");
    }
}
