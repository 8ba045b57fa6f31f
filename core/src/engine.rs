//! Engines are implementations of the arithmetic. [`Engine`] is their interface.
//!
//! An engine computes the three products of a linear layer: the outputs, the gradients of the inputs and the gradients of the parameters.
//! It also shares out the rows of other work, for example among threads.
//!
//! Every argument is a flat slice, with its widths beside it. The typed [layers](crate::layers) call these functions, and so does a network
//! whose shape is known only at run time.
//!
//! ```
//! use selvedge::{Engine, Identity, Portable, engine::Widths};
//!
//! let widths = Widths { inputs: 2, outputs: 1 };
//! let (weights_and_bias, batch) = ([1.0, 10.0, 0.5], [1.0, 2.0, 3.0, 4.0]);
//! let mut output = [0.0; 2];
//! Portable.linear_forward::<Identity>(widths, &weights_and_bias, &batch, &mut output);
//! assert_eq!(output, [21.5, 43.5]);
//! ```

use crate::{
    Activation,
    arithmetic::{Scalar, add_product, dot},
    optimizer::Optimizer,
};

/// The widths of a linear layer: its parameters are `[outputs][inputs]` weights, then `[outputs]` biases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Widths {
    /// The number of inputs of a sample.
    pub inputs: usize,
    /// The number of outputs of a sample.
    pub outputs: usize,
}

impl Widths {
    /// Splits the parameters into weights and biases. Both are empty if there are fewer than `inputs · outputs` parameters.
    #[inline(always)]
    pub fn split(self, parameters: &[f32]) -> (&[f32], &[f32]) {
        parameters.split_at_checked(self.inputs * self.outputs).unwrap_or_default()
    }

    /// Splits the parameters into mutable weights and biases. Both are empty if there are fewer than `inputs · outputs` parameters.
    #[inline(always)]
    pub fn split_mut(self, parameters: &mut [f32]) -> (&mut [f32], &mut [f32]) {
        parameters.split_at_mut_checked(self.inputs * self.outputs).unwrap_or_default()
    }
}

/// Returns the rows of a matrix, each with `width` elements. A shorter rest at the end is left out.
#[inline(always)]
pub fn rows<T>(elements: &[T], width: usize) -> core::slice::ChunksExact<'_, T> {
    elements.chunks_exact(width.max(1))
}

/// Returns the rows of a matrix as mutable slices, each with `width` elements.
#[inline(always)]
pub fn rows_mut<T>(elements: &mut [T], width: usize) -> core::slice::ChunksExactMut<'_, T> {
    elements.chunks_exact_mut(width.max(1))
}

/// Computes a linear layer's products over a batch in the [contract](crate::arithmetic)'s order.
///
/// A batch is a slice of whole samples: `[batch][inputs]` or `[batch][outputs]`. All slices of a call should have the same number of
/// samples. If not, the shortest decides, and further samples are left as they are. Every implementation gives the bits of [`Portable`].
pub trait Engine {
    /// Writes `output[s][o] = A(bias[o] + Σₖ input[s][k] · weight[o][k])`, k ascending.
    fn linear_forward<A: Activation>(&self, widths: Widths, parameters: &[f32], input: &[f32], output: &mut [f32]);

    /// Writes the gradients of the inputs: `grad_input[s][k] = Σₒ grad_sums[s][o] · weight[o][k]`, with o ascending; the sum starts at +0. Each
    /// result r then becomes `P::grad(input[s][k], r)`: `P` is the activation that made the input, and this multiplies by its derivative.
    /// `grad_sums[s][o]` is the gradient of the loss with respect to the sum of output `o` in sample `s`, before the activation.
    fn linear_input_grad<P: Activation>(
        &self,
        widths: Widths,
        parameters: &[f32],
        grad_sums: &[f32],
        input: &[f32],
        grad_input: &mut [f32],
    );

