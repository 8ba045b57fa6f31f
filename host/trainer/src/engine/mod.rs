//! The CPU engine computes the three products of a linear layer (outputs, input gradients, weight gradients) on all threads and in vector
//! registers. The results have the bits of [`Portable`](selvedge::Portable).

mod at_rest;
mod cache;
mod clock;
mod peak;
mod product;
#[cfg(test)]
mod tests;
mod vector;

use std::{num::NonZero, ops::Range, sync::Mutex};

use selvedge::{
    Activation, Engine,
    engine::{RowWork, Widths, rows},
    optimizer::Optimizer,
};

pub use at_rest::AtRest;
pub use cache::CacheError;
use clock::Clock;
pub use clock::Times;
pub use options::engine::{InstructionSet, InstructionSetError, VariableError};
use product::{Backward, Finished, Forward, Matrix, Product, Scratch, Share, Sink, Take, Target, Update, part};
use team::Team;
use vector::{Vector, Work};

/// Shares out the result elements of each product among threads, and computes several at once in vector registers.
///
/// Each result element is computed by one thread, in one chain of fused multiply-adds, in a fixed order. So the bits depend neither on the number of
/// threads nor on the instructions.
#[derive(Debug)]
pub struct Simd {
    team: Team,
    instructions: InstructionSet,
    scratch: Vec<Mutex<Scratch>>,
    /// The size of a core's first-level data cache in bytes.
    first_level_cache: usize,
    clock: Option<Clock>,
}

/// The error of an engine that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The threads could not be started.
    #[error("cannot start {threads} threads: {error}; ask for fewer with --threads")]
    Threads {
        /// The number of threads that was asked for.
        threads: NonZero<usize>,
        /// The reason.
        error: rayon::ThreadPoolBuildError,
    },
    /// The environment variable is not a size of the cache.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

impl Simd {
    /// Makes an engine with this number of threads.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the system gives fewer threads, or if the environment variable `SELVEDGE_L1_KB` is not a size in KB.
    pub fn new(instructions: InstructionSet, threads: NonZero<usize>) -> Result<Self, EngineError> {
        let team = Team::new(threads).map_err(|error| EngineError::Threads { threads, error })?;
        Ok(Self::of(instructions, team)?)
    }

    /// Makes an engine that simulates this number of threads: the calling thread computes their parts one after the other. The engine is
    /// [`timed`](Self::timed). Its [`times`](Self::times) are those of a machine with as many cores, each as fast as this one.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the environment variable `SELVEDGE_L1_KB` is not a size in KB.
    pub fn simulated(instructions: InstructionSet, threads: NonZero<usize>) -> Result<Self, EngineError> {
        Ok(Self::of(instructions, Team::taking_turns(threads))?.timed())
    }

    /// Returns an engine of one thread without vector instructions.
    #[cfg(test)]
    pub(crate) fn portable() -> Self {
        Self::new(InstructionSet::Portable, NonZero::<usize>::MIN).expect("SELVEDGE_L1_KB is a size")
    }

    fn of(instructions: InstructionSet, team: Team) -> Result<Self, CacheError> {
        let first_level_cache = cache::first_level()?;
        let scratch = (0..team.threads()).map(|_| Mutex::default()).collect();
        Ok(Self { team, instructions, scratch, first_level_cache, clock: None })
    }

    /// Returns the number of threads.
    pub fn threads(&self) -> usize {
        self.team.threads()
    }

    /// Returns the instruction set with which the engine computes.
    pub fn instructions(&self) -> InstructionSet {
        self.instructions
    }

    /// Computes the product. Each thread computes a part of the rows and of the columns.
    fn compute<S: Sink>(&self, product: &Product<'_>, grid: Grid, sink: impl Fn() -> S + Sync) {
        self.run(grid, &|thread| {
            let (rows, columns) = self.share(product, grid, thread);
            self.compute_share(product, rows, columns, thread, sink());
        });
    }

    /// Returns a thread's rows and columns.
    fn share(&self, product: &Product<'_>, grid: Grid, thread: usize) -> (Range<usize>, Range<usize>) {
        let (row, column) = (thread / grid.columns, thread % grid.columns);
        // In whole vectors, but for the last.
        let columns = part(product.columns.div_ceil(LANES), grid.columns, column);
        (part(product.rows, grid.rows, row), columns.start * LANES..product.columns.min(columns.end * LANES))
    }

