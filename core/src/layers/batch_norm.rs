//! Batch normalisation.

use core::marker::PhantomData;

use super::{Layer, Pass, Tapes};
use crate::{
    Activation, Engine, Flat, Identity,
    architecture::{LayerDescription, LayerKind},
    arithmetic::sqrt,
    engine::{rows, rows_mut},
    optimizer::Optimizer,
    random::Generator,
};

/// Batch normalisation (Ioffe, Szegedy 2015) and its activation, PyTorch's `BatchNorm1d`:
/// `output = activation((x − mean) · (weight · (1 / √(var + ε))) + bias)`. Each operation is rounded.
///
/// A training pass uses the batch's own mean `Σₛ x / n` and variance `Σₛ (x − mean) · (x − mean) / n`, with n samples. The sums ascend over the
/// samples from +0.
///
/// The backward pass changes the running values: `running_mean ← 0.9 · running_mean + 0.1 · mean` and
/// `running_var ← 0.9 · running_var + 0.1 · (var · (n / (n − 1)))`. 0.9 is computed as `1 − 0.1` in binary32. A batch of one sample changes neither.
///
/// Prediction uses the running mean and variance. Before its activation, the layer is then `factor · x + term` for each feature, and
/// [`fold`](crate::fold) merges it into the linear
/// layer before it.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(C)]
pub struct BatchNorm1d<const WIDTH: usize, A = Identity> {
    /// Each feature's factor.
    pub weight: [f32; WIDTH],
    /// Each feature's bias.
    pub bias: [f32; WIDTH],
    /// Each feature's moving mean, from the training batches: a [`Buffer`](crate::architecture::Role::Buffer).
    pub running_mean: [f32; WIDTH],
    /// Each feature's moving variance, from the training batches: a [`Buffer`](crate::architecture::Role::Buffer).
    pub running_var: [f32; WIDTH],
    /// The activation that follows.
    activation: PhantomData<A>,
}

/// ε, which [`BatchNorm1d`] adds to a variance.
pub const EPSILON: f32 = 1e-5;
/// The fraction of the way that one batch moves the running mean and variance.
const MOMENTUM: f32 = 0.1;

/// The numbers that a pass finds for each feature.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Feature {
    mean: f32,
    variance: f32,
    /// 1 / √(variance + ε).
    inverse: f32,
    /// The mean gradient over a training pass's batch.
    mean_grad: f32,
    /// The mean over the batch of the gradient times x̂.
    mean_grad_normalized: f32,
}

/// Returns 1 / √(variance + ε).
pub(crate) fn inverse_deviation(variance: f32) -> f32 {
    1.0 / sqrt(variance + EPSILON)
}

/// Returns a layer's tensors in its part of the flat model: weight, bias, running mean and running variance, one value of each for each feature.
fn tensors(values: &[f32]) -> [&[f32]; 4] {
    let width = values.len() / 4;
    [0, 1, 2, 3].map(|tensor| &values[tensor * width..][..width])
}

/// Sets PyTorch's initial values: weights and running variances 1, biases and running means 0.
pub fn initialize(values: &mut [f32]) {
    let width = values.len() / 4;
    for (tensor, value) in [1.0, 0.0, 0.0, 1.0].into_iter().enumerate() {
        values[tensor * width..][..width].fill(value);
    }
}

/// Finds the mean and variance by which a pass normalises.
fn find_moments<E: Engine>(engine: &E, pass: Pass, values: &[f32], input: &[f32], features: &mut [Feature]) {
    let width = features.len();
    match pass {
        Pass::Evaluation => {
            let [_, _, mean, variance] = tensors(values);
            for (feature, (&mean, &variance)) in features.iter_mut().zip(mean.iter().zip(variance)) {
                *feature = Feature { mean, variance, inverse: inverse_deviation(variance), ..Feature::default() };
            }
        }
        Pass::Training(_) => engine.share_out(1, features, |first, features| {
            let samples = (input.len() / width) as f32;
            features.fill(Feature::default());
            for row in rows(input, width) {
                for (feature, x) in features.iter_mut().zip(&row[first..]) {
                    feature.mean += x;
                }
            }
            for feature in &mut *features {
                feature.mean /= samples;
            }
            for row in rows(input, width) {
                for (feature, x) in features.iter_mut().zip(&row[first..]) {
                    let distance = x - feature.mean;
                    feature.variance += distance * distance;
                }
            }
            for feature in features {
                feature.variance /= samples;
                feature.inverse = inverse_deviation(feature.variance);
            }
        }),
    }
}

