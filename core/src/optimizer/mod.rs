//! Optimizers: how a gradient changes a parameter, written once for every engine.

mod sgd;

pub use sgd::Sgd;

/// The rule that changes one parameter, in terms of one fused multiply-add so that each engine can bring its own instruction.
pub trait Optimizer: Sync {
    /// Changes `parameter` by its gradient; `fma(a, b, c)` is a · b + c rounded once.
    fn update(&self, fma: impl Fn(f32, f32, f32) -> f32, parameter: &mut f32, grad: f32);
}
