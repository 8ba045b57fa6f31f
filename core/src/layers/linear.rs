//! The fully connected layer.

use core::marker::PhantomData;

use super::{Layer, Pass, Tapes};
use crate::{
    Activation, Engine, Flat, Identity,
    architecture::{LayerDescription, LayerKind},
    arithmetic::sqrt,
    engine::Widths,
    optimizer::Optimizer,
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
    /// The activation that follows the sums.
    activation: PhantomData<A>,
}

/// Sets PyTorch's initial values: weights and biases uniform in ±1/√inputs. Parameter `i` takes draw `first + i`.
pub fn initialize(inputs: usize, parameters: &mut [f32], generator: &Generator, first: u64) {
    let bound = 1.0 / sqrt(inputs as f32);
    for (parameter, index) in parameters.iter_mut().zip(first..) {
        *parameter = generator.symmetric(index, bound);
    }
}

impl<const INPUTS: usize, const OUTPUTS: usize, A> Linear<INPUTS, OUTPUTS, A> {
    const OWN: LayerDescription =
        LayerDescription::Known(LayerKind::Linear { inputs: INPUTS as u32, outputs: OUTPUTS as u32 });
    const WIDTHS: Widths = Widths { inputs: INPUTS, outputs: OUTPUTS };
}

impl<const INPUTS: usize, const OUTPUTS: usize, A: Activation> Layer for Linear<INPUTS, OUTPUTS, A> {
    type Input = [f32; INPUTS];
    type Output = [f32; OUTPUTS];
    type Activation = A;
    type Tape = [f32; OUTPUTS];

    const LAYERS: &'static [LayerDescription] = match LayerKind::of_activation(A::KIND, OUTPUTS as u32) {
        Some(activation) => &[Self::OWN, LayerDescription::Known(activation)],
        None => &[Self::OWN],
    };

    #[inline(always)]
    fn describe(tell: &mut impl FnMut(LayerDescription)) {
        tell(Self::OWN);
        if let Some(activation) = LayerKind::of_activation(A::KIND, OUTPUTS as u32) {
            tell(LayerDescription::Known(activation));
        }
    }

    fn initialize(&mut self, generator: &Generator, first: u64) {
        initialize(INPUTS, self.as_flat_mut(), generator, first);
    }

    #[inline]
    fn predict<E: Engine>(&self, engine: &E, input: &Self::Input, output: &mut Self::Output) {
        engine.linear_forward::<A>(Self::WIDTHS, self.as_flat(), input, output);
    }

    fn forward<E: Engine>(&self, engine: &E, _pass: Pass, input: &[Self::Input], tape: &mut [f32]) {
        let output = Self::output_mut(tape).as_flattened_mut();
        engine.linear_forward::<A>(Self::WIDTHS, self.as_flat(), input.as_flattened(), output);
    }

    /// Computes the input's gradient first, because it needs the weights before the update.
    fn backward<P: Activation, E: Engine, O: Optimizer<STATE>, const STATE: usize>(
        &mut self,
        engine: &E,
        optimizer: &O,
        state: [&mut Self; STATE],
        input: &[Self::Input],
        tapes: Tapes<'_>,
        grad_input: Option<&mut [Self::Input]>,
    ) {
        let (input, grad_sums) = (input.as_flattened(), Self::output(tapes.grads).as_flattened());
        if let Some(grad_input) = grad_input {
            let grad_input = grad_input.as_flattened_mut();
            engine.linear_input_grad::<P>(Self::WIDTHS, self.as_flat(), grad_sums, input, grad_input);
        }
        let state = state.map(Flat::as_flat_mut);
        engine.linear_update::<O, STATE, INPUTS>(optimizer, Self::WIDTHS, input, grad_sums, self.as_flat_mut(), state);
    }
}
