use core::slice;

use super::{Layer, Pass, Tapes};
use crate::{
    Activation, Engine, Identity, architecture::LayerKind, arithmetic::exp, optimizer::Optimizer, random::Generator,
};

/// The Gaussian error linear unit (Hendrycks, Gimpel 2016) by the hyperbolic tangent, PyTorch's `GELU(approximate='tanh')`:
/// `f(x) = x · σ(2u)` with `u = √(2/π) · (x + 0.044715 · x³)` and `σ(v) = 1 / (1 + exp(−v))`.
///
/// Its derivative cannot be told from its value, so it is a layer of its own.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Gelu<const WIDTH: usize>;

/// 2 · √(2/π).
const SCALE: f32 = 1.595_769_2;
const CUBIC: f32 = 0.044_715;

/// σ(2u).
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

/// `σ + x · σ · (1 − σ) · 2u′`.
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

    const DEPTH: usize = 1;

    fn describe(tell: &mut impl FnMut(LayerKind)) {
        tell(LayerKind::Gelu { width: WIDTH as u32 });
    }

    fn initialize(&mut self, _generator: &Generator, _first: u64) {}

    #[inline]
    fn predict<E: Engine>(&self, engine: &E, input: &Self::Input, output: &mut Self::Output) {
        self.forward(engine, Pass::Evaluation, slice::from_ref(input), output);
    }

    fn forward<E: Engine>(&self, engine: &E, _pass: Pass, input: &[Self::Input], tape: &mut [f32]) {
        engine.share_out(Self::output_mut(tape), |first, output| {
            for (output, input) in output.iter_mut().zip(&input[first..]) {
                *output = input.map(apply);
            }
        });
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
        let (Some(grad_input), grads) = (grad_input, Self::output(tapes.grads)) else { return };
        engine.share_out(grad_input, |first, grad_input| {
            let known = grads[first..].as_flattened().iter().zip(input[first..].as_flattened());
            for (grad_input, (&grad, &x)) in grad_input.as_flattened_mut().iter_mut().zip(known) {
                *grad_input = P::grad(x, grad * derivative(x));
            }
        });
    }

    fn update<E: Engine, O: Optimizer<STATE>, const STATE: usize>(
        &mut self,
        _engine: &E,
        _optimizer: &O,
        _grad: &Self,
        _state: [&mut Self; STATE],
    ) {
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_formulas() {
        for i in -12_000..=12_000_i16 {
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
