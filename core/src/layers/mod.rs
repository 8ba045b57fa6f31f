//! Layers: the parts of a model. A model is a layer itself, usually a [`Chain`] written by [`mlp!`](crate::mlp!).
//!
//! ```
//! use selvedge::{Flat, Layer, layers, mlp};
//!
//! type Model = mlp!(2 => 8 Tanh => 1);
//! let mut model = Model::ZERO;
//! layers::initialize(&mut model, 42);
//! let output: [f32; 1] = model.run(&[0.5, -0.5]);
//! assert!(output[0].is_finite());
//! ```
//!
//! Each layer's module has its type, for a device, and its passes as functions on slices. The type calls these functions, and so does a network
//! whose shape is known only at run time. Only `linear` has no such functions: its passes are the products of the [`Engine`].
//!
//! A layer's *sums* are its results before the activation: `bias + Σ input · weight` for a linear layer. A layer without an activation has
//! outputs that are equal to its sums.

pub mod batch_norm;
mod chain;
mod description;
mod display;
pub mod dropout;
mod flat;
pub mod gelu;
mod initialization;
pub mod linear;
pub mod log_softmax;
mod pass;

pub use batch_norm::{BatchNorm1d, EPSILON};
pub use chain::Chain;
pub(crate) use description::describe_without_dropout;
pub use dropout::{Dropout, DropoutRate};
pub use gelu::Gelu;
pub use initialization::{initialize, initialize_flat};
pub use linear::Linear;
pub use log_softmax::LogSoftmax;
pub use pass::{Draws, Pass};

use crate::{
    Activation, Engine, Flat, Portable, architecture::LayerDescription, optimizer::Optimizer, random::Generator,
};

/// One sample's features at one place of the network: `[f32; WIDTH]`.
pub trait Features: Flat + Send + Sync + AsRef<[f32]> + AsMut<[f32]> {
    /// Returns the flat slice as samples; a rest shorter than a sample is left out.
    fn batch(flat: &[f32]) -> &[Self];

    /// Returns the flat slice as samples that can be changed.
    fn batch_mut(flat: &mut [f32]) -> &mut [Self];

    /// Returns samples as a flat slice.
    fn flat(batch: &[Self]) -> &[f32];

    /// Returns samples as a flat slice that can be changed.
    fn flat_mut(batch: &mut [Self]) -> &mut [f32];
}

impl<const WIDTH: usize> Features for [f32; WIDTH] {
    fn batch(flat: &[f32]) -> &[Self] {
        flat.as_chunks().0
    }

    fn batch_mut(flat: &mut [f32]) -> &mut [Self] {
        flat.as_chunks_mut().0
    }

    fn flat(batch: &[Self]) -> &[f32] {
        batch.as_flattened()
    }

    fn flat_mut(batch: &mut [Self]) -> &mut [f32] {
        batch.as_flattened_mut()
    }
}

/// A differentiable function with parameters. The gradient of the parameters is a value of the same type, and an optimizer's state consists
/// of such values.
///
/// Prediction ([`predict`](Self::predict)) keeps no intermediate results. Training keeps a *tape*: one flat slice of `batch · Tape::LEN`
/// elements with the outputs of every sub-layer for the whole batch, in chain order. The layer's own output comes last. A second slice of
/// the same shape holds the gradients at the sums.
pub trait Layer: Flat {
    /// One sample going in.
    type Input: Features;
    /// One sample coming out.
    type Output: Features;
    /// The activation that turns the layer's last sums into its outputs.
    type Activation: Activation;
    /// The values that a training pass keeps for one sample.
    type Tape: Flat;

    /// Each layer's kind and widths, in chain order. A layer that the program defines itself is a
    /// [`CustomLayer`](crate::architecture::CustomLayer).
    const LAYERS: &'static [LayerDescription];

    /// The number of layers in the chain, activations and dropout counted.
    const DEPTH: usize = Self::LAYERS.len();

    /// Calls `tell` with each layer's kind and widths, in chain order.
    fn describe(tell: &mut impl FnMut(LayerDescription)) {
        Self::LAYERS.iter().copied().for_each(tell);
    }

