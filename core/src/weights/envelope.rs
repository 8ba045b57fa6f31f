//! The envelope of a file: magic, version, length, weights at a multiple of 4 bytes, checksum.

use core::ops::RangeInclusive;

use crc::{CRC_32_ISO_HDLC, Crc};
use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

use super::WeightFileError;
use crate::{
    preparation::Preparation,
    shape::{InputShape, Names, Signature},
    task::{TargetScale, Task},
};

pub const CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
pub const CHECKSUM_BYTES: usize = 4;

/// The fixed start of a file: the magic, the version (u16, little-endian), and the number of bytes of the whole file (u32, little-endian).
type Prelude = ([u8; 8], [u8; 2], [u8; 4]);

/// Checks magic, version, length and checksum. Returns the file's version, and the bytes between prelude and checksum.
pub fn check_integrity(
    file: &[u8],
    magic: [u8; 8],
    versions: RangeInclusive<u16>,
) -> Result<(u16, &[u8]), WeightFileError> {
    let known = file.len().min(magic.len());
    if file[..known] != magic[..known] {
        return Err(WeightFileError::Magic);
    }
    let minimum = size_of::<Prelude>() + CHECKSUM_BYTES;
    let truncated = |expected| WeightFileError::Truncated { expected, found: file.len() };
    let Ok(((_, version, length), _)) = postcard::take_from_bytes::<Prelude>(file) else {
        return Err(truncated(minimum));
    };
    let version = u16::from_le_bytes(version);
    if !versions.contains(&version) {
        let (oldest, newest) = versions.into_inner();
        return Err(WeightFileError::Version { oldest, newest, found: version });
    }
    let length = u32::from_le_bytes(length) as usize;
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
    Ok((version, checked.get(size_of::<Prelude>()..).unwrap_or_default()))
}

/// The numbers of a signature's fields. A reader leaves out a field with an odd number that it does not know, and refuses an even one.
const INPUT_SHAPE: u8 = 1;
const PREPARATION: u8 = 2;
const OUTPUT_NAMES: u8 = 3;
const TASK: u8 = 4;
const FEATURE_NAMES: u8 = 5;
const FEATURE_UNITS: u8 = 7;
const OUTPUT_UNITS: u8 = 9;
const READING: u8 = 11;

/// The numbers of a network's inputs and outputs, and whether it computes in integers.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    pub inputs: usize,
    pub outputs: usize,
    /// True if the network computes in integers.
    pub is_integers: bool,
}

/// The fields of a file that has no signature: a count of 0.
pub const NO_SIGNATURE: &[u8] = &[0];

/// Checks a signature's fields, for a network with these inputs and outputs. Returns the bytes of the fields, and the bytes after them.
pub fn check_signature(bytes: &[u8], ends: Ends) -> Result<(&[u8], &[u8]), WeightFileError> {
    let (_, rest) = take_signature(bytes, ends)?;
    Ok((bytes.get(..bytes.len() - rest.len()).unwrap_or_default(), rest))
}

/// Returns the signature of fields that were checked.
pub fn signature(fields: &[u8], ends: Ends) -> Signature<'_> {
    take_signature(fields, ends).map_or(Signature::default(), |(signature, _)| signature)
}

