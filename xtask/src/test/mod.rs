//! `cargo xtask test`: everything that must hold before a change is kept. It stops at the first stage that fails.

mod kernels;
mod programs;

use std::{env, process::Command, time::Instant};

use anyhow::{Context, Result, bail};
use board::{Board, Processor};
use clap::Args;
use launch::cargo;

use self::programs::Aside;
use crate::{
    book,
    flash::{
        Device, Firmware, Program,
        model::{Model, Weights},
    },
    program,
    setup::parts,
    toolchain::{self, Toolchain},
    web, workspace,
};

/// The data that comes with the program.
const BUILT_IN: [&str; 2] = ["--data", "builtin"];
/// Core's optional parts.
const CORE_FEATURES: [&str; 2] = ["--features", "micromath,defmt"];
/// A warning is an error, for clippy.
const DENY_WARNINGS: [&str; 3] = ["--", "--deny", "warnings"];
/// The stages that build nothing in the folder of this machine's programs. Cargo builds the trainer there meanwhile, most of it on one processor.
const BESIDE_THE_TRAINER: [&str; 2] = ["book", "targets"];
/// The stage that needs the trainer.
const FIRMWARE: &str = "firmware";
/// The stage of the tests themselves.
const TESTS: &str = "tests";
/// The checks that are left out without the data, which no set-up downloads.
const NO_DATA: &str = "what needs Fashion-MNIST itself, as FASHION_MNIST_DIR does not name its folder";

/// The options of `test`.
#[derive(Args)]
pub struct TestOptions {
    /// Run only the stages whose names contain this text
    #[arg(long, value_name = "STAGE")]
    only: Option<String>,
    /// First list the missing tools of the stages, with their sources and licences, and install them
    #[arg(long)]
    setup: bool,
}

/// The boards' compiler is not there on every machine.
type Stage = fn(Option<&Toolchain>) -> Result<()>;

/// The stages, in their order.
const STAGES: [(&str, Stage); 10] = [
    ("fmt", |_| step(cargo("fmt").args(["--all", "--check"]))),
    ("clippy", |_| kernels::clippy()),
    ("rustdoc", |_| rustdoc()),
    ("book", |_| book::check()),
    ("targets", targets),
    (FIRMWARE, firmware),
    ("cuda", |_| kernels::check_report()),
    // These take longest, and run the firmware in the emulator.
    (TESTS, |_| programs::tests()),
    ("gpu", |_| kernels::rehearsal()),
    // Last: it builds the kernels' tests anew.
    ("sanitizers", |_| kernels::sanitized()),
];

/// Runs every stage, and prints how long each took. What this machine lacks is said first and last.
pub fn run(options: &TestOptions) -> Result<()> {
    let only = options.only.as_deref();
    let chosen = STAGES.iter().filter(|(name, _)| only.is_none_or(|only| name.contains(only)));
    let chosen: Vec<_> = chosen.collect();
    if let (Some(only), []) = (only, &chosen[..]) {
        let names = STAGES.map(|(name, _)| name).join(", ");
        bail!("no stage has {only} in its name: there are {names}");
    }
    let names: Vec<_> = chosen.iter().map(|(name, _)| *name).collect();
    let mut times = Vec::new();
    if options.setup {
        timed("set-up", &mut times, || parts::install(&names))?;
    }
    let left_out = left_out(&names);
    if !left_out.is_empty() {
        say!("{}", listed(&left_out));
    }
    let toolchain = Toolchain::find().ok();
    let mut trainer = None;
    for (name, stage) in chosen {
        if BESIDE_THE_TRAINER.contains(name) && names.contains(&FIRMWARE) && toolchain.is_some() && trainer.is_none() {
            trainer = Some(Aside::start(program::PROGRAM.command())?);
        }
        timed(name, &mut times, || {
            if *name == FIRMWARE {
                trainer.take().map(Aside::end).transpose()?;
            }
            stage(toolchain.as_ref()).with_context(|| format!("stage {name}"))
        })?;
    }
    say!("\n{}", table(&times));
    if only.is_some() {
        say!("The other stages were not asked for");
    }
    if left_out.is_empty() {
        say!("Passed; nothing was left out");
    } else {
        say!("{}\nPassed, but for what was left out", listed(&left_out));
    }
    Ok(())
}

/// Runs a stage and keeps its seconds.
fn timed<T>(name: &'static str, times: &mut Vec<(&str, f32)>, stage: impl FnOnce() -> Result<T>) -> Result<T> {
    say!("── {name}");
    let start = Instant::now();
    let result = stage()?;
    times.push((name, start.elapsed().as_secs_f32()));
    Ok(result)
}

fn table(times: &[(&str, f32)]) -> String {
    let total = ("all", times.iter().map(|(_, seconds)| seconds).sum());
    let lines = [("stage", "seconds".to_owned())].into_iter();
    let lines = lines.chain(times.iter().chain([&total]).map(|(name, seconds)| (*name, format!("{seconds:.1}"))));
    lines.map(|(name, seconds)| format!("{name:<12}{seconds:>8}")).collect::<Vec<_>>().join("\n")
}

fn rustdoc() -> Result<()> {
    let mut doc = cargo("doc");
    doc.args(["--workspace", "--no-deps", "--profile", "test"]).args(kernels::features());
    step(doc.env("RUSTDOCFLAGS", "--deny warnings"))
}