    /// Sets the initial parameters. A random parameter `i` takes draw `first + i`.
    fn initialize(&mut self, generator: &Generator, first: u64);

    /// Writes the output for one sample.
    fn predict<E: Engine>(&self, engine: &E, input: &Self::Input, output: &mut Self::Output);

    /// Returns the output for one sample, computed by [`Portable`]. For a model of [`mlp!`](crate::mlp!), its type is `[f32; OUTPUTS]`.
    ///
    /// ```
    /// use selvedge::{Flat, Layer, classification::argmax, layers, mlp};
    ///
    /// type Model = mlp!(4 => 8 Relu => 3);
    /// let mut model = Model::ZERO;
    /// layers::initialize(&mut model, 42);
    /// let logits: [f32; 3] = model.run(&[0.1, 0.2, 0.3, 0.4]);
    /// assert!(argmax(logits) < 3);
    /// ```
    #[inline]
    fn run(&self, input: &Self::Input) -> Self::Output {
        let mut output = Self::Output::ZERO;
        self.predict(&Portable, input, &mut output);
        output
    }

    /// The forward pass of a batch: writes its tape of `batch · Tape::LEN` elements. An evaluation gives the same outputs as prediction. A
    /// training pass draws the masks of dropout, and normalises by the batch's own mean and variance.
    ///
    /// # Panics
    ///
    /// If a chain's tape is too short for the layers before the last one. If it is too short only for the last one, samples are left out without an
    /// error. [`StepWorkspace`](crate::training::StepWorkspace) gives tapes of the right length.
    fn forward<E: Engine>(&self, engine: &E, pass: Pass, input: &[Self::Input], tape: &mut [f32]);

    /// The backward pass of a batch. The tapes have `batch · Tape::LEN` elements.
    ///
    /// Before the call, the end of `tapes.grads` holds the gradients at the layer's last sums, that is, before its activation. The pass
    /// computes the gradient of each parameter and hands it to the optimizer. If there is a `grad_input`, the pass writes the gradients of the
    /// inputs there. Each goes through `P::grad`: `P` is the activation that made the input.
    ///
    /// # Panics
    ///
    /// If a chain's tape is too short for the layers before the last one. If it is too short only for the last one, samples are left out without an
    /// error. [`StepWorkspace`](crate::training::StepWorkspace) gives tapes of the right length.
    fn backward<P: Activation, E: Engine, O: Optimizer<STATE>, const STATE: usize>(
        &mut self,
        engine: &E,
        optimizer: &O,
        state: [&mut Self; STATE],
        input: &[Self::Input],
        tapes: Tapes<'_>,
        grad_input: Option<&mut [Self::Input]>,
    );

    /// Returns the batch's outputs: the last elements of its tape.
    fn output(tape: &[f32]) -> &[Self::Output] {
        let rest = output_start::<Self>(tape.len());
        Self::Output::batch(tape.split_at_checked(rest).unwrap_or_default().1)
    }

    /// Returns the batch's outputs, which can be changed.
    fn output_mut(tape: &mut [f32]) -> &mut [Self::Output] {
        let rest = output_start::<Self>(tape.len());
        Self::Output::batch_mut(tape.split_at_mut_checked(rest).unwrap_or_default().1)
    }
}

/// A batch's activations, and the gradients at the sums before the activations, in the same shape.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Tapes<'a> {
    /// The forward pass that wrote the activations: its purpose and its random draws.
    pub pass: Pass,
    /// Every layer's outputs.
    pub activations: &'a [f32],
    /// The gradients at the sums, in the same places as the activations. Before the backward pass, only the end of the slice is filled: the
    /// gradients at the last sums. The backward pass fills in the rest.
    pub grads: &'a mut [f32],
}

impl Tapes<'_> {
    /// Turns the gradients at a layer's outputs into those before its activation.
    pub(crate) fn pass_activation<L: Layer>(&mut self) {
        let outputs = L::output(self.activations).iter().flat_map(|output| output.as_ref());
        let grads = L::output_mut(self.grads).iter_mut().flat_map(|grad| grad.as_mut());
        for (&output, grad) in outputs.zip(grads) {
            *grad = L::Activation::grad(output, *grad);
        }
    }
}

