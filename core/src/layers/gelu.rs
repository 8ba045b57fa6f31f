//! The Gaussian error linear unit.

use super::{Layer, Pass, Tapes};
use crate::{
    Activation, Engine, Identity,
    architecture::{LayerDescription, LayerKind},
    arithmetic::exp,
    optimizer::Optimizer,
    random::Generator,
};

/// The Gaussian error linear unit (Hendrycks, Gimpel 2016) by the hyperbolic tangent, PyTorch's `GELU(approximate='tanh')`:
/// `f(x) = x · σ(2u)`, which equals `x / 2 · (1 + tanh(u))`, with `u = √(2/π) · (x + 0.044715 · x³)` and `σ(v) = 1 / (1 + exp(−v))`.
///
/// The derivative does not follow from the value of the function alone, so GELU is a separate layer.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Gelu<const WIDTH: usize>;

/// 2 · √(2/π).
const SCALE: f32 = 1.595_769_2;
const CUBIC: f32 = 0.044_715;

/// Writes the outputs of a batch: `output[i] = f(input[i])`.
pub fn forward<E: Engine>(engine: &E, input: &[f32], output: &mut [f32]) {
    engine.share_out(1, output, |first, output| {
        for (output, &x) in output.iter_mut().zip(&input[first..]) {
            *output = apply(x);
        }
    });
}

/// Writes the gradients of a batch's inputs: `grad_input[i] = grads[i] · f′(input[i])`, each through `P::grad`: `P` is the activation
/// that made the input.
pub fn backward<P: Activation, E: Engine>(engine: &E, input: &[f32], grads: &[f32], grad_input: &mut [f32]) {
    engine.share_out(1, grad_input, |first, grad_input| {
        let known = grads[first..].iter().zip(&input[first..]);
        for (grad_input, (&grad, &x)) in grad_input.iter_mut().zip(known) {
            *grad_input = P::grad(x, grad * derivative(x));
        }
    });
}

/// Returns σ(2u).
fn gate(x: f32) -> f32 {
    1.0 / (1.0 + exp(-(SCALE * (x + CUBIC * x * x * x))))
}

fn apply(x: f32) -> f32 {
    match gate(x) {
        // −∞ · 0 is no number, but the limit is zero.
        0.0 => 0.0,
        gate => x * gate,
    }
}

/// Returns f′(x) = `σ + x · σ · (1 − σ) · 2u′`.
fn derivative(x: f32) -> f32 {
    match gate(x) {
        0.0 => 0.0,
        1.0 => 1.0,
        gate => gate + x * (gate * (1.0 - gate)) * (SCALE * (1.0 + 3.0 * CUBIC * x * x)),
    }
}

impl<const WIDTH: usize> Layer for Gelu<WIDTH> {
    type Input = [f32; WIDTH];
    type Output = [f32; WIDTH];
    type Activation = Identity;
    type Tape = [f32; WIDTH];

    const LAYERS: &'static [LayerDescription] = &[LayerDescription::Known(LayerKind::Gelu { width: WIDTH as u32 })];

    fn initialize(&mut self, _generator: &Generator, _first: u64) {}

    #[inline]
    fn predict<E: Engine>(&self, _engine: &E, input: &Self::Input, output: &mut Self::Output) {
        *output = input.map(apply);
    }

    fn forward<E: Engine>(&self, engine: &E, _pass: Pass, input: &[Self::Input], tape: &mut [f32]) {
        forward(engine, input.as_flattened(), Self::output_mut(tape).as_flattened_mut());
    }

    fn backward<P: Activation, E: Engine, O: Optimizer<STATE>, const STATE: usize>(
        &mut self,
        engine: &E,
        _optimizer: &O,
        _state: [&mut Self; STATE],
        input: &[Self::Input],
        tapes: Tapes<'_>,
        grad_input: Option<&mut [Self::Input]>,
    ) {
        if let Some(grad_input) = grad_input {
            let grads = Self::output(tapes.grads).as_flattened();
            backward::<P, _>(engine, input.as_flattened(), grads, grad_input.as_flattened_mut());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_formulas() {
        // An interpreter, which is slow, takes a few: all take the same way.
        for i in (-12_000..=12_000_i16).step_by(if cfg!(miri) { 997 } else { 1 }) {
            let x = f32::from(i) / 1_000.0;
            let exact = f64::from(x);
            let u = (2.0 / core::f64::consts::PI).sqrt() * (exact + 0.044_715 * exact.powi(3));
            let expected = 0.5 * exact * (1.0 + u.tanh());
            assert!((f64::from(apply(x)) - expected).abs() < 1e-6, "{x}: {}, not {expected}", apply(x));
        }
        assert_eq!([f32::NEG_INFINITY, -50.0, 0.0, 50.0].map(apply), [0.0, 0.0, 0.0, 50.0]);
        assert_eq!([f32::NEG_INFINITY, -50.0, 0.0, 50.0, f32::INFINITY].map(derivative), [0.0, 0.0, 0.5, 1.0, 1.0]);
        assert!(apply(f32::NAN).is_nan() && derivative(f32::NAN).is_nan());
    }
}
