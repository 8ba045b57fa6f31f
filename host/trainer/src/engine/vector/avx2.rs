//! AVX2: 8 lanes, 16 registers.

use std::arch::x86_64::*;

use selvedge::arithmetic::Operations;

use super::{Vector, Work};

/// Does the work with AVX2's and FMA's instructions.
#[target_feature(enable = "avx2,fma,bmi1,popcnt")]
pub fn run(work: impl Work) {
    work.run::<Avx2>();
}

/// Eight numbers.
#[derive(Clone, Copy)]
pub struct Avx2(__m256);

// SAFETY: the register's lanes are the numbers. In every method: a vector exists only within `run`, whose caller saw the
// processor's features.
#[allow(clippy::undocumented_unsafe_blocks, reason = "one reason for all of them, above")]
unsafe impl Vector for Avx2 {
    const LANES: usize = 8;
    const SUMS_OF_ONE: usize = 12;
    const SUMS_OF_TWO: usize = 6;
    const SUMS_OF_FOUR: usize = 3;

    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self(unsafe { _mm256_set1_ps(x) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(unsafe { _mm256_loadu_ps(from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm256_storeu_ps(to, self.0) }
    }

    #[inline(always)]
    fn fma(self, b: Self, c: Self) -> Self {
        Self(unsafe { _mm256_fmadd_ps(self.0, b.0, c.0) })
    }

    #[inline(always)]
    fn zip(self, other: Self) -> [Self; 2] {
        unsafe {
            // Within each half of the registers; then the halves are brought together.
            let (low, high) = (_mm256_unpacklo_ps(self.0, other.0), _mm256_unpackhi_ps(self.0, other.0));
            [Self(_mm256_permute2f128_ps::<0x20>(low, high)), Self(_mm256_permute2f128_ps::<0x31>(low, high))]
        }
    }

    #[inline(always)]
    unsafe fn transpose(from: *const f32, stride: usize, to: *mut f32, to_stride: usize) -> Self {
        // SAFETY: as the caller says.
        unsafe { super::transpose::<Self, 8>(from, stride, to, to_stride) }
    }

    #[inline(always)]
    fn nonzero(self) -> u64 {
        unsafe {
            let differs = _mm256_cmp_ps::<_CMP_NEQ_UQ>(self.0, _mm256_setzero_ps());
            u64::from(_mm256_movemask_ps(differs).cast_unsigned())
        }
    }

    #[inline(always)]
    fn has_negative_zero(self) -> bool {
        unsafe {
            let equal = _mm256_cmpeq_epi32(_mm256_castps_si256(self.0), _mm256_set1_epi32(i32::MIN));
            _mm256_movemask_epi8(equal) != 0
        }
    }
}

impl Operations for Avx2 {
    #[inline(always)]
    fn fma(a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }

    #[inline(always)]
    fn sqrt(x: f32) -> f32 {
        x.sqrt()
    }
}
