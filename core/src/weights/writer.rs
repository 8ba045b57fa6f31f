use serde::Serialize;

use super::{
    MAGIC, TrainingRecord, VERSION, WeightFileError,
    envelope::{Ends, Writer},
    load,
};
use crate::{
    Layer,
    architecture::{Architecture, Described, parameter_count, parameters},
    flat::as_bytes,
    shape::Signature,
};

/// The room for a header without the layers, the data set's name, the recipe and the classes' names. A header never needs more.
const HEADER_ROOM: usize = 512;
/// The room for a layer in the header: its kind and widths, and the names and shapes of four tensors. A layer never needs more.
const LAYER_ROOM: usize = 16 + 4 * 64;

/// Returns a buffer size that is enough for [`encode`] and [`encode_flat`], for a chain of `layers` layers (activations counted) whose flat model has
/// `numbers` values (parameters and buffers).
pub const fn encoded_len(
    layers: usize,
    numbers: usize,
    signature: &Signature<'_>,
    record: &TrainingRecord<'_>,
) -> usize {
    let texts = record.dataset.len() + record.recipe.len() + signature.len();
    HEADER_ROOM + layers * LAYER_ROOM + texts + numbers * size_of::<f32>()
}

/// Writes a model's weight file into `buffer` and returns its number of bytes.
///
/// # Errors
///
/// [`WeightFileError::TooLarge`] if the buffer is shorter than the file (see [`encoded_len`]), or if the file is longer than 4 GiB.
/// [`WeightFileError::Record`] for a record with a value out of its range. [`WeightFileError::Signature`] for a signature that does not fit
/// the network or is not sound. [`WeightFileError::Architecture`] for layers that are not a network.
pub fn encode<M: Layer>(
    model: &M,
    signature: &Signature<'_>,
    record: &TrainingRecord<'_>,
    buffer: &mut [u8],
) -> Result<usize, WeightFileError> {
    write(load::layers::<M>().copied(), model.as_flat(), signature, record, buffer)
}

/// Does the same as [`encode`], for a flat model whose layers are known only at run time.
///
/// # Errors
///
/// The errors of [`encode`], and [`WeightFileError::WeightBytes`] for a flat model of another length than the layers have.
pub fn encode_flat(
    architecture: &Architecture,
    flat: &[f32],
    signature: &Signature<'_>,
    record: &TrainingRecord<'_>,
    buffer: &mut [u8],
) -> Result<usize, WeightFileError> {
    write(architecture.for_prediction().layers().iter().copied(), flat, signature, record, buffer)
}

