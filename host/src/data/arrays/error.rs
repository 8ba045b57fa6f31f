//! The errors of arrays that are not a data set.

use std::path::PathBuf;

use thiserror::Error;

/// The error of an array. A place is a file, or an archive with the name of an array in it, such as `waves.npz/x_train`.
#[derive(Debug, Error)]
pub enum ArrayError {
    /// A single array.
    #[error("{} is one array: name its labels' file by {option}", path.display())]
    NoLabels {
        /// The array's file.
        path: PathBuf,
        /// The option.
        option: &'static str,
    },
    /// Labels twice.
    #[error("{option}: {} has the labels of its samples already; {option} goes with one .npy file of samples", path.display())]
    TwoLabels {
        /// The samples' place.
        path: PathBuf,
        /// The option.
        option: &'static str,
    },
    /// A test part twice.
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
        /// Its names.
        wanted: String,
        /// The arrays that are there.
        there: Vec<String>,
    },
    /// Two arrays where one is needed.
    #[error("{} has both {one} and {other}: which is meant? Keep one", path.display())]
    Ambiguous {
        /// The archive or folder.
        path: PathBuf,
        /// One.
        one: String,
        /// The other.
        other: String,
    },
    /// Bytes that are no array.
    #[error("{}: {reason}", path.display())]
    Format {
        /// The place.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// An archive that unpacks to more than one of its size may.
    #[error(
        "{} unpacks to {expected} bytes, and from so small an archive at most {limit} are taken in all; if that is right, save it by \
         numpy.savez, uncompressed", path.display()
    )]
    TooLarge {
        /// The place.
        path: PathBuf,
        /// Bytes by its directory.
        expected: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// Numbers that samples cannot be.
    #[error("{}: its type is {found}; samples are integers, bool, float16, float32 or float64", path.display())]
    Type {
        /// The place.
        path: PathBuf,
        /// NumPy's word.
        found: String,
    },
    /// Elements that labels cannot be.
    #[error("{}: its type is {found}; labels are integers (y.astype(\"int64\")) or texts (y.astype(\"str\")); \
             --task regression takes numbers", path.display())]
    LabelType {
        /// The place.
        path: PathBuf,
        /// NumPy's word.
        found: String,
    },
    /// A shape that no samples have.
    #[error("{}: its shape is {shape:?}; {advice}", path.display())]
    Shape {
        /// The place.
        path: PathBuf,
        /// The array's shape.
        shape: Vec<usize>,
        /// Advice.
        advice: &'static str,
    },
    /// A value that is no finite number, or none of 32 bits.
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
    /// Test targets of another number than the training targets.
    #[error("{} has {expected} targets for a sample, but {} has {found}", train.display(), test.display())]
    TargetCounts {
        /// The training targets' place.
        train: PathBuf,
        /// The number of targets for a sample.
        expected: usize,
        /// The test targets' place.
        test: PathBuf,
        /// The number of targets for a sample.
        found: usize,
    },
    /// Test samples of another type than the training samples.
    #[error("{} has {found}, but {} has {expected}; save both as one type", test.display(), train.display())]
    Types {
        /// The training samples' place.
        train: PathBuf,
        /// Their type.
        expected: String,
        /// The test samples' place.
        test: PathBuf,
        /// Their type.
        found: String,
    },
    /// A label that numbers no class.
    #[error("{}: label {index} is {value}; labels count classes from 0 to 65535", path.display())]
    Label {
        /// The place.
        path: PathBuf,
        /// The label's place.
        index: usize,
        /// The label.
        value: i128,
    },
    /// A text that is no class's name.
    #[error("{}: label {index} {reason}", path.display())]
    Text {
        /// The place.
        path: PathBuf,
        /// The label's place.
        index: usize,
        /// The reason.
        reason: String,
    },
    /// Numbers for some samples and texts for others.
    #[error("{} has numbers for labels and {} texts, or the other way round; save both as one", train.display(), test.display())]
    LabelKinds {
        /// The training labels' place.
        train: PathBuf,
        /// The test labels' place.
        test: PathBuf,
    },
    /// Too few samples for two parts.
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
