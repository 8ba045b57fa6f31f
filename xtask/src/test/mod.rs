//! `cargo xtask test`: all checks and tests that must pass before a change is kept. It stops at the first stage that fails.

mod aside;
mod kernels;
mod programs;

use std::{env, process::Command, time::Instant};

use anyhow::{Context, Result, bail};
use board::{Board, Processor};
use clap::{Args, builder::NonEmptyStringValueParser};
use launch::cargo;

use self::aside::Aside;
use crate::{
    book, check,
    flash::{
        Device, Firmware, Program,
        model::{Model, Weights},
    },
    program,
    setup::parts,
    toolchain::Toolchain,
    web, workspace,
};

/// The targets for which the library is checked alone. The first has no atomic exchange, and only `firmware` asks for a replacement. The second has no
/// board here. For all others, the programs of the boards build the library.
const ALONE: [&str; 2] = ["thumbv6m-none-eabi", "thumbv7m-none-eabi"];
/// The data that comes with the program.
const BUILT_IN: [&str; 2] = ["--data", "builtin"];
/// Core's optional parts.
const CORE_FEATURES: [&str; 2] = ["--features", "core/micromath,core/defmt"];
/// The options by which clippy's warnings are errors.
const DENY_WARNINGS: [&str; 3] = ["--", "--deny", "warnings"];
/// The stages that build in folders of their own. If all stages run, these run beside the first others, because many builds use one processor.
const BESIDE: [&str; 4] = ["book", "targets", "firmware", "loom"];
/// The stage of all tests except the boards'.
const TESTS: &str = "tests";
/// The stage of a GPU machine's check, on an emulated GPU.
const REHEARSAL: &str = "gpu";
/// The stage of the boards' tests. They begin in the stage [`TESTS`], when all tests are built, and run beside its other
/// tests and the stages after it.
const BOARDS: &str = "boards";
/// The checks that are left out without the data, which no set-up downloads.
const NO_DATA: &str = "what needs Fashion-MNIST itself, as FASHION_MNIST_DIR does not name its folder";

/// The options of `test`.
#[derive(Args)]
pub struct TestOptions {
    /// Run only the stages whose names contain one of these texts, such as clippy,book
    #[arg(long, value_name = "STAGE", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    only: Vec<String>,
    /// First list the missing tools of the stages, with their sources and licences, and install them
    #[arg(long)]
    setup: bool,
}

/// The data that the stages share.
#[derive(Default)]
struct Shared<'a> {
    /// The chosen stages.
    stages: &'a [&'static str],
    /// The boards' compiler, if this machine has one.
    toolchain: Option<Toolchain>,
    /// The parts that are installed beside the first stages.
    set_ups: Vec<Aside>,
    /// The stages [`BESIDE`] the others, while they run.
    beside: Option<Aside>,
    /// The boards' tests, while they run.
    boards: Option<Aside>,
}

impl Shared<'_> {
    fn start_set_up(&mut self, command: Command) -> Result<()> {
        self.set_ups.push(Aside::start(command)?);
        Ok(())
    }

    /// Waits for the end of all installations.
    fn end_set_ups(&mut self) {
        self.set_ups.drain(..).filter_map(|set_up| set_up.end().err()).for_each(|error| parts::not_installed(&error));
    }

    /// Waits for the end of the stages [`BESIDE`] the others.
    fn end_beside(&mut self) -> Result<()> {
        self.beside.take().map_or(Ok(()), |beside| beside.end().map(drop))
    }

    /// Ends everything if a command beside the stages has failed in the meantime.
    fn check_asides(&mut self) -> Result<()> {
        for (aside, name) in [(&mut self.beside, "beside"), (&mut self.boards, BOARDS)] {
            if let Some(failed) = aside.take_if(|aside| aside.has_failed()) {
                failed.end().with_context(|| format!("stage {name}"))?;
            }
        }
        Ok(())
    }
}

