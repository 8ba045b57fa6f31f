//! Groups of options that several commands have.

use std::{ops::RangeInclusive, path::PathBuf};

use clap::{Args, ValueEnum, builder::PossibleValuesParser};
use selvedge::models::{self, NAMES};

use crate::layers::Layers;

/// The source of the samples.
#[derive(Args, Debug)]
pub struct Data {
    /// Folder with four IDX files named as Fashion-MNIST's, NumPy arrays, or `builtin` for the built-in set
    ///
    /// Arrays are an archive (.npz) or a folder (.npy) of x_train, y_train, x_test and y_test, or of X and y; or an array of samples (.npy)
    /// with --labels. A plain file of 256 MiB or more is mapped and not read, so it may be larger than memory: no program may truncate it
    /// meanwhile.
    ///
    /// The files decide a network's inputs and outputs. Their names have idx3 in them for grey images, idx4 for images with channels
    /// (channels, rows, columns), and idx2 for samples that are no images. They may be gzipped. Names with a dot (train-images.idx3-ubyte)
    /// and EMNIST's (emnist-letters-train-images-idx3-ubyte) are known too; of several splits in one folder, DIR/emnist-letters names one. The
    /// files may lie below the folder as torchvision has them (FashionMNIST/raw). Without --data: the folder named by FASHION_MNIST_DIR,
    /// data/fashion-mnist, the user's cache folder, a download into that, and without the internet the built-in set.
    #[arg(long, value_name = "PATH|builtin")]
    pub data: Option<PathBuf>,

    /// The labels of an array of samples: an array of integers or texts (.npy)
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,

    /// The test part, where --data has none: arrays (.npz, a folder, or .npy with --test-labels)
    #[arg(long, value_name = "PATH")]
    pub test: Option<PathBuf>,

    /// The labels of the test part's array (.npy)
    #[arg(long, value_name = "FILE", requires = "test")]
    pub test_labels: Option<PathBuf>,

    /// The part of each class to hold out for the test, where arrays have no test part [default: 0.2]
    ///
    /// A seed chooses the samples, such as 0.2,seed=7. It is 0 without one, so every command holds out the same samples.
    #[arg(long, value_name = "PART[,seed=N]", conflicts_with = "test")]
    pub test_split: Option<String>,

    /// The classes' names, separated by commas, or a file with a line for each [default: the data's]
    ///
    /// Label 0 is the first. Without this option, a file classes.txt beside the data names the classes. MNIST, Fashion-MNIST and KMNIST
    /// (gzipped, as published) are known by their checksums and need none.
    #[arg(long, value_name = "NAMES|FILE")]
    pub classes: Option<PathBuf>,
}

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
#[group(required = true, multiple = true)]
pub struct Samples {
    /// Pictures of one thing on a plain ground of any shade, of any size: PNG, JPEG, WebP, GIF, BMP or TIFF; or IDX files of samples
    pub inputs: Vec<PathBuf>,

    /// A sample's values: whole numbers from 0 to 255, as many as the network has inputs; may be given several times
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
pub struct Threads {
    /// Threads; the bits do not depend on it [default: the machine's]
    ///
    /// Nor do they on the instructions: SELVEDGE_ENGINE=portable|avx2|avx512|neon chooses them, `selvedge engines` lists those that this
    /// processor has, and without it the fastest are taken.
    #[arg(long, value_parser = whole::<u16>(1..=1024))]
    pub threads: Option<u16>,
}
