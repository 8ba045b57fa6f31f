//! The seam for speed: who computes a linear layer's three products and the optimizer's update.

use crate::{
    Linear,
    arithmetic::{add_product, dot, fma},
    optimizer::Optimizer,
};

/// Computes a linear layer's products over a batch, and parameter updates, in the [contract](crate::arithmetic)'s order.
///
/// A batch is a slice of samples. Both slices of a call have the same number of samples; samples past the shorter one are
/// left as they are. Every implementation gives the bits of [`Portable`].
pub trait Engine {
    /// `output[s][o] = bias[o] + Σₖ input[s][k] · weight[o][k]`, k ascending.
    fn linear_forward<const INPUTS: usize, const OUTPUTS: usize>(
        &self,
        layer: &Linear<INPUTS, OUTPUTS>,
        input: &[[f32; INPUTS]],
        output: &mut [[f32; OUTPUTS]],
    );

    /// `grad_input[s][k] = Σₒ grad_output[s][o] · weight[o][k]`, o ascending from +0.
    fn linear_input_grad<const INPUTS: usize, const OUTPUTS: usize>(
        &self,
        layer: &Linear<INPUTS, OUTPUTS>,
        grad_output: &[[f32; OUTPUTS]],
        grad_input: &mut [[f32; INPUTS]],
    );

    /// `grad.weight[o][k] = Σₛ grad_output[s][o] · input[s][k]` and `grad.bias[o] = Σₛ grad_output[s][o]`, s ascending
    /// from +0.
    fn linear_weight_grad<const INPUTS: usize, const OUTPUTS: usize>(
        &self,
        input: &[[f32; INPUTS]],
        grad_output: &[[f32; OUTPUTS]],
        grad: &mut Linear<INPUTS, OUTPUTS>,
    );

    /// Applies the optimizer to each parameter and its gradient.
    fn update<O: Optimizer>(&self, optimizer: &O, parameters: &mut [f32], grad: &[f32]);
}

/// Plain loops: the reference that defines the bits, and the engine of a microcontroller.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Portable;

impl Engine for Portable {
    #[inline]
    fn linear_forward<const INPUTS: usize, const OUTPUTS: usize>(
        &self,
        layer: &Linear<INPUTS, OUTPUTS>,
        input: &[[f32; INPUTS]],
        output: &mut [[f32; OUTPUTS]],
    ) {
        for (input, output) in input.iter().zip(output) {
            for ((output, weight), &bias) in output.iter_mut().zip(&layer.weight).zip(&layer.bias) {
                *output = dot(bias, input, weight);
            }
        }
    }

    #[inline]
    fn linear_input_grad<const INPUTS: usize, const OUTPUTS: usize>(
        &self,
        layer: &Linear<INPUTS, OUTPUTS>,
        grad_output: &[[f32; OUTPUTS]],
        grad_input: &mut [[f32; INPUTS]],
    ) {
        for (grad_output, grad_input) in grad_output.iter().zip(grad_input) {
            *grad_input = [0.0; INPUTS];
            for (&grad, weight) in grad_output.iter().zip(&layer.weight) {
                add_product(grad, weight, grad_input);
            }
        }
    }

    #[inline]
    fn linear_weight_grad<const INPUTS: usize, const OUTPUTS: usize>(
        &self,
        input: &[[f32; INPUTS]],
        grad_output: &[[f32; OUTPUTS]],
        grad: &mut Linear<INPUTS, OUTPUTS>,
    ) {
        grad.weight.as_flattened_mut().fill(0.0);
        grad.bias.fill(0.0);
        for (input, grad_output) in input.iter().zip(grad_output) {
            for ((&g, weight), bias) in grad_output.iter().zip(&mut grad.weight).zip(&mut grad.bias) {
                add_product(g, input, weight);
                *bias += g;
            }
        }
    }

    #[inline]
    fn update<O: Optimizer>(&self, optimizer: &O, parameters: &mut [f32], grad: &[f32]) {
        for (parameter, &grad) in parameters.iter_mut().zip(grad) {
            optimizer.update(fma, parameter, grad);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Flat;

    const LAYER: Linear<2, 3> = Linear { weight: [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], bias: [0.5, -0.5, 1.0] };

    #[test]
    fn forward_is_x_times_w_transposed_plus_b() {
        let mut output = [[9.0; 3]; 2];
        Portable.linear_forward(&LAYER, &[[1.0, 10.0], [0.0, -1.0]], &mut output);
        assert_eq!(output, [[21.5, 42.5, 66.0], [-1.5, -4.5, -5.0]]);
    }

    #[test]
    fn input_gradient_is_g_times_w() {
        let mut grad_input = [[9.0; 2]];
        Portable.linear_input_grad(&LAYER, &[[1.0, 10.0, 100.0]], &mut grad_input);
        assert_eq!(grad_input, [[531.0, 642.0]]);
    }

    #[test]
    fn weight_gradient_is_g_transposed_times_x() {
        let mut grad = Linear::<2, 3>::ZERO;
        grad.bias = [9.0; 3];
        Portable.linear_weight_grad(&[[1.0, 2.0], [3.0, 4.0]], &[[1.0, 0.0, -1.0], [2.0, 1.0, 0.0]], &mut grad);
        assert_eq!(grad.weight, [[7.0, 10.0], [3.0, 4.0], [-1.0, -2.0]]);
        assert_eq!(grad.bias, [3.0, 1.0, -1.0]);
    }
}
