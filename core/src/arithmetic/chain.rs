//! Chains of fused multiply-adds over slices: plain loops, or the target's own code where a call for each term would be slow.

#[cfg(target_arch = "wasm32")]
use super::binary64 as target;
#[cfg(has_vfma)]
use super::vfma as target;
#[cfg(target_arch = "x86_64")]
use super::x86_64 as target;

/// Returns one fma chain: `acc = start`, then `acc = fma(a[k], b[k], acc)`, k ascending, up to the shorter slice's end.
#[inline]
pub fn dot(start: f32, a: &[f32], b: &[f32]) -> f32 {
    target::dot(start, a, b)
}

/// Adds one term to each of several chains, side by side: `sum[i] = fma(scale, row[i], sum[i])`, up to the shorter slice's end.
#[inline]
pub fn add_product(scale: f32, row: &[f32], sum: &mut [f32]) {
    target::add_product(scale, row, sum);
}

#[cfg(not(any(has_vfma, target_arch = "x86_64", target_arch = "wasm32")))]
mod target {
    use crate::arithmetic::fma;

    #[inline(always)]
    pub fn dot(start: f32, a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).fold(start, |acc, (&a, &b)| fma(a, b, acc))
    }

    #[inline(always)]
    pub fn add_product(scale: f32, row: &[f32], sum: &mut [f32]) {
        for (sum, &x) in sum.iter_mut().zip(row) {
            *sum = fma(scale, x, *sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_not_a_sum_of_rounded_products() {
        let x = 1.0 + f32::EPSILON;
        let product = x * x;
        assert_eq!(dot(-product, &[x], &[x]), f32::EPSILON * f32::EPSILON);
        let mut sum = [-product, 7.0];
        add_product(x, &[x], &mut sum);
        assert_eq!(sum, [f32::EPSILON * f32::EPSILON, 7.0]);
    }
}