    /// Computes the gradient of each parameter and hands it to the optimizer at once, without storing it. The gradients are
    /// `grad.weight[o][k] = Σₛ grad_sums[s][o] · input[s][k]` and `grad.bias[o] = Σₛ grad_sums[s][o]`, with s ascending; each sum starts at +0.
    ///
    /// `ROW` is the number of gradients that an engine may have on its stack at a time, at least 1. No bit depends on it.
    fn linear_update<O: Optimizer<STATE>, const STATE: usize, const ROW: usize>(
        &self,
        optimizer: &O,
        widths: Widths,
        input: &[f32],
        grad_sums: &[f32],
        parameters: &mut [f32],
        state: [&mut [f32]; STATE],
    );

    /// Hands each parameter and its gradient to the optimizer. The slices have the same length.
    fn update<O: Optimizer<STATE>, const STATE: usize>(
        &self,
        optimizer: &O,
        parameters: &mut [f32],
        grads: &[f32],
        state: [&mut [f32]; STATE],
    );

    /// Runs `work(index of the first row, rows)` on parts of a matrix whose rows have `width` elements. Each whole row is in one part. The
    /// parts come in any order, perhaps on several threads. The work must not call the engine.
    #[inline]
    fn share_out<T: Send>(&self, width: usize, elements: &mut [T], work: impl Fn(usize, &mut [T]) + Sync) {
        self.share_out_work(width, elements, work);
    }

    /// Does the same as [`share_out`](Self::share_out), for work that is not a closure.
    fn share_out_work<T: Send>(&self, width: usize, elements: &mut [T], work: impl RowWork<T>);
}

/// Work on some rows of a matrix. A closure can be such work.
///
/// A closure of many instructions is compiled apart from the engine's loop, so it does not use the engine's vector registers. A type whose
/// [`run`](Self::run) is `#[inline(always)]` uses them, whatever its size.
pub trait RowWork<T>: Sync {
    /// Works on these rows. `first` is the index of the first one.
    fn run(&self, first: usize, rows: &mut [T]);

    /// Returns the time for an element, in simple operations such as an addition. An engine shares out work only if the whole work, `cost` times
    /// the number of elements, takes long enough.
    #[inline]
    fn cost(&self) -> usize {
        1
    }
}

impl<T, F: Fn(usize, &mut [T]) + Sync> RowWork<T> for F {
    #[inline(always)]
    fn run(&self, first: usize, rows: &mut [T]) {
        self(first, rows);
    }
}

/// Plain loops: the reference that defines the bits, and the engine of a microcontroller.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Portable;

impl Engine for Portable {
    #[inline]
    fn linear_forward<A: Activation>(&self, widths: Widths, parameters: &[f32], input: &[f32], output: &mut [f32]) {
        let (weight, bias) = widths.split(parameters);
        for (input, output) in rows(input, widths.inputs).zip(rows_mut(output, widths.outputs)) {
            for ((output, weight), &bias) in output.iter_mut().zip(rows(weight, widths.inputs)).zip(bias) {
                *output = A::apply(dot(bias, input, weight));
            }
        }
    }

    #[inline]
    fn linear_input_grad<P: Activation>(
        &self,
        widths: Widths,
        parameters: &[f32],
        grad_sums: &[f32],
        input: &[f32],
        grad_input: &mut [f32],
    ) {
        let (weight, _) = widths.split(parameters);
        let samples = rows(grad_sums, widths.outputs).zip(rows(input, widths.inputs));
        for ((grad_sums, input), grad_input) in samples.zip(rows_mut(grad_input, widths.inputs)) {
            grad_input.fill(0.0);
            for (&grad, weight) in grad_sums.iter().zip(rows(weight, widths.inputs)) {
                add_product(grad, weight, grad_input);
            }
            for (grad, &x) in grad_input.iter_mut().zip(input) {
                *grad = P::grad(x, *grad);
            }
        }
    }

