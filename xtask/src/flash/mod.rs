//! `cargo xtask flash`: a model on a board, and its bits against the host's.

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

/// The test samples where no number is asked for, as far as there are so many.
const SAMPLES: u32 = 100;
/// The most differences that are shown.
const SHOWN_DIFFERENCES: usize = 20;

/// The program to run, and the board.
#[derive(Args)]
pub struct FlashOptions {
    /// The board, a file in firmware/boards
    #[arg(long, value_name = "NAME", default_value = board::DEFAULT)]
    board: String,
    /// What to run
    #[arg(long, value_enum, default_value_t = Program::Predict)]
    program: Program,
    /// The number of test samples to classify [default: 100, or all where there are fewer]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    count: Option<u32>,
    /// Run on the real chip, through probe-rs
    #[arg(long)]
    probe: bool,
    /// Stop a program that has said nothing for so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = TIMEOUT, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// Show the board's answer for each sample too, as it comes
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    network: Choice,
}

/// A program of the firmware: `firmware/src/bin/<name>.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Program {
    /// Classifies embedded test samples
    Predict,
    /// Measures a prediction: instructions, stack
    Measure,
    /// Trains from a seed on embedded training samples, by the recipe in firmware/training.toml
    Train,
    /// Answers what comes through the UART: `cargo xtask device`
    #[value(skip)]
    Serve,
    /// Holds the weight loader to broken files
    Loader,
    /// Prints hashes of the arithmetic's functions
    Fingerprint,
    /// Classifies one sample, without a log
    Bare,
    /// Ends as SELVEDGE_CRASH in the environment says: panic, fault or overflow; or, with deep, does not fit
    #[value(hide = true)]
    Crash,
}

impl Program {
    /// Its name in cargo.
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

/// Builds, runs and compares. Where there is nothing to compare, the exit code is the program's.
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

/// Seconds for which a program may say nothing.
pub const TIMEOUT: u64 = 120;

/// Where and what this call runs.
pub struct Run {
    /// The board.
    pub board: Board,
    program: Program,
    device: Device,
    toolchain: Toolchain,
    /// The folder of the embedded files.
    pub embed: EmbedFolder,
    silence: Duration,
}

impl Run {
    /// A program on a board, which must be within reach.
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

    /// The program that it runs.
    pub const fn program(&self) -> Program {
        self.program
    }

    /// The folder of what is embedded.
    pub fn folder(&self) -> &Path {
        &self.embed.path
    }

    /// Builds a program with what is embedded. Where no weights are, its model has these layers, or is the board's own.
    pub fn build(&self, program: Program, layers: Option<&Architecture>) -> Result<PathBuf> {
        let Self { board, device, embed, .. } = self;
        let firmware = Firmware { board, device: *device, layers, embed: &embed.path };
        embed.build(&firmware, &self.toolchain, program)
    }

    /// Builds the run's program, starts it, and does not wait for its end.
    pub fn build_and_start(&self, serial: &str) -> Result<Started> {
        self.device.start(&self.board, &self.build(self.program, None)?, serial)
    }

    /// Builds the run's program, as [`build`](Self::build) does, runs it and hands on every line.
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

/// A program's exit code as this one's.
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

/// `target/embed/<name>`: this run's alone, until it is dropped.
pub struct EmbedFolder {
    /// Where it is.
    pub path: PathBuf,
    _lock: File,
}

impl EmbedFolder {
    /// Waits until no other run has the folder, and empties it.
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

    /// Builds the program and keeps it here: a build for another board of the same target would write over cargo's.
    fn build(&self, firmware: &Firmware<'_>, toolchain: &Toolchain, program: Program) -> Result<PathBuf> {
        let builds = self.path.with_file_name("build.lock");
        let _lock = workspace::lock(&builds).with_context(|| format!("cannot lock {}", builds.display()))?;
        let built = firmware.build(toolchain, program)?;
        let elf = self.path.join(program.name());
        fs::copy(&built, &elf).with_context(|| format!("cannot copy {} to {}", built.display(), elf.display()))?;
        Ok(elf)
    }
}
