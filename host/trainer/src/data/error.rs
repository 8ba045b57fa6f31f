//! The errors of data that cannot be loaded.

use std::{io, path::PathBuf};

use selvedge::{idx::IdxError, shape::InputShape};
use thiserror::Error;

use super::{FolderError, TableError, arrays::ArrayError, download::DownloadError};
use crate::{files::ReadError, picture::PictureError};

/// The error of data that cannot be loaded.
#[derive(Debug, Error)]
pub enum DataError {
    /// A named folder or file is not there.
    #[error("{origin}: there is no folder or file {}", folder.display())]
    NoFolder {
        /// The option or variable that named it.
        origin: &'static str,
        /// The name that was given.
        folder: PathBuf,
    },
    /// A table cannot be read.
    #[error("{}: {error}", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: TableError,
    },
    /// A folder of pictures cannot be read.
    #[error("{}: {error}", folder.display())]
    Pictures {
        /// The folder.
        folder: PathBuf,
        /// The reason.
        error: FolderError,
    },
    /// A picture in such a folder cannot be read.
    #[error("{error}{}", advice(error))]
    Picture {
        /// The error, with the picture's name.
        error: PictureError,
    },
    /// The option belongs to another kind of source.
    #[error("--{option} is not for {kind}, and {} is read as such", place.display())]
    Option {
        /// The option.
        option: &'static str,
        /// The place that was named.
        place: PathBuf,
        /// The kind of source.
        kind: &'static str,
    },
    /// The option needs a source that is named, and none is named.
    #[error("--{option} is for a source that --data names, and this is {place}")]
    Unnamed {
        /// The option.
        option: &'static str,
        /// The source.
        place: String,
    },
    /// A download cannot be stored.
    #[error("{0}; or name the data with --data DIR, or take the built-in set with --data builtin")]
    Cache(DownloadError),
    /// No place has the files. None was named by the user, and nothing is downloaded.
    #[error(
        "Fashion-MNIST's four files are not in {}; name their folder by --data DIR or FASHION_MNIST_DIR",
        places.iter().map(|place| place.display().to_string()).collect::<Vec<_>>().join(", nor in ")
    )]
    NotHere {
        /// The folders that were looked into.
        places: Vec<PathBuf>,
    },
    /// A folder does not have all of the four files.
    #[error(
        "{origin}: {} lacks {} (each may end in .gz, and idx3 may be idx2 or idx4)", folder.display(), missing.join(", ")
    )]
    Missing {
        /// The option or variable that named the folder.
        origin: &'static str,
        /// The folder.
        folder: PathBuf,
        /// The files that are not there.
        missing: Vec<String>,
    },
    /// A folder holds several sets of files.
    #[error("{origin}: {} holds several data sets; name one: {}", folder.display(), list(names))]
    Several {
        /// The option or variable that named the folder.
        origin: &'static str,
        /// The folder.
        folder: PathBuf,
        /// A name for each set.
        names: Vec<PathBuf>,
    },
    /// There are two files of samples with different dimensions where one is needed.
    #[error("both {} and {} are there: which is meant? Keep one", path.display(), other.display())]
    Ambiguous {
        /// The first file.
        path: PathBuf,
        /// The second file.
        other: PathBuf,
    },
    /// The operating system cannot read a file's bytes.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// A gzipped file ends too early, or a few bytes follow its end.
    #[error("{} is truncated, or something else follows its end: a gzip stream stops in its middle; make or fetch it again", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
    },
    /// A gzipped file is damaged.
    #[error("{} is no sound gzip file ({error}); make or fetch it again", path.display())]
    Gzip {
        /// The file.
        path: PathBuf,
        /// The decoder's error.
        error: io::Error,
    },
    /// A file cannot be read, or has more bytes than any file of its kind.
    #[error(transparent)]
    File(#[from] ReadError),
    /// A gzipped file unpacks to more bytes than a file of its size may.
    #[error(
        "{} unpacks to {expected} bytes by its header, and from so small a file at most {limit} are taken; if that is right, unpack it \
         with gunzip, as a plain file may have more", path.display()
    )]
    TooLargeGzip {
        /// The file.
        path: PathBuf,
        /// The number of bytes that the file's header states.
        expected: u64,
        /// The number of bytes that are allowed.
        limit: u64,
    },
    /// A gzipped file unpacks to more than its header says.
    #[error("{} unpacks to more than the {expected} bytes that its header says; make or fetch it again", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The number of bytes that the file's header states.
        expected: u64,
    },
    /// There is something else where a file should be.
    #[error("{} is {what}; {advice}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The kind of thing.
        what: &'static str,
        /// Advice.
        advice: &'static str,
    },
    /// A file is not an IDX file of its kind.
    #[error("{}: {error}", path.display())]
    Idx {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: IdxError,
    },
    /// An array cannot be used.
    #[error(transparent)]
    Array(#[from] ArrayError),
    /// The variable `SELVEDGE_MAP_FROM` is not a size in bytes.
    #[error("SELVEDGE_MAP_FROM is {value:?}; it must be a number of bytes, such as 268435456")]
    MapFrom {
        /// The variable's value.
        value: String,
    },
    /// There is not one label for each sample.
    #[error("{} has {samples} samples, but {} has {labels} labels", samples_path.display(), labels_path.display())]
    Counts {
        /// The samples' file.
        samples_path: PathBuf,
        /// The number of samples.
        samples: usize,
        /// The labels' file.
        labels_path: PathBuf,
        /// The number of labels.
        labels: usize,
    },
    /// The file has no samples.
    #[error("{} has no samples", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The test samples have another shape than the training samples.
    #[error("a sample of {} is {found}, but one of {} is {expected}", test.display(), train.display())]
    Shapes {
        /// The training samples' file.
        train: PathBuf,
        /// The shape of the training samples.
        expected: InputShape,
        /// The test samples' file.
        test: PathBuf,
        /// The shape of the test samples.
        found: InputShape,
    },
    /// A label names no class.
    #[error("{}: label {index} is {label}, but {names} names {classes} classes", path.display())]
    Label {
        /// The labels' file.
        path: PathBuf,
        /// The label's place.
        index: usize,
        /// The label.
        label: u16,
        /// The source of the names.
        names: String,
        /// The number of classes.
        classes: usize,
    },
    /// A label has samples, but a smaller one has none, and nothing names the classes. The label may be wrong.
    #[error(
        "{}: label {index} is {label}, but no sample has the label {missing}; if that is right, name the classes by --classes, or by a \
         {} beside the files", path.display(), crate::classes::NAMES_FILE
    )]
    Gap {
        /// The labels' file.
        path: PathBuf,
        /// The label's place.
        index: usize,
        /// The label.
        label: u16,
        /// The smaller label that is missing.
        missing: usize,
    },
    /// A line is not the name of a class, or another line has the same name.
    #[error("{}, line {line}: {reason}", path.display())]
    ClassName {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The reason.
        reason: String,
    },
    /// A text in `--classes` is not the name of a class, or comes twice.
    #[error("--classes, name {place}: {reason}")]
    GivenName {
        /// The name's place, from 1.
        place: usize,
        /// The reason.
        reason: String,
    },
    /// A file of names has no names.
    #[error("--classes: {} names no classes; it needs a line for each", path.display())]
    NoNames {
        /// The file.
        path: PathBuf,
    },
    /// A file of names is not a text.
    #[error("{} is no text in UTF-8; save it as one, with a line for each class", path.display())]
    NoText {
        /// The file.
        path: PathBuf,
    },
    /// There are more or fewer names than a published set has classes.
    #[error("{names} names {found} classes, but {data} has {expected}")]
    NameCount {
        /// The source of the names.
        names: String,
        /// The number of names.
        found: usize,
        /// The set.
        data: String,
        /// The number of classes in the data.
        expected: usize,
    },
}

fn advice(error: &PictureError) -> &'static str {
    if matches!(error, PictureError::Absent { .. }) { "" } else { "; --missing drop leaves such pictures out" }
}

fn list(names: &[PathBuf]) -> String {
    names.iter().map(|name| name.display().to_string()).collect::<Vec<_>>().join(", ")
}
