//! IDX, the format of MNIST's and Fashion-MNIST's files: samples and labels as borrowed bytes, checked strictly.
//!
//! A file is a big-endian magic number, one big-endian length for each dimension, and then the bytes.
//!
//! ```
//! use selvedge::{idx, shape::InputShape};
//!
//! let file = [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 10, 20]; // one image of 1×2 pixels
//! let samples = idx::samples(&file)?;
//! assert_eq!(samples.shape(), InputShape::Image { channels: 1, height: 1, width: 2 });
//! assert_eq!(samples.iter().next(), Some(&[10, 20][..]));
//! assert!(idx::samples(&file[..17]).is_err());
//! # Ok::<(), idx::IdxError>(())
//! ```

use core::{fmt, slice::ChunksExact};

use crate::shape::InputShape;

/// The type of unsigned bytes in a magic number, whose last byte is the number of dimensions.
const BYTES: u8 = 8;
/// The largest number of dimensions of a file: samples of channels, rows and columns.
const MAX_DIMENSIONS: usize = 4;

/// The samples of an IDX file, read in place: bytes from 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Samples<'a> {
    shape: InputShape,
    bytes: &'a [u8],
}

impl<'a> Samples<'a> {
    /// Returns the shape of a sample.
    pub fn shape(&self) -> InputShape {
        self.shape
    }

    /// Returns the number of samples.
    pub fn len(&self) -> usize {
        self.iter().len()
    }

    /// Returns true if there are no samples.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns all bytes, sample after sample.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the samples in their order.
    pub fn iter(&self) -> ChunksExact<'a, u8> {
        self.bytes.chunks_exact(self.shape.features().max(1))
    }
}

/// Reads the samples of an IDX file, in place. Two dimensions are samples of features, three are images, four are images of several
/// channels.
///
/// # Errors
///
/// [`IdxError`] unless the bytes are exactly such a file.
pub fn samples(file: &[u8]) -> Result<Samples<'_>, IdxError> {
    let (shape, len, bytes) = begun_samples(file)?;
    check_length(file, len)?;
    Ok(Samples { shape, bytes })
}

/// Returns the length in bytes that a file of samples must have. `beginning` is the first [`MAX_HEADER`] bytes of the file, or all of a
/// shorter file. So a reader knows the length before it takes any memory.
///
/// # Errors
///
/// [`IdxError`] if these bytes do not begin a file of samples.
pub fn samples_len(beginning: &[u8]) -> Result<u64, IdxError> {
    begun_samples(beginning).map(|(_, len, _)| len)
}

/// Returns a sample's shape, the whole file's length, and the bytes behind the header.
fn begun_samples(file: &[u8]) -> Result<(InputShape, u64, &[u8]), IdxError> {
    let (sizes, dimensions, bytes) = header(file)?;
    let [count, sizes @ ..] = sizes;
    if dimensions < 2 {
        return Err(IdxError::Dimensions { least: 2, most: MAX_DIMENSIONS as u8, found: 1 });
    }
    let shape = sizes.get(..dimensions - 1).and_then(InputShape::of_sizes).ok_or(IdxError::Shape)?;
    let len = u64::from(count).checked_mul(shape.features() as u64);
    let len = len.and_then(|len| len.checked_add((file.len() - bytes.len()) as u64)).ok_or(IdxError::Shape)?;
    Ok((shape, len, bytes))
}

/// Reads the labels (the class of each sample) of an IDX file, in place.
///
/// # Errors
///
/// [`IdxError`] unless the bytes are exactly a file of labels.
pub fn labels(file: &[u8]) -> Result<&[u8], IdxError> {
    let (len, labels) = begun_labels(file)?;
    check_length(file, len)?;
    Ok(labels)
}

/// Returns the length in bytes that a file of labels must have. `beginning` is as in [`samples_len`].
///
/// # Errors
///
/// [`IdxError`] if these bytes do not begin a file of labels.
pub fn labels_len(beginning: &[u8]) -> Result<u64, IdxError> {
    begun_labels(beginning).map(|(len, _)| len)
}

