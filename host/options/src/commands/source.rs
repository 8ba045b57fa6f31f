//! The source of the samples: where they are, and how they are read.

use std::{ffi::OsString, fmt, path::PathBuf, str::FromStr};

use clap::{Args, ValueEnum};
use selvedge::{preparation::Element, task::TaskKind};

use super::groups::whole;
use crate::partition::TestSplit;

/// The source of the samples.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Data")]
pub struct Data {
    /// A CSV file, a folder of pictures (a sub-folder for each class), NumPy's arrays, a folder with four IDX files, or `builtin`
    ///
    /// The data decides the inputs and outputs of a network. The content of a file decides its kind.
    ///
    /// CSV: the first line has the names of the columns. Each further line is a sample, with a column of class names or numbers. Commas, semicolons or
    /// tabs separate the values. The file may be gzipped. A name may have a unit: `ax (m/s²)`, `ax [g]`.
    ///
    /// Pictures: DIR/CLASS/*.png (or JPEG, WebP, GIF, BMP, TIFF); the folders of the classes may be in DIR/train and DIR/test.
    ///
    /// Arrays: an archive (.npz) or a folder (.npy files) with x_train, y_train, x_test and y_test, or with X and y; or one array of samples (.npy)
    /// with --labels.
    ///
    /// An uncompressed IDX file of bytes, or a .npy file that needs no conversion, is memory-mapped if it has 256 MiB or more. A CSV file is read row
    /// by row. All these files may be larger than memory. Do not truncate a mapped file while a program uses it.
    ///
    /// IDX files have the names of Fashion-MNIST's files: idx3 for grey images, idx4 for images with channels (channels, rows, columns), and idx2 for
    /// samples that are not images. Names with a dot (train-images.idx3-ubyte) and EMNIST's names (emnist-letters-train-images-idx3-ubyte) are allowed
    /// too. If a folder has several data sets, DIR/emnist-letters names one. The files may be in a sub-folder, as torchvision places them
    /// (FashionMNIST/raw).
    ///
    /// Without --data, the first of these is used: the folder in FASHION_MNIST_DIR, data/fashion-mnist, the user's cache folder, a download into the
    /// cache folder, and without the internet the built-in set. `report` is different: it uses the data that the run's record names, and downloads
    /// nothing.
    ///
    /// If a command other than `train` gets a network's file, the file decides the defaults of --label, --features, --window, --stride, --group,
    /// --test-split, --missing, --element, --size and --color. Their defaults in this help are for commands without such a file.
    #[arg(long, global = true, value_name = "FILE|DIR|builtin")]
    pub data: Option<PathBuf>,

    /// The names of the classes, separated by commas, or a file with one name on each line [default: the data's]
    ///
    /// The first name is the name of label 0. If the labels are texts, the list gives their order. Without this option, a file classes.txt beside IDX
    /// files names the classes. MNIST and Fashion-MNIST are recognised by their checksums, and so is KMNIST in its gzipped files. They need no list.
    #[arg(long, global = true, value_name = "NAMES|FILE")]
    pub classes: Option<PathBuf>,

    /// The options of the kinds of sources.
    #[command(flatten)]
    pub source: Source,
}

/// The options of the kinds of sources. A source refuses an option of another kind.
#[derive(Args, Clone, Debug, Default, PartialEq)]
#[command(next_help_heading = "Data")]
pub struct Source {
    /// The meaning of the targets [default: the task of the network's file, or else classification]
    ///
    /// classification: each sample has one class. multi-label: each column of --label, or of an array y with two dimensions, is a label that a
    /// sample has (1) or has not (0). regression: each column is a number; training standardises the numbers, and predictions are in their units.
    #[arg(long, global = true, value_enum)]
    pub task: Option<TaskName>,

    /// CSV: the column of the classes, or with --task the columns of the labels or numbers [default: a column named label, class, target or y]
    #[arg(long, global = true, value_name = "COLUMN,…", value_delimiter = ',')]
    pub label: Vec<String>,

