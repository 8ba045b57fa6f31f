use super::{fma, sqrt};

/// The operations from which an [`Optimizer`](crate::optimizer::Optimizer)'s rule is made. An engine may compute them with its own instructions.
/// All engines give the same bits.
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
