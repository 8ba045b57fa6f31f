use heapless::Vec;

use super::{
    MAGIC, TrainingRecord, VERSION, WeightFileError,
    envelope::{check_integrity, decode, take_weights},
};
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
        let body = check_integrity(file, MAGIC, VERSION)?;

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
        let weights = take_weights(rest, file.len(), parameters * size_of::<f32>())?;
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
