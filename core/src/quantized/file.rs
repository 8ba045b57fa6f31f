//! The file of a quantised network: postcard, in the envelope of [`weights`](crate::weights), read in place. docs/formats.md has each part and
//! each byte of it.

use core::marker::PhantomData;

use super::{
    format::QuantizedFormat,
    layout::{self, Shape},
};
use crate::{
    architecture::Architecture,
    engine::Widths,
    flat::ViewError,
    shape::Signature,
    weights::{
        WeightFileError,
        envelope::{NO_SIGNATURE, Writer, check_integrity, check_signature, decode, signature, take_weights},
    },
};

/// The version that this build writes. It reads version 1 too.
pub(crate) const VERSION: u16 = 2;
/// The version before files had a signature.
pub(crate) const WITHOUT_SIGNATURE: u16 = 1;

/// The room for the header without the method. A header never needs more.
const HEADER_ROOM: usize = 512;

/// The record of the quantisation that gave the numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct QuantizationRecord<'a> {
    /// The weight hash of the floating-point model, 32 bytes.
    pub source: &'a [u8],
    /// An integer logit times this factor is the logit. In an F16 file it is 1. It is above 0 and at most 2⁹⁶, so every logit of an integer network is
    /// finite.
    pub logit_scale: f32,
    /// The floating-point model's score on the test samples, 0 to 1: see [`TrainingRecord::accuracy`](crate::weights::TrainingRecord::accuracy).
    pub float_accuracy: f32,
    /// This network's score on the test samples, 0 to 1, of the same kind.
    pub accuracy: f32,
    /// The chosen method, in one line of ASCII. It is bytes and not text, so a device needs no tables of Unicode.
    pub method: &'a [u8],
}

crate::wire::fields! { QuantizationRecord<'a> { source, logit_scale, float_accuracy, accuracy, method } }

/// The largest logit scale, 2⁹⁶: a sum of 32 bits times this is below 2¹²⁸.
const MAX_LOGIT_SCALE: f32 = f32::from_bits((127 + 96) << 23);

impl QuantizationRecord<'_> {
    /// Returns true if every field is in its range. It compares the floats' bits: those of positive numbers are ordered as the numbers are, and
    /// a chip without floating point needs no routine for it.
    fn is_valid(&self) -> bool {
        self.source.len() == 32
            && (1..=MAX_LOGIT_SCALE.to_bits()).contains(&self.logit_scale.to_bits())
            && [self.float_accuracy, self.accuracy].iter().all(|accuracy| {
                let bits = accuracy.to_bits();
                bits <= 1f32.to_bits() || bits == (-0f32).to_bits()
            })
            && self.method.iter().all(|byte| matches!(byte, b' '..=b'~'))
    }
}

/// A checked network of a [`QuantizedFormat`], read in place.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct QuantizedFile<'a, F> {
    widths: &'a layout::Widths,
    record: QuantizationRecord<'a>,
    signature: &'a [u8],
    weights: &'a [u8],
    format: PhantomData<F>,
}

impl<'a, F: QuantizedFormat> QuantizedFile<'a, F> {
    /// Returns true if the file begins with the magic of this format.
    pub fn is_one(file: &[u8]) -> bool {
        file.starts_with(&F::MAGIC)
    }

