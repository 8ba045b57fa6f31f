//! Activations: functions of one number that follow a layer's [sums](crate::layers) (its results before the activation) and are computed together
//! with them.
//!
//! ```
//! use selvedge::{Activation, Relu};
//!
//! assert_eq!((Relu::apply(-2.0), Relu::apply(3.0)), (0.0, 3.0));
//! ```
//!
//! The derivative of each follows from the function's value, so a layer keeps only that value. The exception is
//! [`Gelu`](crate::layers::Gelu): its derivative does not follow from its value, so it is a separate layer.

use crate::arithmetic::{exp, fma};

/// An activation, as data. Each variant stands for the type of the same name. The CUDA kernels use the variants' numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u32)]
pub enum ActivationKind {
    /// [`Identity`]
    #[default]
    Identity = 0,
    /// [`Relu`]
    Relu = 1,
    /// [`LeakyRelu`]
    LeakyRelu = 2,
    /// [`Sigmoid`]
    Sigmoid = 3,
    /// [`Tanh`]
    Tanh = 4,
}

/// Evaluates an expression with the type of an [`ActivationKind`].
///
/// ```
/// use selvedge::{Activation, activation::ActivationKind, with_activation};
///
/// let apply = |kind, x| with_activation!(kind, A => A::apply(x));
/// assert_eq!([ActivationKind::Identity, ActivationKind::Relu].map(|kind| apply(kind, -2.0)), [-2.0, 0.0]);
/// ```
#[macro_export]
macro_rules! with_activation {
    ($kind:expr, $activation:ident => $value:expr) => {
        match $kind {
            $crate::activation::ActivationKind::Identity => {
                type $activation = $crate::activation::Identity;
                $value
            }
            $crate::activation::ActivationKind::Relu => {
                type $activation = $crate::activation::Relu;
                $value
            }
            $crate::activation::ActivationKind::LeakyRelu => {
                type $activation = $crate::activation::LeakyRelu;
                $value
            }
            $crate::activation::ActivationKind::Sigmoid => {
                type $activation = $crate::activation::Sigmoid;
                $value
            }
            $crate::activation::ActivationKind::Tanh => {
                type $activation = $crate::activation::Tanh;
                $value
            }
        }
    };
}

/// A function that is applied to each of a layer's sums. Its derivative follows from its value. The types of this module implement it. For another
/// function, define a custom layer: an activation of a program's own has no [`ActivationKind`], so a file would name another function.
pub trait Activation: Send + Sync {
    /// The variant of [`ActivationKind`] that stands for this type.
    const KIND: ActivationKind;

    /// Returns f(x).
    fn apply(x: f32) -> f32;

    /// Returns the gradient at x. `output` is f(x), and `grad_output` is the gradient at f(x).
    fn grad(output: f32, grad_output: f32) -> f32;
}

/// No activation: `f(x) = x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Identity;

impl Activation for Identity {
    const KIND: ActivationKind = ActivationKind::Identity;

    #[inline(always)]
    fn apply(x: f32) -> f32 {
        x
    }

    #[inline(always)]
    fn grad(_output: f32, grad_output: f32) -> f32 {
        grad_output
    }
}

/// The rectifier: `f(x) = 0 where x < 0, else x` (so NaN and −0 pass). The gradient is 0 where `f(x) ≤ 0`, else `grad_output`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Relu;

impl Activation for Relu {
    const KIND: ActivationKind = ActivationKind::Relu;

    #[inline(always)]
    fn apply(x: f32) -> f32 {
        if x < 0.0 { 0.0 } else { x }
    }

    #[inline(always)]
    fn grad(output: f32, grad_output: f32) -> f32 {
        if output <= 0.0 { 0.0 } else { grad_output }
    }
}

/// The leaky rectifier: `f(x) = 0.01 · x where x < 0, else x`, PyTorch's `LeakyReLU` with its default slope. For `f(x) ≤ 0` the gradient is 0.01
/// times `grad_output`, else `grad_output`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LeakyRelu;

impl LeakyRelu {
    /// The slope below zero: 0.01.
    pub const SLOPE: f32 = 0.01;
}

impl Activation for LeakyRelu {
    const KIND: ActivationKind = ActivationKind::LeakyRelu;

    #[inline(always)]
    fn apply(x: f32) -> f32 {
        if x < 0.0 { Self::SLOPE * x } else { x }
    }

    #[inline(always)]
    fn grad(output: f32, grad_output: f32) -> f32 {
        if output <= 0.0 { Self::SLOPE * grad_output } else { grad_output }
    }
}

