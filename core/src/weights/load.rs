//! Reads a weight file as a model of a given type.

use serde::Serialize;

use super::{
    MAGIC, TrainingRecord, VERSION, WITHOUT_SIGNATURE, WeightFileError,
    envelope::{Ends, NO_SIGNATURE, check_integrity, check_signature, decode, signature, take_weights},
};
use crate::{
    Flat, Layer,
    architecture::{CUSTOM, CustomName, LayerDescription, LayerKind, parameters},
    preparation::{Value, ValueError},
    shape::Signature,
};

/// The model of a weight file, read in place, with the file's record and signature.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LoadedModel<'a, M> {
    /// The model.
    pub model: &'a M,
    /// The record of the training that gave the weights.
    pub record: TrainingRecord<'a>,
    /// The meaning of the inputs and outputs. For a file of version 2, it is [`Signature::default`]: a classification of bytes, with nothing
    /// else known.
    pub signature: Signature<'a>,
}

impl<M> LoadedModel<'_, M> {
    /// Returns the output for a sample's raw values. The file's [`Preparation`](crate::preparation::Preparation) turns them into inputs. The output
    /// of an [`mlp!`](crate::mlp!) model is `[f32; OUTPUTS]`. For a regression, [`Task::restore`](crate::task::Task::restore) then gives the values in
    /// the targets' units.
    ///
    /// ```
    /// use selvedge::{Embedded, classification::argmax, embed, mlp};
    ///
    /// // The file names no preparation, so the values are bytes, and an input is a byte / 255.
    /// static MODEL: Embedded<mlp!(2 => 8 Tanh => 2)> = embed!("../../examples/xor.selvedge", as mlp!(2 => 8 Tanh => 2));
    ///
    /// let logits = MODEL.load()?.run_raw(&[0_u8, 255])?;
    /// assert_eq!(argmax(logits), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ValueError::Element`] if the number type of the values is not the file's [`Element`](crate::preparation::Element).
    pub fn run_raw<T: Value, const INPUTS: usize>(&self, values: &[T; INPUTS]) -> Result<M::Output, ValueError>
    where
        M: Layer<Input = [f32; INPUTS]>,
    {
        let mut input = [0.0; INPUTS];
        self.signature.preparation.write_values(values, &mut input)?;
        Ok(self.model.run(&input))
    }
}

/// Checks a whole file of a model whose type is known, and reads it in place. It does the work of
/// [`WeightFile::parse`](super::WeightFile::parse) and [`model`](super::WeightFile::model) at once. Only this function and
/// [`Embedded::load`](crate::Embedded::load), which calls it, read a model with layers that a program defines itself.
///
/// ```
/// use selvedge::{Layer, embed, mlp, weights::load};
///
/// const FILE: &[u8] = embed!("../../examples/xor.selvedge");
///
/// let loaded = load::<mlp!(2 => 8 Tanh => 2)>(FILE)?;
/// let [no, yes] = loaded.model.run(&[0.0, 1.0]);
/// assert!(yes > no);
/// # Ok::<(), selvedge::weights::WeightFileError>(())
/// ```
///
/// # Errors
///
/// [`WeightFileError`] for bytes that are no weight file, are cut off, go on after the file's end, were changed, have another version, or are
/// not in the writer's encoding. The numbers of the signature's tables, the features' names and the units are not checked here, but by
/// [`model_file::checked`](crate::model_file::checked).
///
/// [`WeightFileError::Mismatch`] for another architecture than `M`'s. If the file has a custom layer at the first place that differs, the error is
/// [`WeightFileError::Custom`]. Otherwise, if `M` has one there, it is [`WeightFileError::OtherThanCustom`].
/// [`WeightFileError::View`] if the file does not start at a multiple of 4 bytes in memory.
pub fn load<M: Layer>(file: &[u8]) -> Result<LoadedModel<'_, M>, WeightFileError> {
    let (version, body) = check_integrity(file, MAGIC, WITHOUT_SIGNATURE..=VERSION)?;
    let rest = check_layers::<M>(body)?;
    let rest = check_tensors::<M>(rest)?;
    let (record, rest) = decode::<TrainingRecord<'_>>(rest, "training record")?;
    if !record.is_valid() {
        return Err(WeightFileError::Malformed { part: "training record" });
    }
    let ends = Ends { inputs: M::Input::LEN, outputs: M::Output::LEN, is_integers: false };
    let (fields, rest) = match version {
        WITHOUT_SIGNATURE => (NO_SIGNATURE, rest),
        _ => check_signature(rest, ends)?,
    };
    let weights = take_weights(rest, file.len(), size_of::<M>())?;
    Ok(LoadedModel { model: M::from_bytes(weights)?, record, signature: signature(fields, ends) })
}

/// Returns the layers that a model's type has in prediction: without dropout.
pub fn layers<M: Layer>() -> impl Iterator<Item = &'static LayerDescription> + Clone {
    M::LAYERS.iter().filter(|layer| !layer.is_dropout())
}

