//! AVX-512: 16 lanes, 32 registers.

use std::arch::x86_64::*;

use selvedge::arithmetic::Operations;

use super::{Vector, Work};

/// Does the work with AVX-512's instructions.
#[target_feature(enable = "avx512f,avx2,fma,bmi1,popcnt")]
pub fn run(work: impl Work) {
    work.run::<Avx512>();
}

/// Sixteen numbers.
#[derive(Clone, Copy)]
pub struct Avx512(__m512);

// SAFETY: the register's lanes are the numbers. In every method: a vector exists only within `run`, whose caller saw the
// processor's features.
#[allow(clippy::undocumented_unsafe_blocks, reason = "one reason for all of them, above")]
unsafe impl Vector for Avx512 {
    const LANES: usize = 16;
    const SUMS_OF_ONE: usize = 12;
    const SUMS_OF_TWO: usize = 10;
    const SUMS_OF_FOUR: usize = 6;

    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self(unsafe { _mm512_set1_ps(x) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(unsafe { _mm512_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm512_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    fn fma(self, b: Self, c: Self) -> Self {
        Self(unsafe { _mm512_fmadd_ps(self.0, b.0, c.0) })
    }

    #[inline(always)]
    fn zip(self, other: Self) -> [Self; 2] {
        unsafe {
            let low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            let high = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
            [Self(_mm512_permutex2var_ps(self.0, low, other.0)), Self(_mm512_permutex2var_ps(self.0, high, other.0))]
        }
    }

    #[inline(always)]
    unsafe fn transpose(from: *const f32, stride: usize, to: *mut f32, to_stride: usize) -> Self {
        // SAFETY: as the caller says.
        unsafe { super::transpose::<Self, 16>(from, stride, to, to_stride) }
    }

    #[inline(always)]
    fn nonzero(self) -> u64 {
        unsafe { _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(self.0, _mm512_setzero_ps()) }.into()
    }

    #[inline(always)]
    fn has_negative_zero(self) -> bool {
        unsafe { _mm512_cmpeq_epi32_mask(_mm512_castps_si512(self.0), _mm512_set1_epi32(i32::MIN)) != 0 }
    }
}

impl Operations for Avx512 {
    #[inline(always)]
    fn fma(a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }

    #[inline(always)]
    fn sqrt(x: f32) -> f32 {
        x.sqrt()
    }
}
