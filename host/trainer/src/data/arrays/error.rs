//! The errors of arrays that are not a data set.

use std::path::PathBuf;

use thiserror::Error;

/// The error of an array. A place is a file, or an archive with the name of an array in it, such as `waves.npz/x_train`.
#[derive(Debug, Error)]
pub enum ArrayError {
    /// A single array was named, and it has no labels.
    #[error("{} is one array: name its labels' file by {option}", path.display())]
    NoLabels {
        /// The array's file.
        path: PathBuf,
        /// The option.
        option: &'static str,
    },
    /// The labels were given twice: in the archive or folder, and by an option.
    #[error("{option}: {} has the labels of its samples already; {option} goes with one .npy file of samples", path.display())]
    TwoLabels {
        /// The samples' place.
        path: PathBuf,
        /// The option.
        option: &'static str,
    },
    /// The test part was given twice.
    #[error("{option}: {} has a test part already, in {found}", path.display())]
    TwoTests {
        /// The place.
        path: PathBuf,
        /// The option.
        option: &'static str,
        /// The array.
        found: String,
    },
    /// An array is missing.
    #[error("{} has no array {wanted}; it has {}", path.display(), list(there))]
    Missing {
        /// The archive or folder.
        path: PathBuf,
        /// The names that the array may have.
        wanted: String,
        /// The arrays that are there.
        there: Vec<String>,
    },
    /// Two arrays may be meant where one is needed.
    #[error("{} has both {one} and {other}: which is meant? Keep one", path.display())]
    Ambiguous {
        /// The archive or folder.
        path: PathBuf,
        /// The first array.
        one: String,
        /// The second array.
        other: String,
    },
    /// The bytes are not an array.
    #[error("{}: {reason}", path.display())]
    Format {
        /// The place.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// An archive unpacks to more bytes than an archive of its size may.
    #[error(
        "{} unpacks to {expected} bytes, and from so small an archive at most {limit} are taken in all; if that is right, save it by \
         numpy.savez, uncompressed", path.display()
    )]
    TooLarge {
        /// The place.
        path: PathBuf,
        /// The number of bytes that the archive's directory states.
        expected: u64,
        /// The number of bytes that are allowed.
        limit: u64,
    },
    /// Samples cannot have elements of this type.
    #[error("{}: its type is {found}; samples are integers, bool, float16, float32 or float64", path.display())]
    Type {
        /// The place.
        path: PathBuf,
        /// NumPy's word for the type.
        found: String,
    },
    /// Labels cannot have elements of this type.
    #[error("{}: its type is {found}; labels are integers (y.astype(\"int64\")) or texts (y.astype(\"str\")); \
             --task regression takes numbers", path.display())]
    LabelType {
        /// The place.
        path: PathBuf,
        /// NumPy's word for the type.
        found: String,
    },
    /// Samples cannot have an array of this shape.
    #[error("{}: its shape is {shape:?}; {advice}", path.display())]
    Shape {
        /// The place.
        path: PathBuf,
        /// The array's shape.
        shape: Vec<usize>,
        /// Advice.
        advice: &'static str,
    },
    /// A value is not a finite number, or does not fit into 32 bits.
    #[error("{}: feature {feature} of sample {sample} (from 0) is {value}, {reason}", path.display())]
    Value {
        /// The place.
        path: PathBuf,
        /// The sample.
        sample: usize,
        /// The feature.
        feature: usize,
        /// The value.
        value: String,
        /// The reason why it cannot be used.
        reason: &'static str,
    },
    /// The test samples have another number of targets than the training samples.
    #[error("{} has {expected} targets for a sample, but {} has {found}", train.display(), test.display())]
    TargetCounts {
        /// The training targets' place.
        train: PathBuf,
        /// The number of targets of a training sample.
        expected: usize,
        /// The test targets' place.
        test: PathBuf,
        /// The number of targets of a test sample.
        found: usize,
    },
    /// The test samples have another type than the training samples.
    #[error("{} has {found}, but {} has {expected}; save both as one type", test.display(), train.display())]
    Types {
        /// The training samples' place.
        train: PathBuf,
        /// The type of the training samples.
        expected: String,
        /// The test samples' place.
        test: PathBuf,
        /// The type of the test samples.
        found: String,
    },
    /// A label is not the number of a class.
    #[error("{}: label {index} is {value}; labels count classes from 0 to 65535", path.display())]
    Label {
        /// The place.
        path: PathBuf,
        /// The label's place.
        index: usize,
        /// The label.
        value: i128,
    },
    /// A text is not the name of a class.
    #[error("{}: label {index} {reason}", path.display())]
    Text {
        /// The place.
        path: PathBuf,
        /// The label's place.
        index: usize,
        /// The reason.
        reason: String,
    },
    /// Some samples have numbers as labels, and others have texts.
    #[error("of the labels in {} and {}, one has numbers and the other has texts; save both as numbers or both as texts", train.display(), test.display())]
    LabelKinds {
        /// The training labels' place.
        train: PathBuf,
        /// The test labels' place.
        test: PathBuf,
    },
    /// There are too few samples for two parts.
    #[error("{} has {count} samples, too few for a training and a test part; name a test part by --test", path.display())]
    TooFew {
        /// The place.
        path: PathBuf,
        /// The number of samples.
        count: usize,
    },
}

fn list(names: &[String]) -> String {
    const SHOWN: usize = 12;
    match names {
        [] => "no arrays".into(),
        _ if names.len() > SHOWN => format!("{} and {} more", names[..SHOWN].join(", "), names.len() - SHOWN),
        _ => names.join(", "),
    }
}
