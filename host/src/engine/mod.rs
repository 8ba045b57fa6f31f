//! The CPU engine: core's three products on all threads and in vector registers, with the bits of [`Portable`](selvedge::Portable).

mod clock;
mod peak;
mod product;
mod team;
mod vector;

use std::{num::NonZero, sync::Mutex};

use selvedge::{Engine, Linear, optimizer::Optimizer};

use clock::Clock;
pub use clock::Times;
use product::{Matrix, Product, Scratch, Share, Sink, Store, Target, Update, part};
use team::Team;
pub use vector::{InstructionSet, InstructionSetError};
use vector::{Vector, Work};

/// Shares out the result elements of each product among threads, and computes several at once in vector registers.
///
/// Every result element is one chain on one thread, so the bits depend neither on the number of threads nor on the
/// instructions.
#[derive(Debug)]
pub struct Simd {
    team: Team,
    instructions: InstructionSet,
    scratch: Vec<Mutex<Scratch>>,
    clock: Option<Clock>,
}

/// The threads could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {threads} threads: {error}; ask for fewer with --threads")]
pub struct ThreadsError {
    threads: NonZero<usize>,
    error: rayon::ThreadPoolBuildError,
}

impl Simd {
    /// An engine with so many threads.
    ///
    /// # Errors
    ///
    /// [`ThreadsError`] where the system gives no more threads.
    pub fn new(instructions: InstructionSet, threads: NonZero<usize>) -> Result<Self, ThreadsError> {
        let team = Team::new(threads).map_err(|error| ThreadsError { threads, error })?;
        let scratch = (0..threads.get()).map(|_| Mutex::default()).collect();
        Ok(Self { team, instructions, scratch, clock: None })
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.team.threads()
    }

    /// What the kernels are made of.
    pub fn instructions(&self) -> InstructionSet {
        self.instructions
    }

    /// Computes the product, each thread a part of the rows and of the columns.
    fn compute<S: Sink>(&self, product: &Product<'_>, grid: Grid, sink: impl Fn() -> S + Sync) {
        self.run(&|thread| {
            let (row, column) = (thread / grid.columns, thread % grid.columns);
            let rows = part(product.rows, grid.rows, row);
            // In whole vectors, but for the last.
            let columns = part(product.columns.div_ceil(LANES), grid.columns, column);
            let columns = columns.start * LANES..product.columns.min(columns.end * LANES);
            if rows.is_empty() || columns.is_empty() {
                return;
            }
            let mut scratch = self.scratch(thread);
            self.instructions.run(Share { product, rows, columns, scratch: &mut scratch, sink: sink() });
        });
    }

    fn scratch(&self, thread: usize) -> impl std::ops::DerefMut<Target = Scratch> {
        // A panic on another thread poisons at most scratch memory, which is written before it is read.
        self.scratch[thread].lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Many columns for each thread where there are enough, so that each brings its part of `b` into the cache alone.
    fn by_columns(&self, product: &Product<'_>) -> Grid {
        let columns = divisor(self.threads(), product.columns / (4 * LANES));
        Grid { rows: self.threads() / columns, columns }
    }

    /// Many rows for each thread where there are enough.
    fn by_rows(&self, product: &Product<'_>) -> Grid {
        let rows = divisor(self.threads(), product.rows / 4);
        Grid { rows, columns: self.threads() / rows }
    }
}

/// The widest vector's lanes: columns are shared out in these.
const LANES: usize = 16;

/// Into how many parts rows and columns are shared out: one for each thread.
#[derive(Clone, Copy)]
struct Grid {
    rows: usize,
    columns: usize,
}

/// The largest divisor that is at most `limit`, or 1.
fn divisor(number: usize, limit: usize) -> usize {
    (1..=limit.min(number)).rev().find(|&divisor| number.is_multiple_of(divisor)).unwrap_or(1)
}

impl Engine for Simd {
    fn linear_forward<const INPUTS: usize, const OUTPUTS: usize>(
        &self,
        layer: &Linear<INPUTS, OUTPUTS>,
        input: &[[f32; INPUTS]],
        output: &mut [[f32; OUTPUTS]],
    ) {
        let product = Product {
            a: Matrix::by_rows(input),
            b: Matrix::by_columns(&layer.weight),
            start: Some(&layer.bias),
            rows: input.len().min(output.len()),
            columns: OUTPUTS,
            terms: INPUTS,
        };
        let output = Target::new(output.as_flattened_mut(), OUTPUTS);
        self.compute(&product, self.by_columns(&product), || Store(output));
    }

    fn linear_input_grad<const INPUTS: usize, const OUTPUTS: usize>(
        &self,
        layer: &Linear<INPUTS, OUTPUTS>,
        grad_output: &[[f32; OUTPUTS]],
        grad_input: &mut [[f32; INPUTS]],
    ) {
        let product = Product {
            a: Matrix::by_rows(grad_output),
            b: Matrix::by_rows(&layer.weight),
            start: None,
            rows: grad_output.len().min(grad_input.len()),
            columns: INPUTS,
            terms: OUTPUTS,
        };
        let grad_input = Target::new(grad_input.as_flattened_mut(), INPUTS);
        self.compute(&product, self.by_columns(&product), || Store(grad_input));
    }

    fn linear_update<const INPUTS: usize, const OUTPUTS: usize, O: Optimizer<STATE>, const STATE: usize>(
        &self,
        optimizer: &O,
        input: &[[f32; INPUTS]],
        grad_output: &[[f32; OUTPUTS]],
        layer: &mut Linear<INPUTS, OUTPUTS>,
        mut state: [&mut Linear<INPUTS, OUTPUTS>; STATE],
    ) {
        let product = Product {
            a: Matrix::by_columns(grad_output),
            b: Matrix::by_rows(input),
            start: None,
            rows: OUTPUTS,
            columns: INPUTS,
            terms: input.len().min(grad_output.len()),
        };
        let parameters = Target::new(layer.weight.as_flattened_mut(), INPUTS);
        let moments = state.each_mut().map(|state| Target::new(state.weight.as_flattened_mut(), INPUTS));
        let sink = || Update { optimizer, parameters, state: moments };
        self.compute(&product, self.by_rows(&product), sink);

        let mut grad = [0.0; OUTPUTS];
        for grad_output in &grad_output[..product.terms] {
            for (grad, g) in grad.iter_mut().zip(grad_output) {
                *grad += g;
            }
        }
        let moments = state.each_mut().map(|state| Target::new(&mut state.bias, OUTPUTS));
        let update = Update { optimizer, parameters: Target::new(&mut layer.bias, OUTPUTS), state: moments };
        self.instructions.run(Take { sink: update, sums: &grad });
    }

    fn share_out<T: Send>(&self, rows: &mut [T], work: impl Fn(usize, &mut [T]) + Sync) {
        let (len, target) = (rows.len(), Target::new(rows, 1));
        self.run(&|thread| {
            let part = part(len, self.threads(), thread);
            // SAFETY: each thread has a part of its own of rows that are borrowed until all are done.
            #[allow(unsafe_code)]
            let rows = unsafe { target.part(part.start, 0, part.len()) };
            self.instructions.run(Call(|| work(part.start, rows)));
        });
    }
}

/// Plain loops, which the compiler turns into the instructions.
struct Call<F>(F);

impl<F: FnOnce()> Work for Call<F> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        self.0();
    }
}

/// Sums that go to a sink as they are.
struct Take<'a, S> {
    sink: S,
    sums: &'a [f32],
}

impl<S: Sink> Work for Take<'_, S> {
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        self.sink.take::<V>(0, 0, self.sums);
    }
}