/// The checks of these stages that this machine cannot run, with the reason.
fn left_out(stages: &[&str]) -> Vec<&'static str> {
    let has_data = env::var_os("FASHION_MNIST_DIR").is_some_and(|folder| !folder.is_empty());
    let data = (stages.contains(&TESTS) && !has_data).then_some(NO_DATA);
    parts::missing(stages).iter().map(|part| part.left_out).chain(data).collect()
}

fn listed(left_out: &[&str]) -> String {
    let parts: String = left_out.iter().map(|part| format!("  - {part}\n")).collect();
    format!("LEFT OUT:\n{parts}`cargo xtask test --setup` installs what it can, after it has said what that is")
}

/// The library for each of the firmware's targets, with and without its optional parts.
fn targets(toolchain: Option<&Toolchain>) -> Result<()> {
    if let Some(toolchain) = toolchain {
        core_for_boards(toolchain)?;
    } else {
        say!("LEFT OUT: the library for the boards: no compiler here builds for them");
    }
    match Toolchain::for_page() {
        Ok(toolchain) => step(web::cargo(&toolchain, "clippy").args(DENY_WARNINGS)),
        Err(error) => {
            say!("LEFT OUT: the library for a browser: {error:#}");
            Ok(())
        }
    }
}

fn core_for_boards(toolchain: &Toolchain) -> Result<()> {
    for target in toolchain::targets()? {
        let build = || {
            let mut build = toolchain.cargo("build", &target, None);
            build.args(["--package", "core", "--profile", "firmware"]);
            build
        };
        step(&mut build())?;
        step(build().args(CORE_FEATURES))?;
    }
    Ok(())
}

/// The programs for every board with its own model, and for one board of each processor the trainer: built, and their lints.
///
/// The weights are hardly trained: what is built here is not run. The tests flash their own.
fn firmware(toolchain: Option<&Toolchain>) -> Result<()> {
    let Some(toolchain) = toolchain else {
        say!("LEFT OUT: no compiler here builds for the boards");
        return Ok(());
    };
    for name in board::names() {
        let board = Board::named(&name)?;
        let fitting =
            [Program::Predict, Program::Serve, Program::Loader, Program::Fingerprint, Program::Bare, Program::Crash];
        programs(toolchain, &board, &fitting, &Model::named(&board.model, BUILT_IN.map(Into::into).into())?)?;
    }
    for processor in Processor::ALL {
        let boards = board::names().into_iter().map(|name| Board::named(&name)).collect::<Result<Vec<_>>>()?;
        let board = boards.iter().find(|board| board.trains && board.processor() == processor);
        let board = board.with_context(|| format!("no board of {processor:?} trains"))?;
        programs(toolchain, board, &[Program::Train], &Model::named("tiny", BUILT_IN.map(Into::into).into())?)?;
    }
    Ok(())
}

fn programs(toolchain: &Toolchain, board: &Board, programs: &[Program], model: &Model) -> Result<()> {
    let embed = workspace::target_dir()?.join("embed").join(format!("{}-test", board.name));
    let weights = embed.with_extension("selvedge");
    step(model.train_command(&weights).args(["--limit-train", "64", "--steps", "1"]))?;
    let weights = Weights::read(&weights)?;
    step(&mut model.embed_command(Some(&weights), "test", Some(2), &embed))?;
    let probe = board.probe.as_ref().map(|_| Device::Probe);
    for device in [Device::Emulator].into_iter().chain(probe) {
        let firmware = Firmware { board, device, layers: None, embed: &embed };
        // The program `crash` is built for one way to crash.
        let cargo = |subcommand| {
            let mut cargo = firmware.cargo(toolchain, subcommand, programs);
            cargo.env("SELVEDGE_CRASH", "panic");
            cargo
        };
        step(cargo("clippy").args(DENY_WARNINGS))?;
        step(&mut cargo("build"))?;
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

    #[test]
    fn an_unknown_stage_lists_the_known() {
        let error = run(&TestOptions { only: Some("x y".into()), setup: false }).unwrap_err().to_string();
        assert!(error.contains(": there are fmt, clippy, ") && error.ends_with(", sanitizers"), "{error}");
        STAGES.iter().for_each(|(name, _)| assert!(error.contains(name), "{name}: {error}"));
    }

    #[test]
    fn each_part_is_needed_by_known_stages() {
        for stage in parts::PARTS.iter().flat_map(|part| part.stages) {
            assert!(STAGES.iter().any(|(name, _)| name == stage), "{stage}");
        }
    }

    #[test]
    fn what_is_left_out_is_a_line_each() {
        let lines = listed(&["one", "two"]);
        assert!(lines.starts_with("LEFT OUT:\n  - one\n  - two\n`cargo xtask test --setup` "), "{lines}");
    }

    #[test]
    fn a_failing_stage_has_no_time() {
        let mut times = Vec::new();
        assert_eq!(timed("first", &mut times, || Ok(3)).unwrap(), 3);
        assert_eq!(timed("second", &mut times, || -> Result<()> { bail!("no") }).unwrap_err().to_string(), "no");
        assert_eq!(times.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["first"]);
        let table = table(&[("fmt", 1.0), ("tests", 10.5)]);
        assert_eq!(table, "stage        seconds\nfmt              1.0\ntests           10.5\nall             11.5");
    }
}