    fn compute_share(
        &self,
        product: &Product<'_>,
        rows: Range<usize>,
        columns: Range<usize>,
        thread: usize,
        mut sink: impl Sink,
    ) {
        if !rows.is_empty() && !columns.is_empty() {
            let mut take = |sums: Finished<'_>| vector::run(self.instructions, Take { sums, sink: &mut sink });
            let mut scratch = self.scratch(thread);
            let cache = self.first_level_cache;
            Share { product, rows, columns, cache, scratch: &mut scratch, take: &mut take }.compute(self.instructions);
        }
    }

    fn scratch(&self, thread: usize) -> impl std::ops::DerefMut<Target = Scratch> {
        // A panic on another thread poisons at most scratch memory, which is written before it is read.
        self.scratch[thread].lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Returns a grid with many columns for each thread, if there are enough. Each thread then loads its own part of `b` into its cache.
    fn by_columns(&self, product: &Product<'_>) -> Grid {
        let columns = divisor(self.threads(), product.columns / (4 * LANES));
        Grid { rows: self.threads() / columns, columns }
    }

    /// Returns a grid with many rows for each thread, if there are enough.
    fn by_rows(&self, product: &Product<'_>) -> Grid {
        let rows = divisor(self.threads(), product.rows / 16);
        Grid { rows, columns: self.threads() / rows }
    }

    /// Returns a grid that divides elements by rows, if all of them take this number of simple operations.
    fn elements(&self, operations: usize) -> Grid {
        if operations < OPERATIONS_WORTH_SHARING { Grid::ALONE } else { Grid { rows: self.threads(), columns: 1 } }
    }
}

/// The number of simple operations of other work that take some microseconds. Less work is not shared out.
const OPERATIONS_WORTH_SHARING: usize = 1 << 14;

/// The number of lanes of the widest vector. Columns are shared out in groups of this size.
const LANES: usize = 16;

/// The number of multiply-adds that take some microseconds. A smaller product is not shared out: waking the other threads and moving numbers
/// between cores would cost as much.
const WORTH_SHARING: usize = 1 << 19;

/// The number of multiply-adds that take as long as loading one weight into a register and storing it.
const COST_OF_A_WEIGHT: usize = 16;

/// The numbers of parts into which rows and columns are divided: one part for each thread, or one for all.
#[derive(Clone, Copy)]
struct Grid {
    rows: usize,
    columns: usize,
}

impl Grid {
    const ALONE: Self = Self { rows: 1, columns: 1 };

    /// Returns this grid if it pays to share out a product with a layer's weights; else a grid of one part.
    fn where_it_pays(self, widths: Widths, samples: usize) -> Self {
        let weights = widths.inputs * widths.outputs;
        if weights.saturating_mul(samples + COST_OF_A_WEIGHT) < WORTH_SHARING { Self::ALONE } else { self }
    }

    fn parts(self) -> usize {
        self.rows * self.columns
    }
}

/// Returns the largest divisor that is at most `limit`, or 1.
fn divisor(number: usize, limit: usize) -> usize {
    (1..=limit.min(number)).rev().find(|&divisor| number.is_multiple_of(divisor)).unwrap_or(1)
}

impl Engine for Simd {
    fn linear_forward<A: Activation>(&self, widths: Widths, parameters: &[f32], input: &[f32], output: &mut [f32]) {
        let Widths { inputs, outputs } = widths;
        let (weight, bias) = widths.split(parameters);
        let product = Product {
            a: Matrix::ByRows { elements: input, stride: inputs },
            b: Matrix::ByColumns { elements: weight, stride: inputs },
            start: Some(bias),
            rows: rows(input, inputs).len().min(rows(output, outputs).len()),
            columns: outputs,
            terms: inputs,
        };
        let output = Target::new(output, outputs);
        let grid = self.by_columns(&product).where_it_pays(widths, product.rows);
        self.compute(&product, grid, || Forward::<A>::new(output));
    }