/// Returns the whole file's length, and the bytes behind the header.
fn begun_labels(file: &[u8]) -> Result<(u64, &[u8]), IdxError> {
    let ([count, ..], dimensions, labels) = header(file)?;
    if dimensions != 1 {
        return Err(IdxError::Dimensions { least: 1, most: 1, found: dimensions as u8 });
    }
    Ok((u64::from(count) + (file.len() - labels.len()) as u64, labels))
}

/// The length of the longest header, in bytes.
pub const MAX_HEADER: usize = 4 + 4 * MAX_DIMENSIONS;

/// Writes the first bytes of a file of `count` samples of this shape into `buffer`, and returns them. An image of one channel has no
/// dimension for the channel.
pub fn samples_header(count: u32, shape: InputShape, buffer: &mut [u8; MAX_HEADER]) -> &[u8] {
    let is_gray = matches!(shape, InputShape::Image { channels: 1, .. });
    let sizes = [count].into_iter().chain(shape.sizes().skip(is_gray.into()));
    let dimensions = sizes.clone().count();
    let words = [magic(dimensions as u8)].into_iter().chain(sizes);
    for (place, word) in buffer.as_chunks_mut().0.iter_mut().zip(words) {
        *place = word.to_be_bytes();
    }
    buffer.get(..4 + 4 * dimensions).unwrap_or_default()
}

/// Returns the first bytes of a file of `count` labels.
pub fn labels_header(count: u32) -> [u8; 8] {
    let mut header = [0; 8];
    header.as_chunks_mut().0.copy_from_slice(&[magic(1), count].map(u32::to_be_bytes));
    header
}

fn magic(dimensions: u8) -> u32 {
    u32::from_be_bytes([0, 0, BYTES, dimensions])
}

/// Returns a file's sizes, the number of sizes, and the bytes after them.
fn header(file: &[u8]) -> Result<([u32; MAX_DIMENSIONS], usize, &[u8]), IdxError> {
    let truncated = |words: usize| IdxError::Length { expected: 4 * words as u64, found: file.len() as u64 };
    let (&magic, mut rest) = file.split_first_chunk().ok_or(truncated(2))?;
    let dimensions = match magic {
        [0, 0, BYTES, found] if !(1..=MAX_DIMENSIONS).contains(&found.into()) => {
            return Err(IdxError::Dimensions { least: 1, most: MAX_DIMENSIONS as u8, found });
        }
        [0, 0, BYTES, dimensions] => usize::from(dimensions),
        [0, 0, found, _] => return Err(IdxError::Type { found }),
        _ => return Err(IdxError::Magic { found: u32::from_be_bytes(magic) }),
    };
    let mut sizes = [0; MAX_DIMENSIONS];
    for size in sizes.iter_mut().take(dimensions) {
        let (length, after) = rest.split_first_chunk().ok_or(truncated(1 + dimensions))?;
        *size = u32::from_be_bytes(*length);
        rest = after;
    }
    Ok((sizes, dimensions, rest))
}

/// Compares a file's length with what its header says.
fn check_length(file: &[u8], expected: u64) -> Result<(), IdxError> {
    let found = file.len() as u64;
    if found == expected { Ok(()) } else { Err(IdxError::Length { expected, found }) }
}

/// The error of bytes that are not an IDX file of the expected kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum IdxError {
    /// The magic number is not the format's.
    Magic {
        /// The number that stands there.
        found: u32,
    },
    /// The values are not unsigned bytes.
    Type {
        /// The type in the file.
        found: u8,
    },
    /// The file has a number of dimensions that this kind of file does not have.
    Dimensions {
        /// The smallest allowed number.
        least: u8,
        /// The largest allowed number.
        most: u8,
        /// The number in the file.
        found: u8,
    },
    /// The samples have no features, or more than this machine can count.
    Shape,
    /// There are more or fewer bytes than the header says, or fewer than a header has.
    Length {
        /// The number of bytes expected.
        expected: u64,
        /// The number of bytes found.
        found: u64,
    },
}

