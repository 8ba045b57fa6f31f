//! The fused multiply-add, which stable `core` does not have.

/// `a · b + c`, rounded once.
///
/// One instruction where the target has it: `vfma.f32` on a Cortex-M with an FPU, `vfmadd` on x86-64 when compiled with
/// the `fma` feature, `fmadd` on AArch64. Elsewhere `libm::fmaf`: the x86-64 instruction where the processor has it, found at run
/// time, and exact integer code otherwise.
#[inline(always)]
pub fn fma(a: f32, b: f32, c: f32) -> f32 {
    target::fma(a, b, c)
}

#[cfg(has_vfma)]
use super::vfma as target;

#[cfg(all(target_arch = "x86_64", target_feature = "fma"))]
#[allow(unsafe_code)]
mod target {
    use core::arch::x86_64::{_mm_cvtss_f32, _mm_fmadd_ss, _mm_set_ss};

    #[inline(always)]
    pub fn fma(a: f32, b: f32, c: f32) -> f32 {
        // SAFETY: the whole program is compiled for processors that have the feature.
        unsafe { _mm_cvtss_f32(_mm_fmadd_ss(_mm_set_ss(a), _mm_set_ss(b), _mm_set_ss(c))) }
    }
}

#[cfg(target_arch = "aarch64")]
#[allow(unsafe_code)]
mod target {
    #[inline(always)]
    pub fn fma(a: f32, b: f32, c: f32) -> f32 {
        let result: f32;
        // SAFETY: `fmadd` reads and writes the named registers alone, and every AArch64 with floating point has it.
        unsafe {
            core::arch::asm!(
                "fmadd {r:s}, {a:s}, {b:s}, {c:s}",
                r = out(vreg) result,
                a = in(vreg) a,
                b = in(vreg) b,
                c = in(vreg) c,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        result
    }
}

#[cfg(not(any(has_vfma, all(target_arch = "x86_64", target_feature = "fma"), target_arch = "aarch64")))]
mod target {
    #[inline(always)]
    pub fn fma(a: f32, b: f32, c: f32) -> f32 {
        libm::fmaf(a, b, c)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::fma;

    /// Rounds the exact a·b + c to binary32: the product is exact in binary64; the sum is made exact with TwoSum and
    /// rounded to odd, so that the second rounding is the only one.
    fn reference(a: f32, b: f32, c: f32) -> f32 {
        let (product, c) = (f64::from(a) * f64::from(b), f64::from(c));
        let sum = product + c;
        if !sum.is_finite() {
            return sum as f32;
        }
        let c_part = sum - product;
        let error = (product - (sum - c_part)) + (c - c_part);
        let odd = if error != 0.0 && sum.to_bits() & 1 == 0 {
            let away = (error > 0.0) == (sum > 0.0);
            f64::from_bits(if away { sum.to_bits() + 1 } else { sum.to_bits() - 1 })
        } else {
            sum
        };
        odd as f32
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn rounds_once(a: u32, b: u32, c: u32) {
            let (a, b, c) = (f32::from_bits(a), f32::from_bits(b), f32::from_bits(c));
            let (found, expected) = (fma(a, b, c), reference(a, b, c));
            prop_assert!(found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan(),
                "fma({a:e}, {b:e}, {c:e}) = {found:e}, not {expected:e}");
        }

        #[test]
        fn rounds_once_where_terms_are_close(a in -2.0f32..2.0, b in -2.0f32..2.0, ulps in -40i32..40) {
            let c = f32::from_bits((-(a * b)).to_bits().wrapping_add_signed(ulps));
            prop_assert_eq!(fma(a, b, c).to_bits(), reference(a, b, c).to_bits());
        }
    }

    #[test]
    fn keeps_subnormals() {
        let tiny = f32::from_bits(1);
        assert_eq!(fma(tiny, 1.0, tiny).to_bits(), 2);
        assert_eq!(fma(1e-30, 1e-15, 0.0).to_bits(), 1e-45f32.to_bits());
    }
}
