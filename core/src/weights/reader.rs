use heapless::Vec;

use super::{
    MAGIC, TrainingRecord, VERSION, WITHOUT_SIGNATURE, WeightFileError,
    envelope::{Ends, NO_SIGNATURE, check_integrity, check_signature, decode, signature, take_weights},
    load::unknown,
};
use crate::{
    Layer,
    architecture::{Architecture, LayerKind, MAX_LAYERS, parameter_count, parameters},
    layers::describe_without_dropout,
    shape::Signature,
};

/// A checked weight file, read in place.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WeightFile<'a> {
    layers: Layers<'a>,
    record: TrainingRecord<'a>,
    signature: &'a [u8],
    weights: &'a [u8],
}

/// A chain's layers, as bytes of the file. A device has no stack to spare for an [`Architecture`].
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Layers<'a> {
    bytes: &'a [u8],
}

impl<'a> Layers<'a> {
    /// Takes and checks a count and this number of layers.
    fn take(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), WeightFileError> {
        let (count, start) = decode::<u8>(bytes, "architecture")?;
        let mut rest = start;
        if usize::from(count) > MAX_LAYERS {
            return Err(WeightFileError::Architecture);
        }
        for place in 0..count.into() {
            let layer;
            (layer, rest) = decode::<LayerKind>(rest, "architecture").map_err(|_| unknown(place, rest))?;
            if matches!(layer, LayerKind::Dropout { .. }) {
                return Err(WeightFileError::Architecture);
            }
        }
        let bytes = start.get(..start.len() - rest.len()).unwrap_or_default();
        Ok((Self { bytes }, rest))
    }

    fn ends(self) -> Ends {
        let inputs = self.iter().next().map_or(0, |layer| layer.widths().0);
        let outputs = self.iter().last().map_or(0, |layer| layer.widths().1);
        Ends { inputs: inputs as usize, outputs: outputs as usize, is_integers: false }
    }

    fn iter(self) -> impl Iterator<Item = LayerKind> {
        let mut rest = self.bytes;
        core::iter::from_fn(move || {
            let layer;
            (layer, rest) = postcard::take_from_bytes(rest).ok()?;
            Some(layer)
        })
    }
}

impl<'a> WeightFile<'a> {
    /// Checks a whole file. The time is linear in the length, and the memory is a few hundred bytes of stack.
    ///
    /// # Errors
    ///
    /// [`WeightFileError`] for bytes that are no weight file, are cut off, go on after the file's end, were changed, have another version, or are not
    /// in the writer's encoding. [`WeightFileError::Custom`] for a file with a custom layer, which [`load`](super::load) reads. The numbers of
    /// the signature's tables, the features' names and the units are not checked here, but by [`model_file::checked`](crate::model_file::checked).
    pub fn parse(file: &'a [u8]) -> Result<Self, WeightFileError> {
        let (version, body) = check_integrity(file, MAGIC, WITHOUT_SIGNATURE..=VERSION)?;
        let (layers, rest) = Layers::take(body)?;
        let numbers = parameter_count(layers.iter()).ok_or(WeightFileError::Architecture)?;
        let rest = check_parameters(layers, rest)?;
        let (record, rest) = decode::<TrainingRecord<'_>>(rest, "training record")?;
        if !record.is_valid() {
            return Err(WeightFileError::Malformed { part: "training record" });
        }
        let (signature, rest) = match version {
            WITHOUT_SIGNATURE => (NO_SIGNATURE, rest),
            _ => check_signature(rest, layers.ends())?,
        };
        let weights = take_weights(rest, file.len(), numbers * size_of::<f32>())?;
        Ok(Self { layers, record, signature, weights })
    }

    /// Returns the model's layers.
    pub fn architecture(&self) -> Architecture {
        // The file was checked: there is room.
        Architecture::from_layers(self.layers.iter()).unwrap_or(Architecture::EMPTY)
    }

    /// Returns the record of the training that gave the weights.
    pub fn record(&self) -> &TrainingRecord<'a> {
        &self.record
    }

    /// Returns the meaning of the inputs and outputs. For a file of version 2, it is [`Signature::default`]: a classification of bytes, with
    /// nothing else known.
    pub fn signature(&self) -> Signature<'a> {
        signature(self.signature, self.layers.ends())
    }

    /// Returns the flat model's bytes.
    pub fn weights(&self) -> &'a [u8] {
        self.weights
    }

    /// Returns the model, read in place. A type with a custom layer does not compile here: use [`load`](super::load).
    ///
    /// # Errors
    ///
    /// [`WeightFileError::Mismatch`] for another architecture than `M`'s. [`WeightFileError::View`] if the file does not start at a
    /// multiple of 4 bytes in memory.
    pub fn model<M: Layer>(&self) -> Result<&'a M, WeightFileError> {
        self.check_model::<M>()?;
        Ok(M::from_bytes(self.weights)?)
    }

    /// Copies the weights into a model. The file may lie at any place in memory. A type with a custom layer does not compile here.
    ///
    /// # Errors
    ///
    /// [`WeightFileError::Mismatch`] for another architecture than `M`'s.
    pub fn copy_to<M: Layer>(&self, model: &mut M) -> Result<(), WeightFileError> {
        self.check_model::<M>()?;
        self.copy_to_flat(model.as_flat_mut());
        Ok(())
    }

    /// Copies the weights into a flat model. The file may lie at any place in memory. If the lengths differ, the shorter one decides.
    pub fn copy_to_flat(&self, flat: &mut [f32]) {
        for (parameter, bytes) in flat.iter_mut().zip(self.weights.as_chunks().0) {
            *parameter = f32::from_le_bytes(*bytes);
        }
    }

    fn check_model<M: Layer>(&self) -> Result<(), WeightFileError> {
        let mut layers = self.layers.iter();
        let (mut place, mut mismatch) = (0, None);
        describe_without_dropout::<M>(|expected| {
            let found = layers.next();
            if mismatch.is_none() && found != Some(expected) {
                mismatch = Some((place, Some(expected), found));
            }
            place += 1;
        });
        let too_many = layers.next().map(|found| (place, None, Some(found)));
        match mismatch.or(too_many) {
            None => Ok(()),
            Some((place, expected, found)) => Err(WeightFileError::Mismatch { place, expected, found }),
        }
    }
}

/// Compares the named shapes with those that follow from the layers, one at a time.
fn check_parameters<'a>(layers: Layers<'_>, mut rest: &'a [u8]) -> Result<&'a [u8], WeightFileError> {
    const PART: &str = "parameters";
    let (count, after) = decode::<u32>(rest, PART)?;
    rest = after;
    let mut expected = parameters(layers.iter());
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