fn write<L: Described + Serialize>(
    layers: impl Iterator<Item = L> + Clone,
    flat: &[f32],
    signature: &Signature<'_>,
    record: &TrainingRecord<'_>,
    buffer: &mut [u8],
) -> Result<usize, WeightFileError> {
    if !record.is_valid() {
        return Err(WeightFileError::Record);
    }
    let numbers = parameter_count(layers.clone()).ok_or(WeightFileError::Architecture)?;
    if numbers != flat.len() {
        let (expected, found) = (numbers * size_of::<f32>(), size_of_val(flat));
        return Err(WeightFileError::WeightBytes { expected, found });
    }
    let mut writer = Writer::new(buffer, MAGIC, VERSION)?;
    writer.put(&(layers.clone().count() as u8))?;
    for layer in layers.clone() {
        writer.put(&layer)?;
    }
    writer.put(&(parameters(layers.clone()).count() as u32))?;
    for parameter in parameters(layers.clone()) {
        writer.put(&(parameter.name, parameter.shape))?;
    }
    writer.put(record)?;
    let inputs = layers.clone().next().map_or(0, |layer| layer.widths().0);
    let outputs = layers.last().map_or(0, |layer| layer.widths().1);
    writer.put_signature(signature, Ends { inputs: inputs as usize, outputs: outputs as usize, is_integers: false })?;
    let weights = as_bytes(flat);
    writer.put_weights(weights.len(), |place| {
        place.copy_from_slice(weights);
        Ok(())
    })?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::*;
    use crate::{
        Flat,
        architecture::{LayerKind, MAX_LAYERS},
        layers, mlp,
        preparation::{Element, Preparation, Scaled},
        shape::{InputShape, Names},
        task::{TargetScale, Task},
        weights::{
            WeightFile,
            envelope::{CHECKSUM, CHECKSUM_BYTES},
        },
    };

    type Model = mlp!(5 => 3 Relu => 2);

    const RECORD: TrainingRecord<'static> = TrainingRecord {
        seed: 42,
        dataset: "test",
        dataset_checksum: [7; 32],
        samples: 60_000,
        shuffled: true,
        epochs: 5,
        steps: 4_690,
        batch_size: 64,
        learning_rate: 1e-3,
        accuracy: 0.5,
        recipe: "optimizer = \"sgd\"\n",
    };

    /// Scales of 1 and 2, and shifts of 0 and 1.
    const TARGETS: &[u8] = &[0, 0, 0x80, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0x80, 0x3f];

    /// Five features with names, units and a scale, and two targets with names, units and a scale.
    fn signature() -> Signature<'static> {
        let output_names = Names::parse(b"\x03yes\x01n", 2).unwrap();
        let scaled = Scaled::parse(Element::I16, &[0, 0, 0x80, 0x3f, 0, 0, 0, 0x40], 5).unwrap();
        Signature {
            input: Some(InputShape::Features(5)),
            preparation: Preparation::Scaled(scaled),
            output_names,
            feature_names: Names::parse(b"\x01a\x01b\x01c\x01d\x01e", 5).unwrap(),
            feature_units: Names::parse(b"\x01g\x01g\x01g\x01-\x01-", 5).unwrap(),
            task: Task::Regression(TargetScale::parse(TARGETS, 2).unwrap()),
            output_units: Names::parse(b"\x01m\x01s", 2).unwrap(),
            reading: b"a=b",
        }
    }

    #[repr(align(4))]
    struct File([u8; 512], usize);

    impl File {
        fn new() -> Self {
            let mut model = Model::ZERO;
            layers::initialize(&mut model, 1);
            let mut file = Self([0; 512], 0);
            file.1 = encode(&model, &signature(), &RECORD, &mut file.0).unwrap();
            file
        }

        fn bytes(&self) -> &[u8] {
            &self.0[..self.1]
        }
    }

    #[test]
    fn saving_and_loading_is_the_identity() {
        let mut model = Model::ZERO;
        layers::initialize(&mut model, 1);
        for name_len in 0..8 {
            let record = TrainingRecord { dataset: &"datasets"[..name_len], ..RECORD };
            let mut file = File([0; 512], 0);
            file.1 = encode(&model, &signature(), &record, &mut file.0).unwrap();
            let parsed = WeightFile::parse(file.bytes()).unwrap();
            assert_eq!(parsed.record(), &record);
            assert_eq!(parsed.architecture(), Architecture::of::<Model>());
            assert_eq!(parsed.signature(), signature());
            assert_eq!(parsed.model::<Model>().unwrap().as_flat(), model.as_flat());
            let mut copy = Model::ZERO;
            parsed.copy_to(&mut copy).unwrap();
            assert_eq!(copy.as_flat(), model.as_flat());
        }
    }

    #[test]
    fn a_flat_model_is_written_as_its_type_is() {
        let file = File::new();
        let mut model = Model::ZERO;
        layers::initialize(&mut model, 1);
        let architecture = Architecture::of::<Model>();
        let mut again = [0; 512];
        let len = encode_flat(&architecture, model.as_flat(), &signature(), &RECORD, &mut again).unwrap();
        assert_eq!(&again[..len], file.bytes());
        let error = encode_flat(&architecture, &model.as_flat()[1..], &signature(), &RECORD, &mut again).unwrap_err();
        assert_eq!(error, WeightFileError::WeightBytes { expected: size_of::<Model>(), found: size_of::<Model>() - 4 });
    }

    #[test]
    fn every_truncation_is_an_error() {
        let file = File::new();
        for end in 0..file.1 {
            let error = WeightFile::parse(&file.bytes()[..end]).unwrap_err();
            assert!(matches!(error, WeightFileError::Truncated { found, .. } if found == end), "{end}: {error}");
        }
        assert!(matches!(WeightFile::parse(&file.0[..=file.1]), Err(WeightFileError::Trailing { .. })));
    }

    #[test]
    fn every_flipped_bit_is_an_error() {
        let mut file = File::new();
        for bit in 0..file.1 * 8 {
            file.0[bit / 8] ^= 1 << (bit % 8);
            assert!(WeightFile::parse(file.bytes()).is_err(), "bit {bit}");
            file.0[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(WeightFile::parse(file.bytes()).is_ok());
    }

    /// A checksum does not catch a file that was written wrong. So every byte of the header takes every value, with a checksum
    /// that fits.
    #[test]
    fn a_hostile_header_is_an_error_or_harmless() {
        let mut file = File::new();
        let end = file.1 - CHECKSUM_BYTES;
        for place in 14..end - size_of::<Model>() {
            let kept = file.0[place];
            for value in 0..=u8::MAX {
                file.0[place] = value;
                let checksum = CHECKSUM.checksum(&file.0[..end]);
                file.0[end..file.1].copy_from_slice(&checksum.to_le_bytes());
                // What is taken is what the writer gives for the same values.
                let Ok(parsed) = WeightFile::parse(file.bytes()) else { continue };
                if !parsed.signature().is_sound(5, 2) {
                    continue;
                }
                if let Ok(model) = parsed.model::<Model>() {
                    let mut again = [0; 512];
                    let len = encode(model, &parsed.signature(), parsed.record(), &mut again).unwrap();
                    // A field of an unknown odd number is passed over.
                    assert!(len < file.1 || again[..len] == *file.bytes(), "{place}: {value}");
                }
            }
            file.0[place] = kept;
        }
    }

    /// Replaces bytes of the header, keeps the alignment by the padding, and makes length and checksum fit.
    fn rewritten(place: usize, old: &[u8], new: &[u8]) -> File {
        let file = File::new();
        assert_eq!(&file.bytes()[place..][..old.len()], old);
        let weights = file.1 - CHECKSUM_BYTES - size_of::<Model>();
        // A length from 0 to 3, and as many zeros.
        let padding = (0..4).rev().find(|&zeros| usize::from(file.0[weights - 2 - zeros]) == zeros);
        let padding = weights - 2 - padding.unwrap();
        let mut bytes: heapless::Vec<u8, 512> = heapless::Vec::new();
        for part in [&file.0[..place], new, &file.0[place + old.len()..padding]] {
            bytes.extend_from_slice(part).unwrap();
        }
        let zeros = (bytes.len() + 2).next_multiple_of(4) - bytes.len() - 2;
        bytes.push(zeros as u8).unwrap();
        bytes.extend_from_slice(&[0; 3][..zeros]).unwrap();
        bytes.extend_from_slice(&file.bytes()[weights - 1..file.1 - CHECKSUM_BYTES]).unwrap();
        let length = (bytes.len() + CHECKSUM_BYTES) as u32;
        bytes[10..14].copy_from_slice(&length.to_le_bytes());
        let checksum = CHECKSUM.checksum(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes()).unwrap();
        let mut rewritten = File([0; 512], bytes.len());
        rewritten.0[..bytes.len()].copy_from_slice(&bytes);
        rewritten
    }

    #[test]
    fn a_length_with_bytes_too_many_is_an_error() {
        assert!(WeightFile::parse(rewritten(14, &[3], &[3]).bytes()).is_ok());
        // The count of layers is one byte, and the width of a layer the shortest varint.
        let error = WeightFile::parse(rewritten(19, &[3], &[0x83, 0]).bytes()).unwrap_err();
        assert_eq!(error, WeightFileError::Layer { place: 1 });
    }

    #[test]
    fn a_file_of_another_version_says_which_are_read() {
        for found in [0, 1, 4, 9] {
            let error = WeightFile::parse(rewritten(8, &[3, 0], &[found, 0]).bytes()).unwrap_err();
            assert_eq!(error, WeightFileError::Version { oldest: 2, newest: 3, found: found.into() });
            let text = std::format!("the weight file has version {found}; this build reads versions 2 to 3");
            assert_eq!(std::string::ToString::to_string(&error), text);
        }
    }

    #[test]
    fn a_record_out_of_range_is_an_error() {
        for record in [
            TrainingRecord { learning_rate: f32::NAN, ..RECORD },
            TrainingRecord { accuracy: 7.0, ..RECORD },
            TrainingRecord { dataset: "\x1b[2J", ..RECORD },
        ] {
            let mut file = File([0; 512], 0);
            assert_eq!(encode(&Model::ZERO, &signature(), &record, &mut file.0), Err(WeightFileError::Record));
        }
    }

    #[test]
    fn another_model_is_an_error_that_names_both_layers() {
        let file = File::new();
        let parsed = WeightFile::parse(file.bytes()).unwrap();
        let error = parsed.model::<mlp!(5 => 4 Relu => 2)>().unwrap_err();
        let mut text = heapless::String::<200>::new();
        core::fmt::write(&mut text, format_args!("{error}")).unwrap();
        assert_eq!(
            text,
            "layer 0 of the weight file is Linear(in_features=5, out_features=3, bias=True), that of this build's model is \
             Linear(in_features=5, out_features=4, bias=True)"
        );
    }

    #[test]
    fn a_chain_of_another_length_is_named_where_it_ends() {
        let file = File::new();
        let parsed = WeightFile::parse(file.bytes()).unwrap();
        let [relu, last] = [1, 2].map(|place| parsed.architecture().layers()[place]);
        let longer = parsed.model::<mlp!(5 => 3 Relu => 2 Relu)>().unwrap_err();
        let expected = Some(LayerKind::Relu { width: 2 });
        assert_eq!(longer, WeightFileError::Mismatch { place: 3, expected, found: None });
        let shorter = parsed.model::<mlp!(5 => 3)>().unwrap_err();
        assert_eq!(shorter, WeightFileError::Mismatch { place: 1, expected: None, found: Some(relu) });
        let other = parsed.model::<mlp!(5 => 3 Relu Gelu => 2)>().unwrap_err();
        let expected = Some(LayerKind::Gelu { width: 3 });
        assert_eq!(other, WeightFileError::Mismatch { place: 2, expected, found: Some(last) });
    }

    #[test]
    fn the_longest_header_has_room() {
        let layers = core::iter::once(LayerKind::Linear { inputs: 65_536, outputs: 1 });
        let layers = layers.chain((1..MAX_LAYERS).map(|_| LayerKind::BatchNorm1d { width: 1 }));
        let longest = Architecture::from_layers(layers).unwrap();
        let flat = vec![0.0; longest.parameter_count().unwrap()];
        let signature = Signature::default();
        let mut buffer = vec![0; encoded_len(MAX_LAYERS, flat.len(), &signature, &RECORD)];
        let len = encode_flat(&longest, &flat, &signature, &RECORD, &mut buffer).unwrap();
        assert_eq!(WeightFile::parse(&buffer[..len]).unwrap().architecture(), longest);
    }

    #[test]
    fn a_signature_of_another_network_is_an_error() {
        let names = |count: usize| Names::parse(&b"\x01a\x01b\x01c"[..2 * count], count).unwrap();
        for signature in [
            Signature { output_names: names(3), ..Signature::default() },
            Signature { input: Some(InputShape::Features(6)), ..Signature::default() },
        ] {
            let error = encode(&Model::ZERO, &signature, &RECORD, &mut [0; 512]).unwrap_err();
            assert_eq!(error, WeightFileError::Signature);
        }
    }

    /// An odd field may be passed over, an even one may not, and none may stand out of order.
    #[test]
    fn fields_of_newer_files_are_passed_over_or_refused() {
        let shape_and_scale = [8, 1, 4, 5, 0, 0, 0, 2, 10, 0, 2, 0, 0, 0x80, 0x3f, 0, 0, 0, 0x40];
        let names = *b"\x03\x06\x03yes\x01n";
        let others =
            *b"\x05\x0a\x01a\x01b\x01c\x01d\x01e\x07\x0a\x01g\x01g\x01g\x01-\x01-\x09\x04\x01m\x01s\x0b\x03a=b";
        let signature = &[&shape_and_scale[..], &names, &[4, 17, 2], TARGETS, &others].concat()[..];
        let place = File::new().bytes().windows(signature.len()).position(|bytes| bytes == signature).unwrap();
        let with = |new: &[u8]| {
            let file = rewritten(place, signature, new);
            WeightFile::parse(file.bytes())
                .map(|file| (file.signature().input, file.signature().output_names.iter().count()))
        };
        let shape = Some(InputShape::Features(5));
        assert_eq!(with(signature), Ok((shape, 2)));
        assert_eq!(with(&[0]), Ok((None, 0)));
        let image = InputShape::Image { channels: 1, height: 5, width: 1 };
        assert_eq!(with(&[1, 1, 12, 1, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0]), Ok((Some(image), 0)));
        assert_eq!(with(&[2, 1, 4, 5, 0, 0, 0, 13, 2, 9, 9]), Ok((shape, 0)));
        assert_eq!(with(&[2, 1, 4, 5, 0, 0, 0, 8, 2, 9, 9]), Err(WeightFileError::Field { number: 8 }));
        let malformed = Err(WeightFileError::Malformed { part: "signature" });
        for wrong in [
            &[2, 1, 4, 5, 0, 0, 0, 1, 4, 5, 0, 0, 0][..],
            &[1, 0, 4, 5, 0, 0, 0],
            &[1, 1, 4, 6, 0, 0, 0],
            &[1, 1, 5, 5, 0, 0, 0, 0],
            &[1, 1, 8, 5, 0, 0, 0, 1, 0, 0, 0],
            &[1, 1, 0],
            &[1, 3, 2, 1, b'n'],
            &[1, 3, 4, 1, b'n', 1, 0xff],
            // Codes of a network in floating point, an element that is none, and a table cut short.
            &[1, 2, 2, 1, 1],
            &[1, 2, 10, 0, 5, 0, 0, 0x80, 0x3f, 0, 0, 0, 0],
            &[1, 2, 9, 0, 2, 0, 0, 0x80, 0x3f, 0, 0, 0],
            &[1, 2, 0],
            // Tasks that are none, and a scale for one of two targets.
            &[1, 4, 1, 0],
            &[1, 4, 2, 1, 0],
            &[1, 4, 9, 2, 0, 0, 0x80, 0x3f, 0, 0, 0, 0],
        ] {
            assert_eq!(with(wrong), malformed, "{wrong:?}");
        }
    }

    #[test]
    fn a_layer_of_an_unknown_kind_is_an_error() {
        let relu = [1, 3];
        let error = WeightFile::parse(rewritten(18, &relu, &[10, 3]).bytes()).unwrap_err();
        assert_eq!(error, WeightFileError::Layer { place: 1 });
    }

    #[test]
    fn a_short_buffer_is_an_error() {
        let mut buffer = [0; 512];
        let needed = encode(&Model::ZERO, &signature(), &RECORD, &mut buffer).unwrap();
        for len in 0..needed {
            assert_eq!(encode(&Model::ZERO, &signature(), &RECORD, &mut buffer[..len]), Err(WeightFileError::TooLarge));
        }
        assert!(needed <= encoded_len(Model::DEPTH, Model::LEN, &signature(), &RECORD));
    }
}
