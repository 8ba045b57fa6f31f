use heapless::Vec;
use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

use super::{CHECKSUM, CHECKSUM_BYTES, MAGIC, TrainingRecord, VERSION, WeightFileError, header::Prelude};
use crate::{Layer, architecture::Architecture};

/// A checked weight file, in place.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WeightFile<'a> {
    architecture: Architecture,
    record: TrainingRecord<'a>,
    weights: &'a [u8],
}

impl<'a> WeightFile<'a> {
    /// Checks a whole file. Time is linear in its length; memory is a few hundred bytes of stack.
    ///
    /// # Errors
    ///
    /// [`WeightFileError`] for bytes that are no weight file, not all of it or more than it, changed, of another version, or in
    /// any part not what a writer gives.
    pub fn parse(file: &'a [u8]) -> Result<Self, WeightFileError> {
        let body = check_integrity(file)?;

        let (architecture, rest) = decode::<Architecture>(body, "architecture")?;
        let parameters = architecture.parameter_count().ok_or(WeightFileError::Architecture)?;
        if architecture != architecture.for_prediction() {
            return Err(WeightFileError::Architecture);
        }
        let rest = check_parameters(&architecture, rest)?;
        let (record, rest) = decode::<TrainingRecord<'_>>(rest, "training record")?;
        if !record.is_valid() {
            return Err(WeightFileError::Malformed { part: "training record" });
        }
        let (padding, rest) = decode::<&[u8]>(rest, "padding")?;
        let (weights, rest) = decode::<&[u8]>(rest, "weights")?;
        let expected = parameters * size_of::<f32>();
        if weights.len() != expected {
            return Err(WeightFileError::WeightBytes { expected, found: weights.len() });
        }
        if !rest.is_empty() {
            return Err(WeightFileError::Malformed { part: "end" });
        }
        let start = file.len() - CHECKSUM_BYTES - weights.len();
        if padding.len() > 3 || padding.iter().any(|&byte| byte != 0) || !start.is_multiple_of(size_of::<f32>()) {
            return Err(WeightFileError::Malformed { part: "padding" });
        }
        Ok(Self { architecture, record, weights })
    }

    /// The model's layers.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// How the weights came to be.
    pub fn record(&self) -> &TrainingRecord<'a> {
        &self.record
    }

    /// The flat model's bytes.
    pub fn weights(&self) -> &'a [u8] {
        self.weights
    }

    /// The model, in place.
    ///
    /// # Errors
    ///
    /// [`WeightFileError::Mismatch`] for another architecture than `M`'s; [`WeightFileError::View`] where the file does not start at a
    /// multiple of 4 bytes in memory.
    pub fn model<M: Layer>(&self) -> Result<&'a M, WeightFileError> {
        self.check_model::<M>()?;
        Ok(M::from_bytes(self.weights)?)
    }

    /// Copies the weights into a model, from any place in memory.
    ///
    /// # Errors
    ///
    /// [`WeightFileError::Mismatch`] for another architecture than `M`'s.
    pub fn copy_to<M: Layer>(&self, model: &mut M) -> Result<(), WeightFileError> {
        self.check_model::<M>()?;
        for (parameter, bytes) in model.as_flat_mut().iter_mut().zip(self.weights.as_chunks().0) {
            *parameter = f32::from_le_bytes(*bytes);
        }
        Ok(())
    }

    fn check_model<M: Layer>(&self) -> Result<(), WeightFileError> {
        let expected = Architecture::of::<M>().for_prediction();
        if self.architecture == expected {
            Ok(())
        } else {
            Err(WeightFileError::Mismatch { expected, found: self.architecture.clone() })
        }
    }
}

/// Checks magic, version, length and checksum; returns what stands between prelude and checksum.
fn check_integrity(file: &[u8]) -> Result<&[u8], WeightFileError> {
    let known = file.len().min(MAGIC.len());
    if file[..known] != MAGIC[..known] {
        return Err(WeightFileError::Magic);
    }
    let minimum = MAGIC.len() + size_of::<u16>() + size_of::<u32>() + CHECKSUM_BYTES;
    let truncated = |expected| WeightFileError::Truncated { expected, found: file.len() };
    let Ok((prelude, _)) = postcard::take_from_bytes::<Prelude>(file) else {
        return Err(truncated(minimum));
    };
    if prelude.version != VERSION {
        return Err(WeightFileError::Version { found: prelude.version });
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

/// Compares the named shapes with those that follow from the architecture, one at a time.
fn check_parameters<'a>(architecture: &Architecture, mut rest: &'a [u8]) -> Result<&'a [u8], WeightFileError> {
    const PART: &str = "parameters";
    let (count, after) = decode::<u32>(rest, PART)?;
    rest = after;
    let mut expected = architecture.parameters();
    for index in 0..count as usize {
        let ((name, shape), after) = decode::<(&str, Vec<u32, 2>)>(rest, PART)?;
        rest = after;
        if expected.next().is_none_or(|parameter| parameter.name != name || parameter.shape != shape) {
            return Err(WeightFileError::Parameter { index });
        }
    }
    match expected.next() {
        None => Ok(rest),
        Some(_) => Err(WeightFileError::Parameter { index: count as usize }),
    }
}

/// Takes a value from the front. Of the encodings that postcard reads (a length may have bytes too many, and how many are read
/// differs between 32-bit and 64-bit machines), only the one that it writes is taken.
fn decode<'a, T>(bytes: &'a [u8], part: &'static str) -> Result<(T, &'a [u8]), WeightFileError>
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