    /// CSV: the columns of the features, in this order [default: all columns except the label and the group]
    #[arg(long, global = true, value_name = "COLUMN,COLUMN,…", value_delimiter = ',')]
    pub features: Vec<String>,

    /// CSV: the rows are a time series, and ROWS consecutive rows are a sample (a window)
    ///
    /// All rows of a window have the same class (or set of labels) and group; a regression takes the target of the last row.
    /// A sample has rows × columns features, named `ax[0]`, `ay[0]`, … `ax[1]`, ….
    #[arg(long, global = true, value_name = "ROWS", value_parser = whole::<u32>(1..=65_536))]
    pub window: Option<u32>,

    /// CSV: the number of rows from the start of a window to the start of the next [default: --window, so that windows do not overlap]
    #[arg(long, global = true, value_name = "ROWS", requires = "window", value_parser = whole::<u32>(1..=u32::MAX.into()))]
    pub stride: Option<u32>,

    /// CSV: the column of a group, such as a person or a recording; all rows of a group are in the same part, training or test
    #[arg(long, global = true, value_name = "COLUMN")]
    pub group: Option<String>,

    /// Arrays: the file with the labels of a single array of samples (.npy): integers or texts; with --task the labels (0 or 1) or numbers, a column
    /// for each
    #[arg(long, global = true, value_name = "FILE")]
    pub labels: Option<PathBuf>,

    /// Arrays: the labels of the test part's array (.npy)
    #[arg(long, global = true, value_name = "FILE", requires = "test")]
    pub test_labels: Option<PathBuf>,

    /// The fraction of each class (multi-label: of each set of labels; regression: of all samples) that is held out for the test, and the seed of the
    /// choice; with --group, the fraction of all samples, in whole groups [default: 0.2]
    ///
    /// This seed is not the seed of the training, so every command holds out the same samples.
    #[arg(long, global = true, value_name = "PART[,seed=N]", conflicts_with = "test")]
    pub test_split: Option<TestSplit>,

    /// A second source, of the same kind and with the same features, for the test
    #[arg(long, global = true, value_name = "FILE|DIR")]
    pub test: Option<PathBuf>,

    /// Leave out rows with missing values (empty, NA, N/A, NaN, null), or fill the values; drop also leaves out pictures that cannot be read
    /// [default: an error]
    #[arg(long, global = true, value_enum)]
    pub missing: Option<Missing>,

    /// CSV: the number type of the values [default: i16 or u16 if all values are integers in its range, else f32]
    ///
    /// A board takes samples of this type. u8 is for bytes such as pixels: the network takes byte / 255.
    #[arg(long, global = true, value_enum)]
    pub element: Option<ElementName>,

    /// Pictures: resize them to these columns and rows [default: their own size, if all pictures have the same]
    #[arg(long, global = true, value_name = "WIDTHxHEIGHT")]
    pub size: Option<Size>,

    /// Pictures: one channel or three channels [default: grey if all pictures are grey, else rgb]
    #[arg(long, global = true, value_enum)]
    pub color: Option<Color>,
}

impl Data {
    /// Returns the options that were given, as another program takes them.
    pub fn arguments(&self) -> Vec<OsString> {
        let arguments = |(name, value): (&str, OsString)| [format!("--{name}").into(), value];
        self.given().into_iter().flat_map(arguments).collect()
    }

    /// Returns the options that were given, with their values.
    pub fn given(&self) -> Vec<(&'static str, OsString)> {
        let paths = [("data", &self.data), ("classes", &self.classes)];
        let paths = paths.into_iter().filter_map(|(name, path)| Some((name, path.clone()?.into())));
        paths.chain(self.source.given()).collect()
    }
}

