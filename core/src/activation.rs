//! Functions of one number that follow a layer's sums, and are computed with them.

use crate::{Flat, architecture::LayerKind};

/// A function of each of a layer's outputs, whose derivative can be told from its value.
pub trait Activation: Flat {
    /// How many layers it is in an architecture: none for [`Identity`].
    const DEPTH: usize;

    /// Tells its kind as a layer of this width.
    fn describe(width: u32, tell: &mut impl FnMut(LayerKind));

    /// f(x).
    fn apply(x: f32) -> f32;

    /// The gradient at x, from f(x) and the gradient there.
    fn grad(output: f32, grad_output: f32) -> f32;
}

/// No activation: `f(x) = x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Identity;

impl Activation for Identity {
    const DEPTH: usize = 0;

    fn describe(_width: u32, _tell: &mut impl FnMut(LayerKind)) {}

    #[inline(always)]
    fn apply(x: f32) -> f32 {
        x
    }

    #[inline(always)]
    fn grad(_output: f32, grad_output: f32) -> f32 {
        grad_output
    }
}

/// The rectifier: `f(x) = 0 where x < 0, else x` (so NaN and −0 pass); its gradient is 0 where `f(x) ≤ 0`, else the output's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Relu;

impl Activation for Relu {
    const DEPTH: usize = 1;

    fn describe(width: u32, tell: &mut impl FnMut(LayerKind)) {
        tell(LayerKind::Relu { width });
    }

    #[inline(always)]
    fn apply(x: f32) -> f32 {
        if x < 0.0 { 0.0 } else { x }
    }

    #[inline(always)]
    fn grad(output: f32, grad_output: f32) -> f32 {
        if output <= 0.0 { 0.0 } else { grad_output }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diverged_activation_stays_visible() {
        assert_eq!([-1.0, 2.0, f32::NEG_INFINITY].map(Relu::apply), [0.0, 2.0, 0.0]);
        assert!(Relu::apply(f32::NAN).is_nan());
    }

    #[test]
    fn the_gradient_passes_where_the_output_is_positive() {
        assert_eq!([0.0, 2.0, -0.0].map(|output| Relu::grad(output, 5.0)), [0.0, 5.0, 0.0]);
        assert_eq!(Relu::grad(f32::NAN, 7.0), 7.0);
    }
}
