//! The fused multiply-add for WebAssembly, computed in binary64. WebAssembly has no fused instruction, but it has those of binary64.

#[cfg(target_feature = "simd128")]
mod simd;

use super::software;
#[cfg(target_feature = "simd128")]
pub use simd::add_product;

/// The bits of a binary64 that a binary32 does not keep. The second constant is the highest of them: half of the last bit that is kept.
const LOST: u64 = (1 << 29) - 1;
const HALF: u64 = 1 << 28;

/// See [`fma`](super::fma).
///
/// The product of two binary32 is exact in binary64. The sum is rounded to binary64, then to binary32. Both roundings together are one,
/// unless the first gives a number halfway between two binary32. Then, and for results below the normal numbers, the integer code decides.
#[inline(always)]
pub fn fma(a: f32, b: f32, c: f32) -> f32 {
    let sum = f64::from(a) * f64::from(b) + f64::from(c);
    if is_rounded_twice(sum) { exact(a, b, c) } else { sum as f32 }
}

/// Returns true if a sum that was rounded to binary64 may be rounded wrongly to binary32.
#[inline(always)]
fn is_rounded_twice(sum: f64) -> bool {
    (sum.to_bits() & LOST == HALF) | ((sum.abs() < f64::from(f32::MIN_POSITIVE)) & (sum != 0.0))
}

#[cold]
#[inline(never)]
fn exact(a: f32, b: f32, c: f32) -> f32 {
    software::fma(a, b, c)
}

/// See [`dot`](super::dot).
#[inline]
pub fn dot(start: f32, a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).fold(start, |acc, (&a, &b)| fma(a, b, acc))
}

/// See [`add_product`](super::add_product).
#[cfg(not(target_feature = "simd128"))]
#[inline]
pub fn add_product(scale: f32, row: &[f32], sum: &mut [f32]) {
    sum.iter_mut().zip(row).for_each(|(sum, &x)| *sum = fma(scale, x, *sum));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::arithmetic;

    proptest! {
        #[test]
        fn chains_are_the_targets(start in -2.0f32..2.0, a in prop::array::uniform9(-2.0f32..2.0), b in prop::array::uniform9(-2.0f32..2.0)) {
            prop_assert_eq!(dot(start, &a, &b).to_bits(), arithmetic::dot(start, &a, &b).to_bits());
            let (mut found, mut expected) = (b, b);
            add_product(start, &a, &mut found);
            arithmetic::add_product(start, &a, &mut expected);
            prop_assert_eq!(found.map(f32::to_bits), expected.map(f32::to_bits));
        }
    }
}
