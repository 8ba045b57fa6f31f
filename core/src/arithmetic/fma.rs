//! The fused multiply-add, which stable `core` does not have.

/// Returns `a · b + c`, rounded once.
///
/// This is one instruction where the target has it: `vfma.f32` on a Cortex-M with an FPU (`thumbv7em-none-eabihf`, `thumbv8m.main-none-eabihf`),
/// `vfmadd` on x86-64 (found at run time), `fmadd` on AArch64. WebAssembly computes it in binary64. Other targets compute it exactly in integers.
#[inline(always)]
pub fn fma(a: f32, b: f32, c: f32) -> f32 {
    target::fma(a, b, c)
}

#[cfg(has_vfma)]
use super::vfma as target;

#[cfg(target_arch = "x86_64")]
use super::x86_64 as target;

#[cfg(target_arch = "wasm32")]
use super::binary64 as target;

#[cfg(not(any(has_vfma, target_arch = "x86_64", target_arch = "aarch64", target_arch = "wasm32")))]
use super::software as target;

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{binary64, software};
    use super::*;

    /// Rounds the exact a·b + c to binary32. The product is exact in binary64. TwoSum makes the sum exact, and it is rounded to odd, so that
    /// the second rounding is the only one that counts.
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

    /// The target's code, that of integers and that of binary64: a host has an instruction, and others have not.
    fn check(a: f32, b: f32, c: f32) -> Result<(), TestCaseError> {
        let expected = reference(a, b, c);
        for found in [fma(a, b, c), software::fma(a, b, c), binary64::fma(a, b, c)] {
            prop_assert!(
                found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan(),
                "fma({a:e}, {b:e}, {c:e}) = {found:e}, not {expected:e}"
            );
        }
        Ok(())
    }

    proptest! {
        // Few in an interpreter, which is slow, and looks for undefined behaviour alone.
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 20 } else { 50_000 }))]

        #[test]
        fn rounds_once(a: u32, b: u32, c: u32) {
            check(f32::from_bits(a), f32::from_bits(b), f32::from_bits(c))?;
        }

        /// Terms that cancel, all but for some of the last bits.
        #[test]
        fn rounds_once_where_terms_cancel(a in -2.0f32..2.0, b in -2.0f32..2.0, ulps in -40i32..40) {
            check(a, b, f32::from_bits((-(a * b)).to_bits().wrapping_add_signed(ulps)))?;
        }

        /// Exponents so close that every alignment of the terms occurs, few bits so that halfway cases do.
        #[test]
        fn rounds_once_where_terms_overlap(
            a in 0u32..256, b in 0u32..256, c: u32, shift in -60i32..60, extra in 0u32..2, sign: bool,
        ) {
            let wide = |bits: u32| f32::from_bits(0x3f80_0000 | bits << 15 | extra);
            let exponent = (127 + shift) as u32;
            check(wide(a), wide(b), f32::from_bits(u32::from(sign) << 31 | exponent << 23 | c >> 9))?;
        }

        /// Results that are subnormal, or nearly.
        #[test]
        fn rounds_once_among_subnormals(a: u32, b: u32, c in 0u32..0x0180_0000, exponent in 87u32..128, sign: bool) {
            let a = f32::from_bits(a & 0x80ff_ffff | 0x0080_0000);
            let b = f32::from_bits(b & 0x807f_ffff | exponent << 23);
            check(a, b, f32::from_bits(u32::from(sign) << 31 | c))?;
        }
    }

    #[test]
    fn special_values_keep_their_meaning() {
        let tiny = f32::from_bits(1);
        let cases = [
            (tiny, 1.0, tiny),
            (1e-30, 1e-15, 0.0),
            (-1e-30, 1e-30, 0.0),
            (1e-30, 1e-30, -0.0),
            (0.0, -1.0, -0.0),
            (0.0, 1.0, -0.0),
            (1.0, 1.0, -1.0),
            (f32::MAX, 2.0, f32::NEG_INFINITY),
            (f32::MAX, 2.0, -f32::MAX),
            (f32::MAX, 1.0, f32::MAX),
            (f32::INFINITY, 0.0, 1.0),
            (f32::INFINITY, 1.0, f32::NEG_INFINITY),
            (1.0, 1.0, f32::NAN),
            // A halfway case of the subnormals, which rounding by way of binary64 gets wrong.
            (f32::from_bits(0x0080_0001), f32::from_bits(0x337f_fffe), f32::from_bits(0x0030_0001)),
        ];
        for (a, b, c) in cases {
            check(a, b, c).unwrap();
        }
    }
}
