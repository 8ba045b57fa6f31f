//! Files that end.

use std::{
    fs::{self, File},
    path::Path,
};

use super::PictureError;

/// Opens a file. What may have no end, or may never begin, is not opened: a pipe, a device.
///
/// # Errors
///
/// [`PictureError::NoFile`], and [`PictureError::Unreadable`].
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