    /// Checks a whole file, and that nothing in it can overflow. The time is linear in the length, and the memory is a few hundred bytes of
    /// stack.
    ///
    /// # Errors
    ///
    /// [`WeightFileError`] for bytes that are no such file, are cut off, go on after the file's end, were changed, have another version, or are
    /// not in the writer's encoding. [`WeightFileError::Overflow`] for an integer outside its limits: the sums of a row, a bias or a multiplier.
    /// [`WeightFileError::View`] if this machine's kernel needs the file at a multiple of 4 bytes in memory and it is not there.
    ///
    /// Not checked here: the numbers of the signature's tables, the features' names and the units, which
    /// [`model_file::checked`](crate::model_file::checked) checks. Also not checked: that the numbers of the padding are zeros. The padding fills up
    /// the last block of eight rows and the last pair of columns (in f16: a row with an odd number of inputs). It changes no result.
    pub fn parse(file: &'a [u8]) -> Result<Self, WeightFileError> {
        let (version, body) = check_integrity(file, F::MAGIC, WITHOUT_SIGNATURE..=VERSION)?;
        let (widths, rest) = decode::<&[u8]>(body, "widths")?;
        let (widths, []) = widths.as_chunks() else {
            return Err(WeightFileError::Malformed { part: "widths" });
        };
        let bytes = layout::bytes(widths, F::bytes).ok_or(WeightFileError::Architecture)?;
        let (record, rest) = decode::<QuantizationRecord<'_>>(rest, "quantisation record")?;
        if !record.is_valid() {
            return Err(WeightFileError::Malformed { part: "quantisation record" });
        }
        let (signature, rest) = match version {
            WITHOUT_SIGNATURE => (NO_SIGNATURE, rest),
            _ => check_signature(rest, layout::ends(widths, F::IS_INTEGERS))?,
        };
        let weights = take_weights(rest, file.len(), bytes)?;
        if !weights.as_ptr().addr().is_multiple_of(F::ALIGNMENT) {
            return Err(ViewError::Alignment.into());
        }
        let parsed = Self { widths, record, signature, weights, format: PhantomData };
        for (layer, (shape, bytes)) in parsed.layers().enumerate() {
            F::check(layer, shape, bytes)?;
        }
        Ok(parsed)
    }

    /// Returns the model's layers.
    pub fn architecture(&self) -> Architecture {
        layout::architecture(self.widths)
    }

