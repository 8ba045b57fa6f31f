//! Four-bit weights, an eight-bit scale for each row and each [`COLUMNS`] columns.
//!
//! A block's weights are, for each group of 64 columns (the last may have fewer):
//!
//! | part | bytes | meaning |
//! |---|---|---|
//! | scales | 8 × u8 | of the block's rows |
//! | weights | ⌈columns / 2⌉ × 8 | for each pair of columns (2p, 2p + 1), two words |
//!
//! Word j of a pair holds rows 4j to 4j + 3. The lower half is for column 2p: `4096 · q₃ + 256 · (q₂ + 8) + 16 · (q₁ + 8) + (q₀ + 8)`, with
//! q₃ in two's complement. The upper half is the same for column 2p + 1.

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

/// The number of columns that share a scale.
const COLUMNS: usize = 64;
/// The number of bytes of a pair of columns in a block.
const PAIR_BYTES: usize = ROWS;
/// The number of bytes of a group's scales.
const SCALE_BYTES: usize = ROWS;
/// The number of bytes of a whole group in a block.
const GROUP_BYTES: usize = SCALE_BYTES + COLUMNS / 2 * PAIR_BYTES;
/// The number that is added to a weight so that it is not negative.
const OFFSET: i32 = 8;

/// The format int4: weights of −8 to 7, times scales of 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Int4;

/// A layer's integers: a weight is `scales[row][column / 64] · weights[row][column]`.
#[derive(Clone, Copy, Debug)]
pub struct Int4Layer<'a> {
    /// The weights, from −8 to 7, row after row, one row for each output.
    pub weights: &'a [i8],
    /// The scales, row after row, ⌈inputs / 64⌉ for each row: one for each group of [`COLUMNS`](Int4::COLUMNS) columns. The last group may
    /// have fewer.
    pub scales: &'a [u8],
    /// One bias for each output.
    pub biases: &'a [i32],
    /// One multiplier for each output. None is negative.
    pub multipliers: &'a [i32],
}

impl Int4 {
    /// The number of columns that share a scale.
    pub const COLUMNS: usize = COLUMNS;

    /// The limit for a row. Each weight is multiplied by 255, the largest input. The sum of the positive products is below this limit. The sum
    /// of the negative products is below it in absolute value. A bias has the same limit ([`BIAS_LIMIT`](super::BIAS_LIMIT)), so every
    /// accumulator fits into 32 bits.
    pub const SUM_LIMIT: u32 = 1 << 30;

    /// Returns the largest number of entries that a layer with this number of inputs can need.
    const fn entries(inputs: usize) -> usize {
        inputs / COLUMNS * group_entries(COLUMNS) + group_entries(inputs % COLUMNS) + 1
    }

    const fn layer_words(shape: Shape, place: Place) -> usize {
        of_integers(Self::entries(shape.inputs), shape, place)
    }
}

/// Returns the number of entries of a group with this number of columns: whole groups of four, and two that end it.
const fn group_entries(columns: usize) -> usize {
    if columns == 0 { 0 } else { columns.div_ceil(2).next_multiple_of(GROUP) + 2 }
}

required! { Int4
    /// Returns the number of 32-bit words that a prediction needs as its workspace. `widths` are the network's inputs, then each layer's outputs.
}

impl QuantizedFormat for Int4 {
    const NAME: &'static str = "int4";
    type Layer<'a> = Int4Layer<'a>;
}

impl Integers for Int4 {}

impl Encoding for Int4 {
    const MAGIC: [u8; 8] = *b"SELVINT4";
    const IS_INTEGERS: bool = true;
    const ALIGNMENT: usize = kernel::ALIGNMENT;

    fn bytes(shape: Shape) -> Option<usize> {
        blocks::bytes::<Self>(shape)
    }

    fn words(shape: Shape, place: Place) -> usize {
        Self::layer_words(shape, place)
    }

