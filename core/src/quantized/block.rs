//! Eight rows of a layer of integers.
//!
//! | part of a block | bytes | meaning |
//! |---|---|---|
//! | biases | 8 × i32 | of rows 8k to 8k + 7 |
//! | multipliers | 8 × i32 | of the same |
//! | weights | | as the format has them |
//!
//! Rows and columns that a layer does not have are zeros. All is little-endian.

use super::{BIAS_LIMIT, format::Kernel, layout::Shape};
use crate::weights::WeightFileError;

/// Rows in a block.
pub const ROWS: usize = 8;
/// Bytes of a block's biases, and of its multipliers.
const VECTOR_BYTES: usize = 4 * ROWS;
/// Where a block's weights begin.
pub const WEIGHTS: usize = 2 * VECTOR_BYTES;

/// A block, in place.
#[derive(Clone, Copy)]
pub struct Block<'a> {
    bytes: &'a [u8],
}

impl<'a> Block<'a> {
    /// A layer's blocks.
    pub fn all<F: Kernel>(shape: Shape, bytes: &'a [u8]) -> impl Iterator<Item = Self> {
        // A block that cannot be counted is in no file.
        bytes.chunks_exact(block_bytes::<F>(shape).unwrap_or(usize::MAX)).map(|bytes| Self { bytes })
    }

    #[cfg(has_dsp)]
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    pub fn biases(self) -> impl Iterator<Item = i32> {
        integers(self.bytes).take(ROWS)
    }

    pub fn multipliers(self) -> impl Iterator<Item = i32> {
        integers(self.bytes).skip(ROWS).take(ROWS)
    }

    /// The format's own part.
    pub fn weights(self) -> &'a [u8] {
        self.bytes.get(WEIGHTS..).unwrap_or_default()
    }

    /// Each accumulator times its row's multiplier, `⌊(a · m + 2³¹) / 2³²⌋`.
    #[cfg(not(has_dsp))]
    pub fn rescale(self, rows: &mut [i32; ROWS]) {
        for (row, multiplier) in rows.iter_mut().zip(self.multipliers()) {
            *row = ((i64::from(*row) * i64::from(multiplier) + (1 << 31)) >> 32) as i32;
        }
    }
}

fn integers(bytes: &[u8]) -> impl Iterator<Item = i32> {
    bytes.as_chunks().0.iter().map(|bytes| i32::from_le_bytes(*bytes))
}

fn block_bytes<F: Kernel>(shape: Shape) -> Option<usize> {
    F::weight_bytes(shape.inputs)?.checked_add(WEIGHTS)
}

/// Bytes of a layer, if this machine can count them.
pub fn bytes<F: Kernel>(shape: Shape) -> Option<usize> {
    shape.outputs.div_ceil(ROWS).checked_mul(block_bytes::<F>(shape)?)
}

/// Checks each block of a layer: biases, multipliers, and its rows.
pub fn check<F: Kernel>(
    layer: usize,
    shape: Shape,
    bytes: &[u8],
    is_row_sound: impl Fn(Block<'_>, usize) -> bool,
) -> Result<(), WeightFileError> {
    let is_sound = |block: Block<'_>| {
        block.biases().all(|bias| bias.unsigned_abs() < BIAS_LIMIT)
            && block.multipliers().all(|multiplier| multiplier >= 0)
            && (0..ROWS).all(|row| is_row_sound(block, row))
    };
    match Block::all::<F>(shape, bytes).position(|block| !is_sound(block)) {
        Some(block) => Err(WeightFileError::Overflow { layer, row: block * ROWS }),
        None => Ok(()),
    }
}

/// Writes a layer's blocks; `write_weights` is given each block's first row and the place for its weights.
pub fn write<F: Kernel>(
    shape: Shape,
    biases: &[i32],
    multipliers: &[i32],
    place: &mut [u8],
    mut write_weights: impl FnMut(usize, &mut [u8]),
) -> Result<(), WeightFileError> {
    for vector in [biases, multipliers] {
        check_len(shape.outputs, vector.len())?;
    }
    let block_bytes = block_bytes::<F>(shape).ok_or(WeightFileError::TooLarge)?;
    for (k, block) in place.chunks_mut(block_bytes).enumerate() {
        let (biases_place, rest) = block.split_at_mut(VECTOR_BYTES);
        let (multipliers_place, weights) = rest.split_at_mut(VECTOR_BYTES);
        for (place, values) in [(biases_place, biases), (multipliers_place, multipliers)] {
            for (r, bytes) in place.as_chunks_mut().0.iter_mut().enumerate() {
                *bytes = values.get(k * ROWS + r).copied().unwrap_or(0).to_le_bytes();
            }
        }
        write_weights(k * ROWS, weights);
    }
    Ok(())
}

/// That an exporter's layer has as many numbers as its widths say.
pub fn check_len(expected: usize, found: usize) -> Result<(), WeightFileError> {
    if expected == found { Ok(()) } else { Err(WeightFileError::WeightBytes { expected, found }) }
}
