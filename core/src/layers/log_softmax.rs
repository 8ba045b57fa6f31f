//! Logarithms of softmax.

use super::{Layer, Pass, Tapes};
use crate::{
    Activation, Engine, Identity,
    architecture::{LayerDescription, LayerKind},
    arithmetic::{log_softmax, log_softmax_grad},
    engine::{rows, rows_mut},
    optimizer::Optimizer,
    random::Generator,
};

/// Logarithms of softmax, PyTorch's `LogSoftmax(dim=1)`: `yⱼ = xⱼ − ln Σₖ exp(xₖ)`. The loss [`Nll`](crate::loss::Nll) takes them.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LogSoftmax<const WIDTH: usize>;

/// Writes the outputs of a batch of rows of `width` numbers.
pub fn forward<E: Engine>(engine: &E, width: usize, input: &[f32], output: &mut [f32]) {
    engine.share_out(width, output, |first, output| {
        for (output, input) in rows_mut(output, width).zip(rows(input, width).skip(first)) {
            log_softmax(input, output);
        }
    });
}

/// Writes the gradients of a batch's inputs, each through `P::grad`: `P` is the activation that made the input.
pub fn backward<P: Activation, E: Engine>(
    engine: &E,
    width: usize,
    input: &[f32],
    output: &[f32],
    grads: &[f32],
    grad_input: &mut [f32],
) {
    engine.share_out(width, grad_input, |first, grad_input| {
        let known = rows(output, width).zip(rows(grads, width)).zip(rows(input, width)).skip(first);
        for (grad_input, ((output, grads), input)) in rows_mut(grad_input, width).zip(known) {
            grad_input.copy_from_slice(grads);
            log_softmax_grad(output, grad_input);
            for (grad, &x) in grad_input.iter_mut().zip(input) {
                *grad = P::grad(x, *grad);
            }
        }
    });
}

impl<const WIDTH: usize> Layer for LogSoftmax<WIDTH> {
    type Input = [f32; WIDTH];
    type Output = [f32; WIDTH];
    type Activation = Identity;
    type Tape = [f32; WIDTH];

    const LAYERS: &'static [LayerDescription] =
        &[LayerDescription::Known(LayerKind::LogSoftmax { width: WIDTH as u32 })];

    fn initialize(&mut self, _generator: &Generator, _first: u64) {}

    #[inline]
    fn predict<E: Engine>(&self, _engine: &E, input: &Self::Input, output: &mut Self::Output) {
        log_softmax(input, output);
    }

    fn forward<E: Engine>(&self, engine: &E, _pass: Pass, input: &[Self::Input], tape: &mut [f32]) {
        forward(engine, WIDTH, input.as_flattened(), Self::output_mut(tape).as_flattened_mut());
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
            let [output, grads] = [tapes.activations, tapes.grads].map(|tape| Self::output(tape).as_flattened());
            backward::<P, _>(engine, WIDTH, input.as_flattened(), output, grads, grad_input.as_flattened_mut());
        }
    }
}
