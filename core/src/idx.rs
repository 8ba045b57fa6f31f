//! IDX, the format of MNIST's and Fashion-MNIST's files: images and labels as borrowed bytes, checked strictly.
//!
//! A file is a big-endian magic number, one big-endian length for each dimension, and then the bytes.

use core::fmt;

use crate::models::{CLASSES, PIXELS, SIDE};

/// The magic number of images: unsigned bytes in three dimensions.
pub const IMAGES_MAGIC: u32 = 0x0803;
/// The magic number of labels: unsigned bytes in one dimension.
pub const LABELS_MAGIC: u32 = 0x0801;

/// One image: 28 rows of 28 shades, 0 (background) to 255.
pub type Image = [u8; PIXELS];

/// The images of an IDX file, in place.
///
/// # Errors
///
/// [`IdxError`] unless the bytes are exactly a file of 28×28 images.
pub fn images(file: &[u8]) -> Result<&[Image], IdxError> {
    let ([count, rows, columns], pixels) = header(file, IMAGES_MAGIC)?;
    if (rows, columns) != (SIDE as u32, SIDE as u32) {
        return Err(IdxError::Size { rows, columns });
    }
    check_length(file, pixels, u64::from(count) * PIXELS as u64)?;
    Ok(pixels.as_chunks().0)
}

/// The labels of an IDX file, in place.
///
/// # Errors
///
/// [`IdxError`] unless the bytes are exactly a file of labels from 0 to 9.
pub fn labels(file: &[u8]) -> Result<&[u8], IdxError> {
    let ([count], labels) = header(file, LABELS_MAGIC)?;
    check_length(file, labels, u64::from(count))?;
    match labels.iter().enumerate().find(|&(_, &label)| usize::from(label) >= CLASSES) {
        Some((index, &label)) => Err(IdxError::Label { index, label }),
        None => Ok(labels),
    }
}

/// The first bytes of a file of `count` images.
pub fn images_header(count: u32) -> [u8; 16] {
    let words = [IMAGES_MAGIC, count, SIDE as u32, SIDE as u32].map(u32::to_be_bytes);
    let mut header = [0; 16];
    header.as_chunks_mut().0.copy_from_slice(&words);
    header
}

/// The first bytes of a file of `count` labels.
pub fn labels_header(count: u32) -> [u8; 8] {
    let words = [LABELS_MAGIC, count].map(u32::to_be_bytes);
    let mut header = [0; 8];
    header.as_chunks_mut().0.copy_from_slice(&words);
    header
}

/// Splits a file into its dimensions and its bytes.
fn header<const DIMENSIONS: usize>(file: &[u8], magic: u32) -> Result<([u32; DIMENSIONS], &[u8]), IdxError> {
    let truncated = IdxError::Length { expected: 4 + 4 * DIMENSIONS as u64, found: file.len() as u64 };
    let (found, mut rest) = file.split_first_chunk().ok_or(truncated)?;
    let found = u32::from_be_bytes(*found);
    if found != magic {
        return Err(IdxError::Magic { expected: magic, found });
    }
    let mut dimensions = [0; DIMENSIONS];
    for dimension in &mut dimensions {
        let (length, after) = rest.split_first_chunk().ok_or(truncated)?;
        *dimension = u32::from_be_bytes(*length);
        rest = after;
    }
    Ok((dimensions, rest))
}

/// Compares what stands behind the header with what the header says, in bytes of the whole file.
fn check_length(file: &[u8], rest: &[u8], expected: u64) -> Result<(), IdxError> {
    let found = file.len() as u64;
    let expected = expected + (file.len() - rest.len()) as u64;
    if found == expected { Ok(()) } else { Err(IdxError::Length { expected, found }) }
}

/// Why bytes are no IDX file of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum IdxError {
    /// Another magic number.
    Magic {
        /// What this kind of file starts with.
        expected: u32,
        /// What stands there.
        found: u32,
    },
    /// Images of another size.
    Size {
        /// Rows in the file.
        rows: u32,
        /// Columns in the file.
        columns: u32,
    },
    /// More or fewer bytes than the header says (or than a header has).
    Length {
        /// Bytes expected.
        expected: u64,
        /// Bytes found.
        found: u64,
    },
    /// A label that names no class.
    Label {
        /// Which label.
        index: usize,
        /// Its value.
        label: u8,
    },
}

impl fmt::Display for IdxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic { expected, found } => {
                write!(f, "the magic number is {found:#010x}, not {expected:#010x}: this is another kind of file")
            }
            Self::Size { rows, columns } => write!(f, "the images have {rows}×{columns} pixels, not {SIDE}×{SIDE}"),
            Self::Length { expected, found } if found < expected => {
                write!(f, "the file is truncated: {found} of {expected} bytes are there")
            }
            Self::Length { expected, found } => write!(f, "the file is too long: {found} bytes instead of {expected}"),
            Self::Label { index, label } => {
                write!(f, "label {index} is {label}, but the classes are 0 to {}", CLASSES - 1)
            }
        }
    }
}

impl core::error::Error for IdxError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_headers_say() {
        let mut file = [7; 16 + 2 * PIXELS];
        file[..16].copy_from_slice(&images_header(2));
        assert_eq!(images(&file), Ok(&[[7; PIXELS]; 2][..]));
        let mut file = [3; 8 + 5];
        file[..8].copy_from_slice(&labels_header(5));
        assert_eq!(labels(&file), Ok(&[3; 5][..]));
    }

    #[test]
    fn refuses_what_is_wrong() {
        let mut file = [3; 8 + 5];
        file[..8].copy_from_slice(&labels_header(5));
        assert_eq!(labels(&file[..12]), Err(IdxError::Length { expected: 13, found: 12 }));
        for end in 0..8 {
            assert!(labels(&file[..end]).is_err());
        }
        assert_eq!(images(&file), Err(IdxError::Magic { expected: IMAGES_MAGIC, found: LABELS_MAGIC }));
        file[10] = 200;
        assert_eq!(labels(&file), Err(IdxError::Label { index: 2, label: 200 }));
        let mut other = images_header(u32::MAX);
        assert!(matches!(images(&other), Err(IdxError::Length { found: 16, .. })));
        other[11] = 32;
        assert_eq!(images(&other), Err(IdxError::Size { rows: 32, columns: 28 }));
    }
}
