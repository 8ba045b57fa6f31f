//! Takes the place of picture files if the feature `pictures` is left out.

use std::{io, path::Path};

use selvedge::shape::InputShape;

use super::{Captioned, Chart, PictureError, Prepared};

/// The reason why there are no pictures.
const NONE: &str = "this build of selvedge has no pictures: its feature `pictures` is left out";

/// Reads nothing.
///
/// # Errors
///
/// [`PictureError::Absent`].
pub fn read(path: &Path, _shape: InputShape) -> Result<Prepared, PictureError> {
    Err(PictureError::Absent { path: path.into() })
}

/// A picture in a build without pictures: there is none.
pub enum Plain {}

/// Reads nothing.
///
/// # Errors
///
/// [`PictureError::Absent`].
pub fn read_plain(path: &Path) -> Result<Plain, PictureError> {
    Err(PictureError::Absent { path: path.into() })
}

impl Plain {
    /// Never called: there is no such picture.
    pub fn size(&self) -> (u32, u32) {
        match *self {}
    }

    /// Never called: there is no such picture.
    pub fn is_grey(&self) -> bool {
        match *self {}
    }

    /// Never called: there is no such picture.
    pub fn fit(self, _size: (u32, u32), _channels: u32) -> Vec<u8> {
        match self {}
    }
}

/// Encodes nothing.
///
/// # Errors
///
/// [`io::ErrorKind::Unsupported`].
pub fn png(_pixels: &[u8], _size: (u32, u32)) -> io::Result<Vec<u8>> {
    Err(io::Error::new(io::ErrorKind::Unsupported, NONE))
}

/// Saves nothing.
///
/// # Errors
///
/// [`io::ErrorKind::Unsupported`].
pub fn save_grid(
    path: &Path,
    _images: &[Captioned<'_>],
    _size: (u32, u32),
    _columns_and_scale: (u32, u32),
) -> io::Result<()> {
    unsupported(path)
}

/// Saves nothing.
///
/// # Errors
///
/// [`io::ErrorKind::Unsupported`].
pub fn save_sample(path: &Path, _shades: &[u8], _size: (u32, u32)) -> io::Result<()> {
    unsupported(path)
}

/// Saves nothing.
///
/// # Errors
///
/// [`io::ErrorKind::Unsupported`].
pub fn save_chart(path: &Path, _chart: &Chart) -> io::Result<()> {
    unsupported(path)
}

fn unsupported(path: &Path) -> io::Result<()> {
    let path = path.display();
    Err(io::Error::new(io::ErrorKind::Unsupported, format!("cannot write {path}: {NONE}")))
}
