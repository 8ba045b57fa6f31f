//! Why data cannot be loaded.

use std::{io, path::PathBuf};

use selvedge::idx::IdxError;
use thiserror::Error;

use super::download::DownloadError;

/// Why data cannot be loaded from a folder that was named or found.
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
    #[error("{origin}: {} lacks {} (or these names with .gz)", folder.display(), missing.join(", "))]
    Missing {
        /// Who named the folder.
        origin: &'static str,
        /// The folder.
        folder: PathBuf,
        /// The files that are not there.
        missing: Vec<&'static str>,
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
    #[error("{} is truncated: its gzip stream has no end; delete it and fetch it again", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
    },
    /// A file named `.gz` is not gzipped, or is damaged.
    #[error("{} is no sound gzip file ({error}); delete it and fetch it again", path.display())]
    Gzip {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        error: io::Error,
    },
    /// A file holds more than any file of this kind.
    #[error("{} holds more than {limit} bytes: that is no Fashion-MNIST file", path.display())]
    TooLarge {
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
    /// Not one label for each image.
    #[error("{} has {images} images, but {} has {labels} labels", images_path.display(), labels_path.display())]
    Counts {
        /// The images' file.
        images_path: PathBuf,
        /// How many there are.
        images: usize,
        /// The labels' file.
        labels_path: PathBuf,
        /// How many there are.
        labels: usize,
    },
    /// A file without images.
    #[error("{} has no images", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}