/// Takes the layers, and checks that they are those of the type.
fn check_layers<M: Layer>(body: &[u8]) -> Result<&[u8], WeightFileError> {
    let (count, mut rest) = decode::<u8>(body, "architecture")?;
    let mut expected = layers::<M>();
    for place in 0..count.into() {
        let layer = expected.next();
        rest = match layer.and_then(|layer| strip::<32>(rest, layer)) {
            Some(rest) => rest,
            None => {
                let found = decode::<LayerKind>(rest, "architecture").map_err(|_| unknown(place, rest))?.0;
                return Err(mismatch(place, layer, Some(found)));
            }
        };
    }
    match expected.next() {
        None => Ok(rest),
        layer => Err(mismatch(count.into(), layer, None)),
    }
}

fn mismatch(place: usize, expected: Option<&'static LayerDescription>, found: Option<LayerKind>) -> WeightFileError {
    let expected = match expected {
        None => None,
        Some(LayerDescription::Known(layer)) => Some(*layer),
        Some(LayerDescription::Custom(expected)) => return WeightFileError::OtherThanCustom { place, expected, found },
    };
    WeightFileError::Mismatch { place, expected, found }
}

/// Takes the named shapes, and checks that they are those of the type's layers.
fn check_tensors<M: Layer>(rest: &[u8]) -> Result<&[u8], WeightFileError> {
    let (count, mut rest) = decode::<u32>(rest, "parameters")?;
    let mut expected = parameters(layers::<M>().copied());
    for index in 0..count as usize {
        let after = expected.next().and_then(|tensor| strip::<64>(rest, &(tensor.name, tensor.shape)));
        rest = after.ok_or(WeightFileError::Parameter { index })?;
    }
    match expected.next() {
        None => Ok(rest),
        Some(_) => Err(WeightFileError::Parameter { index: count as usize }),
    }
}

/// Takes the encoding of `value`, at most `ROOM` bytes, from the front. Returns `None` if the bytes differ from it.
fn strip<'a, const ROOM: usize>(bytes: &'a [u8], value: &impl Serialize) -> Option<&'a [u8]> {
    let mut room = [0; ROOM];
    let expected = postcard::to_slice(value, &mut room).ok()?;
    bytes.strip_prefix(&*expected)
}

/// Returns the error of a layer that the library does not have.
pub fn unknown(place: usize, layer: &[u8]) -> WeightFileError {
    match layer {
        [CUSTOM, len, rest @ ..] => {
            WeightFileError::Custom { place, name: CustomName::of(rest.get(..usize::from(*len)).unwrap_or_default()) }
        }
        _ => WeightFileError::Layer { place },
    }
}

#[cfg(test)]
mod tests {
    use std::{format, string::ToString, vec, vec::Vec};

    use super::*;
    use crate::{
        Activation, Chain, Engine, Identity, Linear,
        architecture::CustomLayer,
        embed::Aligned,
        layers,
        layers::{Pass, Tapes},
        mlp,
        optimizer::Optimizer,
        random::Generator,
        shape::Names,
        weights::{
            WeightFile, encode,
            envelope::{CHECKSUM, CHECKSUM_BYTES},
        },
    };

    /// The macro's `unsafe` is used only in this crate.
    #[allow(unsafe_code)]
    mod scale {
        crate::flat_struct! {
            #[derive(Debug)]
            pub struct Scale<const WIDTH: usize, const NAME: usize> { pub weight: [f32; WIDTH] }
        }
    }
    use scale::Scale;

    const NAMES: [&str; 2] = ["Scale", "A_name_of_16byte"];

    impl<const WIDTH: usize, const NAME: usize> Layer for Scale<WIDTH, NAME> {
        type Input = [f32; WIDTH];
        type Output = [f32; WIDTH];
        type Activation = Identity;
        type Tape = [f32; WIDTH];

        const LAYERS: &'static [LayerDescription] = &[LayerDescription::Custom(CustomLayer::of::<Self>(NAMES[NAME]))];

        fn initialize(&mut self, _: &Generator, _: u64) {
            self.weight = [0.5; WIDTH];
        }

        fn predict<E: Engine>(&self, _: &E, input: &[f32; WIDTH], output: &mut [f32; WIDTH]) {
            *output = core::array::from_fn(|feature| input[feature] * self.weight[feature]);
        }

        fn forward<E: Engine>(&self, _: &E, _: Pass, _: &[[f32; WIDTH]], _: &mut [f32]) {}

        fn backward<P: Activation, E: Engine, O: Optimizer<STATE>, const STATE: usize>(
            &mut self,
            _: &E,
            _: &O,
            _: [&mut Self; STATE],
            _: &[[f32; WIDTH]],
            _: Tapes<'_>,
            _: Option<&mut [[f32; WIDTH]]>,
        ) {
        }
    }

    type Known = mlp!(3 => 4 BatchNorm1d Relu Dropout => 2);
    type Own = Chain<Scale<3, 0>, Chain<Linear<3, 2>, Scale<2, 1>>>;

