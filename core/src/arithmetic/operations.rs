use super::{fma, sqrt};

/// The operations of an [`Optimizer`](crate::optimizer::Optimizer)'s rule for which Rust has no operator. A rule may also use `+`, `-`, `*` and `/`.
/// An engine may compute all of them with its own instructions. All engines give the same bits.
pub trait Operations {
    /// Returns `a · b + c`, rounded once.
    fn fma(a: f32, b: f32, c: f32) -> f32;

    /// Returns the square root, correctly rounded.
    fn sqrt(x: f32) -> f32;
}

/// The operations on one number at a time, by [`fma`] and [`sqrt`].
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Scalar;

impl Operations for Scalar {
    #[inline(always)]
    fn fma(a: f32, b: f32, c: f32) -> f32 {
        fma(a, b, c)
    }

    #[inline(always)]
    fn sqrt(x: f32) -> f32 {
        sqrt(x)
    }
}