    fn linear_input_grad<P: Activation>(
        &self,
        widths: Widths,
        parameters: &[f32],
        grad_sums: &[f32],
        input: &[f32],
        grad_input: &mut [f32],
    ) {
        let Widths { inputs, outputs } = widths;
        let (weight, _) = widths.split(parameters);
        let samples = rows(input, inputs).len().min(rows(grad_input, inputs).len());
        let product = Product {
            a: Matrix::ByRows { elements: grad_sums, stride: outputs },
            b: Matrix::ByRows { elements: weight, stride: inputs },
            start: None,
            rows: rows(grad_sums, outputs).len().min(samples),
            columns: inputs,
            terms: outputs,
        };
        let grad_input = Target::new(grad_input, inputs);
        let grid = self.by_columns(&product).where_it_pays(widths, product.rows);
        self.compute(&product, grid, || Backward::<P>::new(input, grad_input));
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
        let Widths { inputs, outputs } = widths;
        let product = Product {
            a: Matrix::ByColumns { elements: grad_sums, stride: outputs },
            b: Matrix::ByRows { elements: input, stride: inputs },
            start: None,
            rows: outputs,
            columns: inputs,
            terms: rows(input, inputs).len().min(rows(grad_sums, outputs).len()),
        };
        let targets = |parameters| {
            let (weight, bias) = widths.split_mut(parameters);
            (Target::new(weight, inputs), Target::new(bias, outputs))
        };
        let ((weight, bias), state) = (targets(parameters), state.map(targets));
        let weight_sink = || Update { optimizer, parameters: weight, state: state.map(|(weight, _)| weight) };
        let bias_sink = || Update { optimizer, parameters: bias, state: state.map(|(_, bias)| bias) };
        let grid = self.by_rows(&product).where_it_pays(widths, product.terms);
        self.run(grid, &|thread| {
            let (rows, columns) = self.share(&product, grid, thread);
            // The biases go with the first column, which one thread has for each row.
            if columns.contains(&0) {
                vector::run(
                    self.instructions,
                    ColumnSums {
                        rows: &grad_sums[..product.terms * outputs],
                        width: outputs,
                        columns: rows.clone(),
                        sink: bias_sink(),
                    },
                );
            }
            self.compute_share(&product, rows, columns, thread, weight_sink());
        });
    }

    fn update<O: Optimizer<STATE>, const STATE: usize>(
        &self,
        optimizer: &O,
        parameters: &mut [f32],
        grads: &[f32],
        state: [&mut [f32]; STATE],
    ) {
        let len = parameters.len().min(grads.len());
        let (parameters, state) = (Target::new(parameters, 1), state.map(|state| Target::new(state, 1)));
        let grid = self.elements(len);
        self.run(grid, &|thread| {
            let part = part(len, grid.rows, thread);
            let sink = Update { optimizer, parameters, state };
            vector::run(self.instructions, Elements { first: part.start, grads: &grads[part], sink });
        });
    }

    fn share_out_work<T: Send>(&self, width: usize, elements: &mut [T], work: impl RowWork<T>) {
        let grid = self.elements(elements.len().saturating_mul(work.cost()));
        let (count, target) = (rows(elements, width).len(), Target::new(elements, width));
        self.run(grid, &|thread| {
            let part = part(count, grid.rows, thread);
            // SAFETY: each thread has a part of its own of rows that are borrowed until all are done.
            #[allow(unsafe_code)]
            let elements = unsafe { target.part(part.start, 0, part.len() * width) };
            vector::run(self.instructions, Part { work: &work, first: part.start, elements });
        });
    }
}

/// A thread's part of some rows. It uses plain loops, which the compiler turns into the vector instructions.
struct Part<'a, T, W> {
    work: &'a W,
    first: usize,
    elements: &'a mut [T],
}

impl<T, W: RowWork<T>> Work for Part<'_, T, W> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        self.work.run(self.first, self.elements);
    }
}

/// Gradients that were stored.
struct Elements<'a, S> {
    first: usize,
    grads: &'a [f32],
    sink: S,
}

impl<S: Sink> Work for Elements<'_, S> {
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        self.sink.take::<V>(self.first, 0, self.grads);
    }
}

/// The sums of some columns. Each is computed by addition, the rows ascending, from +0.
struct ColumnSums<'a, S> {
    rows: &'a [f32],
    width: usize,
    columns: Range<usize>,
    sink: S,
}

impl<S: Sink> Work for ColumnSums<'_, S> {
    #[inline(always)]
    fn run<V: Vector>(mut self) {
        const AT_A_TIME: usize = 64;
        for first in self.columns.clone().step_by(AT_A_TIME) {
            let columns = first..self.columns.end.min(first + AT_A_TIME);
            let mut sums = [0.0; AT_A_TIME];
            for row in rows(self.rows, self.width) {
                for (sum, x) in sums.iter_mut().zip(&row[columns.clone()]) {
                    *sum += x;
                }
            }
            self.sink.take::<V>(0, first, &sums[..columns.len()]);
        }
    }
}