/// Writes the outputs of a batch. `values` is the layer's part of the flat model. `features` is working memory, with an element for each
/// feature.
pub fn forward<A: Activation, E: Engine>(
    engine: &E,
    pass: Pass,
    values: &[f32],
    input: &[f32],
    output: &mut [f32],
    features: &mut [Feature],
) {
    let width = features.len();
    let [weight, bias, ..] = tensors(values);
    find_moments(engine, pass, values, input, features);
    for (feature, weight) in features.iter_mut().zip(weight) {
        feature.inverse *= weight;
    }
    let features = &*features;
    engine.share_out(width, output, |first, output| {
        for (output, input) in rows_mut(output, width).zip(rows(input, width).skip(first)) {
            let known = input.iter().zip(features).zip(bias);
            for (output, ((x, feature), bias)) in output.iter_mut().zip(known) {
                *output = A::apply((x - feature.mean) * feature.inverse + bias);
            }
        }
    });
}

/// A batch's inputs, and the gradients at the layer's sums.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Backward<'a> {
    /// The pass.
    pub pass: Pass,
    /// The inputs, `[batch][width]`.
    pub input: &'a [f32],
    /// The gradients, `[batch][width]`.
    pub grads: &'a [f32],
}

impl Backward<'_> {
    /// Fills `features`. Writes the gradients of the weights and then of the biases into `parameter_grads`, `[2][width]`: Σ grad · x̂ and Σ
    /// grad, with x̂ = (x − mean) · (1 / √(var + ε)).
    pub fn find_grads<E: Engine>(
        &self,
        engine: &E,
        values: &[f32],
        features: &mut [Feature],
        parameter_grads: &mut [f32],
    ) {
        let Self { pass, input, grads } = *self;
        let width = features.len();
        find_moments(engine, pass, values, input, features);
        engine.share_out(1, features, |first, features| {
            for (row, grads) in rows(input, width).zip(rows(grads, width)) {
                let known = row[first..].iter().zip(&grads[first..]);
                for (feature, (x, grad)) in features.iter_mut().zip(known) {
                    feature.mean_grad += grad;
                    feature.mean_grad_normalized += grad * ((x - feature.mean) * feature.inverse);
                }
            }
        });
        let samples = (input.len() / width) as f32;
        let (grad_weight, grad_bias) = parameter_grads.split_at_mut(width);
        for ((grad_weight, grad_bias), feature) in grad_weight.iter_mut().zip(grad_bias).zip(features) {
            (*grad_weight, *grad_bias) = (feature.mean_grad_normalized, feature.mean_grad);
            // Where the moments are not the batch's, they do not move with its samples.
            [feature.mean_grad, feature.mean_grad_normalized] = match pass {
                Pass::Evaluation => [0.0; 2],
                Pass::Training(_) => [feature.mean_grad / samples, feature.mean_grad_normalized / samples],
            };
        }
    }

    /// Writes the gradients of the inputs, each through `P::grad`: `P` is the activation that made the input. Before `P::grad`, a gradient is `weight
    /// · i · (grad − mean(grad) − x̂ · mean(grad · x̂))` with `i = 1 / √(var + ε)` and `x̂ = (x − mean(x)) · i`. In a training pass, the means and
    /// `var` are those of the batch. In an evaluation, mean(x) and `var` are the running ones, and the other two means are 0. `features` are those
    /// that [`find_grads`](Self::find_grads) filled. Call it before [`update`](Self::update), because it needs the weights before the update.
    pub fn input_grad<P: Activation, E: Engine>(
        &self,
        engine: &E,
        values: &[f32],
        features: &[Feature],
        grad_input: &mut [f32],
    ) {
        let width = features.len();
        let [weight, ..] = tensors(values);
        engine.share_out(width, grad_input, |first, grad_input| {
            let samples = rows(self.input, width).zip(rows(self.grads, width)).skip(first);
            for (grad_input, (input, grads)) in rows_mut(grad_input, width).zip(samples) {
                let known = input.iter().zip(grads).zip(features.iter().zip(weight));
                for (grad_input, ((&x, grad), (feature, weight))) in grad_input.iter_mut().zip(known) {
                    let normalized = (x - feature.mean) * feature.inverse;
                    let centred = grad - feature.mean_grad - normalized * feature.mean_grad_normalized;
                    *grad_input = P::grad(x, weight * feature.inverse * centred);
                }
            }
        });
    }

    /// Hands weights and biases with their gradients to the optimizer, and updates the running mean and variance after a training pass. `features`
    /// and the gradients are those of [`find_grads`](Self::find_grads).
    pub fn update<E: Engine, O: Optimizer<STATE>, const STATE: usize>(
        &self,
        engine: &E,
        optimizer: &O,
        values: &mut [f32],
        state: [&mut [f32]; STATE],
        features: &[Feature],
        parameter_grads: &[f32],
    ) {
        let width = features.len();
        let (parameters, running) = values.split_at_mut(2 * width);
        engine.update(optimizer, parameters, parameter_grads, state.map(|state| &mut state[..2 * width]));
        let samples = self.input.len() / width;
        if let Pass::Training(_) = self.pass
            && samples >= 2
        {
            let unbiased = samples as f32 / (samples - 1) as f32;
            let (mean, variance) = running.split_at_mut(width);
            for ((mean, variance), feature) in mean.iter_mut().zip(variance).zip(features) {
                *mean = (1.0 - MOMENTUM) * *mean + MOMENTUM * feature.mean;
                *variance = (1.0 - MOMENTUM) * *variance + MOMENTUM * (feature.variance * unbiased);
            }
        }
    }
}

