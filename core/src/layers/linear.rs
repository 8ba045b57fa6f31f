use core::slice;

use super::{Layer, Pass, Tapes};
use crate::{
    Activation, Engine, Flat, Identity, architecture::LayerKind, arithmetic::sqrt, optimizer::Optimizer,
    random::Generator,
};

/// A fully connected layer and its activation, `output = activation(input · weightᵀ + bias)`, with PyTorch's layout.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(C)]
pub struct Linear<const INPUTS: usize, const OUTPUTS: usize, A = Identity> {
    /// One row of `INPUTS` weights for each output.
    pub weight: [[f32; INPUTS]; OUTPUTS],
    /// One bias for each output.
    pub bias: [f32; OUTPUTS],
    /// What follows the sums.
    pub activation: A,
}

impl<const INPUTS: usize, const OUTPUTS: usize, A: Activation> Layer for Linear<INPUTS, OUTPUTS, A> {
    type Input = [f32; INPUTS];
    type Output = [f32; OUTPUTS];
    type Activation = A;
    type Tape = [f32; OUTPUTS];

    const DEPTH: usize = 1 + A::DEPTH;

    fn describe(tell: &mut impl FnMut(LayerKind)) {
        tell(LayerKind::Linear { inputs: INPUTS as u32, outputs: OUTPUTS as u32 });
        A::describe(OUTPUTS as u32, tell);
    }

    /// PyTorch's default: weights and biases uniform in ±1/√INPUTS.
    fn initialize(&mut self, generator: &Generator, first: u64) {
        let bound = 1.0 / sqrt(INPUTS as f32);
        for (parameter, index) in self.as_flat_mut().iter_mut().zip(first..) {
            *parameter = generator.symmetric(index, bound);
        }
    }

    #[inline]
    fn predict<E: Engine>(&self, engine: &E, input: &Self::Input, output: &mut Self::Output) {
        engine.linear_forward(self, slice::from_ref(input), slice::from_mut(output));
    }

    fn forward<E: Engine>(&self, engine: &E, _pass: Pass, input: &[Self::Input], tape: &mut [f32]) {
        engine.linear_forward(self, input, Self::output_mut(tape));
    }

    /// The input's gradient comes first: it is one of the weights before the update.
    fn backward<P: Activation, E: Engine, O: Optimizer<STATE>, const STATE: usize>(
        &mut self,
        engine: &E,
        optimizer: &O,
        state: [&mut Self; STATE],
        input: &[Self::Input],
        tapes: Tapes<'_>,
        grad_input: Option<&mut [Self::Input]>,
    ) {
        let grad_sums = Self::output(tapes.grads);
        if let Some(grad_input) = grad_input {
            engine.linear_input_grad::<INPUTS, OUTPUTS, A, P>(self, grad_sums, input, grad_input);
        }
        engine.linear_update(optimizer, input, grad_sums, self, state);
    }

    fn update<E: Engine, O: Optimizer<STATE>, const STATE: usize>(
        &mut self,
        engine: &E,
        optimizer: &O,
        grad: &Self,
        state: [&mut Self; STATE],
    ) {
        engine.update(optimizer, self.as_flat_mut(), grad.as_flat(), state.map(Flat::as_flat_mut));
    }
}
