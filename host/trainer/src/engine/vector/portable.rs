//! An array of 8 numbers. Every operation is a plain loop.

use selvedge::arithmetic::{self, Operations};

use super::Vector;

/// Eight numbers.
#[derive(Clone, Copy)]
pub struct Portable([f32; 8]);

// SAFETY: an array of eight `f32`s.
unsafe impl Vector for Portable {
    const LANES: usize = 8;
    const SUMS_OF_ONE: usize = 8;
    const SUMS_OF_TWO: usize = 4;
    const SUMS_OF_FOUR: usize = 2;

    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self([x; 8])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: as the caller says.
        Self(unsafe { from.cast::<[f32; 8]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as the caller says.
        unsafe { to.cast::<[f32; 8]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    fn fma(self, b: Self, c: Self) -> Self {
        let mut lanes = c.0;
        for ((c, &a), &b) in lanes.iter_mut().zip(&self.0).zip(&b.0) {
            *c = arithmetic::fma(a, b, *c);
        }
        Self(lanes)
    }

    #[inline(always)]
    fn zip(self, other: Self) -> [Self; 2] {
        let lane = |i: usize| if i.is_multiple_of(2) { self.0[i / 2] } else { other.0[i / 2] };
        [Self(std::array::from_fn(lane)), Self(std::array::from_fn(|i| lane(8 + i)))]
    }

    #[inline(always)]
    unsafe fn transpose(from: *const f32, stride: usize, to: *mut f32, to_stride: usize) -> Self {
        // SAFETY: as the caller says.
        unsafe { super::transpose::<Self, 8>(from, stride, to, to_stride) }
    }

    #[inline(always)]
    fn nonzero(self) -> u64 {
        (0..).zip(self.0).fold(0, |bits, (lane, x)| bits | u64::from(x != 0.0) << lane)
    }

    #[inline(always)]
    fn has_negative_zero(self) -> bool {
        self.0.iter().any(|x| x.to_bits() == (-0.0f32).to_bits())
    }
}

impl Operations for Portable {
    #[inline(always)]
    fn fma(a: f32, b: f32, c: f32) -> f32 {
        arithmetic::fma(a, b, c)
    }

    #[inline(always)]
    fn sqrt(x: f32) -> f32 {
        x.sqrt()
    }
}
