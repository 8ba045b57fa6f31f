use super::{Layer, Pass, Tapes};
use crate::{
    Activation, Engine, Identity,
    architecture::LayerKind,
    arithmetic::{log_softmax, log_softmax_grad},
    optimizer::Optimizer,
    random::Generator,
};

/// Logarithms of softmax, PyTorch's `LogSoftmax(dim=1)`: `yⱼ = xⱼ − ln Σₖ exp(xₖ)`; for [`Nll`](crate::loss::Nll).
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LogSoftmax<const WIDTH: usize>;

impl<const WIDTH: usize> Layer for LogSoftmax<WIDTH> {
    type Input = [f32; WIDTH];
    type Output = [f32; WIDTH];
    type Activation = Identity;
    type Tape = [f32; WIDTH];

    const DEPTH: usize = 1;

    fn describe(tell: &mut impl FnMut(LayerKind)) {
        tell(LayerKind::LogSoftmax { width: WIDTH as u32 });
    }

    fn initialize(&mut self, _generator: &Generator, _first: u64) {}

    #[inline]
    fn predict<E: Engine>(&self, _engine: &E, input: &Self::Input, output: &mut Self::Output) {
        log_softmax(input, output);
    }

    fn forward<E: Engine>(&self, engine: &E, _pass: Pass, input: &[Self::Input], tape: &mut [f32]) {
        engine.share_out(Self::output_mut(tape), |first, output| {
            for (output, input) in output.iter_mut().zip(&input[first..]) {
                log_softmax(input, output);
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
        let outputs = Self::output(tapes.activations);
        engine.share_out(grad_input, |first, grad_input| {
            let known = outputs[first..].iter().zip(&grads[first..]).zip(&input[first..]);
            for (grad_input, ((output, grad), input)) in grad_input.iter_mut().zip(known) {
                *grad_input = *grad;
                log_softmax_grad(output, grad_input);
                for (grad, &x) in grad_input.iter_mut().zip(input) {
                    *grad = P::grad(x, *grad);
                }
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
