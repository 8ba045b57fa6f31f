//! A layer of integers as [`Block`]s, read and written.

use super::{
    BIAS_LIMIT,
    block::{Block, ROWS, VECTOR_BYTES, WEIGHTS},
    format::Kernel,
    layout::{Shape, check_len},
};
use crate::weights::WeightFileError;

fn block_bytes<F: Kernel>(shape: Shape) -> Option<usize> {
    F::weight_bytes(shape.inputs)?.checked_add(WEIGHTS)
}

/// Returns a layer's blocks.
pub fn all<F: Kernel>(shape: Shape, bytes: &[u8]) -> impl Iterator<Item = Block<'_>> {
    // A block that cannot be counted is in no file.
    bytes.chunks_exact(block_bytes::<F>(shape).unwrap_or(usize::MAX)).map(Block::new)
}

/// Returns the number of bytes of a layer, or `None` if this machine cannot count them.
pub fn bytes<F: Kernel>(shape: Shape) -> Option<usize> {
    shape.outputs.div_ceil(ROWS).checked_mul(block_bytes::<F>(shape)?)
}

/// Checks each block of a layer: its biases, multipliers and weights.
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
    match all::<F>(shape, bytes).position(|block| !is_sound(block)) {
        Some(block) => Err(WeightFileError::Overflow { layer, row: block * ROWS }),
        None => Ok(()),
    }
}

/// Writes a layer's blocks. `write_weights` gets each block's first row and the place for its weights.
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
