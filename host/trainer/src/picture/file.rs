//! Opens files that have an end.

use std::{
    fs::{self, File},
    path::Path,
};

use super::PictureError;

/// Opens a file. It refuses a pipe or a device, which may have no end or may block.
///
/// # Errors
///
/// [`PictureError::NoFile`] for something else than a file, and [`PictureError::Unreadable`] if it cannot be opened.
pub fn open(path: &Path) -> Result<File, PictureError> {
    let unreadable = |error| PictureError::Unreadable { path: path.into(), error };
    let kind = fs::metadata(path).map_err(unreadable)?.file_type();
    if kind.is_file() {
        return File::open(path).map_err(unreadable);
    }
    let (what, advice) = if kind.is_dir() {
        ("a folder", "give the files in it")
    } else {
        ("a pipe or a device", "save what comes out of it as a file, and give that")
    };
    Err(PictureError::NoFile { path: path.into(), what, advice })
}
