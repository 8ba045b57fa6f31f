use super::{Layer, Pass, Tapes};
use crate::{
    Activation, Engine, Identity, architecture::LayerKind, arithmetic::sqrt, optimizer::Optimizer, random::Generator,
};

/// Batch normalisation (Ioffe, Szegedy 2015) and its activation, PyTorch's `BatchNorm1d`:
/// `output = activation((x − mean) · (weight / √(var + ε)) + bias)`, each operation rounded.
///
/// In a training pass mean and variance are the batch's: sums ascending over the samples from +0, divided by their number; the
/// backward pass moves the running ones a tenth of the way (the variance to its unbiased estimate; a batch of one sample has none, so
/// it moves nothing). Prediction takes the running ones, and is then a linear function that
/// [`fold`](crate::fold) puts into the layer before.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(C)]
pub struct BatchNorm1d<const WIDTH: usize, A = Identity> {
    /// Each feature's factor.
    pub weight: [f32; WIDTH],
    /// Each feature's bias.
    pub bias: [f32; WIDTH],
    /// Each feature's mean over the batches of training: a buffer.
    pub running_mean: [f32; WIDTH],
    /// Each feature's variance over the batches of training: a buffer.
    pub running_var: [f32; WIDTH],
    /// What follows.
    pub activation: A,
}

/// ε, which [`BatchNorm1d`] adds to a variance.
pub const EPSILON: f32 = 1e-5;
/// How far a batch moves the running mean and variance.
const MOMENTUM: f32 = 0.1;

/// One feature's moments.
#[derive(Clone, Copy, Default)]
struct Moments {
    mean: f32,
    variance: f32,
    /// 1 / √(variance + ε).
    inverse: f32,
}

/// Σ grad and Σ grad · x̂ over a batch.
#[derive(Clone, Copy, Default)]
struct GradSums {
    grad: f32,
    grad_normalized: f32,
}

/// 1 / √(variance + ε).
pub(crate) fn inverse_deviation(variance: f32) -> f32 {
    1.0 / sqrt(variance + EPSILON)
}

impl<const WIDTH: usize, A: Activation> BatchNorm1d<WIDTH, A> {
    /// The moments that a pass normalises by.
    fn moments<E: Engine>(&self, engine: &E, pass: Pass, input: &[[f32; WIDTH]]) -> [Moments; WIDTH] {
        let mut moments = [Moments::default(); WIDTH];
        match pass {
            Pass::Evaluation => {
                let running = self.running_mean.iter().zip(&self.running_var);
                for (moments, (&mean, &variance)) in moments.iter_mut().zip(running) {
                    *moments = Moments { mean, variance, inverse: inverse_deviation(variance) };
                }
            }
            Pass::Training(_) => engine.share_out(&mut moments, |first, moments| {
                let samples = input.len() as f32;
                for row in input {
                    for (moments, x) in moments.iter_mut().zip(&row[first..]) {
                        moments.mean += x;
                    }
                }
                for moments in &mut *moments {
                    moments.mean /= samples;
                }
                for row in input {
                    for (moments, x) in moments.iter_mut().zip(&row[first..]) {
                        let distance = x - moments.mean;
                        moments.variance += distance * distance;
                    }
                }
                for moments in moments {
                    moments.variance /= samples;
                    moments.inverse = inverse_deviation(moments.variance);
                }
            }),
        }
        moments
    }

    fn grad_sums<E: Engine>(
        engine: &E,
        moments: &[Moments; WIDTH],
        input: &[[f32; WIDTH]],
        grads: &[[f32; WIDTH]],
    ) -> [GradSums; WIDTH] {
        let mut sums = [GradSums::default(); WIDTH];
        engine.share_out(&mut sums, |first, sums| {
            for (row, grads) in input.iter().zip(grads) {
                let known = row[first..].iter().zip(&grads[first..]).zip(&moments[first..]);
                for (sums, ((x, grad), moments)) in sums.iter_mut().zip(known) {
                    sums.grad += grad;
                    sums.grad_normalized += grad * ((x - moments.mean) * moments.inverse);
                }
            }
        });
        sums
    }

    fn move_running(&mut self, moments: &[Moments; WIDTH], samples: usize) {
        if samples < 2 {
            return;
        }
        let unbiased = samples as f32 / (samples - 1) as f32;
        let running = self.running_mean.iter_mut().zip(&mut self.running_var);
        for ((mean, variance), moments) in running.zip(moments) {
            *mean = (1.0 - MOMENTUM) * *mean + MOMENTUM * moments.mean;
            *variance = (1.0 - MOMENTUM) * *variance + MOMENTUM * (moments.variance * unbiased);
        }
    }