/// The logistic function: `f(x) = 1 / (1 + exp(−x))`. The gradient is `f(x) · (1 − f(x)) · grad_output`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sigmoid;

impl Activation for Sigmoid {
    const KIND: ActivationKind = ActivationKind::Sigmoid;

    fn apply(x: f32) -> f32 {
        1.0 / (1.0 + exp(-x))
    }

    #[inline(always)]
    fn grad(output: f32, grad_output: f32) -> f32 {
        grad_output * (output * (1.0 - output))
    }
}

/// The hyperbolic tangent: `f(x) = ±(1 − t) / (1 + t)` with the sign of x, and `t = exp(−2|x|)`. For |x| below ¼, the quotient would
/// lose digits, so f(x) is computed by its series up to x⁹. The gradient is `fma(−f(x), f(x), 1) · grad_output`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Tanh;

impl Activation for Tanh {
    const KIND: ActivationKind = ActivationKind::Tanh;

    fn apply(x: f32) -> f32 {
        if x.abs() < 0.25 {
            const SERIES: [f32; 4] = [62.0 / 2835.0, -17.0 / 315.0, 2.0 / 15.0, -1.0 / 3.0];
            let square = x * x;
            let sum = SERIES.iter().fold(0.0, |sum, &term| fma(sum, square, term));
            return fma(x * square, sum, x).copysign(x);
        }
        let t = exp(-2.0 * x.abs());
        ((1.0 - t) / (1.0 + t)).copysign(x)
    }

    #[inline(always)]
    fn grad(output: f32, grad_output: f32) -> f32 {
        grad_output * fma(-output, output, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diverged_activation_stays_visible() {
        assert_eq!([-1.0, 2.0, f32::NEG_INFINITY].map(Relu::apply), [0.0, 2.0, 0.0]);
        for apply in [Relu::apply, LeakyRelu::apply, Sigmoid::apply, Tanh::apply] {
            assert!(apply(f32::NAN).is_nan());
        }
    }

    #[test]
    fn the_gradient_passes_where_the_output_is_positive() {
        assert_eq!([0.0, 2.0, -0.0].map(|output| Relu::grad(output, 5.0)), [0.0, 5.0, 0.0]);
        assert_eq!(Relu::grad(f32::NAN, 7.0), 7.0);
        assert_eq!([-1.0, 0.0, 2.0].map(|output| LeakyRelu::grad(output, 100.0)), [1.0, 1.0, 100.0]);
    }

    #[test]
    fn the_ends_are_the_limits() {
        assert_eq!(
            [f32::NEG_INFINITY, -200.0, 0.0, 200.0, f32::INFINITY].map(Sigmoid::apply),
            [0.0, 0.0, 0.5, 1.0, 1.0]
        );
        assert_eq!(
            [f32::NEG_INFINITY, -200.0, 0.0, 200.0, f32::INFINITY].map(Tanh::apply),
            [-1.0, -1.0, 0.0, 1.0, 1.0]
        );
        assert_eq!(Tanh::apply(-0.0).to_bits(), (-0.0_f32).to_bits());
        assert_eq!(LeakyRelu::apply(-2.0), -0.02);
    }

    /// Against double precision, and the gradient against the derivative's formula.
    #[test]
    fn values_are_within_four_ulps() {
        fn check<A: Activation>(exact: impl Fn(f64) -> f64, derivative: impl Fn(f64) -> f64) {
            // An interpreter, which is slow, takes a few: all take the same way.
            for i in (-20_000..=20_000_i16).step_by(if cfg!(miri) { 997 } else { 1 }) {
                let x = f32::from(i) / 1_000.0;
                let (value, expected) = (A::apply(x), exact(x.into()));
                let error = (f64::from(value) - expected).abs();
                assert!(error <= 4.0 * f64::from(f32::EPSILON) * expected.abs(), "{x}: {value}, not {expected}");
                let (grad, expected) = (A::grad(value, 3.0), 3.0 * derivative(x.into()));
                assert!((f64::from(grad) - expected).abs() < 2e-6, "gradient at {x}: {grad}, not {expected}");
            }
        }
        check::<Sigmoid>(|x| 1.0 / (1.0 + libm::exp(-x)), |x| 1.0 / (2.0 + libm::exp(x) + libm::exp(-x)));
        check::<Tanh>(libm::tanh, |x| 1.0 - libm::tanh(x) * libm::tanh(x));
    }
}
