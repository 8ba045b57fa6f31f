//! The kernel that needs no instructions of its own.

use crate::quantized::{
    active::Active,
    layout::{Block, ROWS, split},
};

/// `⌊((b + Σ wᵢ xᵢ) · m + 2³¹) / 2³²⌋` of each row of a block of the layer whose inputs are listed.
pub fn rows(active: &Active<'_>, block: Block<'_>) -> [i32; ROWS] {
    let mut rows = [0; ROWS];
    for (row, bias) in rows.iter_mut().zip(block.biases()) {
        *row = bias;
    }
    for (inputs, pair) in active.iter() {
        let Some(weights) = block.weights().get(pair) else { continue };
        let words = weights.as_chunks::<4>().0;
        for (rows, &[a, b, c, d]) in rows.as_chunks_mut::<2>().0.iter_mut().zip(words) {
            for (input, half) in inputs.into_iter().zip([[a, b], [c, d]]) {
                let (lower, upper) = split(i16::from_le_bytes(half));
                rows[0] += i32::from(lower) * input;
                rows[1] += i32::from(upper) * input;
            }
        }
    }
    for (row, multiplier) in rows.iter_mut().zip(block.multipliers()) {
        *row = ((i64::from(*row) * i64::from(multiplier) + (1 << 31)) >> 32) as i32;
    }
    rows
}
