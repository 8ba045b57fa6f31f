//! What frames a file: magic, version, length, weights at a multiple of 4 bytes, checksum; read strictly, written whole.

use crc::{CRC_32_ISO_HDLC, Crc};
use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

use super::WeightFileError;

pub const CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
pub const CHECKSUM_BYTES: usize = 4;

/// The fixed start of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Prelude {
    /// What tells the format.
    magic: [u8; 8],
    /// The format's version.
    #[serde(with = "postcard::fixint::le")]
    version: u16,
    /// Bytes of the whole file.
    #[serde(with = "postcard::fixint::le")]
    length: u32,
}

/// Checks magic, version, length and checksum; returns what stands between prelude and checksum.
pub fn check_integrity(file: &[u8], magic: [u8; 8], version: u16) -> Result<&[u8], WeightFileError> {
    let known = file.len().min(magic.len());
    if file[..known] != magic[..known] {
        return Err(WeightFileError::Magic);
    }
    let minimum = magic.len() + size_of::<u16>() + size_of::<u32>() + CHECKSUM_BYTES;
    let truncated = |expected| WeightFileError::Truncated { expected, found: file.len() };
    let Ok((prelude, _)) = postcard::take_from_bytes::<Prelude>(file) else {
        return Err(truncated(minimum));
    };
    if prelude.version != version {
        return Err(WeightFileError::Version { expected: version, found: prelude.version });
    }
    let length = prelude.length as usize;
    if file.len() < length.max(minimum) {
        return Err(truncated(length.max(minimum)));
    }
    if file.len() > length {
        return Err(WeightFileError::Trailing { expected: length, found: file.len() });
    }
    let Some((checked, stored)) = file.split_last_chunk::<CHECKSUM_BYTES>() else {
        return Err(truncated(minimum));
    };
    let (stored, computed) = (u32::from_le_bytes(*stored), CHECKSUM.checksum(checked));
    if stored != computed {
        return Err(WeightFileError::Checksum { stored, computed });
    }
    decode::<Prelude>(checked, "prelude").map(|(_, body)| body)
}

/// Takes padding and weights, with which a body ends. The file has so many bytes in all.
pub fn take_weights(rest: &[u8], file_len: usize, expected: usize) -> Result<&[u8], WeightFileError> {
    let (padding, rest) = decode::<&[u8]>(rest, "padding")?;
    let (weights, rest) = decode::<&[u8]>(rest, "weights")?;
    if weights.len() != expected {
        return Err(WeightFileError::WeightBytes { expected, found: weights.len() });
    }
    if !rest.is_empty() {
        return Err(WeightFileError::Malformed { part: "end" });
    }
    let start = file_len - CHECKSUM_BYTES - weights.len();
    if padding.len() > 3 || padding.iter().any(|&byte| byte != 0) || !start.is_multiple_of(size_of::<f32>()) {
        return Err(WeightFileError::Malformed { part: "padding" });
    }
    Ok(weights)
}

/// Takes a value from the front. Of the encodings that postcard reads (a length may have bytes too many, and how many are read
/// differs between 32-bit and 64-bit machines), only the one that it writes is taken.
pub fn decode<'a, T>(bytes: &'a [u8], part: &'static str) -> Result<(T, &'a [u8]), WeightFileError>
where
    T: Deserialize<'a> + Serialize,
{
    let malformed = |_| WeightFileError::Malformed { part };
    let (value, rest) = postcard::take_from_bytes(bytes).map_err(malformed)?;
    let left = postcard::serialize_with_flavor(&value, Compare { expected: bytes }).map_err(malformed)?;
    if left == rest.len() { Ok((value, rest)) } else { Err(WeightFileError::Malformed { part }) }
}

/// Takes what is written only as long as it is what stands there; gives the number of bytes that are left.
struct Compare<'a> {
    expected: &'a [u8],
}

impl Flavor for Compare<'_> {
    type Output = usize;

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        match self.expected.split_first() {
            Some((expected, rest)) if *expected == byte => {
                self.expected = rest;
                Ok(())
            }
            _ => Err(postcard::Error::SerializeBufferFull),
        }
    }

    fn finalize(self) -> postcard::Result<usize> {
        Ok(self.expected.len())
    }
}

/// Appends postcard values to a buffer.
pub struct Writer<'a> {
    buffer: &'a mut [u8],
    len: usize,
    prelude: Prelude,
}

impl<'a> Writer<'a> {
    /// Begins a file.
    pub fn new(buffer: &'a mut [u8], magic: [u8; 8], version: u16) -> Result<Self, WeightFileError> {
        let prelude = Prelude { magic, version, length: 0 };
        let mut writer = Self { buffer, len: 0, prelude };
        writer.put(&prelude)?;
        Ok(writer)
    }

    /// Appends a value.
    pub fn put<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), WeightFileError> {
        let room = self.buffer.get_mut(self.len..).ok_or(WeightFileError::TooLarge)?;
        let written = postcard::to_slice(value, room).map_err(|_| WeightFileError::TooLarge)?;
        self.len += written.len();
        Ok(())
    }

    /// Appends padding and room for so many bytes of weights, which `fill` writes.
    pub fn put_weights(
        &mut self,
        len: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<(), WeightFileError>,
    ) -> Result<(), WeightFileError> {
        // The padding's own length takes a byte, the weights' a varint.
        let unpadded = self.len + 1 + varint_len(len);
        let padding = unpadded.next_multiple_of(size_of::<f32>()) - unpadded;
        self.put(&[0_u8; 3].get(..padding).unwrap_or_default())?;
        self.put(&len)?;
        let end = self.len.checked_add(len).ok_or(WeightFileError::TooLarge)?;
        fill(self.buffer.get_mut(self.len..end).ok_or(WeightFileError::TooLarge)?)?;
        self.len = end;
        Ok(())
    }

    /// Ends the file: gives it its length and its checksum. Returns the length.
    pub fn finish(self) -> Result<usize, WeightFileError> {
        let length = self.len + CHECKSUM_BYTES;
        let prelude = Prelude { length: u32::try_from(length).map_err(|_| WeightFileError::TooLarge)?, ..self.prelude };
        postcard::to_slice(&prelude, self.buffer).map_err(|_| WeightFileError::TooLarge)?;
        let (checked, checksum) = self.buffer.split_at_mut_checked(self.len).ok_or(WeightFileError::TooLarge)?;
        let checksum = checksum.first_chunk_mut().ok_or(WeightFileError::TooLarge)?;
        *checksum = CHECKSUM.checksum(checked).to_le_bytes();
        Ok(length)
    }
}

/// Bytes of postcard's length prefix: seven bits a byte.
const fn varint_len(value: usize) -> usize {
    let bits = usize::BITS - value.leading_zeros();
    if bits == 0 { 1 } else { bits.div_ceil(7) as usize }
}
