//! The kernel for any processor, without instructions of its own.

use super::{Active, Block, GROUP, Int4, PAIR_BYTES, ROWS, SCALE_BYTES, WEIGHTS, split};
use crate::quantized::active::unpacked;

pub const ALIGNMENT: usize = 1;

pub fn rows(active: &Active<'_, Int4>, block: Block<'_>) -> [i32; ROWS] {
    let mut rows = block.start();
    let bytes = |offset: u32| block.weights().get(offset as usize - WEIGHTS..);
    let mut rest = active.entries();
    loop {
        let mut sums = [0; ROWS];
        while let Some((entries, after)) =
            rest.split_first_chunk::<GROUP>().filter(|([[inputs, _], ..], _)| *inputs != 0)
        {
            for &[inputs, offset] in entries.iter().take_while(|[inputs, _]| *inputs != 0) {
                let [even, odd] = unpacked(inputs);
                let Some(words) = bytes(offset).and_then(|bytes| bytes.first_chunk::<PAIR_BYTES>()) else {
                    continue;
                };
                for (sums, &[a, b, c, d]) in sums.as_chunks_mut::<4>().0.iter_mut().zip(words.as_chunks().0) {
                    for (sum, (first, second)) in sums.iter_mut().zip(split([a, b]).into_iter().zip(split([c, d]))) {
                        *sum += first * even + second * odd;
                    }
                }
            }
            rest = after;
        }
        let [[_, scales_at], _, after @ ..] = rest else { break };
        let scales = bytes(*scales_at).and_then(|bytes| bytes.first_chunk::<SCALE_BYTES>());
        for ((row, sum), &scale) in rows.iter_mut().zip(sums).zip(scales.unwrap_or(&[0; SCALE_BYTES])) {
            *row += i32::from(scale) * sum;
        }
        rest = after;
    }
    block.rescale(&mut rows);
    rows
}
