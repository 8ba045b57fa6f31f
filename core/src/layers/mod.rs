//! Layers: what a model is made of. A model is a layer itself, usually a [`Chain`] written by [`mlp!`](crate::mlp!).

mod chain;
mod linear;
mod relu;

pub use chain::Chain;
pub use linear::Linear;
pub use relu::Relu;

use crate::{Engine, Flat, architecture::LayerKind, random::Generator};

/// One sample's features at one place of the network: `[f32; WIDTH]`.
pub trait Features: Flat + AsRef<[f32]> + AsMut<[f32]> {
    /// The flat slice as samples; a rest shorter than a sample is left out.
    fn batch(flat: &[f32]) -> &[Self];

    /// The flat slice as samples, to be changed.
    fn batch_mut(flat: &mut [f32]) -> &mut [Self];
}

impl<const WIDTH: usize> Features for [f32; WIDTH] {
    fn batch(flat: &[f32]) -> &[Self] {
        flat.as_chunks().0
    }

    fn batch_mut(flat: &mut [f32]) -> &mut [Self] {
        flat.as_chunks_mut().0
    }
}

/// A differentiable function with parameters; the gradient of its parameters is a value of its own type.
///
/// Prediction ([`predict`](Self::predict)) keeps nothing. Training keeps a *tape*: every sub-layer's outputs for the whole batch, in
/// chain order, as one flat slice of `batch · Tape::LEN` elements, the layer's own output last. A second slice of the same
/// shape holds the gradients of those outputs.
pub trait Layer: Flat {
    /// One sample going in.
    type Input: Features;
    /// One sample coming out.
    type Output: Features;
    /// What a training pass keeps of one sample.
    type Tape: Flat;

    /// How many layers the chain has.
    const DEPTH: usize;

    /// Tells each layer's kind and widths, in chain order.
    fn describe(tell: &mut impl FnMut(LayerKind));

    /// Sets the parameters; parameter `i` takes draw `first + i`.
    fn initialize(&mut self, generator: &Generator, first: u64);

    /// The output for one sample.
    fn predict<E: Engine>(&self, engine: &E, input: &Self::Input, output: &mut Self::Output);

    /// Writes the tape of a batch.
    fn forward<E: Engine>(&self, engine: &E, input: &[Self::Input], tape: &mut [f32]);

    /// Turns the gradients of the outputs (at the end of `grad_tape`) into those of the parameters (`grad`, overwritten)
    /// and, where asked, of the input.
    fn backward<E: Engine>(
        &self,
        engine: &E,
        input: &[Self::Input],
        tape: &[f32],
        grad_tape: &mut [f32],
        grad: &mut Self,
        grad_input: Option<&mut [Self::Input]>,
    );

    /// The batch's outputs: the last elements of its tape.
    fn output(tape: &[f32]) -> &[Self::Output] {
        let rest = output_start::<Self>(tape.len());
        Self::Output::batch(tape.split_at_checked(rest).unwrap_or_default().1)
    }

    /// The batch's outputs, to be changed.
    fn output_mut(tape: &mut [f32]) -> &mut [Self::Output] {
        let rest = output_start::<Self>(tape.len());
        Self::Output::batch_mut(tape.split_at_mut_checked(rest).unwrap_or_default().1)
    }
}

/// Where a tape of `len` elements keeps the layer's own output.
fn output_start<L: Layer>(len: usize) -> usize {
    let batch = len / L::Tape::LEN.max(1);
    len - batch * L::Output::LEN
}

