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
    /// A named model: quickstart (two hidden layers of 512 units, PyTorch's), small (one of 128) or tiny (one of 16)
    ///
    /// The data decides its inputs and outputs.
    #[arg(long, default_value = "quickstart", value_parser = PossibleValuesParser::new(NAMES))]
    pub model: String,

    /// Any other network: widths, such as 784,256,64,10, or layers, such as '… => 32 Relu => …'; auto: one hidden layer
    ///
    /// Between widths alone stands ReLU. The first width is the number of the data's features, the last at least that of its classes; … (or ...)
    /// in their place takes them from the data. The width of auto's layer is a power of two, by the numbers of features and classes.
    #[arg(long, conflicts_with = "model")]
    pub layers: Option<Layers>,
}

impl Model {
    /// The model's name, as its files have it, unless the data decides it.
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

/// The samples to classify.
#[derive(Args, Debug)]
pub struct Samples {
    /// Pictures of one thing on a plain ground of any shade, of any size: PNG, JPEG, WebP, GIF, BMP or TIFF; or CSV or IDX files of samples
    ///
    /// From a CSV file, the columns with the names of the network's features are taken. If it has no names, all columns but a label are.
    #[arg(required_unless_present = "values")]
    pub inputs: Vec<PathBuf>,

    /// Resize pictures to the network's input and change nothing else, as --data does with a folder of pictures
    ///
    /// Without this, the ground around the thing is cut off and becomes black, as Fashion-MNIST has it. For a network of three channels pictures are
    /// always resized alone.
    #[arg(long, requires = "inputs")]
    pub resize: bool,

    /// A sample's values, as many as the network has inputs: whole numbers from 0 to 255 for pixels; may be given several times
    #[arg(long, value_name = "V,V,…", allow_hyphen_values = true)]
    pub values: Vec<String>,
}

/// A parser of whole numbers in a range.
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
    /// Threads; the bits do not depend on it [default: the machine's]
    ///
    /// Nor do they on the instructions: SELVEDGE_ENGINE=portable|avx2|avx512|neon chooses them, `selvedge engines` lists those that this
    /// processor has, and without it the fastest are taken. SELVEDGE_L1_KB=48 corrects the size of the first-level data cache where the
    /// processor tells a wrong one; it decides speed alone.
    #[arg(long, value_parser = whole::<u16>(1..=1024))]
    pub threads: Option<u16>,
}
