use std::{error::Error, io, path::PathBuf};

use selvedge::shape::InputShape;

/// The error of a picture that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The feature `pictures` is left out.
    #[error("{}: this build of selvedge has no pictures: its feature `pictures` is left out; use --values, or give an IDX file", path.display())]
    Absent {
        /// The file.
        path: PathBuf,
    },
    /// The network does not take an image of one channel.
    #[error("{}: a picture is read as one channel of grey, but the network takes {shape}; use --values, or give an IDX file", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// The network's input.
        shape: InputShape,
    },
    /// The path leads to a folder, a pipe or a device.
    #[error("{} is {what} and no file; {advice}", path.display())]
    NoFile {
        /// The path.
        path: PathBuf,
        /// The kind of what was found.
        what: &'static str,
        /// Advice.
        advice: &'static str,
    },
    /// The operating system cannot read the file's bytes.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// The file is only a part of a picture.
    #[error("{} ends early: {missing}; copy or download it again", path.display())]
    Cut {
        /// The file.
        path: PathBuf,
        /// The part that is missing.
        missing: &'static str,
    },
    /// Reading would take more memory or time than is allowed.
    #[error("{} is too large: {reason}; save it smaller and give that", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The picture's size, and the largest size that is read.
        reason: String,
    },
    /// The system has less memory for this process than reading needs.
    #[error("{}: reading it takes {megabytes} MB of memory, and the system gives less; save it smaller, or raise the limit (`ulimit -v`)", path.display())]
    Memory {
        /// The file.
        path: PathBuf,
        /// The memory that reading needs, in units of 2²⁰ bytes.
        megabytes: u64,
    },
    /// The file is something else.
    #[error("{} is {what}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The kind of file, and advice.
        what: String,
    },
    /// The file is a damaged picture.
    #[error("{} is no PNG, JPEG, WebP, GIF, BMP or TIFF that can be read: {error}", path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// The decoder's message.
        error: Box<dyn Error + Send + Sync>,
    },
}
