//! The program's commands, one file each.

mod convert;
mod device;
mod embed;
mod engines;
mod eval;
mod inspect;
mod predict;
mod quantize;
mod recipes;
mod samples;
mod show;
mod train;

pub use train::Interrupted;

use std::{
    fmt::Display,
    io::{self, Write},
    num::NonZero,
    path::{Path, PathBuf},
    thread,
};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum, builder::PossibleValuesParser};
use host::{
    classes::Classes,
    data::{self, Dataset, Split},
    engine::{InstructionSet, Simd},
    interchange::Format,
    model_file::{Assumption, ModelFile},
    weights::{self, WeightsError},
};
use selvedge::{
    architecture::Architecture,
    models::{self, NAMES},
    weights::WeightFileError,
};

/// What the program can do.
#[derive(Subcommand)]
pub enum Command {
    /// Train a model and write its weight file
    Train(train::Options),
    /// List the built-in recipes, or print a recipe as a file for `train --recipe`
    Recipes(recipes::Options),
    /// Evaluate a network's file on the test samples
    Eval(eval::Options),
    /// Classify pictures or other samples
    Predict(predict::Options),
    /// Show what a network's file holds
    Inspect(inspect::Options),
    /// Write weights in another program's format, or read them from it
    ///
    /// Reads .selvedge, .safetensors, .pth and .npz; writes .selvedge, .safetensors, .npz and .onnx.
    Convert(convert::Options),
    /// Make a model's weights smaller for microcontrollers (8, 4 or 16 bits), and prove for which test samples that changes no class
    Quantize(quantize::Options),
    /// Show samples of the data set
    Show(show::Options),
    /// Write samples, and what the host makes of them, for a microcontroller's flash
    Embed(embed::Options),
    /// Talk to a board over its UART: what it is, its predictions, and whether they have this machine's bits
    #[command(subcommand)]
    Device(device::Command),
    /// List the engines that this processor has, the fastest first
    ///
    /// The first computes, unless the environment variable SELVEDGE_ENGINE names another. All compute the same bits.
    Engines(engines::Options),
}

impl Command {
    /// Runs the command.
    pub fn run(self) -> Result<()> {
        match self {
            Self::Train(options) => options.run(),
            Self::Recipes(options) => options.run(),
            Self::Eval(options) => options.run(),
            Self::Predict(options) => options.run(),
            Self::Inspect(options) => options.run(),
            Self::Convert(options) => options.run(),
            Self::Quantize(options) => options.run(),
            Self::Show(options) => options.run(),
            Self::Embed(options) => options.run(),
            Self::Device(command) => command.run(),
            Self::Engines(options) => options.run(),
        }
    }
}

/// The source of the samples.
#[derive(Args)]
struct DataOptions {
    /// Folder with four IDX files named as Fashion-MNIST's, or `builtin` for the built-in set
    ///
    /// The files decide a network's inputs and outputs. Their names have idx3 in them for grey images, idx4 for images with channels
    /// (channels, rows, columns), and idx2 for samples that are no images. A file classes.txt beside them, a line for each class, names the
    /// classes. Without --data: the folder named by FASHION_MNIST_DIR, data/fashion-mnist, the user's cache folder, a download into that, and
    /// without the internet the built-in set.
    #[arg(long, value_name = "DIR|builtin")]
    data: Option<PathBuf>,
}

impl DataOptions {
    fn load(&self) -> Result<Dataset> {
        let data = data::load(self.data.as_deref())?;
        data.notice.iter().for_each(note);
        Ok(data)
    }
}

/// Says what is worth knowing and no error.
fn note(text: impl Display) {
    // A closed standard error is no reason to fail.
    let _ = writeln!(io::stderr(), "note: {text}");
}

/// A part of the data set.
#[derive(Clone, Copy, ValueEnum)]
enum Part {
    /// The training samples.
    Train,
    /// The test samples.
    Test,
}

impl Part {
    fn of(self, data: Dataset) -> Split {
        match self {
            Self::Train => data.train,
            Self::Test => data.test,
        }
    }
}

/// Which network.
#[derive(Args)]
struct ModelOptions {
    /// A named model: quickstart (two hidden layers of 512 units, PyTorch's), small (one of 128) or tiny (one of 16)
    ///
    /// The data decides its inputs and outputs.
    #[arg(long, default_value = "quickstart", value_parser = PossibleValuesParser::new(NAMES))]
    model: String,

    /// Any other network: widths, such as 784,256,64,10, or layers, such as '784 => 256 BatchNorm1d Relu => 10'
    ///
    /// Between widths alone stands ReLU. The first width is the number of the data's features, the last at least that of its classes.
    #[arg(long, conflicts_with = "model")]
    layers: Option<Architecture>,
}

impl ModelOptions {
    /// The layers for this data, dropout too where it was asked for among them.
    fn architecture(&self, data: &Dataset) -> Result<Architecture> {
        data.architecture(&self.model, self.layers.as_ref()).context(if self.layers.is_some() {
            "--layers"
        } else {
            "--model"
        })
    }

    /// The model's name, as its files have it.
    fn name(&self) -> String {
        self.layers.as_ref().map_or_else(|| self.model.clone(), |layers| models::file_name(layers).to_string())
    }
}

/// Checks the bytes of a network's file.
fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<ModelFile<'a>> {
    match ModelFile::parse(bytes) {
        Err(WeightFileError::Magic)
            if matches!(Format::of_extension(path), Some(Format::Safetensors | Format::Pth | Format::Npz)) =>
        {
            bail!("{}: this is another program's file; `selvedge convert` makes a .selvedge file of it", path.display())
        }
        parsed => Ok(parsed.map_err(WeightsError::in_file(path))?),
    }
}

/// A network's file that a command works with.
#[derive(Args)]
struct FileOptions {
    /// The network's file
    #[arg(value_name = "FILE")]
    path: PathBuf,
}

impl FileOptions {
    fn read(&self) -> Result<Vec<u8>> {
        Ok(weights::read(&self.path)?)
    }

    /// Checks the file's bytes.
    fn parse<'a>(&self, bytes: &'a [u8]) -> Result<ModelFile<'a>> {
        parse(&self.path, bytes)
    }

    /// Checks that the network takes this data's samples and can name their classes.
    fn check_data(&self, file: &ModelFile<'_>, data: &Dataset) -> Result<()> {
        file.check(data).with_context(|| self.path.display().to_string())
    }

    /// The classes by the file's names; says where these are a guess.
    fn classes(&self, file: &ModelFile<'_>) -> Classes {
        if file.assumes() == Some(Assumption::Guess) {
            note(format_args!("{} names no classes; these are Fashion-MNIST's", self.path.display()));
        }
        file.classes()
    }
}

/// How many threads compute.
#[derive(Args)]
struct ThreadOptions {
    /// Threads; the bits do not depend on it [default: the machine's]
    ///
    /// Nor do they on the instructions: SELVEDGE_ENGINE=portable|avx2|avx512|neon chooses them, `selvedge engines` lists those that this
    /// processor has, and without it the fastest are taken.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl ThreadOptions {
    fn engine(&self) -> Result<Simd> {
        let asked = self.threads.and_then(|threads| NonZero::new(usize::from(threads)));
        let threads = asked.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZero::<usize>::MIN);
        Ok(Simd::new(InstructionSet::from_environment()?, threads)?)
    }
}