/// Writes the type of a multilayer perceptron, every width once: `mlp!(784 => 512 Relu => 512 Relu => 10)`.
///
/// The result is a [`Chain`](crate::Chain) of [`Linear`](crate::Linear) layers and what follows them:
///
/// ```
/// use selvedge::{Chain, Flat, Linear, Relu, mlp};
///
/// type Model = mlp!(784 => 16 Relu => 10);
/// type Same = Chain<Linear<784, 16>, Chain<Relu<16>, Linear<16, 10>>>;
/// let model: Model = Same::ZERO;
/// assert_eq!(Model::LEN, 784 * 16 + 16 + 16 * 10 + 10);
/// # drop(model);
/// ```
///
/// Widths that do not fit cannot be written with the macro, and do not compile without it:
///
/// ```compile_fail
/// use selvedge::{Chain, Layer, Linear};
/// fn is_layer<L: Layer>() {}
/// is_layer::<Chain<Linear<784, 16>, Linear<17, 10>>>();
/// ```
#[macro_export]
macro_rules! mlp {
    ($inputs:literal => $outputs:literal) => {
        $crate::Linear<$inputs, $outputs>
    };
    ($inputs:literal => $outputs:literal $activation:ident) => {
        $crate::Chain<$crate::Linear<$inputs, $outputs>, $crate::$activation<$outputs>>
    };
    ($inputs:literal => $outputs:literal => $($rest:tt)+) => {
        $crate::Chain<$crate::Linear<$inputs, $outputs>, $crate::mlp!($outputs => $($rest)+)>
    };
    ($inputs:literal => $outputs:literal $activation:ident => $($rest:tt)+) => {
        $crate::Chain<
            $crate::Linear<$inputs, $outputs>,
            $crate::Chain<$crate::$activation<$outputs>, $crate::mlp!($outputs => $($rest)+)>,
        >
    };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Portable, random};

    type Model = mlp!(5 => 7 Relu => 4 Relu => 3);

    fn model(seed: u64) -> Model {
        let mut model = Model::ZERO;
        random::initialize(&mut model, seed);
        model
    }

    proptest! {
        #[test]
        fn prediction_is_the_forward_pass_of_any_batch(
            input in prop::collection::vec(prop::array::uniform5(-2.0f32..2.0), 1..6),
            seed: u64,
        ) {
            let model = model(seed);
            let mut tape = [0.0; 6 * <Model as Layer>::Tape::LEN];
            let tape = &mut tape[..input.len() * <Model as Layer>::Tape::LEN];
            model.forward(&Portable, &input, tape);
            for (input, output) in input.iter().zip(Model::output(tape)) {
                let mut logits = [0.0; 3];
                model.predict(&Portable, input, &mut logits);
                prop_assert_eq!(logits.map(f32::to_bits), output.map(f32::to_bits));
            }
        }

        /// Σ outputs · weights is differentiated by central differences, in steps away from ReLU's corner on most draws.
        #[test]
        fn gradients_match_finite_differences(
            input in prop::collection::vec(prop::array::uniform5(-2.0f32..2.0), 1..4),
            direction in prop::array::uniform3(-1.0f32..1.0),
            seed: u64,
            index in 0..Model::LEN,
        ) {
            const STEP: f32 = 1.0 / 256.0;
            let objective = |model: &Model, input: &[[f32; 5]]| -> f64 {
                let mut sum = 0.0;
                for input in input {
                    let mut logits = [0.0; 3];
                    model.predict(&Portable, input, &mut logits);
                    sum += logits.iter().zip(direction).map(|(&z, d)| f64::from(z) * f64::from(d)).sum::<f64>();
                }
                sum
            };
            let model = model(seed);
            let (mut tape, mut grad_tape) = ([0.0; 3 * 21 + 3 * 4], [0.0; 3 * 21 + 3 * 4]);
            let len = input.len() * <Model as Layer>::Tape::LEN;
            let (tape, grad_tape) = (&mut tape[..len], &mut grad_tape[..len]);
            model.forward(&Portable, &input, tape);
            Model::output_mut(grad_tape).fill(direction);
            let mut grad = Model::ZERO;
            let mut grad_input = [[0.0; 5]; 3];
            model.backward(&Portable, &input, tape, grad_tape, &mut grad, Some(&mut grad_input[..input.len()]));

            let difference = |plus: f64, middle: f64, minus: f64| {
                let kink = (plus - middle) - (middle - minus);
                (kink.abs() < 1e-5).then(|| (plus - minus) / (2.0 * f64::from(STEP)))
            };
            let at = |delta: f32| {
                let mut moved = Model::from_flat(model.as_flat()).map_or(Model::ZERO, |_| self::tests::model(seed));
                moved.as_flat_mut()[index] += delta;
                objective(&moved, &input)
            };
            if let Some(expected) = difference(at(STEP), at(0.0), at(-STEP)) {
                prop_assert!((f64::from(grad.as_flat()[index]) - expected).abs() < 2e-3);
            }
            let at = |delta: f32| {
                let mut moved = input.clone();
                moved[0][index % 5] += delta;
                objective(&model, &moved)
            };
            if let Some(expected) = difference(at(STEP), at(0.0), at(-STEP)) {
                prop_assert!((f64::from(grad_input[0][index % 5]) - expected).abs() < 2e-3);
            }
        }
    }
}
