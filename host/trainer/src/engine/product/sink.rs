//! The destinations of a product's sums, and the memory that threads write them to.

#![allow(unsafe_code)]

use std::{array, marker::PhantomData, ops::Range, slice};

use selvedge::{Activation, optimizer::Optimizer};

use super::super::vector::{Vector, Work};

/// The destination of the sums.
pub trait Sink {
    /// Takes the sums of a row from a column on.
    fn take<V: Vector>(&mut self, row: usize, column: usize, sums: &[f32]);
}

/// Finished rows of sums, with all their terms.
pub struct Finished<'a> {
    /// The number of the first of these rows.
    pub first_row: usize,
    pub rows: &'a [usize],
    pub columns: Range<usize>,
    /// The sums. Each row begins a stride after the row before it.
    pub sums: &'a [f32],
    pub stride: usize,
}

/// Hands finished rows to a sink.
pub struct Take<'a, S> {
    pub sums: Finished<'a>,
    pub sink: &'a mut S,
}

impl<S: Sink> Work for Take<'_, S> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Finished { first_row, rows, columns, sums, stride } = self.sums;
        for (row, sums) in rows.iter().zip(sums.chunks_exact(stride)) {
            self.sink.take::<V>(first_row + row, columns.start, &sums[..columns.len()]);
        }
    }
}

/// Memory to which threads write. Each writes its own part.
pub struct Target<'a, T> {
    start: *mut T,
    len: usize,
    stride: usize,
    borrow: PhantomData<&'a mut [T]>,
}

impl<T> Clone for Target<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Target<'_, T> {}

// SAFETY: threads get parts that do not overlap, as `part`'s callers answer for: it is a mutable slice that was split.
unsafe impl<T: Send> Send for Target<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Target<'_, T> {}

impl<'a, T> Target<'a, T> {
    /// Returns a target whose rows begin `stride` elements apart.
    pub fn new(elements: &'a mut [T], stride: usize) -> Self {
        Self { start: elements.as_mut_ptr(), len: elements.len(), stride, borrow: PhantomData }
    }

    /// Returns a part of a row.
    ///
    /// # Safety
    ///
    /// While the part is in use, nobody may use a part that overlaps it.
    #[inline(always)]
    pub unsafe fn part(self, row: usize, column: usize, len: usize) -> &'a mut [T] {
        let first = row * self.stride + column;
        assert!(first <= self.len && len <= self.len - first, "the part lies in the memory");
        // SAFETY: the part lies in memory that is borrowed, and is nobody else's.
        unsafe { slice::from_raw_parts_mut(self.start.add(first), len) }
    }
}

/// Stores the activations of the sums.
pub struct Forward<'a, A> {
    output: Target<'a, f32>,
    activation: PhantomData<A>,
}

impl<'a, A> Forward<'a, A> {
    pub fn new(output: Target<'a, f32>) -> Self {
        Self { output, activation: PhantomData }
    }
}

impl<A: Activation> Sink for Forward<'_, A> {
    #[inline(always)]
    fn take<V: Vector>(&mut self, row: usize, column: usize, sums: &[f32]) {
        // SAFETY: the share is this thread's alone.
        let output = unsafe { self.output.part(row, column, sums.len()) };
        for (output, &sum) in output.iter_mut().zip(sums) {
            *output = A::apply(sum);
        }
    }
}

/// Multiplies the sums, which are gradients at an input, by the derivative of the activation that made the input, and stores the results.
pub struct Backward<'a, P> {
    input: &'a [f32],
    grad_input: Target<'a, f32>,
    activation: PhantomData<P>,
}

impl<'a, P> Backward<'a, P> {
    pub fn new(input: &'a [f32], grad_input: Target<'a, f32>) -> Self {
        Self { input, grad_input, activation: PhantomData }
    }
}

impl<P: Activation> Sink for Backward<'_, P> {
    #[inline(always)]
    fn take<V: Vector>(&mut self, row: usize, column: usize, sums: &[f32]) {
        let input = &self.input[row * self.grad_input.stride + column..][..sums.len()];
        // SAFETY: the share is this thread's alone.
        let grad_input = unsafe { self.grad_input.part(row, column, sums.len()) };
        for ((grad, &x), &sum) in grad_input.iter_mut().zip(input).zip(sums) {
            *grad = P::grad(x, sum);
        }
    }
}

/// Hands the sums, which are gradients, to an optimizer.
pub struct Update<'a, O, const STATE: usize> {
    pub optimizer: &'a O,
    pub parameters: Target<'a, f32>,
    pub state: [Target<'a, f32>; STATE],
}

impl<O: Optimizer<STATE>, const STATE: usize> Sink for Update<'_, O, STATE> {
    #[inline(always)]
    fn take<V: Vector>(&mut self, row: usize, column: usize, sums: &[f32]) {
        // SAFETY: the share is this thread's alone.
        let parameters = unsafe { self.parameters.part(row, column, sums.len()) };
        // SAFETY: as above.
        let mut state = self.state.map(|state| unsafe { state.part(row, column, sums.len()) });
        for (i, (parameter, &grad)) in parameters.iter_mut().zip(sums).enumerate() {
            // An array's `map` is not marked for inlining. A build of several codegen units would call it for each parameter.
            let mut of_parameter = state.iter_mut().map(|state| &mut state[i]);
            let state = array::from_fn(|_| of_parameter.next().expect("there are STATE of them"));
            self.optimizer.update::<V>(parameter, grad, state);
        }
    }
}
