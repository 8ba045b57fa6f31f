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
    /// The network takes no image of one channel.
    #[error("{}: a picture is read as one channel of grey, but the network takes {shape}; use --values, or give an IDX file", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// The network's input.
        shape: InputShape,
    },
    /// The operating system does not give the file's bytes.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The file is no sound PNG or JPEG, or a larger one than is read.
    #[error("{} is no PNG or JPEG that can be read: {error}", path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// What the decoder says.
        error: Box<dyn Error + Send + Sync>,
    },
}
