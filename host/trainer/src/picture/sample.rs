//! Saves a sample as a picture, and recognises such a picture, which gives the same shades.
//!
//! Such a picture is a PNG in 8 bits of grey with a chunk `tEXt`, keyword `Selvedge`, text `sample`. If it has the sample's size,
//! [`read`](super::read) takes its pixels unchanged: it looks for no background, and inverts nothing.

use std::{
    io::{self, Cursor},
    path::Path,
};

use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};

use crate::files::write_whole;

/// The chunk's type and content.
const MARK: &[u8] = b"tEXtSelvedge\0sample";
/// The number of bytes of a PNG's signature and of its header chunk, which comes first.
const HEADER: usize = 8 + 25;

/// Saves a sample with this number of columns and rows as a PNG file of the same size, as a whole or not at all.
///
/// # Errors
///
/// [`io::Error`] if the file cannot be written, or if the number of `shades` does not fit the size. Its text names the file.
pub fn save_sample(path: &Path, shades: &[u8], (width, height): (u32, u32)) -> io::Result<()> {
    let mut png = Cursor::new(Vec::new());
    if shades.len() as u64 != u64::from(width) * u64::from(height) {
        let (path, found) = (path.display(), shades.len());
        return Err(io::Error::other(format!("cannot write {path}: {found} shades are no image of {height}×{width}")));
    }
    PngEncoder::new(&mut png)
        .write_image(shades, width, height, ExtendedColorType::L8)
        .map_err(|error| io::Error::other(format!("cannot write {}: {error}", path.display())))?;
    let mut png = png.into_inner();
    let rest = png.split_off(HEADER);
    let mut crc = flate2::Crc::new();
    crc.update(MARK);
    png.extend((MARK.len() as u32 - 4).to_be_bytes());
    png.extend(MARK);
    png.extend(crc.sum().to_be_bytes());
    png.extend(rest);
    write_whole(path, &png).map_err(io::Error::other)
}

/// Returns true if a file's bytes are a picture that [`save_sample`] wrote.
pub fn is_sample(bytes: &[u8]) -> bool {
    bytes.get(HEADER + 4..).is_some_and(|rest| rest.starts_with(MARK))
}