/// Returns the place where the layer's own output begins on a tape of `len` elements.
fn output_start<L: Layer>(len: usize) -> usize {
    let batch = len / L::Tape::LEN.max(1);
    len - batch * L::Output::LEN
}

/// Writes the type of a multilayer perceptron, every width once: `mlp!(784 => 512 Relu => 512 Relu => 10)`.
///
/// The result is a [`Chain`](crate::Chain) of layers, or one [`Linear`](crate::Linear) if there are only two widths and at most one activation. After a
/// width stand the layers that follow it:
///
/// | word | layer | computed |
/// |---|---|---|
/// | `Relu`, `Tanh` … | the [activation](crate::activation) of that name | with the layer before |
/// | `Gelu` | [`Gelu`](crate::layers::Gelu) | by itself |
/// | `BatchNorm1d` | [`BatchNorm1d`](crate::layers::BatchNorm1d), which an activation may follow | by itself |
/// | `Dropout` | [`Dropout`](crate::layers::Dropout) | by itself |
/// | `LogSoftmax` | [`LogSoftmax`](crate::layers::LogSoftmax) | by itself |
///
/// ```
/// use selvedge::{Chain, Flat, Linear, Relu, layers::{BatchNorm1d, Dropout}, mlp};
///
/// type Model = mlp!(784 => 16 Relu => 10);
/// type Same = Chain<Linear<784, 16, Relu>, Linear<16, 10>>;
/// let model: Model = Same::ZERO;
/// assert_eq!(Model::LEN, 784 * 16 + 16 + 16 * 10 + 10);
/// # drop(model);
///
/// type Regularized = mlp!(784 => 16 BatchNorm1d Relu Dropout => 10);
/// type SameAgain = Chain<Linear<784, 16>, Chain<BatchNorm1d<16, Relu>, Chain<Dropout<16>, Linear<16, 10>>>>;
/// let model: Regularized = SameAgain::ZERO;
/// # drop(model);
/// ```
///
/// A width is a number, the name of a constant, or a block with any constant expression:
///
/// ```
/// use selvedge::{Layer, mlp};
///
/// const SENSORS: usize = 3;
/// const WINDOW: usize = 16;
/// const CLASSES: usize = 4;
///
/// type Model = mlp!({ SENSORS * WINDOW } => 32 Relu => CLASSES);
/// assert_eq!(size_of::<<Model as Layer>::Input>(), 48 * size_of::<f32>());
/// ```
///
/// With the macro each width is written once, so neighbouring layers always fit. Without it, layers that do not fit do not compile:
///
/// ```compile_fail
/// use selvedge::{Chain, Layer, Linear};
/// fn is_layer<L: Layer>() {}
/// is_layer::<Chain<Linear<784, 16>, Linear<17, 10>>>();
/// ```
#[macro_export]
macro_rules! mlp {
    // After a layer: its type, its width, what follows.
    (@after $layer:ty, $width:tt) => { $layer };
    (@after $layer:ty, $width:tt => $($rest:tt)+) => { $crate::Chain<$layer, $crate::mlp!($width => $($rest)+)> };
    (@after $layer:ty, $width:tt BatchNorm1d $($rest:tt)*) => {
        $crate::Chain<$layer, $crate::mlp!(@activated (BatchNorm1d, $width) $($rest)*)>
    };
    (@after $layer:ty, $width:tt $next:ident $($rest:tt)*) => {
        $crate::Chain<$layer, $crate::mlp!(@after $crate::layers::$next<$width>, $width $($rest)*)>
    };
    // A layer that may have an activation: its name, its widths, what follows. A word that is no layer by itself is an activation's type.
    (@activated ($layer:ident, $($width:tt),+) BatchNorm1d $($rest:tt)*) => { $crate::mlp!(@with Identity, $layer, $($width),+; BatchNorm1d $($rest)*) };
    (@activated ($layer:ident, $($width:tt),+) Gelu $($rest:tt)*) => { $crate::mlp!(@with Identity, $layer, $($width),+; Gelu $($rest)*) };
    (@activated ($layer:ident, $($width:tt),+) Dropout $($rest:tt)*) => { $crate::mlp!(@with Identity, $layer, $($width),+; Dropout $($rest)*) };
    (@activated ($layer:ident, $($width:tt),+) LogSoftmax $($rest:tt)*) => { $crate::mlp!(@with Identity, $layer, $($width),+; LogSoftmax $($rest)*) };
    (@activated ($layer:ident, $($width:tt),+) $activation:ident $($rest:tt)*) => { $crate::mlp!(@with $activation, $layer, $($width),+; $($rest)*) };
    (@activated ($layer:ident, $($width:tt),+) $($rest:tt)*) => { $crate::mlp!(@with Identity, $layer, $($width),+; $($rest)*) };
    (@with $activation:ident, $layer:ident, $width:tt; $($rest:tt)*) => {
        $crate::mlp!(@after $crate::layers::$layer<$width, $crate::activation::$activation>, $width $($rest)*)
    };
    (@with $activation:ident, $layer:ident, $inputs:tt, $width:tt; $($rest:tt)*) => {
        $crate::mlp!(@after $crate::layers::$layer<$inputs, $width, $crate::activation::$activation>, $width $($rest)*)
    };
    ($inputs:tt => $outputs:tt $($rest:tt)*) => { $crate::mlp!(@activated (Linear, $inputs, $outputs) $($rest)*) };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Identity, optimizer::Gradient, random::Purpose};

    proptest! {
        #[test]
        fn prediction_is_the_forward_pass_of_any_batch(
            input in prop::collection::vec(prop::array::uniform5(-2.0f32..2.0), 1..6),
            seed: u64,
        ) {
            check_prediction::<mlp!(5 => 7 Relu => 4 Relu => 3)>(&input, seed)?;
            check_prediction::<mlp!(5 => 7 BatchNorm1d LeakyRelu Dropout => 4 Gelu BatchNorm1d => 3 LogSoftmax)>(&input, seed)?;
        }

        #[test]
        fn gradients_match_finite_differences(
            input in prop::collection::vec(prop::array::uniform5(-2.0f32..2.0), 1..4),
            direction in prop::array::uniform3(-1.0f32..1.0),
            seed: u64,
            index: usize,
        ) {
            check_gradients::<mlp!(5 => 3)>(&input, direction, seed, index)?;
            check_gradients::<mlp!(5 => 4 => 3)>(&input, direction, seed, index)?;
            check_gradients::<mlp!(5 => 1 Relu => 3)>(&input, direction, seed, index)?;
            check_gradients::<mlp!(5 => 7 Relu => 3 Relu)>(&input, direction, seed, index)?;
            check_gradients::<mlp!(5 => 7 Relu => 4 Relu => 3)>(&input, direction, seed, index)?;
            check_gradients::<mlp!(5 => 7 LeakyRelu => 6 Tanh => 3 Sigmoid)>(&input, direction, seed, index)?;
            check_gradients::<mlp!(5 => 7 Gelu => 3 LogSoftmax)>(&input, direction, seed, index)?;
            check_gradients::<mlp!(5 => 7 Tanh Dropout => 6 Gelu Dropout => 3)>(&input, direction, seed, index)?;
            // Normalised values of two samples are about ±1, whatever the weights are: of a gradient, only rounding errors are left.
            let spread = [[1.0, -1.0, 0.5, 0.0, -0.5], [-1.0, 0.5, 1.0, -0.5, 0.0], [0.0, 1.0, -0.5, 0.5, -1.0]];
            let more = [&input[..], &spread].concat();
            check_gradients::<mlp!(5 => 7 BatchNorm1d => 6 BatchNorm1d Tanh => 3)>(&more, direction, seed, index)?;
            check_gradients::<mlp!(5 => 6 Relu => 2 => 6 Relu => 3)>(&input, direction, seed, index)?;
        }
    }

    fn check_prediction<M: Layer<Input = [f32; 5], Output = [f32; 3]>>(
        input: &[[f32; 5]],
        seed: u64,
    ) -> Result<(), TestCaseError> {
        let mut model = M::ZERO;
        let generator = Generator::new(seed, Purpose::Initialization, 0);
        for (parameter, index) in model.as_flat_mut().iter_mut().zip(0..) {
            // Variances are positive.
            *parameter = 0.75 + generator.symmetric(index, 0.5);
        }
        let mut tape = std::vec![0.0; input.len() * M::Tape::LEN];
        model.forward(&Portable, Pass::Evaluation, input, &mut tape);
        for (input, output) in input.iter().zip(M::output(&tape)) {
            let mut logits = [0.0; 3];
            model.predict(&Portable, input, &mut logits);
            prop_assert_eq!(logits.map(f32::to_bits), output.map(f32::to_bits));
        }
        Ok(())
    }

    const PASS: Pass = Pass::Training(Draws::new(7, 3, 0.5));

    /// Compares the gradients of Σ outputs · direction with central differences, for one parameter and one input.
    ///
    /// The slopes on both sides differ if there is a corner of ReLU between, and if rounding disturbs them. Their difference is allowed as an error. If
    /// there is a corner on each side, the slopes may be alike and both wrong, so a shorter step is tried.
    fn check_gradients<M: Layer<Input = [f32; 5], Output = [f32; 3]>>(
        input: &[[f32; 5]],
        direction: [f32; 3],
        seed: u64,
        index: usize,
    ) -> Result<(), TestCaseError> {
        const STEPS: [f32; 2] = [1.0 / 256.0, 1.0 / 2048.0];
        let objective = |model: &M, input: &[[f32; 5]]| -> f64 {
            let mut tape = std::vec![0.0; input.len() * M::Tape::LEN];
            model.forward(&Portable, PASS, input, &mut tape);
            let logits = M::output(&tape).iter().flatten();
            logits.zip(direction.iter().cycle()).map(|(&z, &d)| f64::from(z) * f64::from(d)).sum()
        };
        let agrees = |grad: f32, moved: &mut dyn FnMut(f32) -> f64| {
            STEPS.into_iter().any(|step| {
                let [before, after] =
                    [moved(0.0) - moved(-step), moved(step) - moved(0.0)].map(|rise| rise / f64::from(step));
                (f64::from(grad) - (before + after) / 2.0).abs()
                    < 2e-3 * (1.0 + f64::from(grad).abs()) + (after - before).abs()
            })
        };

        let mut model = M::ZERO;
        initialize(&mut model, seed);
        let mut tape = std::vec![0.0; input.len() * M::Tape::LEN];
        let mut grad_tape = tape.clone();
        model.forward(&Portable, PASS, input, &mut tape);
        M::output_mut(&mut grad_tape).fill(direction);
        let mut grad = M::ZERO;
        let mut grad_input = std::vec![[0.0; 5]; input.len()];
        let state = [&mut grad];
        let mut tapes = Tapes { pass: PASS, activations: &tape, grads: &mut grad_tape };
        tapes.pass_activation::<M>();
        model.backward::<Identity, _, _, _>(&Portable, &Gradient, state, input, tapes, Some(&mut grad_input));

        let parameter = index % M::LEN;
        let kept = model.as_flat()[parameter];
        let is_right = agrees(grad.as_flat()[parameter], &mut |step| {
            model.as_flat_mut()[parameter] = kept + step;
            objective(&model, input)
        });
        prop_assert!(is_right, "parameter {parameter}: {}", grad.as_flat()[parameter]);
        model.as_flat_mut()[parameter] = kept;

        let (sample, feature) = (index % input.len(), index % 5);
        let is_right = agrees(grad_input[sample][feature], &mut |step| {
            let mut moved = input.to_vec();
            moved[sample][feature] += step;
            objective(&model, &moved)
        });
        prop_assert!(is_right, "feature {feature}: {}", grad_input[sample][feature]);
        Ok(())
    }
}
