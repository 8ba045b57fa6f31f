//! A row of chains in WebAssembly's vectors. Four elements are computed at a time, in two registers of binary64.

use core::arch::wasm32::{
    f32x4, f32x4_demote_f64x2_zero, f32x4_extract_lane, f64x2_add, f64x2_mul, f64x2_promote_low_f32x4, f64x2_splat,
    i32x4_eq, i32x4_shuffle, i32x4_splat, i64x2_add, i64x2_eq, i64x2_lt, i64x2_shl, i64x2_splat, v128, v128_and,
    v128_any_true, v128_or,
};

use super::{HALF, LOST, exact, fma};

const LANES: usize = 4;

/// See [`add_product`](crate::arithmetic::add_product).
#[inline]
pub fn add_product(scale: f32, row: &[f32], sum: &mut [f32]) {
    let len = row.len().min(sum.len());
    let (rows, row_rest) = row[..len].as_chunks::<LANES>();
    let (sums, sum_rest) = sum[..len].as_chunks_mut::<LANES>();
    if scale == 0.0 {
        // ±0 · x + s is s, but where x is no finite number and where s is −0.
        for (sums, row) in sums.iter_mut().zip(rows) {
            if v128_any_true(v128_or(is_not_finite(vector(row)), is_minus_zero(vector(sums)))) {
                sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum = fma(scale, x, *sum));
            }
        }
    } else {
        let wide_scale = f64x2_splat(f64::from(scale));
        for (sums, row) in sums.iter_mut().zip(rows) {
            let (x, s) = (vector(row), vector(sums));
            let low = link(wide_scale, x, s);
            let high = link(wide_scale, upper(x), upper(s));
            if v128_any_true(v128_or(may_be_rounded_twice(low), may_be_rounded_twice(high))) {
                sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum = exact(scale, x, *sum));
            } else {
                let results = i32x4_shuffle::<0, 1, 4, 5>(f32x4_demote_f64x2_zero(low), f32x4_demote_f64x2_zero(high));
                *sums = [
                    f32x4_extract_lane::<0>(results),
                    f32x4_extract_lane::<1>(results),
                    f32x4_extract_lane::<2>(results),
                    f32x4_extract_lane::<3>(results),
                ];
            }
        }
    }
    sum_rest.iter_mut().zip(row_rest).for_each(|(sum, &x)| *sum = fma(scale, x, *sum));
}

#[inline(always)]
fn vector(&[a, b, c, d]: &[f32; LANES]) -> v128 {
    f32x4(a, b, c, d)
}

/// Returns the upper two elements, moved to the place of the lower two.
#[inline(always)]
fn upper(x: v128) -> v128 {
    i32x4_shuffle::<2, 3, 2, 3>(x, x)
}

/// Returns `scale · x + s` for the lower two elements, rounded to binary64.
#[inline(always)]
fn link(scale: v128, x: v128, s: v128) -> v128 {
    f64x2_add(f64x2_mul(scale, f64x2_promote_low_f32x4(x)), f64x2_promote_low_f32x4(s))
}

/// Returns [`is_rounded_twice`](super::is_rounded_twice) for each element. Without the sign, the bits of a number are ordered as the numbers
/// are. So a number is not 0 and below the normal numbers exactly if its bits minus 1 are below theirs, as unsigned integers.
#[inline(always)]
fn may_be_rounded_twice(sum: v128) -> v128 {
    const NORMAL: u64 = (f32::MIN_POSITIVE as f64).to_bits() << 1;
    const SIGN: u64 = 1 << 63;
    let half = i64x2_eq(v128_and(sum, i64x2_splat(LOST as i64)), i64x2_splat(HALF as i64));
    let size = i64x2_add(i64x2_shl(sum, 1), i64x2_splat((SIGN - 1) as i64));
    v128_or(half, i64x2_lt(size, i64x2_splat((NORMAL - 1).wrapping_add(SIGN) as i64)))
}

#[inline(always)]
fn is_not_finite(x: v128) -> v128 {
    let exponent = i32x4_splat(0x7f80_0000);
    i32x4_eq(v128_and(x, exponent), exponent)
}

#[inline(always)]
fn is_minus_zero(x: v128) -> v128 {
    i32x4_eq(x, i32x4_splat(i32::MIN))
}
