//! `cargo xtask flash`: runs a model on a board, and compares its bits with the host's.

mod device;
mod firmware;
mod fit;
pub mod model;
pub mod report;
mod room;
mod training;

pub use device::{Device, NO_SERIAL, Running, Started};
pub use firmware::Firmware;
pub use fit::DoesNotFit;
pub use report::saved_hash;
pub use room::Load;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{ExitCode, ExitStatus},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use board::Board;
use clap::{Args, ValueEnum};
use selvedge::architecture::Architecture;

use crate::{toolchain::Toolchain, workspace};
use model::Choice;

/// The default number of test samples.
const SAMPLES: u32 = 100;
/// The largest number of differences that are shown.
const SHOWN_DIFFERENCES: usize = 20;

/// The options of `flash`.
#[derive(Args)]
pub struct FlashOptions {
    /// The board: a file in firmware/boards, without its ending .toml
    #[arg(long, value_name = "NAME", default_value = board::DEFAULT)]
    board: String,
    /// The program to run
    #[arg(long, value_enum, default_value_t = Program::Predict)]
    program: Program,
    /// The number of test samples to predict [default: 100, or all if there are fewer]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    count: Option<u32>,
    /// Run on the real chip, through probe-rs
    #[arg(long)]
    probe: bool,
    /// Stop a program after this number of seconds without output
    #[arg(long, value_name = "SECONDS", default_value_t = TIMEOUT, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// Also show the board's answer to each sample, as it arrives
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    network: Choice,
}

/// A program of the firmware: `firmware/src/bin/<name>.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Program {
    /// Predicts embedded test samples
    Predict,
    /// Measures the instructions and the stack of a prediction
    Measure,
    /// Trains from random weights on embedded training samples, by the recipe in firmware/training.toml
    Train,
    /// Answers requests from the UART, for `cargo xtask device`
    #[value(skip)]
    Serve,
    /// Tests that the weight loader refuses damaged files
    Loader,
    /// Prints hashes of the functions of the arithmetic
    Fingerprint,
    /// Predicts one sample, without output
    Bare,
    /// Ends as the environment variable SELVEDGE_CRASH says: panic, fault or overflow; deep gives a program that does not fit
    #[value(hide = true)]
    Crash,
}

impl Program {
    /// Returns the name of the program's binary in cargo.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Predict => "predict",
            Self::Measure => "measure",
            Self::Train => "train",
            Self::Serve => "serve",
            Self::Loader => "loader",
            Self::Fingerprint => "fingerprint",
            Self::Bare => "bare",
            Self::Crash => "crash",
        }
    }
}

/// Builds the program, runs it and compares its results. If it has no results to compare, this returns the program's exit code.
pub fn run(options: &FlashOptions) -> Result<ExitCode> {
    let device = if options.probe { Device::Probe } else { Device::Emulator };
    let run = Run::new(&options.board, options.program, device, options.timeout)?;
    match options.program {
        Program::Train => training::train(options, &run),
        Program::Predict | Program::Measure | Program::Bare | Program::Serve => predict(options, &run),
        Program::Loader | Program::Fingerprint | Program::Crash => {
            say!("{} ({}): {}", run.board.name, run.board.description, run.program.name());
            exit_code(run.build_and_run(None, |line| say!("{line}"))?)
        }
    }
}

/// The default of `--timeout`: the largest number of seconds without output.
pub const TIMEOUT: u64 = 120;

/// The board, the program and the files of this call.
pub struct Run {
    /// The board.
    pub board: Board,
    program: Program,
    device: Device,
    toolchain: Toolchain,
    /// The folder of the files that are compiled into the program.
    pub embed: EmbedFolder,
    silence: Duration,
}

impl Run {
    /// Prepares a program for a board, which must be emulated or connected.
    pub fn new(board: &str, program: Program, device: Device, timeout: u64) -> Result<Self> {
        let board = Board::named(board)?;
        device.check(&board)?;
        Ok(Self {
            toolchain: Toolchain::find()?,
            embed: EmbedFolder::take(&format!("{}-{}", board.name, program.name()))?,
            silence: Duration::from_secs(timeout),
            board,
            program,
            device,
        })
    }

    /// Returns the program of this run.
    pub const fn program(&self) -> Program {
        self.program
    }

    /// Returns the folder of the files that are compiled into the program.
    pub fn folder(&self) -> &Path {
        &self.embed.path
    }