    /// Returns the meaning of the inputs and outputs. For a file of version 1, it is [`Signature::default`]: a classification of bytes, with
    /// nothing else known.
    pub fn signature(&self) -> Signature<'a> {
        signature(self.signature, layout::ends(self.widths, F::IS_INTEGERS))
    }

    /// Returns the record of the quantisation that gave the numbers.
    pub fn record(&self) -> &QuantizationRecord<'a> {
        &self.record
    }

    /// Returns true if the layer with this index, from 0, is the last one.
    pub(super) fn is_last(&self, layer: usize) -> bool {
        layer + 2 == self.widths.len()
    }

    /// Returns each linear layer's widths and bytes. docs/formats.md describes the bytes.
    pub fn layer_bytes(&self) -> impl Iterator<Item = (Widths, &'a [u8])> + '_ {
        self.layers().map(|(Shape { inputs, outputs }, bytes)| (Widths { inputs, outputs }, bytes))
    }

    /// Returns the shape and bytes of each layer.
    pub(super) fn layers(&self) -> impl Iterator<Item = (Shape, &'a [u8])> + '_ {
        let mut rest = self.weights;
        layout::shapes(self.widths).map_while(move |shape| {
            let (bytes, after) = rest.split_at_checked(F::bytes(shape)?)?;
            rest = after;
            Some((shape, bytes))
        })
    }
}

/// Returns a buffer size that is enough for [`encode`], or `None` for an architecture that it does not take.
pub fn encoded_len<F: QuantizedFormat>(
    architecture: &Architecture,
    signature: &Signature<'_>,
    record: &QuantizationRecord<'_>,
) -> Option<usize> {
    let texts = record.method.len() + signature.len();
    layout::bytes(&layout::widths(architecture)?, F::bytes)?.checked_add(HEADER_ROOM + texts)
}

/// Writes a network's file into `buffer` and returns its number of bytes.
///
/// # Errors
///
/// [`WeightFileError::Architecture`] for a chain that is not linear layers with ReLU between them, or if `layers` does not have one element for each
/// linear layer. [`WeightFileError::Overflow`] for an integer outside its limits: the sums of a row, a bias, a multiplier or a weight.
/// [`WeightFileError::WeightBytes`] for a layer whose lengths are not those of its widths. [`WeightFileError::Record`] for a record with a value out
/// of its range. [`WeightFileError::Signature`] for a signature that does not fit the network or is not sound. [`WeightFileError::TooLarge`] for a
/// short buffer.
pub fn encode<F: QuantizedFormat>(
    architecture: &Architecture,
    layers: &[F::Layer<'_>],
    signature: &Signature<'_>,
    record: &QuantizationRecord<'_>,
    buffer: &mut [u8],
) -> Result<usize, WeightFileError> {
    if !record.is_valid() {
        return Err(WeightFileError::Record);
    }
    let widths = layout::widths(architecture).ok_or(WeightFileError::Architecture)?;
    let bytes = layout::bytes(&widths, F::bytes).ok_or(WeightFileError::Architecture)?;
    if layout::shapes(&widths).count() != layers.len() {
        return Err(WeightFileError::Architecture);
    }
    let mut writer = Writer::new(buffer, F::MAGIC, VERSION)?;
    writer.put(widths.as_flattened())?;
    writer.put(record)?;
    writer.put_signature(signature, layout::ends(&widths, F::IS_INTEGERS))?;
    writer.put_weights(bytes, |mut rest| {
        for (index, (shape, &layer)) in layout::shapes(&widths).zip(layers).enumerate() {
            let place =
                F::bytes(shape).and_then(|bytes| rest.split_off_mut(..bytes)).ok_or(WeightFileError::TooLarge)?;
            F::write(index, shape, layer, place)?;
            F::check(index, shape, place)?;
        }
        Ok(())
    })?;
    writer.finish()
}

#[cfg(test)]
mod tests {
    use std::{string::ToString, vec, vec::Vec};

    use super::*;
    use crate::{
        preparation::{CodeRange, Coded, Element, Preparation, Scaled},
        quantized::{BIAS_LIMIT, Int8, Int8Layer as Layer, WorkspaceError, required_words},
        weights::envelope::{CHECKSUM, CHECKSUM_BYTES},
    };

    const RECORD: QuantizationRecord<'static> = QuantizationRecord {
        source: &[7; 32],
        logit_scale: 0.5,
        float_accuracy: 0.9,
        accuracy: 0.89,
        method: b"by hand",
    };
    const WEIGHTS: [[i8; 15]; 2] =
        [[127, -127, 3, 0, 1, -1, 2, 5, -5, 9, 100, -100, 0, 0, 4], [1, -2, 3, -4, 5, -6, 0, 0, 0, 0, 0, 0, 0, 0, 0]];

    /// Four entries and the empty one, and the activations of three units, filled up to eight.
    const WORDS: usize = Int8::required_words(&[5, 3, 2]);

    fn layers() -> [Layer<'static>; 2] {
        [
            Layer { weights: &WEIGHTS[0], biases: &[1, -2, 1000], multipliers: &[1 << 22, 1 << 23, i32::MAX] },
            Layer { weights: &WEIGHTS[1][..6], biases: &[5, -5], multipliers: &[1 << 30, 0] },
        ]
    }

    fn architecture() -> Architecture {
        "5,3,2".parse().unwrap()
    }

    fn encoded(layers: &[Layer<'_>]) -> Result<Vec<u8>, WeightFileError> {
        let mut buffer = vec![0; encoded_len::<Int8>(&architecture(), &Signature::default(), &RECORD).unwrap()];
        let len = encode::<Int8>(&architecture(), layers, &Signature::default(), &RECORD, &mut buffer)?;
        buffer.truncate(len);
        Ok(buffer)
    }

    fn seal(file: &mut [u8]) {
        let end = file.len() - CHECKSUM_BYTES;
        let checksum = CHECKSUM.checksum(&file[..end]);
        file[end..].copy_from_slice(&checksum.to_le_bytes());
    }

    #[test]
    fn what_was_written_is_read() {
        let file = encoded(&layers()).unwrap();
        let parsed = QuantizedFile::<Int8>::parse(&file).unwrap();
        assert_eq!(parsed.architecture(), architecture());
        assert_eq!(parsed.record(), &RECORD);
        let logits = parsed.run(&[255, 0, 1, 2, 3], &mut [0; WORDS]).unwrap();
        // Sums 127·255 + 3 + 1·3 = 32391 + 1, −255 + 2 + 10 − 15 − 2, 25500 + 4·3 + 1000: 31.6, below 0, far over 255.
        assert_eq!(logits, [(5 + 32 + 3 * 255 + 2) / 4, 0]);
    }

    /// Raw values become codes by the file's table. A table of scales is not valid for integers.
    #[test]
    fn a_preparation_is_kept() {
        let table = [CodeRange::Integers { low: -100, high: 155, factor: 1 << 16 }.to_bytes(); 5].concat();
        let coded = Coded::parse(Element::I16, &table, 5).unwrap();
        let scaled = Scaled::parse(Element::I16, &[0; 8], 5).unwrap();
        let encoded = |preparation| {
            let signature = Signature { preparation, ..Signature::default() };
            let mut buffer = vec![0; encoded_len::<Int8>(&architecture(), &signature, &RECORD).unwrap()];
            let len = encode::<Int8>(&architecture(), &layers(), &signature, &RECORD, &mut buffer)?;
            buffer.truncate(len);
            Ok(buffer)
        };
        assert_eq!(encoded(Preparation::Scaled(scaled)), Err(WeightFileError::Signature));
        let file = encoded(Preparation::Coded(coded)).unwrap();
        let preparation = QuantizedFile::<Int8>::parse(&file).unwrap().signature().preparation;
        assert_eq!(preparation, Preparation::Coded(coded));
        let (sample, mut codes) = ([-101_i16, -100, 0, 155, 9999].map(i16::to_le_bytes), [0; 5]);
        preparation.write_codes(sample.as_flattened(), &mut codes);
        assert_eq!(codes, [0, 0, 100, 255, 255]);
        let parsed = QuantizedFile::<Int8>::parse(&file).unwrap();
        let raw = parsed.run_raw::<_, 5, 2>(&[-101_i16, -100, 0, 155, 9999], &mut [0; WORDS]);
        assert_eq!(raw, parsed.run(&codes, &mut [0; WORDS]));
        let other = parsed.run_raw::<_, 5, 2>(&[0_u8; 5], &mut [0; WORDS]).unwrap_err().to_string();
        assert_eq!(other, "the network's file takes samples of i16, and these values are u8");
        assert_eq!(parsed.run_raw::<_, 4, 2>(&[0_i16; 4], &mut [0; WORDS]), Err(WorkspaceError::Sample));
    }

    #[test]
    fn sizes_that_are_not_the_networks_are_errors() {
        let file = encoded(&layers()).unwrap();
        let parsed = QuantizedFile::<Int8>::parse(&file).unwrap();
        assert_eq!((parsed.required_words(), required_words(&file)), (WORDS, WORDS));
        assert_eq!(parsed.run::<2>(&[0; 4], &mut [0; WORDS]), Err(WorkspaceError::Sample));
        assert_eq!(parsed.run::<2>(&[0; 6], &mut [0; WORDS]), Err(WorkspaceError::Sample));
        assert_eq!(parsed.run::<3>(&[0; 5], &mut [0; WORDS]), Err(WorkspaceError::Logits));
        for words in 0..WORDS {
            assert_eq!(parsed.run::<2>(&[0; 5], &mut [0; WORDS][..words]), Err(WorkspaceError::Workspace), "{words}");
        }
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_an_error() {
        let mut file = encoded(&layers()).unwrap();
        for end in 0..file.len() {
            assert!(QuantizedFile::<Int8>::parse(&file[..end]).is_err(), "{end}");
        }
        for bit in 0..8 * file.len() {
            file[bit / 8] ^= 1 << (bit % 8);
            assert!(QuantizedFile::<Int8>::parse(&file).is_err(), "bit {bit}");
            file[bit / 8] ^= 1 << (bit % 8);
        }
    }

    #[test]
    fn a_file_of_another_version_is_an_error() {
        let mut file = encoded(&layers()).unwrap();
        for found in [0, 3] {
            file[8] = found;
            seal(&mut file);
            let error = QuantizedFile::<Int8>::parse(&file).unwrap_err();
            assert_eq!(error, WeightFileError::Version { oldest: 1, newest: 2, found: found.into() });
        }
    }

    /// Every byte takes every value, with the checksum made to fit: what is taken predicts without a panic.
    #[test]
    fn a_hostile_file_is_an_error_or_harmless() {
        let mut file = encoded(&layers()).unwrap();
        let mut taken = 0;
        for place in 14..file.len() - CHECKSUM_BYTES {
            let kept = file[place];
            for value in 0..=u8::MAX {
                file[place] = value;
                seal(&mut file);
                let Ok(parsed) = QuantizedFile::<Int8>::parse(&file) else { continue };
                taken += 1;
                let _ = parsed.run::<2>(&[255; 5], &mut [0; WORDS]);
            }
            file[place] = kept;
        }
        assert!(taken > 1000, "{taken}");
    }

    #[test]
    fn what_could_overflow_is_an_error() {
        let overflow = |layer| Err(WeightFileError::Overflow { layer, row: 0 });
        let [first, second] = layers();
        let bias = BIAS_LIMIT as i32;
        assert!(encoded(&[Layer { biases: &[1 - bias, 0, bias - 1], ..first }, second]).is_ok());
        assert_eq!(encoded(&[Layer { biases: &[-bias, 0, 0], ..first }, second]), overflow(0));
        assert_eq!(encoded(&[first, Layer { biases: &[0, bias], ..second }]), overflow(1));
        assert_eq!(encoded(&[first, Layer { multipliers: &[0, -1], ..second }]), overflow(1));
        assert_eq!(encoded(&[first, Layer { weights: &[0, 0, i8::MIN, 0, 0, 0], ..second }]), overflow(1));

        // 259 weights of 127 and one of 3: 255 · 32,896 < 2²³ ≤ 255 · 32,897.
        let wide: Architecture = "260,1".parse().unwrap();
        let mut buffer = vec![0; encoded_len::<Int8>(&wide, &Signature::default(), &RECORD).unwrap()];
        for sign in [-1, 1] {
            let mut weights = vec![127 * sign; 260];
            for (last, is_sound) in [(3, true), (4, false), (-7, true)] {
                weights[259] = last * sign;
                let layer = Layer { weights: &weights, biases: &[0], multipliers: &[1] };
                assert_eq!(
                    encode::<Int8>(&wide, &[layer], &Signature::default(), &RECORD, &mut buffer).is_ok(),
                    is_sound,
                    "{last}"
                );
            }
        }
    }

    #[test]
    fn what_no_network_of_integers_is_is_an_error() {
        let [first, second] = layers();
        assert_eq!(encoded(&[first]), Err(WeightFileError::Architecture));
        assert_eq!(
            encoded(&[Layer { weights: &[1], ..first }, second]),
            Err(WeightFileError::WeightBytes { expected: 15, found: 1 })
        );
        let tanh: Architecture = "5 => 3 Tanh => 2".parse().unwrap();
        assert_eq!(encoded_len::<Int8>(&tanh, &Signature::default(), &RECORD), None);
        assert_eq!(
            encode::<Int8>(&tanh, &[first, second], &Signature::default(), &RECORD, &mut [0; 512]),
            Err(WeightFileError::Architecture)
        );
        let record = QuantizationRecord { logit_scale: MAX_LOGIT_SCALE, ..RECORD };
        assert!(record.is_valid() && (i32::MIN as f32 * MAX_LOGIT_SCALE).is_finite());
        assert!(!QuantizationRecord { logit_scale: MAX_LOGIT_SCALE.next_up(), ..RECORD }.is_valid());
        let record = QuantizationRecord { logit_scale: f32::NAN, ..RECORD };
        assert_eq!(
            encode::<Int8>(&architecture(), &[first, second], &Signature::default(), &record, &mut [0; 512]),
            Err(WeightFileError::Record)
        );
        for len in 0..encoded(&[first, second]).unwrap().len() {
            let short = &mut [0; 512][..len];
            assert_eq!(
                encode::<Int8>(&architecture(), &[first, second], &Signature::default(), &RECORD, short),
                Err(WeightFileError::TooLarge)
            );
        }
    }
}
