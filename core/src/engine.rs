//! The seam for speed: who computes a linear layer's three products, and who shares out the rest.

use crate::{
    Activation, Linear,
    arithmetic::{Scalar, add_product, dot},
    optimizer::Optimizer,
};

/// Computes a linear layer's products over a batch in the [contract](crate::arithmetic)'s order.
///
/// A batch is a slice of samples. Both slices of a call have the same number of samples; samples past the shorter one are
/// left as they are. Every implementation gives the bits of [`Portable`].
pub trait Engine {
    /// `output[s][o] = A(bias[o] + Σₖ input[s][k] · weight[o][k])`, k ascending.
    fn linear_forward<const INPUTS: usize, const OUTPUTS: usize, A: Activation>(
        &self,
        layer: &Linear<INPUTS, OUTPUTS, A>,
        input: &[[f32; INPUTS]],
        output: &mut [[f32; OUTPUTS]],
    );

    /// `grad_input[s][k] = Σₒ grad_sums[s][o] · weight[o][k]`, o ascending from +0, and then through the derivative of `P`,
    /// the activation that made the input.
    fn linear_input_grad<const INPUTS: usize, const OUTPUTS: usize, A: Activation, P: Activation>(
        &self,
        layer: &Linear<INPUTS, OUTPUTS, A>,
        grad_sums: &[[f32; OUTPUTS]],
        input: &[[f32; INPUTS]],
        grad_input: &mut [[f32; INPUTS]],
    );

    /// Hands each parameter's gradient to the optimizer, and keeps it nowhere:
    /// `grad.weight[o][k] = Σₛ grad_sums[s][o] · input[s][k]` and `grad.bias[o] = Σₛ grad_sums[s][o]`, s ascending from +0.
    fn linear_update<
        const INPUTS: usize,
        const OUTPUTS: usize,
        A: Activation,
        O: Optimizer<STATE>,
        const STATE: usize,
    >(
        &self,
        optimizer: &O,
        input: &[[f32; INPUTS]],
        grad_sums: &[[f32; OUTPUTS]],
        layer: &mut Linear<INPUTS, OUTPUTS, A>,
        state: [&mut Linear<INPUTS, OUTPUTS, A>; STATE],
    );

    /// Hands each parameter and its gradient to the optimizer; the slices have the same length.
    fn update<O: Optimizer<STATE>, const STATE: usize>(
        &self,
        optimizer: &O,
        parameters: &mut [f32],
        grads: &[f32],
        state: [&mut [f32]; STATE],
    );

    /// Runs `work(index of the first, rows)` on parts that together are all the rows, in any order, perhaps on several
    /// threads. `work` does not call the engine.
    fn share_out<T: Send>(&self, rows: &mut [T], work: impl Fn(usize, &mut [T]) + Sync);
}

/// Plain loops: the reference that defines the bits, and the engine of a microcontroller.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Portable;

impl Engine for Portable {
    #[inline]
    fn linear_forward<const INPUTS: usize, const OUTPUTS: usize, A: Activation>(
        &self,
        layer: &Linear<INPUTS, OUTPUTS, A>,
        input: &[[f32; INPUTS]],
        output: &mut [[f32; OUTPUTS]],
    ) {
        for (input, output) in input.iter().zip(output) {
            for ((output, weight), &bias) in output.iter_mut().zip(&layer.weight).zip(&layer.bias) {
                *output = A::apply(dot(bias, input, weight));
            }
        }
    }

    #[inline]
    fn linear_input_grad<const INPUTS: usize, const OUTPUTS: usize, A: Activation, P: Activation>(
        &self,
        layer: &Linear<INPUTS, OUTPUTS, A>,
        grad_sums: &[[f32; OUTPUTS]],
        input: &[[f32; INPUTS]],
        grad_input: &mut [[f32; INPUTS]],
    ) {
        for ((grad_sums, input), grad_input) in grad_sums.iter().zip(input).zip(grad_input) {
            *grad_input = [0.0; INPUTS];
            for (&grad, weight) in grad_sums.iter().zip(&layer.weight) {
                add_product(grad, weight, grad_input);
            }
            for (grad, &x) in grad_input.iter_mut().zip(input) {
                *grad = P::grad(x, *grad);
            }
        }
    }