    /// Builds a program with the embedded files. If there are no weights, its model has these layers, or is the default model of the board.
    pub fn build(&self, program: Program, layers: Option<&Architecture>) -> Result<PathBuf> {
        let Self { board, device, embed, .. } = self;
        let firmware = Firmware { board, device: *device, layers, embed: &embed.path };
        embed.build(&firmware, &self.toolchain, program)
    }

    /// Builds the run's program, starts it, and does not wait for its end.
    pub fn build_and_start(&self, serial: &str) -> Result<Started> {
        self.device.start(&self.board, &self.build(self.program, None)?, serial)
    }

    /// Builds the run's program, as [`build`](Self::build) does, runs it, and passes on every line.
    pub fn build_and_run(&self, layers: Option<&Architecture>, each_line: impl FnMut(&str)) -> Result<ExitStatus> {
        let elf = self.build(self.program, layers)?;
        self.device.run(&self.board, &elf, self.silence, each_line)
    }
}

fn predict(options: &FlashOptions, run: &Run) -> Result<ExitCode> {
    let (board, embed) = (&run.board, &run.embed.path);
    let samples = if run.program == Program::Serve { Some(0) } else { options.count };
    let (model, weights) = options.network.fitting(run, samples)?;
    let network = weights.architecture.folded();
    let load = weights.load(run.program, &network, options.network.format, samples);
    let weights = model.deployed(weights, options.network.format, embed)?;
    workspace::run(&mut model.embed_command(Some(&weights), "test", options.count, embed))?;
    let expected = embed.join("expected.jsonl");
    let text = fs::read_to_string(&expected).with_context(|| format!("cannot read {}", expected.display()))?;
    let expected = report::expected(&text)?;

    say!("{} ({}): {} with {}", board.name, board.description, run.program.name(), weights.architecture);
    let mut predictions = Vec::new();
    let shows_all = options.verbose || run.program != Program::Predict;
    let status = run.build_and_run(None, |line| {
        if shows_all || !report::is_of_sample(line) {
            say!("{line}");
        }
        predictions.extend(report::prediction(line));
    });
    let status = status.map_err(|error| load.explain(error, board))?;
    if run.program != Program::Predict {
        return exit_code(status);
    }
    ended_well(status)?;

    let differences = report::differences(&expected, &predictions);
    for difference in differences.iter().take(SHOWN_DIFFERENCES) {
        say!("{difference}");
    }
    if !differences.is_empty() {
        bail!("{} differences from the host in {} samples", differences.len(), expected.len());
    }
    let compared = if expected.iter().any(|sample| sample.class.is_some()) { "class and logits" } else { "outputs" };
    say!("{0} of {0} samples: {compared} equal the host's bits", expected.len());
    Ok(ExitCode::SUCCESS)
}

/// Returns the exit code of a program as the exit code of this program.
pub fn exit_code(status: ExitStatus) -> Result<ExitCode> {
    match status.code().map(u8::try_from) {
        Some(Ok(code)) => Ok(code.into()),
        _ => bail!("the program was stopped ({status})"),
    }
}

fn ended_well(status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("the program on the board failed ({status})");
    }
    Ok(())
}

/// A folder `target/embed/<name>`, which only this run uses until the value is dropped.
pub struct EmbedFolder {
    /// The path.
    pub path: PathBuf,
    _lock: File,
}

impl EmbedFolder {
    /// Waits until no other run uses the folder, and empties it.
    pub fn take(name: &str) -> Result<Self> {
        let path = workspace::target_dir()?.join("embed").join(name);
        let take = || {
            fs::create_dir_all(&path)?;
            let lock = workspace::lock(&path.with_extension("lock"))?;
            fs::remove_dir_all(&path)?;
            fs::create_dir(&path)?;
            Ok::<_, std::io::Error>(lock)
        };
        let lock = take().with_context(|| format!("cannot use {}", path.display()))?;
        Ok(Self { path, _lock: lock })
    }

    /// Builds the program and copies it into the folder, because a build for another board of the same target overwrites cargo's file.
    fn build(&self, firmware: &Firmware<'_>, toolchain: &Toolchain, program: Program) -> Result<PathBuf> {
        let builds = self.path.with_file_name("build.lock");
        let _lock = workspace::lock(&builds).with_context(|| format!("cannot lock {}", builds.display()))?;
        let built = firmware.build(toolchain, program)?;
        let elf = self.path.join(program.name());
        fs::copy(&built, &elf).with_context(|| format!("cannot copy {} to {}", built.display(), elf.display()))?;
        Ok(elf)
    }
}