/// Takes a signature's fields: their count, and for each field its number and its bytes. The numbers ascend.
fn take_signature(rest: &[u8], ends: Ends) -> Result<(Signature<'_>, &[u8]), WeightFileError> {
    const PART: &str = "signature";
    let Ends { inputs, outputs, is_integers } = ends;
    let malformed = || WeightFileError::Malformed { part: PART };
    let (&count, mut rest) = rest.split_first().ok_or_else(malformed)?;
    let (mut signature, mut before) = (Signature::default(), 0);
    for _ in 0..count {
        let (&number, field) = rest.split_first().ok_or_else(malformed)?;
        let (bytes, after) = decode::<&[u8]>(field, PART)?;
        if number <= before {
            return Err(malformed());
        }
        match number {
            INPUT_SHAPE => {
                let shape = shape_of(bytes).filter(|shape| shape.features() == inputs);
                signature.input = Some(shape.ok_or_else(malformed)?);
            }
            PREPARATION => {
                signature.preparation = Preparation::parse(bytes, inputs, is_integers).ok_or_else(malformed)?;
            }
            OUTPUT_NAMES => signature.output_names = Names::parse(bytes, outputs).ok_or_else(malformed)?,
            TASK => signature.task = Task::parse(bytes, outputs).ok_or_else(malformed)?,
            FEATURE_NAMES => signature.feature_names = Names::unchecked(bytes),
            FEATURE_UNITS => signature.feature_units = Names::unchecked(bytes),
            OUTPUT_UNITS => signature.output_units = Names::unchecked(bytes),
            READING => signature.reading = bytes,
            _ if number.is_multiple_of(2) => return Err(WeightFileError::Field { number }),
            _ => {}
        }
        (before, rest) = (number, after);
    }
    Ok((signature, rest))
}

/// Returns the shape with these sizes, or `None`. Each is a u32, little-endian: the features, or an image's channels, height and width.
fn shape_of(bytes: &[u8]) -> Option<InputShape> {
    let size = |bytes: &[u8; 4]| u32::from_le_bytes(*bytes);
    match bytes.as_chunks() {
        ([features], []) => InputShape::of_sizes(&[size(features)]),
        ([channels, height, width], []) => InputShape::of_sizes(&[size(channels), size(height), size(width)]),
        _ => None,
    }
}

/// Takes the padding and the weights at the end of a body. The whole file has `file_len` bytes.
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

/// Takes a value from the front. Only the encoding that postcard writes is accepted. Postcard itself would accept others: a length may have
/// too many bytes, and the number of bytes that are read differs between 32-bit and 64-bit machines.
pub fn decode<'a, T>(bytes: &'a [u8], part: &'static str) -> Result<(T, &'a [u8]), WeightFileError>
where
    T: Deserialize<'a> + Serialize,
{
    let malformed = |_| WeightFileError::Malformed { part };
    let (value, rest) = postcard::take_from_bytes(bytes).map_err(malformed)?;
    let left = postcard::serialize_with_flavor(&value, Compare { expected: bytes }).map_err(malformed)?;
    if left == rest.len() { Ok((value, rest)) } else { Err(WeightFileError::Malformed { part }) }
}

/// Compares written bytes with these bytes, and fails at the first difference. Returns the number of bytes that are left.
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
}

impl<'a> Writer<'a> {
    /// Begins a file: writes the magic and the version.
    pub fn new(buffer: &'a mut [u8], magic: [u8; 8], version: u16) -> Result<Self, WeightFileError> {
        let mut writer = Self { buffer, len: 0 };
        writer.put::<Prelude>(&(magic, version.to_le_bytes(), [0; 4]))?;
        Ok(writer)
    }