    #[inline]
    fn linear_update<
        const INPUTS: usize,
        const OUTPUTS: usize,
        A: Activation,
        O: Optimizer<STATE>,
        const STATE: usize,
    >(
        &self,
        optimizer: &O,
        input: &[[f32; INPUTS]],
        grad_sums: &[[f32; OUTPUTS]],
        layer: &mut Linear<INPUTS, OUTPUTS, A>,
        mut state: [&mut Linear<INPUTS, OUTPUTS, A>; STATE],
    ) {
        for o in 0..OUTPUTS {
            let (mut grad_weight, mut grad_bias) = ([0.0; INPUTS], 0.0);
            for (input, grad_sums) in input.iter().zip(grad_sums) {
                add_product(grad_sums[o], input, &mut grad_weight);
                grad_bias += grad_sums[o];
            }
            let mut state_row = state.each_mut().map(|state| &mut state.weight[o]);
            for (k, (parameter, &grad)) in layer.weight[o].iter_mut().zip(&grad_weight).enumerate() {
                optimizer.update::<Scalar>(parameter, grad, state_row.each_mut().map(|state| &mut state[k]));
            }
            let state = state.each_mut().map(|state| &mut state.bias[o]);
            optimizer.update::<Scalar>(&mut layer.bias[o], grad_bias, state);
        }
    }

    fn update<O: Optimizer<STATE>, const STATE: usize>(
        &self,
        optimizer: &O,
        parameters: &mut [f32],
        grads: &[f32],
        mut state: [&mut [f32]; STATE],
    ) {
        for (i, (parameter, &grad)) in parameters.iter_mut().zip(grads).enumerate() {
            optimizer.update::<Scalar>(parameter, grad, state.each_mut().map(|state| &mut state[i]));
        }
    }

    #[inline]
    fn share_out<T: Send>(&self, rows: &mut [T], work: impl Fn(usize, &mut [T]) + Sync) {
        work(0, rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Flat, Identity, Relu,
        optimizer::{Gradient, Sgd},
    };

    const LAYER: Linear<2, 3, Relu> =
        Linear { weight: [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], bias: [0.5, -0.5, 1.0], activation: Relu };

    #[test]
    fn forward_is_x_times_w_transposed_plus_b_through_the_activation() {
        let mut output = [[9.0; 3]; 2];
        Portable.linear_forward(&LAYER, &[[1.0, 10.0], [0.0, -1.0]], &mut output);
        assert_eq!(output, [[21.5, 42.5, 66.0], [0.0; 3]]);
    }

    #[test]
    fn input_gradient_is_g_times_w() {
        let (grad_sums, input, mut grad_input) = ([[1.0, 10.0, 100.0]], [[0.0, 3.0]], [[9.0; 2]]);
        Portable.linear_input_grad::<2, 3, Relu, Identity>(&LAYER, &grad_sums, &input, &mut grad_input);
        assert_eq!(grad_input, [[531.0, 642.0]]);
        Portable.linear_input_grad::<2, 3, Relu, Relu>(&LAYER, &grad_sums, &input, &mut grad_input);
        assert_eq!(grad_input, [[0.0, 642.0]]);
    }

    #[test]
    fn weight_gradient_is_g_transposed_times_x() {
        let (input, grad_sums) = ([[1.0, 2.0], [3.0, 4.0]], [[1.0, 0.0, -1.0], [2.0, 1.0, 0.0]]);
        let (mut layer, mut grad) = (LAYER, Linear::<2, 3, Relu>::ZERO);
        grad.bias = [9.0; 3];
        Portable.linear_update(&Gradient, &input, &grad_sums, &mut layer, [&mut grad]);
        assert_eq!(grad.weight, [[7.0, 10.0], [3.0, 4.0], [-1.0, -2.0]]);
        assert_eq!(grad.bias, [3.0, 1.0, -1.0]);
        assert_eq!(layer.as_flat(), LAYER.as_flat());
        Portable.linear_update(&Sgd::new(0.5), &input, &grad_sums, &mut layer, []);
        assert_eq!(layer.weight, [[-2.5, -3.0], [1.5, 2.0], [5.5, 7.0]]);
        assert_eq!(layer.bias, [-1.0, -1.0, 1.5]);
    }
}
