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
    for ([even, odd], pair) in active.iter() {
        let Some(words) = block.weights().get(pair) else { continue };
        for (rows, &[a, b, c, d]) in rows.as_chunks_mut::<2>().0.iter_mut().zip(words.as_chunks().0) {
            let [(lower, upper), (lower_odd, upper_odd)] = [split([a, b]), split([c, d])];
            rows[0] += lower * even + lower_odd * odd;
            rows[1] += upper * even + upper_odd * odd;
        }
    }
    for (row, multiplier) in rows.iter_mut().zip(block.multipliers()) {
        *row = ((i64::from(*row) * i64::from(multiplier) + (1 << 31)) >> 32) as i32;
    }
    rows
}
