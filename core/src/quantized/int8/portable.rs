//! The kernel for any processor, without instructions of its own.

use super::{Active, Block, Int8, PAIR_BYTES, ROWS, WEIGHTS, split};
use crate::quantized::active::unpacked;

pub const ALIGNMENT: usize = 1;

pub fn rows(active: &Active<'_, Int8>, block: Block<'_>) -> [i32; ROWS] {
    let mut rows = block.start();
    let pairs: &[[u8; PAIR_BYTES]] = block.weights().as_chunks().0;
    for &[inputs, offset] in active.entries().iter().take_while(|[inputs, _]| *inputs != 0) {
        let [even, odd] = unpacked(inputs);
        let Some(words) = pairs.get((offset as usize - WEIGHTS) / PAIR_BYTES) else { continue };
        for (rows, &[a, b, c, d]) in rows.as_chunks_mut::<2>().0.iter_mut().zip(words.as_chunks().0) {
            let [(lower, upper), (lower_odd, upper_odd)] = [split([a, b]), split([c, d])];
            rows[0] += lower * even + lower_odd * odd;
            rows[1] += upper * even + upper_odd * odd;
        }
    }
    block.rescale(&mut rows);
    rows
}
