//! The program `selvedge`: the work of its commands, a file each. Their options are in the package `options`.

mod completions;
mod convert;
mod data;
mod device;
mod embed;
mod engines;
mod eval;
mod export_c;
mod inspect;
mod man;
mod new;
mod outputs;
mod predict;
mod quantize;
mod recipes;
mod report;
mod samples;
mod search;
mod show;
mod train;

#[cfg(unix)]
use std::sync::Arc;
use std::{
    fmt::Display,
    fs::File,
    io::{self, Read, Write},
    num::NonZero,
    path::Path,
    process::ExitCode,
    thread,
};

use crate::{
    classes::Classes,
    data::{Dataset, Reading, Recorded, Search, Split},
    engine::{InstructionSet, Simd},
    file_kind::foreign,
    model_file::{Assumption, ModelFile},
    training::{self, OpenGpu},
    weights::WeightsError,
};
use anyhow::{Context, Result, bail, ensure};
use clap::{Parser, Subcommand};
use options::{
    Command,
    commands::{self, Data, Model, Part, Threads},
    layers::Layers,
};
use selvedge::{
    architecture::Architecture,
    fashion_mnist::{CLASSES, PIXELS},
    shape::Names,
    task::{Task, TaskKind},
    weights::WeightFileError,
};

use train::Interrupted;

/// Train a multilayer perceptron on this machine, and run it on a microcontroller with the same bits.
#[derive(Parser)]
#[command(name = "selvedge", version)]
struct Arguments {
    #[command(subcommand)]
    command: Commands,
}

#[derive(Subcommand)]
enum Commands {
    #[command(flatten)]
    Local(Box<options::Command>),
    /// Talk to a board over its UART: show its network, predict on it, and compare its bits with this machine's
    #[command(subcommand)]
    Device(options::Device),
}

/// Returns the command line of `selvedge`, with its examples.
fn command_line() -> clap::Command {
    options::program::<Arguments>(&[])
}

