//! Optimizers: what becomes of a gradient, written once for every engine.

mod gradient;
mod sgd;

pub use gradient::Gradient;
pub use sgd::Sgd;

/// The rule that changes one parameter, in terms of one fused multiply-add so that each engine can bring its own instruction.
///
/// It keeps `STATE` numbers for each parameter; those of a model are `STATE` values of the model's own type.
pub trait Optimizer<const STATE: usize>: Sync {
    /// Changes `parameter` and its state by its gradient; `fma(a, b, c)` is a · b + c rounded once.
    fn update(&self, fma: impl Fn(f32, f32, f32) -> f32, parameter: &mut f32, grad: f32, state: [&mut f32; STATE]);
}