impl Source {
    /// Returns the options that were given, with their values.
    pub fn given(&self) -> Vec<(&'static str, OsString)> {
        fn shown(value: &Option<impl fmt::Display>) -> Option<OsString> {
            value.as_ref().map(|value| value.to_string().into())
        }
        let joined = |names: &[String]| (!names.is_empty()).then(|| names.join(",").into());
        let options = [
            ("task", self.task.map(|TaskName(task)| task.name().into())),
            ("label", joined(&self.label)),
            ("features", joined(&self.features)),
            ("window", shown(&self.window)),
            ("stride", shown(&self.stride)),
            ("group", shown(&self.group)),
            ("labels", self.labels.clone().map(Into::into)),
            ("test-split", shown(&self.test_split)),
            ("test", self.test.clone().map(Into::into)),
            ("test-labels", self.test_labels.clone().map(Into::into)),
            ("missing", self.missing.map(|missing| missing.name().into())),
            ("element", self.element.map(|ElementName(element)| element.name().into())),
            ("size", shown(&self.size)),
            ("color", self.color.map(|color| color.name().into())),
        ];
        options.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// The treatment of missing values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Missing {
    /// Rows with missing values, and pictures that cannot be read, are left out
    Drop,
    /// A missing value is replaced by the mean of its column in the training part
    Mean,
}

impl Missing {
    /// Returns the option's value on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Mean => "mean",
        }
    }
}

/// An [`Element`], as `--element` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElementName(pub Element);

impl ValueEnum for ElementName {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self(Element::U8), Self(Element::I8), Self(Element::I16), Self(Element::U16), Self(Element::F32)]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(self.0.name().into())
    }
}

/// A [`TaskKind`], as `--task` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskName(pub TaskKind);

impl ValueEnum for TaskName {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self(TaskKind::Classification), Self(TaskKind::MultiLabel), Self(TaskKind::Regression)]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(self.0.name().into())
    }
}

/// The channels of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// One channel
    #[value(alias = "gray")]
    Grey,
    /// Three channels
    Rgb,
}

impl Color {
    /// Returns the option's value on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Rgb => "rgb",
        }
    }

    /// Returns the number of channels.
    pub const fn channels(self) -> u32 {
        match self {
            Self::Grey => 1,
            Self::Rgb => 3,
        }
    }
}

/// A picture's columns and rows: `32x24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let side = |text: &str| text.trim().parse().ok().filter(|side| (1..=65_535).contains(side));
        let (width, height) = text.split_once(['x', 'X', '×']).unwrap_or((text, text));
        let size = side(width).zip(side(height)).map(|(width, height)| Self { width, height });
        size.ok_or_else(|| "must be columns and rows, such as 32x24".into())
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        data: Data,
    }

    fn parse(line: &str) -> Result<Data, String> {
        let program = Program::try_parse_from(["x"].into_iter().chain(line.split_whitespace()));
        program.map(|program| program.data).map_err(|error| error.to_string())
    }

    #[test]
    fn what_was_given_can_be_given_again() {
        let line = "--data a.csv --classes a,b --task multi-label --label kind,sort --features x,y --window 8 --stride 4 --group who --test-split 0.3,seed=7 \
                    --missing mean --element i16 --size 32x24 --color rgb";
        let data = parse(line).unwrap();
        let again =
            data.given().into_iter().flat_map(|(name, value)| [format!("--{name}"), value.into_string().unwrap()]);
        assert_eq!(again.collect::<Vec<_>>(), line.split_whitespace().collect::<Vec<_>>());
        assert_eq!(parse("").unwrap().given(), []);
    }

    #[test]
    fn wrong_values_are_refused() {
        for (line, words) in [
            ("--size 0x3", "must be columns and rows, such as 32x24"),
            ("--size ax3", "must be columns and rows"),
            ("--test-split 1", "must be a part above 0 and below 1"),
            ("--stride 3", "--window"),
            ("--window 0", "must be a whole number from 1 to 65536"),
            ("--element f16", "u8, i8, i16, u16, f32"),
            ("--task guess", "classification, multi-label, regression"),
            ("--test a --test-split 0.1", "cannot be used with"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(words), "{line}: {error}");
        }
        assert_eq!(parse("--size 28").unwrap().source.size, Some(Size { width: 28, height: 28 }));
        assert_eq!(parse("--color gray").unwrap().source.color, Some(Color::Grey));
    }
}
