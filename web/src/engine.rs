//! The engine for WebAssembly. It has the bits of [`Portable`], and computes several outputs of a linear layer in a register.

use alloc::vec;

use selvedge::{
    Activation, Engine, Portable,
    arithmetic::add_product,
    engine::{RowWork, Widths, rows, rows_mut},
    optimizer::Optimizer,
};

/// Plain loops that the compiler turns into vector instructions. The terms of a sum keep their order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wide;

impl Engine for Wide {
    /// Computes the outputs' chains side by side: each output takes an input's term before any takes the next. The chains stay the same.
    fn linear_forward<A: Activation>(&self, widths: Widths, parameters: &[f32], input: &[f32], output: &mut [f32]) {
        let Widths { inputs, outputs } = widths;
        let (weight, bias) = widths.split(parameters);
        let mut by_input = vec![0.0; inputs * outputs];
        for (o, weight) in rows(weight, inputs).enumerate() {
            by_input.iter_mut().skip(o).step_by(outputs).zip(weight).for_each(|(place, &weight)| *place = weight);
        }
        for (input, output) in rows(input, inputs).zip(rows_mut(output, outputs)) {
            output.copy_from_slice(bias);
            for (&x, weight) in input.iter().zip(rows(&by_input, outputs)) {
                add_product(x, weight, output);
            }
            output.iter_mut().for_each(|sum| *sum = A::apply(*sum));
        }
    }

    fn linear_input_grad<P: Activation>(
        &self,
        widths: Widths,
        parameters: &[f32],
        grad_sums: &[f32],
        input: &[f32],
        grad_input: &mut [f32],
    ) {
        Portable.linear_input_grad::<P>(widths, parameters, grad_sums, input, grad_input);
    }

    fn linear_update<O: Optimizer<STATE>, const STATE: usize, const ROW: usize>(
        &self,
        optimizer: &O,
        widths: Widths,
        input: &[f32],
        grad_sums: &[f32],
        parameters: &mut [f32],
        state: [&mut [f32]; STATE],
    ) {
        Portable.linear_update::<O, STATE, 1024>(optimizer, widths, input, grad_sums, parameters, state);
    }

    fn update<O: Optimizer<STATE>, const STATE: usize>(
        &self,
        optimizer: &O,
        parameters: &mut [f32],
        grads: &[f32],
        state: [&mut [f32]; STATE],
    ) {
        Portable.update(optimizer, parameters, grads, state);
    }

    fn share_out_work<T: Send>(&self, width: usize, elements: &mut [T], work: impl RowWork<T>) {
        Portable.share_out_work(width, elements, work);
    }
}