    fn write(index: usize, shape: Shape, layer: Int4Layer<'_>, place: &mut [u8]) -> Result<(), WeightFileError> {
        let Shape { inputs, outputs } = shape;
        let groups = inputs.div_ceil(COLUMNS);
        check_len(inputs * outputs, layer.weights.len())?;
        check_len(groups * outputs, layer.scales.len())?;
        if let Some(place) = layer.weights.iter().position(|weight| !(-8..=7).contains(weight)) {
            return Err(WeightFileError::Overflow { layer: index, row: place / inputs / ROWS * ROWS });
        }
        let weight = |row: usize, column: usize| -> i32 {
            let is_there = row < outputs && column < inputs;
            if is_there { layer.weights.get(row * inputs + column).copied().unwrap_or(0).into() } else { 0 }
        };
        let half = |row: usize, column: usize| {
            let [a, b, c] = [0, 1, 2].map(|r| weight(row + r, column) + OFFSET);
            (4096 * weight(row + 3, column) + 256 * c + 16 * b + a) as i16
        };
        blocks::write::<Self>(shape, layer.biases, layer.multipliers, place, |first, weights| {
            for (group, place) in weights.chunks_mut(GROUP_BYTES).enumerate() {
                let (scales, pairs) = place.split_at_mut(SCALE_BYTES);
                for (r, scale) in scales.iter_mut().enumerate() {
                    let row = first + r;
                    let is_there = row < outputs;
                    *scale = if is_there { layer.scales.get(row * groups + group).copied().unwrap_or(0) } else { 0 };
                }
                for (h, place) in pairs.as_chunks_mut().0.iter_mut().enumerate() {
                    let (pair, within) = (h / 4, h % 4);
                    let column = group * COLUMNS + pair * 2 + within % 2;
                    *place = half(first + within / 2 * 4, column).to_le_bytes();
                }
            }
        })
    }

    fn check(index: usize, shape: Shape, bytes: &[u8]) -> Result<(), WeightFileError> {
        blocks::check::<Self>(index, shape, bytes, |block, row| {
            let (mut positive, mut negative) = (0_i32, 0_i32);
            for group in block.weights().chunks(GROUP_BYTES) {
                let (scales, pairs) = group.split_at_checked(SCALE_BYTES).unwrap_or_default();
                let (mut group_positive, mut group_negative) = (0, 0);
                for word in pairs.as_chunks::<4>().0.iter().skip(row / 4).step_by(2) {
                    for half in word.as_chunks().0 {
                        let weight = split(*half).get(row % 4).copied().unwrap_or(0);
                        group_positive += weight.max(0);
                        group_negative -= weight.min(0);
                    }
                }
                let scale = scales.get(row).copied().map_or(0, i32::from);
                positive = positive.saturating_add(group_positive * scale);
                negative = negative.saturating_add(group_negative * scale);
            }
            positive.max(negative) < Self::SUM_LIMIT.div_ceil(MAX_ACTIVATION.into()) as i32
        })
    }
}

impl Kernel for Int4 {
    fn weight_bytes(inputs: usize) -> Option<usize> {
        let groups = inputs.div_ceil(COLUMNS).checked_mul(SCALE_BYTES)?;
        inputs.div_ceil(2).checked_mul(PAIR_BYTES)?.checked_add(groups)
    }

    /// Lists each group of columns that has an input other than zero. A group's entries are the pairs of inputs, filled up with empty entries;
    /// then the place of the scales; then [`OFFSET`] times the sum of the inputs. By this amount, the sums of `qₖ + 8` are too large.
    fn list<'a>(inputs: &[u8], entries: &'a mut [Entry]) -> Option<Active<'a, Self>> {
        let mut len = 0;
        for (group, columns) in inputs.chunks(COLUMNS).enumerate() {
            let (start, scales) = (len, WEIGHTS + group * GROUP_BYTES);
            len = push_pairs(columns, scales + SCALE_BYTES, PAIR_BYTES, entries, start)?;
            if len > start {
                let end = start + (len - start).next_multiple_of(GROUP);
                entries.get_mut(len..end)?.fill(EMPTY);
                let sum: u32 = columns.iter().map(|&input| u32::from(input)).sum();
                let [scales_at, excess] = entries.get_mut(end..end + 2)? else { return None };
                *scales_at = [0, scales as u32];
                *excess = [OFFSET as u32 * sum, 0];
                len = end + 2;
            }
        }
        *entries.get_mut(len)? = EMPTY;
        Some(Active::new(inputs.len(), entries.get(..=len)?))
    }

    fn rows(active: &Active<'_, Self>, block: Block<'_>) -> [i32; ROWS] {
        kernel::rows(active, block)
    }
}

/// Returns the weights of four rows in a half word, the lowest row's first.
fn split([low, high]: [u8; 2]) -> [i32; 4] {
    let digit = |nibble: u8| i32::from(nibble) - OFFSET;
    [digit(low & 15), digit(low >> 4), digit(high & 15), i32::from(high as i8 >> 4)]
}
