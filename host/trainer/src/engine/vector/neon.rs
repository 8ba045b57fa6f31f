//! NEON: 4 lanes, 32 registers.

use std::arch::aarch64::*;

use selvedge::arithmetic::Operations;

use super::{Vector, Work};

/// Does the work with NEON's instructions.
#[target_feature(enable = "neon")]
pub fn run(work: impl Work) {
    work.run::<Neon>();
}

/// Four numbers.
#[derive(Clone, Copy)]
pub struct Neon(float32x4_t);

// SAFETY: the register's lanes are the numbers. In every method: a vector exists only within `run`, whose caller saw the
// processor's features.
#[allow(clippy::undocumented_unsafe_blocks, reason = "one reason for all of them, above")]
unsafe impl Vector for Neon {
    const LANES: usize = 4;
    const SUMS_OF_ONE: usize = 12;
    const SUMS_OF_TWO: usize = 12;
    const SUMS_OF_FOUR: usize = 6;

    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self(unsafe { vdupq_n_f32(x) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(unsafe { vld1q_f32(from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { vst1q_f32(to, self.0) }
    }

    #[inline(always)]
    fn fma(self, b: Self, c: Self) -> Self {
        Self(unsafe { vfmaq_f32(c.0, self.0, b.0) })
    }

    #[inline(always)]
    fn zip(self, other: Self) -> [Self; 2] {
        unsafe { [Self(vzip1q_f32(self.0, other.0)), Self(vzip2q_f32(self.0, other.0))] }
    }

    #[inline(always)]
    unsafe fn transpose(from: *const f32, stride: usize, to: *mut f32, to_stride: usize) -> Self {
        // SAFETY: as the caller says.
        unsafe { super::transpose::<Self, 4>(from, stride, to, to_stride) }
    }

    #[inline(always)]
    fn nonzero(self) -> u64 {
        unsafe {
            let zero = vceqzq_f32(self.0);
            let bits = vbicq_u32(vld1q_u32([1, 2, 4, 8].as_ptr()), zero);
            vaddvq_u32(bits).into()
        }
    }

    #[inline(always)]
    fn has_negative_zero(self) -> bool {
        unsafe { vmaxvq_u32(vceqq_u32(vreinterpretq_u32_f32(self.0), vdupq_n_u32(1 << 31))) != 0 }
    }
}

impl Operations for Neon {
    #[inline(always)]
    fn fma(a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }

    #[inline(always)]
    fn sqrt(x: f32) -> f32 {
        x.sqrt()
    }
}
