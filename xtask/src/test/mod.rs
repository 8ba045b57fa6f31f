//! `cargo xtask test`: everything that must hold before a change is kept. It stops at the first stage that fails.

mod kernels;

use std::{
    env,
    fs::File,
    io::{Read, Seek},
    process::{Child, Command},
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use board::{Board, Processor};
use clap::Args;
use launch::cargo;

use crate::{
    book, cuda,
    flash::{
        Device, Firmware, Program,
        model::{Model, Weights},
    },
    python, setup, tied,
    toolchain::{self, Toolchain},
    typescript, web, workspace,
};

/// The data that comes with the program.
const BUILT_IN: [&str; 2] = ["--data", "builtin"];
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

type Stage = fn(&Toolchain) -> Result<()>;

/// The stages, in their order.
const STAGES: [(&str, Stage); 10] = [
    ("fmt", |_| step(cargo("fmt").args(["--all", "--check"]))),
    ("clippy", |_| kernels::clippy()),
    ("rustdoc", |_| rustdoc()),
    ("book", |_| book::check()),
    ("targets", targets),
    ("firmware", firmware),
    ("cuda", |_| kernels::check_report()),
    // These take longest, and run the firmware in the emulator.
    ("tests", |_| tests()),
    ("gpu", |_| kernels::rehearsal()),
    // Last: it builds the kernels' tests anew.
    ("sanitizers", |_| kernels::sanitized()),
];

/// Sets up, runs every stage, and prints how long each took.
pub fn run(options: &Options) -> Result<()> {
    let only = options.only.as_deref();
    let chosen = STAGES.iter().filter(|(name, _)| only.is_none_or(|only| name.contains(only)));
    let chosen: Vec<_> = chosen.collect();
    if let (Some(only), []) = (only, &chosen[..]) {
        let names = STAGES.map(|(name, _)| name).join(", ");
        bail!("no stage has {only} in its name: there are {names}");
    }
    let mut times = Vec::new();
    let toolchain = timed("set-up", &mut times, || set_up(&chosen.iter().map(|(name, _)| *name).collect::<Vec<_>>()))?;
    for (name, stage) in chosen {
        timed(name, &mut times, || stage(&toolchain).with_context(|| format!("stage {name}")))?;
    }
    say!("\n{}", table(&times));
    let left_out = if only.is_some() { "the other stages were not asked for".to_owned() } else { said_left_out() };
    say!("Passed; {left_out}");
    Ok(())
}

/// Gets what the stages need. Not every machine can download PyTorch or NVIDIA's compiler: what needs them is left out then.
fn set_up(stages: &[&str]) -> Result<Toolchain> {
    setup::run(&setup::Options::default())?;
    let needed = |by: &[&str]| by.iter().any(|name| stages.contains(name));
    if needed(&["tests"])
        && let Err(error) = python::set_up()
    {
        say!("NO PYTHON to test interchange against: {error:#}");
    }
    if needed(&["tests"])
        && let Err(error) = setup::c_compiler(false)
    {
        say!("NO ARM C COMPILER to run exported C on the boards by: {error:#}");
    }
    if needed(&["targets", "tests"])
        && let Err(error) = setup::page(false)
    {
        say!("NO TOOLS FOR THE PAGE: {error:#}");
    }
    if needed(&["clippy", "rustdoc", "cuda", "tests", "gpu", "sanitizers"])
        && let Err(error) = cuda::set_up()
    {
        say!("NO CUDA COMPILER to build the kernels by: {error:#}");
    }
    Toolchain::find()
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

/// The tests of every package, and once more those of core with its optional parts.
fn tests() -> Result<()> {
    // With this, a test that is skipped fails. What this machine cannot have is known before.
    let require_all = left_out().is_empty().then_some(("SELVEDGE_REQUIRE_ALL", "1"));
    let all = || {
        let mut test = cargo("test");
        test.arg("--workspace").args(kernels::features()).envs(require_all);
        test
    };
    step(all().arg("--no-run"))?;
    // The boards' tests mostly wait for one build after the other: the others run meanwhile.
    let mut boards = all();
    boards.args(["--test", "boards"]);
    let boards = Aside::start(boards)?;
    step(all().args(["--", "--skip", "boards::"]))?;
    step(cargo("test").args(["--package", "core"]).args(CORE_FEATURES).envs(require_all))?;
    boards.end()
}

/// A command that runs beside others. Its output is shown at its end. If another command fails first, it and its programs are ended.
struct Aside {
    command: Command,
    output: File,
    process: Child,
}

impl Aside {
    fn start(mut command: Command) -> Result<Self> {
        let shown = workspace::shown(&command);
        let open = || {
            let output = tempfile::tempfile_in(workspace::target_dir()?)?;
            Ok::<_, anyhow::Error>((output.try_clone()?, output.try_clone()?, output))
        };
        let (stdout, stderr, output) = open().with_context(|| format!("no place for what `{shown}` says"))?;
        say!("$ {shown} (beside the next ones)");
        let mut tied = tied::tied(tied::runner(&mut command));
        let process = tied.stdout(stdout).stderr(stderr).spawn().context("cannot start cargo")?;
        Ok(Self { command, output, process })
    }

    fn end(mut self) -> Result<()> {
        let status = self.process.wait().context("cargo was lost")?;
        let mut text = Vec::new();
        self.output
            .rewind()
            .and_then(|()| self.output.read_to_end(&mut text))
            .context("cannot read what cargo said")?;
        say!("$ {}\n{}", workspace::shown(&self.command), String::from_utf8_lossy(&text));
        ensure!(status.success(), "`{}` failed ({status})", workspace::shown(&self.command));
        Ok(())
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // It fails only where it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn rustdoc() -> Result<()> {
    let mut doc = cargo("doc");
    doc.args(["--workspace", "--no-deps", "--profile", "test"]).args(kernels::features());
    step(doc.env("RUSTDOCFLAGS", "--deny warnings"))
}

/// The parts that this machine cannot check, with the reason.
fn left_out() -> Vec<&'static str> {
    let has_data = env::var_os("FASHION_MNIST_DIR").is_some_and(|folder| !folder.is_empty());
    let data = (!has_data).then_some("what needs Fashion-MNIST itself, as FASHION_MNIST_DIR does not name its folder");
    let python = python::found().is_none().then_some("what needs PyTorch and ONNX Runtime, as there is no Python here");
    let cuda = cuda::compiler().is_err().then_some("what needs NVIDIA's compiler, as there is none here");
    let c = workspace::on_path(setup::C_COMPILER).is_none();
    let c = c.then_some("what needs ARM's C compiler, as there is none here");
    let page = Toolchain::for_page().is_err() || !setup::missing_browser().is_empty();
    let page = page.then_some("what needs the page, as there is no compiler for it or no browser here");
    let typescript = typescript::found().is_none();
    let typescript = typescript.then_some("the types of the page's script, as there is no TypeScript here");
    data.into_iter().chain(python).chain(cuda).chain(c).chain(page).chain(typescript).collect()
}

fn said_left_out() -> String {
    let parts = left_out();
    if parts.is_empty() { "nothing was left out".into() } else { format!("left out: {}", parts.join("; ")) }
}

/// The library for each of the firmware's targets, with and without its optional parts.
fn targets(toolchain: &Toolchain) -> Result<()> {
    for target in toolchain::targets()? {
        let build = || {
            let mut build = toolchain.cargo("build", &target, None);
            build.args(["--package", "core", "--profile", "firmware"]);
            build
        };
        step(&mut build())?;
        step(build().args(CORE_FEATURES))?;
    }
    match Toolchain::for_page() {
        Ok(toolchain) => step(web::cargo(&toolchain, "clippy").args(DENY_WARNINGS)),
        Err(error) => {
            say!("NOT CHECKED: the library for a browser: {error:#}");
            Ok(())
        }
    }
}

/// The programs for every board with its own model, and for one board of each processor the trainer: built, and their lints.
///
/// The weights are hardly trained: what is built here is not run. The tests flash their own.
fn firmware(toolchain: &Toolchain) -> Result<()> {
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
        let error = run(&Options { only: Some("x y".into()) }).unwrap_err().to_string();
        assert!(
            error.contains("fmt, clippy, rustdoc, book, targets, firmware, cuda, tests, gpu, sanitizers"),
            "{error}"
        );
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