impl<const WIDTH: usize, A> BatchNorm1d<WIDTH, A> {
    const OWN: LayerDescription = LayerDescription::Known(LayerKind::BatchNorm1d { width: WIDTH as u32 });
}

impl<const WIDTH: usize, A: Activation> Layer for BatchNorm1d<WIDTH, A> {
    type Input = [f32; WIDTH];
    type Output = [f32; WIDTH];
    type Activation = A;
    type Tape = [f32; WIDTH];

    const LAYERS: &'static [LayerDescription] = match LayerKind::of_activation(A::KIND, WIDTH as u32) {
        Some(activation) => &[Self::OWN, LayerDescription::Known(activation)],
        None => &[Self::OWN],
    };

    #[inline(always)]
    fn describe(tell: &mut impl FnMut(LayerDescription)) {
        tell(Self::OWN);
        if let Some(activation) = LayerKind::of_activation(A::KIND, WIDTH as u32) {
            tell(LayerDescription::Known(activation));
        }
    }

    fn initialize(&mut self, _generator: &Generator, _first: u64) {
        initialize(self.as_flat_mut());
    }

    /// Predicts one feature after the other, because a device has no stack to spare for the moments of all.
    #[inline]
    fn predict<E: Engine>(&self, _engine: &E, input: &Self::Input, output: &mut Self::Output) {
        let running = self.running_mean.iter().zip(&self.running_var);
        let known = input.iter().zip(running).zip(self.weight.iter().zip(&self.bias));
        for (output, ((x, (mean, &variance)), (weight, bias))) in output.iter_mut().zip(known) {
            *output = A::apply((x - mean) * (inverse_deviation(variance) * weight) + bias);
        }
    }

    fn forward<E: Engine>(&self, engine: &E, pass: Pass, input: &[Self::Input], tape: &mut [f32]) {
        let output = Self::output_mut(tape).as_flattened_mut();
        let mut features = [Feature::default(); WIDTH];
        forward::<A, _>(engine, pass, self.as_flat(), input.as_flattened(), output, &mut features);
    }

    fn backward<P: Activation, E: Engine, O: Optimizer<STATE>, const STATE: usize>(
        &mut self,
        engine: &E,
        optimizer: &O,
        state: [&mut Self; STATE],
        input: &[Self::Input],
        tapes: Tapes<'_>,
        grad_input: Option<&mut [Self::Input]>,
    ) {
        let grads = Self::output(tapes.grads).as_flattened();
        let pass = Backward { pass: tapes.pass, input: input.as_flattened(), grads };
        let (mut features, mut parameter_grads) = ([Feature::default(); WIDTH], [[0.0; WIDTH]; 2]);
        let parameter_grads = parameter_grads.as_flattened_mut();
        pass.find_grads(engine, self.as_flat(), &mut features, parameter_grads);
        if let Some(grad_input) = grad_input {
            pass.input_grad::<P, _>(engine, self.as_flat(), &features, grad_input.as_flattened_mut());
        }
        let state = state.map(Flat::as_flat_mut);
        pass.update(engine, optimizer, self.as_flat_mut(), state, &features, parameter_grads);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Portable,
        layers::{self, Draws},
        optimizer::Gradient,
    };

    type Norm = BatchNorm1d<2>;
    const INPUT: [[f32; 2]; 4] = [[1.0, 10.0], [2.0, 10.0], [3.0, 30.0], [6.0, 30.0]];
    const TRAINING: Pass = Pass::Training(Draws::NONE);

    fn initialized() -> Norm {
        let mut layer = Norm::ZERO;
        layers::initialize(&mut layer, 1);
        layer
    }

    fn forward(layer: &Norm, pass: Pass) -> [[f32; 2]; 4] {
        let mut output = [[9.0; 2]; 4];
        layer.forward(&Portable, pass, &INPUT, output.as_flattened_mut());
        output
    }

    #[test]
    fn a_training_pass_gives_mean_zero_and_variance_one() {
        let output = forward(&initialized(), TRAINING);
        for feature in 0..2 {
            let column = output.map(|row| row[feature]);
            assert!(column.iter().sum::<f32>().abs() < 1e-6);
            assert!((column.iter().map(|x| x * x).sum::<f32>() / 4.0 - 1.0).abs() < 1e-4);
        }
    }

    #[test]
    fn the_backward_pass_moves_the_running_moments() {
        let mut layer = initialized();
        assert_eq!(forward(&layer, Pass::Evaluation)[0][0], 1.0 / (1.0_f32 + 1e-5).sqrt());
        let outputs = forward(&layer, TRAINING);
        let (mut grads, mut grad) = ([[1.0; 2]; 4], Norm::ZERO);
        let tapes = Tapes { pass: TRAINING, activations: outputs.as_flattened(), grads: grads.as_flattened_mut() };
        layer.backward::<Identity, _, _, _>(&Portable, &Gradient, [&mut grad], &INPUT, tapes, None);
        let near = |found: [f32; 2], expected: [f32; 2]| (0..2).all(|i| (found[i] - expected[i]).abs() < 1e-5);
        // Means 3 and 20; unbiased variances 14/3 and 400/3.
        assert!(near(layer.running_mean, [0.3, 2.0]), "{:?}", layer.running_mean);
        assert!(near(layer.running_var, [0.9 + 1.4 / 3.0, 0.9 + 40.0 / 3.0]), "{:?}", layer.running_var);
        assert!(near(grad.bias, [4.0; 2]) && near(grad.weight, [0.0; 2]));
        assert_eq!((grad.running_mean, grad.running_var), ([0.0; 2], [0.0; 2]));
    }

    #[test]
    fn one_sample_has_no_variance() {
        let mut layer = initialized();
        let (mut output, mut grads) = ([9.0; 2], [1.0; 2]);
        layer.forward(&Portable, TRAINING, &INPUT[..1], &mut output);
        assert_eq!(output, [0.0; 2]);
        let tapes = Tapes { pass: TRAINING, activations: &output, grads: &mut grads };
        let mut grad = Norm::ZERO;
        layer.backward::<Identity, _, _, _>(&Portable, &Gradient, [&mut grad], &INPUT[..1], tapes, None);
        assert_eq!((layer.running_mean, layer.running_var), ([0.0; 2], [1.0; 2]));
    }
}
