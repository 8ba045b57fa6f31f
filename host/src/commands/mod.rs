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
mod show;
mod train;

pub use train::Interrupted;

use std::{
    io::{self, Write},
    num::NonZero,
    path::{Path, PathBuf},
    thread,
};

use anyhow::{Result, bail, ensure};
use clap::{Args, Subcommand, ValueEnum, builder::PossibleValuesParser};
use host::{
    data::{self, Dataset, Split},
    engine::{InstructionSet, Simd},
    models::{Boxed, Model},
    quantization::Network,
    weights::{self, WeightsError},
};
use selvedge::{
    architecture::Architecture,
    models::{self, CLASSES, NAMES, PIXELS},
    weights::WeightFile,
};

/// What the program can do.
#[derive(Subcommand)]
pub enum Command {
    /// Train a model and write its weight file
    Train(train::Options),
    /// List the built-in recipes, or print a recipe as a file for `train --recipe`
    Recipes(recipes::Options),
    /// Evaluate a weight file on the test images
    Eval(eval::Options),
    /// Classify pictures
    Predict(predict::Options),
    /// Show what a weight file holds
    Inspect(inspect::Options),
    /// Write weights in another program's format, or read them from it
    ///
    /// Reads .selvedge, .safetensors, .pth and .npz; writes .selvedge, .safetensors, .npz and .onnx.
    Convert(convert::Options),
    /// Make a model's weights smaller for microcontrollers (8, 4 or 16 bits), and prove for which test images that changes no class
    Quantize(quantize::Options),
    /// Show samples of the data set
    Show(show::Options),
    /// Write images, and what the host makes of them, for a microcontroller's flash
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

/// Where images come from.
#[derive(Args)]
struct DataOptions {
    /// Folder with Fashion-MNIST's four files, or `builtin` for the built-in set
    ///
    /// Without it: the folder named by FASHION_MNIST_DIR, data/fashion-mnist, the user's cache folder, a download into that, and where there
    /// is no network the built-in set.
    #[arg(long, value_name = "DIR|builtin")]
    data: Option<PathBuf>,
}

impl DataOptions {
    fn load(&self) -> Result<Dataset> {
        let data = data::load(self.data.as_deref())?;
        note(&data);
        Ok(data)
    }
}

/// Says where the data is not what was looked for: before the work and after it.
fn note(data: &Dataset) {
    if let Some(notice) = &data.notice {
        // A closed standard error is no reason to fail.
        let _ = writeln!(io::stderr(), "note: {notice}");
    }
}

/// A part of the data set.
#[derive(Clone, Copy, ValueEnum)]
enum Part {
    /// The training images.
    Train,
    /// The test images.
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
    /// A named model: quickstart (784-512-512-10, PyTorch's), small (784-128-10) or tiny (784-16-10)
    #[arg(long, default_value = "quickstart", value_parser = PossibleValuesParser::new(NAMES))]
    model: String,

    /// Any other topology: widths, such as 784,256,64,10, or layers, such as '784 => 256 BatchNorm1d Relu => 10'
    ///
    /// Between widths alone stands ReLU. The layers are part of the program: `cargo xtask` builds it for them.
    #[arg(long, conflicts_with = "model", value_parser = models::classifier)]
    layers: Option<Architecture>,
}

impl ModelOptions {
    /// The layers, dropout too where it was asked for among them.
    fn architecture(&self) -> Architecture {
        let layers = self.layers.clone().or_else(|| models::named(&self.model));
        layers.expect("the parser admits named models only")
    }

    /// The model's name, as its files have it.
    fn name(&self) -> String {
        self.layers.as_ref().map_or(self.model.clone(), |_| model_name(&self.architecture()))
    }
}

/// Of a named model its name, of another its layers: `784-256-10`, `784-256-BatchNorm1d-Relu-10`.
fn model_name(layers: &Architecture) -> String {
    let layers = layers.for_prediction();
    let named = NAMES.into_iter().find(|name| models::named(name).as_ref() == Some(&layers));
    let words = || format!("{:#}", layers.expression()).replace(" => ", "-").replace([',', ' '], "-");
    named.map_or_else(words, Into::into)
}

/// A weight file that a command works with.
#[derive(Args)]
struct FileOptions {
    /// The weight file
    #[arg(value_name = "FILE")]
    path: PathBuf,
    #[command(flatten)]
    layers: LayersOption,
}

impl FileOptions {
    fn read(&self) -> Result<Vec<u8>> {
        Ok(weights::read(&self.path)?)
    }

    /// Checks the bytes of a quantised network's file, for a classifier.
    fn parse_quantized<'a>(&self, bytes: &'a [u8]) -> Result<Network<'a>> {
        let file = Network::parse(bytes).map_err(WeightsError::in_file(&self.path))?;
        self.layers.check(&file.architecture(), &self.path)?;
        check_classifier(&file.architecture(), &self.path)?;
        Ok(file)
    }

    /// Checks the file's bytes.
    fn parse<'a>(&self, bytes: &'a [u8]) -> Result<WeightFile<'a>> {
        let file = WeightFile::parse(bytes).map_err(WeightsError::in_file(&self.path))?;
        self.layers.check(file.architecture(), &self.path)?;
        Ok(file)
    }

    /// The file's model, on the heap.
    fn model<M: Model>(&self, file: &WeightFile<'_>) -> Result<Boxed<M>> {
        let mut model = Boxed::<M>::zeroed();
        file.copy_to(&mut *model).map_err(WeightsError::in_file(&self.path))?;
        Ok(model)
    }
}

/// A network that no type of this build has checked must be one from images to classes.
fn check_classifier(found: &Architecture, path: &Path) -> Result<()> {
    let ends = [found.inputs(), found.outputs()];
    ensure!(
        ends == [PIXELS, CLASSES],
        "{}: this is a {found} network, not one from {PIXELS} pixels to {CLASSES} classes",
        path.display()
    );
    Ok(())
}

/// For a file whose topology has no name: `cargo xtask` builds the program for it.
#[derive(Args)]
struct LayersOption {
    /// The file's layers, where it is none of the named models, such as 784,256,64,10
    #[arg(long, value_parser = models::classifier)]
    layers: Option<Architecture>,
}

impl LayersOption {
    fn check(&self, found: &Architecture, path: &Path) -> Result<()> {
        match &self.layers {
            Some(layers) if layers.for_prediction() != *found => {
                bail!("{}: this is a {found} network, not --layers '{:#}'", path.display(), layers.expression())
            }
            _ => Ok(()),
        }
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
