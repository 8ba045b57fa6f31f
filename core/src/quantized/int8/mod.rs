//! Eight-bit weights, a scale for each row.
//!
//! A block's weights are ⌈inputs / 2⌉ × 16 bytes: for each pair of columns (2p, 2p + 1), four words. Word j of a pair holds rows 2j and
//! 2j + 1. The lower half is `256 · w[2j + 1][2p] + w[2j][2p]`, and the upper half is the same for column 2p + 1.

#[cfg_attr(has_dsp, path = "dsp.rs")]
#[cfg_attr(not(has_dsp), path = "portable.rs")]
mod kernel;

use super::{
    MAX_ACTIVATION,
    active::{Active, EMPTY, Entry, GROUP, push_pairs},
    block::{Block, ROWS, WEIGHTS},
    blocks,
    format::{Encoding, Integers, Kernel, QuantizedFormat},
    layout::{Shape, check_len},
    workspace::{Place, of_integers, required},
};
use crate::weights::WeightFileError;

/// The number of bytes of a pair of columns in a block.
const PAIR_BYTES: usize = 2 * ROWS;

/// The format int8: a writer uses weights from −127 to 127.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Int8;

/// A layer's integers.
#[derive(Clone, Copy, Debug)]
pub struct Int8Layer<'a> {
    /// The weights, row after row, one row for each output.
    pub weights: &'a [i8],
    /// One bias for each output.
    pub biases: &'a [i32],
    /// One multiplier for each output. None is negative.
    pub multipliers: &'a [i32],
}

impl Int8 {
    /// The limit for a row. Each weight is multiplied by 255, the largest input. The sum of the positive products is below this limit. The sum
    /// of the negative products is below it in absolute value.
    ///
    /// The reason is the kernel for ARM's DSP instructions. It keeps `256 · U + L` in one 32-bit word, where U and L are the sums of two rows.
    /// So it knows U only modulo 2²⁴. This determines U, because |U| is below 2²³.
    pub const SUM_LIMIT: u32 = 1 << 23;

    /// Returns the largest number of entries that a layer with this number of inputs can need.
    const fn entries(inputs: usize) -> usize {
        inputs.div_ceil(2).next_multiple_of(GROUP) + 1
    }

    const fn layer_words(shape: Shape, place: Place) -> usize {
        of_integers(Self::entries(shape.inputs), shape, place)
    }
}

required! { Int8
    /// Returns the number of 32-bit words that a prediction needs as its workspace. `widths` are the network's inputs, then each layer's outputs.
}

impl QuantizedFormat for Int8 {
    const NAME: &'static str = "int8";
    type Layer<'a> = Int8Layer<'a>;
}

impl Integers for Int8 {}

impl Encoding for Int8 {
    const MAGIC: [u8; 8] = *b"SELVINT8";
    const IS_INTEGERS: bool = true;
    const ALIGNMENT: usize = kernel::ALIGNMENT;

    fn bytes(shape: Shape) -> Option<usize> {
        blocks::bytes::<Self>(shape)
    }

    fn words(shape: Shape, place: Place) -> usize {
        Self::layer_words(shape, place)
    }

    fn write(index: usize, shape: Shape, layer: Int8Layer<'_>, place: &mut [u8]) -> Result<(), WeightFileError> {
        check_len(shape.inputs * shape.outputs, layer.weights.len())?;
        if layer.weights.contains(&i8::MIN) {
            return Err(WeightFileError::Overflow { layer: index, row: 0 });
        }
        let weight = |row: usize, column: usize| {
            let is_there = row < shape.outputs && column < shape.inputs;
            if is_there { layer.weights.get(row * shape.inputs + column).copied().unwrap_or(0) } else { 0 }
        };
        blocks::write::<Self>(shape, layer.biases, layer.multipliers, place, |first, weights| {
            for (h, half) in weights.as_chunks_mut().0.iter_mut().enumerate() {
                let (pair, within) = (h / ROWS, h % ROWS);
                let (row, column) = (first + within / 2 * 2, pair * 2 + within % 2);
                *half = (256 * i16::from(weight(row + 1, column)) + i16::from(weight(row, column))).to_le_bytes();
            }
        })
    }

    fn check(index: usize, shape: Shape, bytes: &[u8]) -> Result<(), WeightFileError> {
        blocks::check::<Self>(index, shape, bytes, |block, row| {
            let (mut positive, mut negative) = (0_i32, 0_i32);
            for columns in block.weights().as_chunks::<4>().0.iter().skip(row / 2).step_by(ROWS / 2) {
                for half in columns.as_chunks().0 {
                    let (lower, upper) = split(*half);
                    let weight = if row.is_multiple_of(2) { lower } else { upper };
                    positive = positive.saturating_add(weight.max(0));
                    negative = negative.saturating_sub(weight.min(0));
                }
            }
            positive.max(negative) < Self::SUM_LIMIT.div_ceil(MAX_ACTIVATION.into()) as i32
        })
    }
}

impl Kernel for Int8 {
    fn weight_bytes(inputs: usize) -> Option<usize> {
        inputs.div_ceil(2).checked_mul(PAIR_BYTES)
    }

    /// Lists the pairs of inputs that are not both zero, filled up with empty entries.
    fn list<'a>(inputs: &[u8], entries: &'a mut [Entry]) -> Option<Active<'a, Self>> {
        let entries = entries.get_mut(..Self::entries(inputs.len()))?;
        let len = push_pairs(inputs, WEIGHTS, PAIR_BYTES, entries, 0)?;
        let end = len.next_multiple_of(GROUP) + 1;
        entries.get_mut(len..end)?.fill(EMPTY);
        Some(Active::new(inputs.len(), entries.get(..end)?))
    }

    fn rows(active: &Active<'_, Self>, block: Block<'_>) -> [i32; ROWS] {
        kernel::rows(active, block)
    }
}

/// Returns the weights of two rows in a half word: the lower row's, then the upper row's.
const fn split([low, high]: [u8; 2]) -> (i32, i32) {
    // A lower weight below 0 has taken 1 from the upper byte.
    (low as i8 as i32, high as i8 as i32 + (low >> 7) as i32)
}
