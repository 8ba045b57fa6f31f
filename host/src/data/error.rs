//! Why data cannot be loaded.

use std::{io, path::PathBuf};

use selvedge::{idx::IdxError, shape::InputShape};
use thiserror::Error;

use super::download::DownloadError;
use crate::classes::NameError;

/// The error of data that cannot be loaded from a folder that was named or found.
#[derive(Debug, Error)]
pub enum DataError {
    /// A named folder is not there.
    #[error("{origin}: there is no folder {}", folder.display())]
    NoFolder {
        /// Who named it.
        origin: &'static str,
        /// What was named.
        folder: PathBuf,
    },
    /// What is downloaded cannot be kept.
    #[error("{0}; or name the data with --data DIR, or take the built-in set with --data builtin")]
    Cache(DownloadError),
    /// A folder has not all of the four files.
    #[error(
        "{origin}: {} lacks {} (each may end in .gz, and idx3 may be idx2 or idx4)", folder.display(), missing.join(", ")
    )]
    Missing {
        /// Who named the folder.
        origin: &'static str,
        /// The folder.
        folder: PathBuf,
        /// The files that are not there.
        missing: Vec<&'static str>,
    },
    /// Two files of samples, of different dimensions, where one is needed.
    #[error("both {} and {} are there: which is meant? Keep one", path.display(), other.display())]
    Ambiguous {
        /// One.
        path: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// The operating system does not give a file's bytes.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A gzipped file ends too early.
    #[error("{} is truncated: its gzip stream has no end; make or fetch it again", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
    },
    /// A file named `.gz` is not gzipped, or is damaged.
    #[error("{} is no sound gzip file ({error}); make or fetch it again", path.display())]
    Gzip {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        error: io::Error,
    },
    /// A file holds more than any file of this kind.
    #[error("{} holds more than {limit} bytes, which is more than a file of samples may have", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Bytes allowed.
        limit: u64,
    },
    /// A gzipped file unpacks to more than one may.
    #[error("{} holds more than {limit} bytes; unpack it with gunzip, as a plain file may have more", path.display())]
    TooLargeGzip {
        /// The file.
        path: PathBuf,
        /// Bytes allowed.
        limit: u64,
    },
    /// A file is no IDX file of its kind.
    #[error("{}: {error}", path.display())]
    Idx {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: IdxError,
    },
    /// Not one label for each sample.
    #[error("{} has {samples} samples, but {} has {labels} labels", samples_path.display(), labels_path.display())]
    Counts {
        /// The samples' file.
        samples_path: PathBuf,
        /// How many there are.
        samples: usize,
        /// The labels' file.
        labels_path: PathBuf,
        /// How many there are.
        labels: usize,
    },
    /// A file without samples.
    #[error("{} has no samples", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Test samples of another shape than the training samples.
    #[error("a sample of {} is {found}, but one of {} is {expected}", test.display(), train.display())]
    Shapes {
        /// The training samples' file.
        train: PathBuf,
        /// Their shape.
        expected: InputShape,
        /// The test samples' file.
        test: PathBuf,
        /// Their shape.
        found: InputShape,
    },
    /// A label that names no class.
    #[error("{}: label {index} is {label}, but {} names {classes} classes", path.display(), names.display())]
    Label {
        /// The labels' file.
        path: PathBuf,
        /// The label's place.
        index: usize,
        /// The label.
        label: u16,
        /// The file of the classes' names.
        names: PathBuf,
        /// The number of classes.
        classes: usize,
    },
    /// A label beyond one that no sample has. It may be wrong: nothing names the classes.
    #[error(
        "{}: label {index} is {label}, but no sample has the label {missing}; if that is right, put {} beside the files, with a line for \
         each class", path.display(), crate::classes::NAMES_FILE
    )]
    Gap {
        /// The labels' file.
        path: PathBuf,
        /// The label's place.
        index: usize,
        /// The label.
        label: u16,
        /// The smaller one that is missing.
        missing: usize,
    },
    /// Two classes with one name.
    #[error("{}, line {line}: another line has the name {name} too", path.display())]
    RepeatedName {
        /// The file.
        path: PathBuf,
        /// The later line, from 1.
        line: usize,
        /// The name.
        name: String,
    },
    /// The file of the classes' names is none.
    #[error("{}, line {line}: {error}", path.display())]
    ClassName {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The reason.
        error: NameError,
    },
}
