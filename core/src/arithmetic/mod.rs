//! The arithmetic contract: what every engine computes, bit for bit.
//!
//! 1. Numbers are IEEE-754 binary32, rounded to nearest even, with subnormals: no operation flushes them to zero. An optimizer's means of
//!    gradients and its velocities have a rule of their own, see [`optimizer`](crate::optimizer).
//! 2. A linear output is one chain: `acc = bias[o]`, then `acc = fma(input[k], weight[o][k], acc)` for k ascending.
//!    An accumulator may be stored in memory between blocks of k. It must not be split into partial sums.
//! 3. A weight gradient of a linear layer is one fma chain over the batch's samples ascending, from +0. In a batch normalisation, each product of a
//!    weight's gradient is rounded before it is added. A bias gradient is one chain of additions over the same samples, from +0. In a linear layer,
//!    an input gradient is one fma chain over the outputs ascending, from +0. Threads share out the elements of a result, never the terms of a sum. A
//!    norm over a whole gradient has a fixed order of its own: [`sum_of_squares`].
//! 4. A loss is a mean over the batch. Its gradient is divided in one place: the gradient at the outputs is divided by the batch's [total
//!    weight](crate::loss::Loss::total_weight). For classes, it is the sum of the samples' class weights, or the number of samples if there are no
//!    class weights. For probabilities of classes, it is the number of samples. For multi-label targets and for numbers, it is the number of samples
//!    times the number of outputs.
//! 5. [`exp`] and [`ln`] are one portable implementation. Division and square root are IEEE-correct.
//! 6. Optimizer steps spell out every fma. The compiler makes no fma of other products and sums.
//! 7. Random draws come from [`random`](crate::random), addressed by (seed, purpose, epoch, index), never by thread.
//!
//! A product is commutative, so an fma's first two operands may be swapped. The contract does not define the sign and the
//! payload of a NaN, because they differ between processors. But a result that is NaN is NaN on every engine.
//!
//! An fma keeps the exact product until the sum is rounded, also on a board without a floating-point unit:
//!
//! ```
//! use selvedge::arithmetic::{dot, fma};
//!
//! let third = 1.0 / 3.0;
//! assert_eq!(third * 3.0 - 1.0, 0.0);
//! assert!(fma(third, 3.0, -1.0) > 0.0);
//! assert_eq!(dot(0.5, &[1.0, 2.0], &[3.0, 4.0]), 11.5);
//! ```

#[cfg(any(test, target_arch = "wasm32"))]
mod binary64;
mod chain;
mod fma;
mod norm;
mod operations;
mod softmax;
#[cfg(any(test, not(any(has_vfma, target_arch = "aarch64"))))]
mod software;
#[cfg(has_vfma)]
mod vfma;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub use chain::{add_product, dot};
pub use fma::fma;
pub use norm::sum_of_squares;
pub use operations::{Operations, Scalar};
pub(crate) use softmax::softmax_and_log_sum_exp;
#[cfg(feature = "micromath")]
pub(crate) use softmax::softmax_by;
pub use softmax::{log_softmax, log_softmax_grad, log_sum_exp, probabilities, softmax};

/// Returns eˣ, within 1 ulp (libm's `expf`, FreeBSD's algorithm). The bits are the same on every target.
#[inline]
pub fn exp(x: f32) -> f32 {
    libm::expf(x)
}

/// Returns the natural logarithm, within 1 ulp (libm's `logf`, FreeBSD's algorithm). The bits are the same on every target.
#[inline]
pub fn ln(x: f32) -> f32 {
    libm::logf(x)
}

/// Returns the square root, correctly rounded.
#[inline]
pub fn sqrt(x: f32) -> f32 {
    libm::sqrtf(x)
}

/// Returns `base` to the power of `exponent` in binary64, by repeated squaring from the exponent's lowest bit. The bits are the same on every target.
pub fn power(base: f64, mut exponent: u64) -> f64 {
    let (mut result, mut factor) = (1.0, base);
    while exponent > 0 {
        if exponent & 1 == 1 {
            result *= factor;
        }
        factor *= factor;
        exponent >>= 1;
    }
    result
}

/// Returns a pixel as a network's input: `pixel / 255`, in 0..=1, as torchvision's `ToTensor` gives it.
#[inline]
pub fn normalize(pixel: u8) -> f32 {
    f32::from(pixel) / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_products() {
        assert_eq!([0, 1, 2, 3, 10].map(|n| power(2.0, n)), [1.0, 2.0, 4.0, 8.0, 1024.0]);
        assert!((power(0.999, 1_000) - 0.367_695_424_770_963_7).abs() < 1e-14);
        assert_eq!(power(0.5, u64::MAX), 0.0);
    }

    #[test]
    fn pixels_span_zero_to_one() {
        assert_eq!(normalize(0), 0.0);
        assert_eq!(normalize(255), 1.0);
        assert_eq!(normalize(51), 0.2);
    }
}