type Stage = fn(&mut Shared<'_>) -> Result<()>;

/// The stages, in their order.
const STAGES: [(&str, Stage); 12] = [
    ("fmt", |_| step(cargo("fmt").args(["--all", "--check"]))),
    // The stages beside need it. Most of its build uses one processor.
    ("program", |_| step(&mut program::PROGRAM.command())),
    ("clippy", |_| kernels::clippy()),
    ("rustdoc", |_| step(&mut kernels::doc())),
    ("book", |_| book::check()),
    ("targets", |shared| targets(shared.toolchain.as_ref())),
    ("firmware", |shared| firmware(shared.toolchain.as_ref())),
    ("loom", |_| check::orders::run()),
    ("cuda", |_| kernels::check_report()),
    (TESTS, programs::tests),
    (REHEARSAL, |_| kernels::rehearsal()),
    // Last: these take longest. They mostly wait for one build after the other, so all that needs two processors runs meanwhile.
    (BOARDS, programs::boards),
];

/// Runs every stage, and prints its time. The missing tools are listed first and last.
pub fn run(options: &TestOptions) -> Result<()> {
    let (only, is_whole) = (&options.only, options.only.is_empty());
    if let Some(unknown) = only.iter().find(|text| !STAGES.iter().any(|(name, _)| name.contains(text.as_str()))) {
        let names = STAGES.map(|(name, _)| name).join(", ");
        bail!("no stage has {unknown} in its name: there are {names}");
    }
    let is_chosen = |name: &str| is_whole || only.iter().any(|text| name.contains(text.as_str()));
    let chosen: Vec<_> = STAGES.iter().filter(|(name, _)| is_chosen(name)).collect();
    let names: Vec<_> = chosen.iter().map(|(name, _)| *name).collect();
    let mut times = Vec::new();
    let mut shared = Shared { stages: &names, ..Shared::default() };
    if options.setup {
        timed("set-up", &mut times, || parts::install(&names, |command| shared.start_set_up(command)))?;
    }
    let lacking = left_out(&names, !shared.set_ups.is_empty());
    if !lacking.is_empty() {
        say!("{}", listed(&lacking));
    }
    shared.toolchain = Toolchain::find().ok();
    if is_whole {
        let beside = Aside::start(stages(&BESIDE)?)?;
        // Their results are needed late. So they take what the stage `program` leaves of the processors while it compiles one large crate.
        beside.set_niceness(5);
        shared.beside = Some(beside);
    }
    for (name, stage) in chosen.into_iter().filter(|(name, _)| !(is_whole && BESIDE.contains(name))) {
        timed(name, &mut times, || stage(&mut shared).with_context(|| format!("stage {name}")))?;
        shared.check_asides()?;
    }
    say!("\n{}", table(&times));
    if !is_whole {
        say!("The other stages were not asked for");
    }
    let lacking = left_out(&names, false);
    if lacking.is_empty() {
        say!("Passed; nothing was left out");
    } else {
        say!("{}\nPassed, but for what was left out", listed(&lacking));
    }
    Ok(())
}

/// Returns the command that runs only these stages. It is this program, as cargo could start no other while it builds the program `selvedge`.
fn stages(names: &[&str]) -> Result<Command> {
    let mut stages = launch::command(env::current_exe().context("the system does not say where this program is")?);
    stages.args(["test", "--only", &names.join(",")]);
    Ok(stages)
}

/// Runs a stage and notes its time in seconds.
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

/// Returns the checks of these stages that this machine cannot run, with the reason. `is_set_up` is true while parts are still installed beside the
/// stages.
fn left_out(stages: &[&str], is_set_up: bool) -> Vec<&'static str> {
    let has_data = env::var_os("FASHION_MNIST_DIR").is_some_and(|folder| !folder.is_empty());
    let data = (stages.iter().any(|stage| [TESTS, BOARDS].contains(stage)) && !has_data).then_some(NO_DATA);
    let missing = parts::missing(stages).into_iter().filter(|part| !(is_set_up && part.is_beside()));
    missing.map(|part| part.left_out).chain(data).collect()
}

fn listed(left_out: &[&str]) -> String {
    let parts: String = left_out.iter().map(|part| format!("  - {part}\n")).collect();
    format!("LEFT OUT:\n{parts}`cargo xtask test --setup` installs what it can, after it has said what that is")
}

/// Checks the lints of the library for the targets [`ALONE`], without and with its optional parts, and for a browser.
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
    for target in ALONE {
        let core = |subcommand| {
            let mut core = toolchain.cargo(subcommand, target, None);
            core.args(["--package", "core", "--profile", "firmware"]);
            core
        };
        step(core("clippy").args(DENY_WARNINGS))?;
        step(core("clippy").args(CORE_FEATURES).args(DENY_WARNINGS))?;
    }
    Ok(())
}

/// Checks the lints of the programs for one board of each target, and of the training program for the first board of each family that trains. For the
/// boards with a debug probe, checks the lints of the programs for the emulator and for the probe, and builds the latter. The boards' tests build the
/// programs for the emulator.
///
/// The weights are hardly trained, because these programs are not run.
fn firmware(toolchain: Option<&Toolchain>) -> Result<()> {
    let Some(toolchain) = toolchain else {
        say!("LEFT OUT: no compiler here builds for the boards");
        return Ok(());
    };
    let boards = board::names().into_iter().map(|name| Board::named(&name)).collect::<Result<Vec<_>>>()?;
    for board in &boards {
        let fitting =
            [Program::Predict, Program::Serve, Program::Loader, Program::Fingerprint, Program::Bare, Program::Crash];
        let mut alike = boards.iter().filter(|other| other.target == board.target);
        let is_first = alike.clone().next().is_some_and(|first| first.name == board.name);
        if board.probe.is_some() || (is_first && alike.all(|other| other.probe.is_none())) {
            programs(toolchain, board, &fitting, &Model::named(&board.model, BUILT_IN.map(Into::into).into())?)?;
        }
    }
    for processor in Processor::ALL {
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
        if device == Device::Probe {
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
    use clap::FromArgMatches;

    use super::*;

    #[test]
    fn an_unknown_stage_lists_the_known() {
        let error = run(&TestOptions { only: vec!["fmt".into(), "x y".into()], setup: false }).unwrap_err().to_string();
        assert!(error.contains(": there are fmt, program, ") && error.ends_with(", boards"), "{error}");
        assert!(error.starts_with("no stage has x y in its name"), "{error}");
        STAGES.iter().for_each(|(name, _)| assert!(error.contains(name), "{name}: {error}"));
    }

    #[test]
    fn stages_are_a_list_without_empty_names() {
        let parsed = |only: &str| {
            let command = TestOptions::augment_args(clap::Command::new("test"));
            let matches = command.try_get_matches_from(["test", "--only", only])?;
            TestOptions::from_arg_matches(&matches)
        };
        assert_eq!(parsed("clippy,book").unwrap().only, ["clippy", "book"]);
        for empty in ["", "clippy,"] {
            let error = parsed(empty).err().unwrap().to_string();
            assert!(error.contains("a value is required for '--only <STAGE>'"), "{error}");
        }
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
