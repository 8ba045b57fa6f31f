//! The sum of squares. It is the only sum that is not a single chain: a model has too many parameters to wait for each addition.

/// The number of chains that are computed side by side.
const LANES: usize = 64;
/// The number of elements in a block. Each block has its own chains.
const BLOCK: usize = 64 * LANES;

/// Returns Σ x², added in a fixed order. In each block of 4,096 elements there are 64 sums. Sum k takes the elements k, k + 64, k + 128 and so on, by
/// a rounded product and an addition, ascending from +0. The 64 sums are then added, ascending from +0, and so are the results of the blocks.
pub fn sum_of_squares(flat: &[f32]) -> f32 {
    flat.chunks(BLOCK).map(block).fold(0.0, |sum, block| sum + block)
}

fn block(elements: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    for row in elements.chunks(LANES) {
        for (sum, x) in sums.iter_mut().zip(row) {
            *sum += x * x;
        }
    }
    sums.iter().fold(0.0, |sum, lane| sum + lane)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_counts_once() {
        for len in [0, 1, 63, 64, 65, 4_095, 4_096, 4_097, 9_000] {
            assert_eq!(sum_of_squares(&std::vec![2.0; len]), 4.0 * len as f32);
        }
    }

    #[test]
    fn the_order_is_the_one_documented() {
        let flat: std::vec::Vec<f32> = (0..10_000_u16).map(|i| f32::from(i).sqrt()).collect();
        let expected = flat.chunks(4_096).fold(0.0_f32, |total, block| {
            total
                + (0..64).fold(0.0_f32, |sum, lane| {
                    sum + block.iter().skip(lane).step_by(64).fold(0.0_f32, |sum, x| sum + x * x)
                })
        });
        assert_eq!(sum_of_squares(&flat).to_bits(), expected.to_bits());
    }
}