    #[inline]
    fn linear_update<O: Optimizer<STATE>, const STATE: usize, const ROW: usize>(
        &self,
        optimizer: &O,
        widths: Widths,
        input: &[f32],
        grad_sums: &[f32],
        parameters: &mut [f32],
        state: [&mut [f32]; STATE],
    ) {
        let (weight, bias) = widths.split_mut(parameters);
        let mut state = state.map(|state| widths.split_mut(state));
        for (o, (weight, bias)) in rows_mut(weight, widths.inputs).zip(bias).enumerate() {
            let samples = || rows(input, widths.inputs).zip(rows(grad_sums, widths.outputs));
            let mut grad_bias = 0.0;
            for (start, weight) in (0..).step_by(ROW.max(1)).zip(weight.chunks_mut(ROW.max(1))) {
                let mut grads = [0.0; ROW];
                grad_bias = 0.0;
                for (input, grad_sums) in samples() {
                    add_product(grad_sums[o], &input[start..], &mut grads[..weight.len()]);
                    grad_bias += grad_sums[o];
                }
                let first = o * widths.inputs + start;
                let mut state = state.each_mut().map(|(state, _)| &mut state[first..]);
                for (k, (parameter, &grad)) in weight.iter_mut().zip(&grads).enumerate() {
                    optimizer.update::<Scalar>(parameter, grad, state.each_mut().map(|state| &mut state[k]));
                }
            }
            optimizer.update::<Scalar>(bias, grad_bias, state.each_mut().map(|(_, state)| &mut state[o]));
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
    fn share_out_work<T: Send>(&self, _width: usize, elements: &mut [T], work: impl RowWork<T>) {
        work.run(0, elements);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Identity, Relu,
        optimizer::{Gradient, Sgd},
    };

    const WIDTHS: Widths = Widths { inputs: 2, outputs: 3 };
    const PARAMETERS: [f32; 9] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.5, -0.5, 1.0];

    #[test]
    fn forward_is_x_times_w_transposed_plus_b_through_the_activation() {
        let mut output = [9.0; 6];
        Portable.linear_forward::<Relu>(WIDTHS, &PARAMETERS, &[1.0, 10.0, 0.0, -1.0], &mut output);
        assert_eq!(output, [21.5, 42.5, 66.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn input_gradient_is_g_times_w() {
        let (grad_sums, input, mut grad_input) = ([1.0, 10.0, 100.0], [0.0, 3.0], [9.0; 2]);
        Portable.linear_input_grad::<Identity>(WIDTHS, &PARAMETERS, &grad_sums, &input, &mut grad_input);
        assert_eq!(grad_input, [531.0, 642.0]);
        Portable.linear_input_grad::<Relu>(WIDTHS, &PARAMETERS, &grad_sums, &input, &mut grad_input);
        assert_eq!(grad_input, [0.0, 642.0]);
    }

    fn updated<const ROW: usize>() {
        let (input, grad_sums) = ([1.0, 2.0, 3.0, 4.0], [1.0, 0.0, -1.0, 2.0, 1.0, 0.0]);
        let (mut parameters, mut grad) = (PARAMETERS, [9.0; 9]);
        Portable.linear_update::<_, 1, ROW>(&Gradient, WIDTHS, &input, &grad_sums, &mut parameters, [&mut grad]);
        assert_eq!(grad, [7.0, 10.0, 3.0, 4.0, -1.0, -2.0, 3.0, 1.0, -1.0]);
        assert_eq!(parameters, PARAMETERS);
        Portable.linear_update::<_, 0, ROW>(&Sgd::new(0.5), WIDTHS, &input, &grad_sums, &mut parameters, []);
        assert_eq!(parameters, [-2.5, -3.0, 1.5, 2.0, 5.5, 7.0, -1.0, -1.0, 1.5]);
    }

    #[test]
    fn weight_gradient_is_g_transposed_times_x() {
        updated::<1>();
        updated::<2>();
        updated::<9>();
    }
}
