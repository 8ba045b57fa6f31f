//! An engine of plain loops that reports each linear layer after it is computed.

use core::cell::{Cell, RefCell};

use selvedge::{
    Activation, Engine, Portable,
    engine::{RowWork, Widths},
    optimizer::Optimizer,
};

/// The engine [`Portable`], with a report for each layer.
pub struct Observed<F> {
    layer: Cell<usize>,
    computed: RefCell<F>,
}

impl<F: FnMut(usize)> Observed<F> {
    pub fn new(computed: F) -> Self {
        Self { layer: Cell::new(0), computed: RefCell::new(computed) }
    }
}

impl<F: FnMut(usize)> Engine for Observed<F> {
    fn linear_forward<A: Activation>(&self, widths: Widths, parameters: &[f32], input: &[f32], output: &mut [f32]) {
        Portable.linear_forward::<A>(widths, parameters, input, output);
        let place = self.layer.get();
        self.layer.set(place + 1);
        if let Ok(mut computed) = self.computed.try_borrow_mut() {
            computed(place);
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
        Portable.linear_update::<O, STATE, ROW>(optimizer, widths, input, grad_sums, parameters, state);
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