    /// Hands weights and biases with their gradients to the optimizer.
    fn update_by<E: Engine, O: Optimizer<STATE>, const STATE: usize>(
        &mut self,
        engine: &E,
        optimizer: &O,
        [grad_weight, grad_bias]: [&[f32; WIDTH]; 2],
        mut state: [&mut Self; STATE],
    ) {
        let weight_state = state.each_mut().map(|state| &mut state.weight[..]);
        engine.update(optimizer, &mut self.weight, grad_weight, weight_state);
        engine.update(optimizer, &mut self.bias, grad_bias, state.map(|state| &mut state.bias[..]));
    }
}

impl<const WIDTH: usize, A: Activation> Layer for BatchNorm1d<WIDTH, A> {
    type Input = [f32; WIDTH];
    type Output = [f32; WIDTH];
    type Activation = A;
    type Tape = [f32; WIDTH];

    const DEPTH: usize = 1 + A::DEPTH;

    fn describe(tell: &mut impl FnMut(LayerKind)) {
        tell(LayerKind::BatchNorm1d { width: WIDTH as u32 });
        A::describe(WIDTH as u32, tell);
    }

    /// PyTorch's: weights and running variances 1, biases and running means 0.
    fn initialize(&mut self, _generator: &Generator, _first: u64) {
        self.weight = [1.0; WIDTH];
        self.bias = [0.0; WIDTH];
        self.running_mean = [0.0; WIDTH];
        self.running_var = [1.0; WIDTH];
    }

    /// Feature by feature: a device has no stack to spare for all their moments.
    #[inline]
    fn predict<E: Engine>(&self, _engine: &E, input: &Self::Input, output: &mut Self::Output) {
        let running = self.running_mean.iter().zip(&self.running_var);
        let known = input.iter().zip(running).zip(self.weight.iter().zip(&self.bias));
        for (output, ((x, (mean, &variance)), (weight, bias))) in output.iter_mut().zip(known) {
            *output = A::apply((x - mean) * (inverse_deviation(variance) * weight) + bias);
        }
    }

    fn forward<E: Engine>(&self, engine: &E, pass: Pass, input: &[Self::Input], tape: &mut [f32]) {
        let mut scaled = self.moments(engine, pass, input);
        for (moments, weight) in scaled.iter_mut().zip(&self.weight) {
            moments.inverse *= weight;
        }
        engine.share_out(Self::output_mut(tape), |first, output| {
            for (output, input) in output.iter_mut().zip(&input[first..]) {
                let known = input.iter().zip(&scaled).zip(&self.bias);
                for (output, ((x, scaled), bias)) in output.iter_mut().zip(known) {
                    *output = A::apply((x - scaled.mean) * scaled.inverse + bias);
                }
            }
        });
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
        let grads = Self::output(tapes.grads);
        let moments = self.moments(engine, tapes.pass, input);
        let sums = Self::grad_sums(engine, &moments, input, grads);
        if let Some(grad_input) = grad_input {
            let samples = input.len() as f32;
            // Where the moments are not the batch's, they do not move with its samples.
            let means = match tapes.pass {
                Pass::Evaluation => [GradSums::default(); WIDTH],
                Pass::Training(_) => sums.map(|sums| GradSums {
                    grad: sums.grad / samples,
                    grad_normalized: sums.grad_normalized / samples,
                }),
            };
            engine.share_out(grad_input, |first, grad_input| {
                for ((grad_input, input), grads) in grad_input.iter_mut().zip(&input[first..]).zip(&grads[first..]) {
                    let features = moments.iter().zip(&means).zip(&self.weight);
                    let known = input.iter().zip(grads).zip(features);
                    for (grad_input, ((&x, grad), ((moments, means), weight))) in grad_input.iter_mut().zip(known) {
                        let normalized = (x - moments.mean) * moments.inverse;
                        let centred = grad - means.grad - normalized * means.grad_normalized;
                        *grad_input = P::grad(x, weight * moments.inverse * centred);
                    }
                }
            });
        }
        let grads = [sums.map(|sums| sums.grad_normalized), sums.map(|sums| sums.grad)];
        self.update_by(engine, optimizer, grads.each_ref(), state);
        if let Pass::Training(_) = tapes.pass {
            self.move_running(&moments, input.len());
        }
    }

    fn update<E: Engine, O: Optimizer<STATE>, const STATE: usize>(
        &mut self,
        engine: &E,
        optimizer: &O,
        grad: &Self,
        state: [&mut Self; STATE],
    ) {
        self.update_by(engine, optimizer, [&grad.weight, &grad.bias], state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Flat, Portable, layers::Draws, optimizer::Gradient, random};

    type Norm = BatchNorm1d<2>;
    const INPUT: [[f32; 2]; 4] = [[1.0, 10.0], [2.0, 10.0], [3.0, 30.0], [6.0, 30.0]];
    const TRAINING: Pass = Pass::Training(Draws::NONE);

    fn initialized() -> Norm {
        let mut layer = Norm::ZERO;
        random::initialize(&mut layer, 1);
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
