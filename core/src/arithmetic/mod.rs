//! The arithmetic contract: what every engine computes, bit for bit.
//!
//! 1. Numbers are IEEE-754 binary32, rounded to nearest even, with subnormals: nothing is flushed to zero.
//! 2. A linear output is one chain: `acc = bias[o]`, then `acc = fma(input[k], weight[o][k], acc)` for k ascending.
//!    An accumulator may rest in memory between blocks of k; it may not be split.
//! 3. A weight gradient is one fma chain over the batch's samples ascending, from +0; a bias gradient is the same by
//!    addition; an input gradient is one fma chain over the outputs ascending, from +0. Work is shared out by result
//!    elements, never by the terms of a sum.
//! 4. The mean over the batch enters once: the gradient at the logits is divided by the batch size.
//! 5. [`exp`] and [`ln`] are one portable implementation. Division and square root are IEEE-correct.
//! 6. Optimizer steps spell out every fma; the compiler contracts nothing.
//! 7. Random draws come from [`random`](crate::random), counted by (seed, epoch, index), never by thread.
//!
//! A product is commutative, so an fma's first two operands may be swapped. Which NaN an invalid operation gives (sign
//! and payload) differs between processors and is outside the contract: a result that is NaN is NaN on every engine.

mod chain;
mod fma;
mod softmax;
#[cfg(has_vfma)]
mod vfma;

pub use chain::{add_product, dot};
pub use fma::fma;
pub use softmax::{log_sum_exp, softmax};

/// eˣ, within 1 ulp (libm's `expf`, FreeBSD's algorithm), the same bits on every target.
#[inline]
pub fn exp(x: f32) -> f32 {
    libm::expf(x)
}

/// Natural logarithm, within 1 ulp (libm's `logf`, FreeBSD's algorithm), the same bits on every target.
#[inline]
pub fn ln(x: f32) -> f32 {
    libm::logf(x)
}

/// Square root, correctly rounded.
#[inline]
pub fn sqrt(x: f32) -> f32 {
    libm::sqrtf(x)
}

/// A pixel as a network's input: `pixel / 255`, in 0..=1, as torchvision's `ToTensor` gives it.
#[inline]
pub fn normalize(pixel: u8) -> f32 {
    f32::from(pixel) / 255.0
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    /// SHA-256 over a function's results at 65,536 inputs spread over all of binary32, NaN written as one pattern.
    fn sweep(function: fn(f32) -> f32) -> [u8; 32] {
        let mut hash = Sha256::new();
        for i in 0..=u16::MAX {
            let y = function(f32::from_bits(u32::from(i) << 16 | 0x5a5a));
            hash.update(if y.is_nan() { f32::NAN } else { y }.to_bits().to_le_bytes());
        }
        hash.finalize().into()
    }

    fn hex(bytes: &[u8]) -> heapless::String<16> {
        let mut text = heapless::String::new();
        for byte in &bytes[..8] {
            core::fmt::write(&mut text, format_args!("{byte:02x}")).unwrap();
        }
        text
    }

    #[test]
    fn transcendental_functions_keep_their_bits() {
        assert_eq!(hex(&sweep(exp)), "035f7d76ab055da2");
        assert_eq!(hex(&sweep(ln)), "f2d2f282cbba00e5");
        assert_eq!(hex(&sweep(sqrt)), "1ac1480bd13d4d15");
    }

    #[test]
    fn pixels_span_zero_to_one() {
        assert_eq!(normalize(0), 0.0);
        assert_eq!(normalize(255), 1.0);
        assert_eq!(normalize(51), 0.2);
    }
}
