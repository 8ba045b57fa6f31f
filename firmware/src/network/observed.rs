//! Plain loops that say when they have computed a linear layer.

use core::cell::{Cell, RefCell};

use selvedge::{Activation, Engine, Linear, Portable, optimizer::Optimizer};

/// [`Portable`], observed.
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
    fn linear_forward<const INPUTS: usize, const OUTPUTS: usize, A: Activation>(
        &self,
        layer: &Linear<INPUTS, OUTPUTS, A>,
        input: &[[f32; INPUTS]],
        output: &mut [[f32; OUTPUTS]],
    ) {
        Portable.linear_forward(layer, input, output);
        let place = self.layer.get();
        self.layer.set(place + 1);
        if let Ok(mut computed) = self.computed.try_borrow_mut() {
            computed(place);
        }
    }

    fn linear_input_grad<const INPUTS: usize, const OUTPUTS: usize, A: Activation, P: Activation>(
        &self,
        layer: &Linear<INPUTS, OUTPUTS, A>,
        grad_sums: &[[f32; OUTPUTS]],
        input: &[[f32; INPUTS]],
        grad_input: &mut [[f32; INPUTS]],
    ) {
        Portable.linear_input_grad::<_, _, _, P>(layer, grad_sums, input, grad_input);
    }

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
    ) {
        Portable.linear_update(optimizer, input, grad_sums, layer, state);
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

    fn share_out<T: Send>(&self, rows: &mut [T], work: impl Fn(usize, &mut [T]) + Sync) {
        Portable.share_out(rows, work);
    }
}