/// Runs the program `selvedge`: reads its arguments, and returns its exit code. `gpu` opens the GPU that trains, if the program has the code
/// for one.
pub fn main(gpu: Option<OpenGpu>) -> ExitCode {
    // With a handler, the limit on a file's size is a write error. Without one, the signal kills the program.
    #[cfg(unix)]
    let _ = signal_hook::flag::register(libc::SIGXFSZ, Arc::default());
    let arguments = match options::parse::<Arguments>(&[]) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    let result = match arguments.command {
        Commands::Local(command) => run(&command, gpu),
        Commands::Device(command) => device::run(&command),
    };
    // A result that was not written is lost.
    match result.and_then(|()| Ok(terminal::stdout().flush()?)) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has seen enough of it (`… | head`).
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // A closed standard error is no reason to panic.
            let _ = writeln!(terminal::stderr(), "error: {error:#}");
            if error.is::<Interrupted>() || error.is::<search::Stopped>() {
                Interrupted::EXIT_CODE.into()
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Runs a command that needs no board.
fn run(command: &Command, gpu: Option<OpenGpu>) -> Result<()> {
    match command {
        Command::Train(options) => train::run(options, gpu),
        Command::Search(options) => search::run(options),
        Command::Recipes(options) => recipes::run(options),
        Command::Eval(options) => eval::run(options),
        Command::Report(options) => report::run(options),
        Command::Predict(options) => predict::run(options),
        Command::Inspect(options) => inspect::run(options),
        Command::Convert(options) => convert::run(options),
        Command::Quantize(options) => quantize::run(options),
        Command::Data(options) => data::run(options),
        Command::Show(options) => show::run(options),
        Command::Embed(options) => embed::run(options),
        Command::ExportC(options) => export_c::run(options),
        Command::New(options) => new::run(options),
        Command::Engines(options) => engines::run(options),
        Command::Completions(options) => completions::run(options),
        Command::Man(options) => man::run(options),
    }
}

fn load(options: &Data) -> Result<Dataset> {
    read_data(options, Reading::default())
}

/// Loads the data; `reading` says what is known of a network that takes it.
fn read_data(options: &Data, reading: Reading) -> Result<Dataset> {
    search_data(options, reading, Search::from_environment())
}

/// Loads the data from the places of a search.
fn search_data(options: &Data, reading: Reading, search: Search) -> Result<Dataset> {
    let reading = Reading { classes: options.classes.clone(), source: options.source.clone(), ..reading };
    let search = Search { reading, ..search };
    let data = search.load(options.data.as_deref())?;
    data.notice.iter().chain(&data.notes).for_each(note);
    Ok(data)
}

/// Prints a note, which is not an error.
fn note(text: impl Display) {
    // A closed standard error is no reason to fail.
    let _ = writeln!(terminal::stderr(), "note: {text}");
}

fn part(part: Part, data: Dataset) -> Split {
    match part {
        Part::Train => data.train,
        Part::Test => data.test,
    }
}

/// Checks that an output replaces only a file of the same kind: an existing file must be empty, or begin with one of these bytes.
fn check_replaced(path: &Path, beginnings: &[&[u8]], kind: &str) -> Result<()> {
    if !path.is_file() {
        return Ok(());
    }
    let mut found = Vec::new();
    let longest = beginnings.iter().map(|beginning| beginning.len()).max().unwrap_or(0);
    let read = File::open(path).and_then(|file| file.take(longest as u64).read_to_end(&mut found));
    read.with_context(|| format!("cannot read {}", path.display()))?;
    if !found.is_empty() && !beginnings.iter().any(|beginning| found.starts_with(beginning)) {
        bail!("{} is there, and is not {kind}: name another file, or remove this one", path.display());
    }
    Ok(())
}

/// Returns the layers for this data, dropout too where it was asked for among them.
fn architecture(options: &Model, data: &Dataset) -> Result<Architecture> {
    let resolve = |layers: &Layers| layers.resolve(data.input.features(), data.classes.count());
    let layers = options.layers.as_ref().map(resolve).transpose().context("--layers")?;
    data.architecture(&options.model, layers.as_ref()).context(if layers.is_some() { "--layers" } else { "--model" })
}

/// Checks the bytes of a network's file.
fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<ModelFile<'a>> {
    match ModelFile::parse(bytes) {
        Err(WeightFileError::Magic) if let Some(what) = foreign(bytes) => bail!("{}: this is {what}", path.display()),
        parsed => Ok(parsed.map_err(WeightsError::in_file(path))?),
    }
}

/// Checks that a network can compute: none of its weights is NaN or infinite, and no variance below 0.
fn check_weights(path: &Path, file: &ModelFile<'_>) -> Result<()> {
    file.check_weights().with_context(|| path.display().to_string())
}

/// The note if a recipe has label smoothing and the task has none.
const NO_SMOOTHING: &str = "only a classification has label smoothing, so the recipe's is left out";

fn is_classification(data: &Dataset) -> bool {
    data.task.get().kind() == TaskKind::Classification
}

/// Refuses what only the loss of a classification has.
fn check_task(data: &Dataset, has_weights: bool, with: &training::TrainingOptions) -> Result<()> {
    if is_classification(data) {
        return Ok(());
    }
    let task = data.task.get().kind();
    ensure!(!has_weights, "class-weights: only a classification has classes to weigh, and this is {task}");
    ensure!(
        with.label_smoothing == 0.0,
        "label-smoothing: only a classification has it, and this is {task}; take --label-smoothing 0"
    );
    Ok(())
}

/// Loads the samples that a network is to classify, and checks that it takes them and can name their classes.
fn load_for(path: &Path, file: &ModelFile<'_>, options: &Data) -> Result<Dataset> {
    load_from(path, file, options, Search::from_environment())
}

/// Does the same as [`load_for`] with the places of a search.
fn load_from(path: &Path, file: &ModelFile<'_>, options: &Data, search: Search) -> Result<Dataset> {
    let signature = file.signature();
    if options.data.is_none() && !may_be_garments(file) {
        bail!(
            "{} takes {}{}, not Fashion-MNIST's images: name its data by --data",
            path.display(),
            file.input(),
            signature.feature_names.get(0).map_or_else(String::new, |name| format!(" ({name}, …)"))
        );
    }
    let [network_features, network_outputs] =
        [signature.feature_names, signature.output_names].map(|names| names.iter().map(str::to_owned).collect());
    let network_task = signature.task.kind();
    let reading = Reading {
        has_network: true,
        network_features,
        network_task,
        network_outputs,
        network_reading: Recorded::parse(signature.reading),
        network_input: signature.input,
        ..Reading::default()
    };
    let data = search_data(options, reading, search)?;
    file.take(data).with_context(|| path.display().to_string())
}

/// Returns a note where the weights were trained on other samples than this data's training part.
fn trained_on_others(file: &ModelFile<'_>, data: &Dataset) -> Option<String> {
    let ModelFile::F32(file) = file else { return None };
    let record = file.record();
    if record.dataset != data.name {
        return Some(format!("the weights were trained on {}", record.dataset));
    }
    // A part of another size may have had test samples in it.
    let are_others = record.dataset_checksum != data.checksum && record.dataset_checksum != [0; 32];
    are_others.then(|| {
        format!(
            "the weights were trained on {} samples that are not the training part of {} here; test samples may be among them",
            record.samples, data.name
        )
    })
}

/// Returns true if a network can take the data that is found where none is named.
fn may_be_garments(file: &ModelFile<'_>) -> bool {
    let ends = (file.input().features(), file.architecture().outputs());
    let signature = file.signature();
    ends.0 == PIXELS
        && ends.1 >= CLASSES
        && signature.feature_names == Names::NONE
        && signature.task == Task::Classification
}

/// Returns the classes by the file's names; says where these are a guess.
fn classes(options: &commands::File, file: &ModelFile<'_>) -> Classes {
    if file.assumes() == Some(Assumption::Guess) {
        note(format_args!("{} names no classes; these are Fashion-MNIST's", options.path.display()));
    }
    file.classes()
}

/// Returns an engine for work that is too little to be shared out.
fn engine_of_one_thread() -> Result<Simd> {
    Ok(Simd::new(InstructionSet::from_environment()?, NonZero::<usize>::MIN)?)
}

fn engine(options: &Threads) -> Result<Simd> {
    let asked = options.threads.and_then(|threads| NonZero::new(usize::from(threads)));
    let threads = asked.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZero::<usize>::MIN);
    Ok(Simd::new(InstructionSet::from_environment()?, threads)?)
}
