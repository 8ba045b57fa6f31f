//! Optimizers: what becomes of a gradient, written once for every engine.
//!
//! | PyTorch | here | numbers kept for each parameter |
//! |---|---|---|
//! | `SGD` | [`Sgd`] | 0 |
//! | `SGD` with momentum, Nesterov's too | [`Momentum`] | 1 |
//! | `Adam`, `AdamW` | [`Adam`] | 2 |
//! | `RMSprop` | [`RmsProp`] | 1 |
//! | `RMSprop` with momentum | [`RmsPropMomentum`] | 2 |
//! | `.grad`, by `backward()` | [`Gradient`], [`Accumulate`] | 1 |
//! | `swa_utils.AveragedModel` | [`Average`] | 0 |

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

/// The rule that changes one parameter in one step, in terms of operations for which each engine brings its own instructions.
///
/// It keeps `STATE` numbers for each parameter; those of a model are `STATE` values of the model's own type, zeros before the first
/// step.
pub trait Optimizer<const STATE: usize>: Sync {
    /// Changes `parameter` and its state by its gradient.
    fn update<Op: Operations>(&self, parameter: &mut f32, grad: f32, state: [&mut f32; STATE]);
}

/// The gradient with L2 regularisation: `fma(weight_decay, parameter, grad)`, and where there is no decay the gradient itself.
#[inline(always)]
fn decayed<Op: Operations>(weight_decay: f32, parameter: f32, grad: f32) -> f32 {
    if weight_decay == 0.0 { grad } else { Op::fma(weight_decay, parameter, grad) }
}
