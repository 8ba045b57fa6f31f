//! Optimizers: the rules that change parameters by their gradients. Each rule is written once, for every engine.
//!
//! ```
//! use selvedge::{arithmetic::Scalar, optimizer::{Optimizer, Sgd}};
//!
//! let (mut parameter, gradient) = (1.0, 4.0);
//! Sgd::new(0.5).update::<Scalar>(&mut parameter, gradient, []);
//! assert_eq!(parameter, -1.0);
//! ```
//!
//! An optimizer keeps some values for each parameter of the model. The constant parameter `STATE` of the trait [`Optimizer`] is the number of these
//! values. A [`Trainer`](crate::training::Trainer) has memory for them. Before a rule stores Adam's mean of gradients, or the velocity of a rule with
//! momentum (a decaying sum of gradients, which RMSprop scales first), it applies a function z: z(x) is +0 if x is subnormal or −0, and x otherwise.
//! Means of squares are stored as they are.
//!
//! | PyTorch | here | numbers kept for each parameter |
//! |---|---|---|
//! | `SGD` | [`Sgd`] | 0 |
//! | `SGD` with momentum, Nesterov's too | [`Momentum`] | 1 |
//! | `Adam`, `AdamW` | [`Adam`] | 2 |
//! | `RMSprop` | [`RmsProp`] | 1 |
//! | `RMSprop` with momentum | [`RmsPropMomentum`] | 2 |
//! | `.grad`, by `backward()` | [`Gradient`], [`Accumulate`] | 1 |
//! | `swa_utils.AveragedModel` with `get_ema_multi_avg_fn` | [`Average`] | 0 |

mod adam;
mod average;
mod gradient;
mod rms_prop;
mod sgd;

pub use adam::Adam;
pub use average::Average;
pub use gradient::{Accumulate, Gradient};
pub use rms_prop::{RmsProp, RmsPropMomentum};
pub use sgd::{Momentum, Sgd};

use crate::arithmetic::Operations;

/// The rule that changes one parameter in one step. It consists of basic operations, and each engine computes these with its own
/// instructions.
///
/// The rule keeps `STATE` numbers for each parameter. For a whole model, these are `STATE` values of the model's type. They are zero before
/// the first step.
pub trait Optimizer<const STATE: usize>: Sync {
    /// Changes `parameter` and `state` by the parameter's gradient.
    fn update<Op: Operations>(&self, parameter: &mut f32, grad: f32, state: [&mut f32; STATE]);
}

/// One step of an optimizer, as data. Each variant holds the type of the same name.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Rule {
    /// Stochastic gradient descent. It keeps nothing.
    Sgd(Sgd),
    /// SGD with momentum. It keeps the velocity.
    Momentum(Momentum),
    /// Adam or AdamW. It keeps the means of the gradient and of its square.
    Adam(Adam),
    /// RMSprop. It keeps the mean of the gradient's square.
    RmsProp(RmsProp),
    /// RMSprop with momentum. It keeps the mean of the gradient's square, and the velocity.
    RmsPropMomentum(RmsPropMomentum),
}

impl Rule {
    /// Returns the number of values that the optimizer keeps for each parameter.
    pub const fn states(&self) -> usize {
        match self {
            Self::Sgd(_) => 0,
            Self::Momentum(_) | Self::RmsProp(_) => 1,
            Self::Adam(_) | Self::RmsPropMomentum(_) => 2,
        }
    }
}

/// Evaluates an expression with the optimizer of a [`Rule`](crate::optimizer::Rule) and its state. The second argument is a slice of boxes, and
/// [`Rule::states`](crate::optimizer::Rule::states) is their number. Each box has a value of the model's type: one number for each parameter. The
/// expression gets an array of references to their contents. The macro panics if the slice has another length.
///
/// ```
/// use selvedge::{Flat, Portable, mlp, optimizer::{Rule, Sgd}, training, with_rule};
///
/// type Model = mlp!(1 => 1);
/// let (mut model, mut grad) = (Model::ZERO, Model::ZERO);
/// grad.as_flat_mut().copy_from_slice(&[4.0, -2.0]);
/// let mut kept: Vec<Box<Model>> = Vec::new();
/// with_rule!(&Rule::Sgd(Sgd::new(0.5)), &mut kept[..], (rule, state) => {
///     training::update(&Portable, rule, &mut model, &grad, state);
/// });
/// assert_eq!(model.as_flat(), [-2.0, 1.0]);
/// ```
#[macro_export]
macro_rules! with_rule {
    ($rule:expr, $state:expr, ($optimizer:ident, $kept:ident) => $value:expr) => {
        match ($rule, $state) {
            ($crate::optimizer::Rule::Sgd($optimizer), []) => {
                let $kept = [];
                $value
            }
            ($crate::optimizer::Rule::Momentum($optimizer), [velocity]) => {
                let $kept = [&mut **velocity];
                $value
            }
            ($crate::optimizer::Rule::Adam($optimizer), [mean, square]) => {
                let $kept = [&mut **mean, &mut **square];
                $value
            }
            ($crate::optimizer::Rule::RmsProp($optimizer), [square]) => {
                let $kept = [&mut **square];
                $value
            }
            ($crate::optimizer::Rule::RmsPropMomentum($optimizer), [square, velocity]) => {
                let $kept = [&mut **square, &mut **velocity];
                $value
            }
            _ => unreachable!("a state was made for its optimizer"),
        }
    };
}

/// Returns the gradient with L2 regularisation: `fma(weight_decay, parameter, grad)`. Without decay, it is the gradient itself.
#[inline(always)]
fn decayed<Op: Operations>(weight_decay: f32, parameter: f32, grad: f32) -> f32 {
    if weight_decay == 0.0 { grad } else { Op::fma(weight_decay, parameter, grad) }
}

/// Returns the number, or +0 for a subnormal one.
///
/// The mean of a parameter that gets no gradients halves every few steps until it is subnormal. Many processors take a hundred cycles for
/// an operation on such a number, and the number moves no parameter.
#[inline(always)]
fn without_subnormals(x: f32) -> f32 {
    const EXPONENT: u32 = 0x7f80_0000;
    if x.to_bits() & EXPONENT == 0 { 0.0 } else { x }
}

#[cfg(test)]
mod tests {
    use super::without_subnormals;

    #[test]
    fn subnormal_numbers_are_zero_and_others_stay() {
        for x in [f32::MIN_POSITIVE, -f32::MIN_POSITIVE, 1.0, f32::MAX, f32::NEG_INFINITY] {
            assert_eq!(without_subnormals(x), x);
        }
        assert!(without_subnormals(f32::NAN).is_nan());
        for x in [0.0, -0.0, f32::MIN_POSITIVE / 2.0, -f32::MIN_POSITIVE / 2.0, f32::from_bits(1)] {
            assert_eq!(without_subnormals(x).to_bits(), 0);
        }
    }
}
