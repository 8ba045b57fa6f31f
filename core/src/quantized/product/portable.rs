//! The kernel that needs no instructions of its own.

use crate::quantized::{
    active::Active,
    layout::{PAIR_BYTES, ROWS, split},
};

/// `Σ wᵢ xᵢ` of each row of a block of the layer whose inputs are listed.
pub fn sums(active: &Active<'_>, weights: &[[u8; PAIR_BYTES]]) -> [i32; ROWS] {
    let mut sums = [0; ROWS];
    for (inputs, pair) in active.iter() {
        let Some(weights) = weights.get(pair) else { continue };
        let words = weights.as_chunks::<4>().0;
        for (sums, &[a, b, c, d]) in sums.as_chunks_mut::<2>().0.iter_mut().zip(words) {
            for (input, half) in inputs.into_iter().zip([[a, b], [c, d]]) {
                let (lower, upper) = split(i16::from_le_bytes(half));
                sums[0] += i32::from(lower) * input;
                sums[1] += i32::from(upper) * input;
            }
        }
    }
    sums
}
