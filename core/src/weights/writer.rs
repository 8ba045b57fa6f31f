use super::{MAGIC, TrainingRecord, VERSION, WeightFileError, envelope::Writer};
use crate::{Layer, architecture::Architecture, flat::as_bytes};

/// More than the header of the longest chain takes beside the data set's name and the recipe.
const HEADER_ROOM: usize = 4096;

/// A buffer size that [`encode`] is content with.
pub const fn encoded_len<M: Layer>(record: &TrainingRecord<'_>) -> usize {
    flat_encoded_len(M::LEN, record)
}

/// A buffer size that [`encode_flat`] is content with, for so many numbers.
pub const fn flat_encoded_len(numbers: usize, record: &TrainingRecord<'_>) -> usize {
    HEADER_ROOM + record.dataset.len() + record.recipe.len() + numbers * size_of::<f32>()
}

/// Writes a model's weight file into `buffer` and returns how many bytes it takes.
///
/// # Errors
///
/// [`WeightFileError::TooLarge`] where the buffer is shorter than the file (see [`encoded_len`]), or the file longer than 4 GiB;
/// [`WeightFileError::Record`] for a record with a value out of its range.
pub fn encode<M: Layer>(model: &M, record: &TrainingRecord<'_>, buffer: &mut [u8]) -> Result<usize, WeightFileError> {
    encode_flat(&Architecture::of::<M>(), model.as_flat(), record, buffer)
}

/// [`encode`] where only the model's layers are known.
///
/// # Errors
///
/// Those of [`encode`]; [`WeightFileError::Architecture`] for layers that make no network, [`WeightFileError::WeightBytes`] for a flat model
/// of another length than theirs.
pub fn encode_flat(
    architecture: &Architecture,
    flat: &[f32],
    record: &TrainingRecord<'_>,
    buffer: &mut [u8],
) -> Result<usize, WeightFileError> {
    if !record.is_valid() {
        return Err(WeightFileError::Record);
    }
    let architecture = architecture.for_prediction();
    let numbers = architecture.parameter_count().ok_or(WeightFileError::Architecture)?;
    if numbers != flat.len() {
        let (expected, found) = (numbers * size_of::<f32>(), size_of_val(flat));
        return Err(WeightFileError::WeightBytes { expected, found });
    }
    let mut writer = Writer::new(buffer, MAGIC, VERSION)?;
    writer.put(&architecture)?;
    writer.put(&(architecture.parameters().count() as u32))?;
    for parameter in architecture.parameters() {
        writer.put(&(parameter.name, parameter.shape))?;
    }
    writer.put(record)?;
    let weights = as_bytes(flat);
    writer.put_weights(weights.len(), |place| {
        place.copy_from_slice(weights);
        Ok(())
    })?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Flat, mlp, random,
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

    #[repr(align(4))]
    struct File([u8; 512], usize);

    impl File {
        fn new() -> Self {
            let mut model = Model::ZERO;
            random::initialize(&mut model, 1);
            let mut file = Self([0; 512], 0);
            file.1 = encode(&model, &RECORD, &mut file.0).unwrap();
            file
        }

        fn bytes(&self) -> &[u8] {
            &self.0[..self.1]
        }
    }

    #[test]
    fn saving_and_loading_is_the_identity() {
        let mut model = Model::ZERO;
        random::initialize(&mut model, 1);
        for name_len in 0..8 {
            let record = TrainingRecord { dataset: &"datasets"[..name_len], ..RECORD };
            let mut file = File([0; 512], 0);
            file.1 = encode(&model, &record, &mut file.0).unwrap();
            let parsed = WeightFile::parse(file.bytes()).unwrap();
            assert_eq!(parsed.record(), &record);
            assert_eq!(parsed.architecture(), &Architecture::of::<Model>());
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
        random::initialize(&mut model, 1);
        let architecture = Architecture::of::<Model>();
        let mut again = [0; 512];
        let len = encode_flat(&architecture, model.as_flat(), &RECORD, &mut again).unwrap();
        assert_eq!(&again[..len], file.bytes());
        let error = encode_flat(&architecture, &model.as_flat()[1..], &RECORD, &mut again).unwrap_err();
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

    /// What a checksum cannot catch: a file that was written wrong. Every byte of the header takes every value, with the checksum
    /// made to fit.
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
                if let Ok(model) = parsed.model::<Model>() {
                    let mut again = [0; 512];
                    let len = encode(model, parsed.record(), &mut again).unwrap();
                    assert_eq!(&again[..len], file.bytes());
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
        let padding = weights - 2 - usize::from(file.0[weights - 2]);
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
        for long in [&[0x83, 0][..], &[0x83, 0x80, 0x80, 0x80, 0]] {
            let error = WeightFile::parse(rewritten(14, &[3], long).bytes()).unwrap_err();
            assert_eq!(error, WeightFileError::Malformed { part: "architecture" });
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
            assert_eq!(encode(&Model::ZERO, &record, &mut file.0), Err(WeightFileError::Record));
        }
    }

    #[test]
    fn another_model_is_an_error_that_names_both() {
        let file = File::new();
        let parsed = WeightFile::parse(file.bytes()).unwrap();
        let error = parsed.model::<mlp!(5 => 4 Relu => 2)>().unwrap_err();
        let mut text = heapless::String::<100>::new();
        core::fmt::write(&mut text, format_args!("{error}")).unwrap();
        assert_eq!(text, "the weight file is of a 5-3-2 network, this build's model is 5-4-2");
    }

    #[test]
    fn the_longest_header_has_room() {
        type Longest = mlp!(5 => 3
            BatchNorm1d BatchNorm1d BatchNorm1d BatchNorm1d BatchNorm1d
            BatchNorm1d BatchNorm1d BatchNorm1d BatchNorm1d BatchNorm1d
            BatchNorm1d BatchNorm1d BatchNorm1d BatchNorm1d BatchNorm1d);
        let mut buffer = [0; 8192];
        let len = encoded_len::<Longest>(&RECORD);
        assert!(encode(&Longest::ZERO, &RECORD, &mut buffer[..len]).is_ok());
    }

    #[test]
    fn a_short_buffer_is_an_error() {
        let mut buffer = [0; 512];
        let needed = encode(&Model::ZERO, &RECORD, &mut buffer).unwrap();
        for len in 0..needed {
            assert_eq!(encode(&Model::ZERO, &RECORD, &mut buffer[..len]), Err(WeightFileError::TooLarge));
        }
        assert!(needed <= encoded_len::<Model>(&RECORD));
    }
}