impl fmt::Display for IdxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic { found } => write!(f, "this is no IDX file: it begins with {found:#010x}"),
            Self::Type { found } => {
                write!(
                    f,
                    "its values have the type {found:#04x}; unsigned bytes ({BYTES:#04x}) are read, and as samples on a host int8 (0x09), \
                     int16 (0x0b) and float32 (0x0d)"
                )
            }
            Self::Dimensions { least, most, found } => {
                write!(f, "it has {found} dimensions, but a file of its kind has {least}")?;
                if least == most { Ok(()) } else { write!(f, " to {most}") }
            }
            Self::Shape => write!(f, "the header's sizes make no sample: one of them is 0, or they are too large"),
            Self::Length { expected, found } if found < expected => {
                write!(f, "the file is truncated: {found} of {expected} bytes are there")
            }
            Self::Length { expected, found } => write!(f, "the file is too long: {found} bytes instead of {expected}"),
        }
    }
}

impl core::error::Error for IdxError {}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    fn file(count: u32, shape: InputShape) -> Vec<u8> {
        let mut file = samples_header(count, shape, &mut [0; MAX_HEADER]).to_vec();
        file.extend((0..count as usize * shape.features()).map(|i| i as u8));
        file
    }

    #[test]
    fn reads_what_the_headers_say() {
        for (sizes, header) in [(&[5][..], 12), (&[4, 3], 16), (&[3, 2, 2], 20)] {
            let shape = InputShape::of_sizes(sizes).unwrap();
            let file = file(2, shape);
            let samples = samples(&file).unwrap();
            assert_eq!((samples.shape(), samples.len(), samples.bytes()), (shape, 2, &file[header..]));
            assert_eq!(samples_len(&file[..file.len().min(MAX_HEADER)]), Ok(file.len() as u64));
            assert_eq!(samples.iter().nth(1).unwrap()[0], shape.features() as u8);
        }
        let mut file = [3; 8 + 5];
        file[..8].copy_from_slice(&labels_header(5));
        assert_eq!(labels(&file), Ok(&[3; 5][..]));
        assert_eq!(labels_len(&file[..8]), Ok(13));
    }

    #[test]
    fn refuses_what_is_wrong() {
        let mut file = [3; 8 + 5];
        file[..8].copy_from_slice(&labels_header(5));
        assert_eq!(labels(&file[..12]), Err(IdxError::Length { expected: 13, found: 12 }));
        for end in 0..8 {
            assert!(labels(&file[..end]).is_err());
        }
        assert_eq!(samples(&file), Err(IdxError::Dimensions { least: 2, most: 4, found: 1 }));
        assert_eq!(
            labels(&self::file(1, InputShape::Features(3))),
            Err(IdxError::Dimensions { least: 1, most: 1, found: 2 })
        );
        let images = self::file(2, InputShape::of_sizes(&[4, 3]).unwrap());
        for end in 0..images.len() {
            assert!(matches!(samples(&images[..end]), Err(IdxError::Length { .. })), "{end}");
        }
        let with = |place: usize, value: u8| {
            let mut changed = images.clone();
            changed[place] = value;
            samples(&changed).unwrap_err()
        };
        assert!(matches!(with(4, 255), IdxError::Length { .. }));
        assert_eq!(with(11, 0), IdxError::Shape);
        assert_eq!(with(0, 8), IdxError::Magic { found: 0x0800_0803 });
        assert_eq!(with(2, 13), IdxError::Type { found: 13 });
        for found in [0, 5, 255] {
            assert_eq!(with(3, found), IdxError::Dimensions { least: 1, most: 4, found });
        }
        // 4 · 2³¹ · 2³¹ bytes are 2⁶⁴.
        let sizes = [4, 1 << 31, 1 << 31, 1].map(u32::to_be_bytes);
        let overflowing = [&[0, 0, 8, 4][..], sizes.as_flattened()].concat();
        assert_eq!(samples(&overflowing), Err(IdxError::Shape));
        assert_eq!(samples_len(&overflowing[..19]), Err(IdxError::Length { expected: 20, found: 19 }));
        assert_eq!(labels_len(&overflowing), Err(IdxError::Dimensions { least: 1, most: 1, found: 4 }));
    }
}