    const RECORD: TrainingRecord<'static> = TrainingRecord {
        seed: 3,
        dataset: "test",
        dataset_checksum: [7; 32],
        samples: 9,
        shuffled: true,
        epochs: 1,
        steps: 2,
        batch_size: 4,
        learning_rate: 0.5,
        accuracy: 0.25,
        recipe: "",
    };

    fn file<M: Layer>() -> (Aligned<[u8; 1024]>, usize) {
        let mut model = M::ZERO;
        layers::initialize(&mut model, 1);
        let signature = Signature { output_names: Names::parse(b"\x03yes\x02no", 2).unwrap(), ..Signature::default() };
        let mut file = Aligned([0; 1024]);
        let len = encode(&model, &signature, &RECORD, &mut file.0).unwrap();
        (file, len)
    }

    #[test]
    fn a_known_model_is_what_the_reader_of_any_file_gives() {
        let (file, len) = file::<Known>();
        let file = &file.0[..len];
        let (loaded, parsed) = (load::<Known>(file).unwrap(), WeightFile::parse(file).unwrap());
        assert_eq!(loaded.model.as_flat(), parsed.model::<Known>().unwrap().as_flat());
        assert_eq!((&loaded.record, loaded.signature), (parsed.record(), parsed.signature()));
        type Shallow = mlp!(3 => 4 BatchNorm1d Relu);
        type Deep = mlp!(3 => 4 BatchNorm1d Relu => 2 => 2);
        type Other = mlp!(3 => 4 BatchNorm1d Tanh => 2);
        assert_eq!(load::<Shallow>(file).err(), parsed.model::<Shallow>().err());
        assert_eq!(load::<Deep>(file).err(), parsed.model::<Deep>().err());
        assert_eq!(load::<Other>(file).err(), parsed.model::<Other>().err());
    }

    #[test]
    fn layers_of_ones_own_are_read_by_their_program_alone() {
        let (file, len) = file::<Own>();
        let file = &file.0[..len];
        let loaded = load::<Own>(file).unwrap();
        assert_eq!((loaded.model.head.weight, loaded.model.tail.tail.weight), ([0.5; 3], [0.5; 2]));
        assert_eq!(loaded.record, RECORD);
        let error = WeightFile::parse(file).unwrap_err().to_string();
        assert!(error.starts_with("layer 0 of the weight file is the custom layer Scale: "), "{error}");
        type Renamed = Chain<Scale<3, 1>, Chain<Linear<3, 2>, Scale<2, 1>>>;
        let error = load::<Renamed>(file).unwrap_err().to_string();
        assert!(error.contains("custom layer Scale"), "{error}");
        let error = load::<mlp!(3 => 2)>(file).unwrap_err().to_string();
        assert!(error.contains("custom layer Scale"), "{error}");
        let (known, len) = self::file::<Known>();
        assert_eq!(
            load::<Own>(&known.0[..len]).unwrap_err().to_string(),
            "layer 0 of the weight file is Linear(in_features=3, out_features=4, bias=True), that of this build's model is \
             Scale(in_features=3, out_features=3, parameters=3)"
        );
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_an_error() {
        let (mut file, len) = file::<Own>();
        for end in 0..len {
            assert!(load::<Own>(&file.0[..end]).is_err(), "{end}");
        }
        for bit in 0..8 * len {
            file.0[bit / 8] ^= 1 << (bit % 8);
            assert!(load::<Own>(&file.0[..len]).is_err(), "bit {bit}");
            file.0[bit / 8] ^= 1 << (bit % 8);
        }
    }

    /// Every byte takes every value, with the checksum made to fit.
    #[test]
    fn a_hostile_header_is_an_error_or_harmless() {
        let (mut file, len) = file::<Own>();
        let (mut taken, mut names) = (0, Vec::new());
        for place in 14..len - CHECKSUM_BYTES {
            let kept = file.0[place];
            for value in 0..=u8::MAX {
                file.0[place] = value;
                let checksum = CHECKSUM.checksum(&file.0[..len - CHECKSUM_BYTES]);
                file.0[len - CHECKSUM_BYTES..len].copy_from_slice(&checksum.to_le_bytes());
                if let Ok(loaded) = load::<Own>(&file.0[..len]) {
                    taken += 1;
                    let _ = loaded.model.run(&[1.0; 3]);
                }
                if let Err(error @ WeightFileError::Custom { .. }) = WeightFile::parse(&file.0[..len]) {
                    names.push(format!("{error}"));
                }
            }
            file.0[place] = kept;
        }
        assert!(taken > 1000 && names.iter().any(|name| name.contains("(not a valid name)")), "{taken}");
        assert!(names.iter().all(|name| !name.contains(char::is_control)));
    }

    #[test]
    fn a_chain_that_is_no_network_is_not_written() {
        let mut buffer = vec![0; 1024];
        type Gelu = crate::layers::Gelu<3>;
        let result = encode(&Gelu::ZERO, &Signature::default(), &RECORD, &mut buffer);
        assert_eq!(result, Err(WeightFileError::Architecture));
        let result = encode(&Own::ZERO, &Signature::default(), &TrainingRecord::default(), &mut buffer);
        assert!(result.is_ok());
    }
}
