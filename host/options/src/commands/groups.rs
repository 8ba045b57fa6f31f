//! Groups of options that several commands have.

use std::{ops::RangeInclusive, path::PathBuf};

use clap::{Args, ValueEnum, builder::PossibleValuesParser};
use selvedge::models::{self, NAMES};

use crate::layers::Layers;

/// A part of the data set.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Part {
    /// The training samples.
    Train,
    /// The test samples.
    Test,
}

/// The network.
#[derive(Args, Debug)]
#[command(next_help_heading = "Network")]
pub struct Model {
    /// A named model: quickstart (two hidden layers of 512 units, as in PyTorch's quickstart), small (one of 128) or tiny (one of 16)
    ///
    /// The data decides its inputs and outputs.
    #[arg(long, default_value = "quickstart", value_parser = PossibleValuesParser::new(NAMES))]
    pub model: String,

    /// Any other network: widths, such as 784,256,64,10, or layers, such as '… => 32 Relu => …'; auto: one hidden layer
    ///
    /// A list of widths has ReLU between its linear layers. The first width is the number of features. The last width is the number of classes or
    /// more; with --task multi-label or regression it is exactly the number of labels or targets. Write … (or ...) for the first or the last width to
    /// take it from the data. With auto, the width of the hidden layer is a power of two, which depends on the numbers of features and classes.
    #[arg(long, conflicts_with = "model")]
    pub layers: Option<Layers>,
}

impl Model {
    /// Returns the name that the model's files have, or `None` if the data decides the layers.
    pub fn name(&self) -> Option<String> {
        match &self.layers {
            None => Some(self.model.clone()),
            Some(layers) => layers.fixed().map(|layers| models::file_name(layers).to_string()),
        }
    }
}

/// A network's file that a command works with.
#[derive(Args, Debug)]
pub struct File {
    /// The network's file
    #[arg(value_name = "FILE")]
    pub path: PathBuf,
}

/// The samples to predict.
#[derive(Args, Debug)]
pub struct Samples {
    /// Pictures of one object on a plain background (PNG, JPEG, WebP, GIF, BMP or TIFF), or samples in CSV files or in IDX files (the format of
    /// MNIST's files)
    ///
    /// A picture may have any size, and the background any brightness. A CSV file must have columns with the names of the network's features. If the
    /// network has no names, all columns except a label are the features.
    #[arg(required_unless_present = "values")]
    pub inputs: Vec<PathBuf>,

    /// Resize pictures to the network's input and change nothing else, as --data does with a folder of pictures
    ///
    /// Without this option, the object is cut out and put on a black background, as in Fashion-MNIST. If the network takes three channels, or if
    /// its file says that it was trained on a folder of pictures, pictures are only resized, with and without this option.
    #[arg(long, requires = "inputs")]
    pub resize: bool,

    /// The values of a sample, one for each input of the network; pixels are integers from 0 to 255; may be given several times
    #[arg(long, value_name = "V,V,…", allow_hyphen_values = true)]
    pub values: Vec<String>,
}

/// Returns a parser of whole numbers in a range.
pub fn whole<T: TryFrom<u64>>(range: RangeInclusive<u64>) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        let number = number.and_then(|number: u64| T::try_from(number).ok());
        number.ok_or_else(|| format!("must be a whole number from {} to {}", range.start(), range.end()))
    }
}

/// The number of threads that compute.
#[derive(Args, Debug)]
#[command(next_help_heading = "Processor")]
pub struct Threads {
    /// The number of threads; the results have the same bits with any number [default: all of this machine]
    ///
    /// SELVEDGE_ENGINE=portable|avx2|avx512|neon chooses the engine, by default the fastest. `selvedge engines` lists the engines that this processor
    /// has. All give the same bits. SELVEDGE_L1_KB=48 sets the size of the first-level data cache, for a processor that reports a wrong size. It
    /// changes only the speed.
    #[arg(long, value_parser = whole::<u16>(1..=1024))]
    pub threads: Option<u16>,
}