    /// Appends a value.
    pub fn put<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), WeightFileError> {
        let room = self.buffer.get_mut(self.len..).ok_or(WeightFileError::TooLarge)?;
        let written = postcard::to_slice(value, room).map_err(|_| WeightFileError::TooLarge)?;
        self.len += written.len();
        Ok(())
    }

    /// Appends a signature's fields. The signature must fit a network with these inputs and outputs.
    pub fn put_signature(&mut self, signature: &Signature<'_>, ends: Ends) -> Result<(), WeightFileError> {
        let Ends { inputs, outputs, is_integers } = ends;
        let Signature { input, preparation, task, output_names, output_units, feature_names, feature_units, reading } =
            signature;
        let names = [
            (OUTPUT_NAMES, output_names, outputs),
            (FEATURE_NAMES, feature_names, inputs),
            (FEATURE_UNITS, feature_units, inputs),
            (OUTPUT_UNITS, output_units, outputs),
        ];
        let are_names = names.iter().all(|&(_, names, count)| Names::parse(names.as_bytes(), count).is_some());
        let is_of_inputs = input.is_none_or(|shape| shape.features() == inputs);
        let preparation = preparation.field();
        let is_prepared = preparation.is_none_or(|field| {
            Preparation::of_parts(field.0, field.1, inputs, is_integers).is_some_and(Preparation::is_sound)
        });
        let is_of_outputs = match *task {
            Task::Regression(scale) => TargetScale::parse(scale.as_bytes(), outputs).is_some(),
            Task::Classification | Task::MultiLabel => true,
        };
        if !(are_names && is_of_inputs && is_prepared && is_of_outputs) {
            return Err(WeightFileError::Signature);
        }
        let [first, second, third, fourth] = names.map(|(number, names, _)| (number, names.as_bytes()));
        let names = [first, second, third, fourth, (READING, *reading)];
        let given = |&&(_, names): &&(u8, &[u8])| !names.is_empty();
        let others = u8::from(input.is_some()) + u8::from(preparation.is_some()) + u8::from(task.field().is_some());
        self.put(&(others + names.iter().filter(given).count() as u8))?;
        if let Some(shape) = input {
            let mut bytes = [0; 12];
            let sizes = shape.sizes();
            for (place, size) in bytes.as_chunks_mut().0.iter_mut().zip(sizes.clone()) {
                *place = size.to_le_bytes();
            }
            self.put(&(INPUT_SHAPE, bytes.get(..4 * sizes.count()).unwrap_or_default()))?;
        }
        if let Some((head, table)) = preparation {
            self.put(&(PREPARATION, head.len() + table.len()))?;
            self.put_bytes(&head)?;
            self.put_bytes(table)?;
        }
        let (before_task, after_task) = names.split_at(1);
        for field in before_task.iter().filter(given) {
            self.put(field)?;
        }
        if let Some((kind, table)) = task.field() {
            self.put(&(TASK, 1 + table.len()))?;
            self.put_bytes(&[kind])?;
            self.put_bytes(table)?;
        }
        for field in after_task.iter().filter(given) {
            self.put(field)?;
        }
        Ok(())
    }

    /// Appends bytes as they are.
    fn put_bytes(&mut self, bytes: &[u8]) -> Result<(), WeightFileError> {
        let end = self.len.checked_add(bytes.len()).ok_or(WeightFileError::TooLarge)?;
        self.buffer.get_mut(self.len..end).ok_or(WeightFileError::TooLarge)?.copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }

    /// Appends padding and room for this number of bytes of weights. `fill` writes the weights there.
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

    /// Ends the file: writes its length and its checksum. Returns the length.
    pub fn finish(self) -> Result<usize, WeightFileError> {
        let length = self.len + CHECKSUM_BYTES;
        let bytes = u32::try_from(length).map_err(|_| WeightFileError::TooLarge)?.to_le_bytes();
        let place = size_of::<Prelude>() - bytes.len();
        self.buffer
            .get_mut(place..)
            .and_then(<[u8]>::first_chunk_mut)
            .ok_or(WeightFileError::TooLarge)
            .map(|place| *place = bytes)?;
        let (checked, checksum) = self.buffer.split_at_mut_checked(self.len).ok_or(WeightFileError::TooLarge)?;
        let checksum = checksum.first_chunk_mut().ok_or(WeightFileError::TooLarge)?;
        *checksum = CHECKSUM.checksum(checked).to_le_bytes();
        Ok(length)
    }
}

/// Returns the number of bytes of postcard's length prefix, which has seven bits in each byte.
const fn varint_len(value: usize) -> usize {
    let bits = usize::BITS - value.leading_zeros();
    if bits == 0 { 1 } else { bits.div_ceil(7) as usize }
}
