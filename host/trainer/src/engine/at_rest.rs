//! Weights that do not change: they are transposed once, for all predictions.

use selvedge::{
    Activation,
    engine::{Widths, rows, rows_mut},
};

use super::{Finished, Forward, Grid, LANES, Matrix, Product, Simd, Take, Target, product::Single, vector};
use crate::aligned::{Aligned, MemoryError};

/// The largest number of samples that are computed one after the other. For so few, packing panels takes longer.
const SINGLE: usize = 8;

/// With at least this number of samples for each thread, the threads share out the samples. With fewer, they share out the outputs.
const MANY: usize = 64;

/// A linear layer's weights in the order in which predictions read them: `[inputs][outputs]`, each row filled up with zeros to whole vectors.
#[derive(Debug)]
pub struct AtRest {
    widths: Widths,
    weight: Aligned,
    bias: Vec<f32>,
    stride: usize,
    is_finite: bool,
}

impl AtRest {
    /// Copies a layer's `[outputs][inputs]` weights and its biases.
    ///
    /// # Errors
    ///
    /// [`MemoryError`] if there is not enough memory.
    pub fn new(widths: Widths, parameters: &[f32]) -> Result<Self, MemoryError> {
        let (weight, bias) = widths.split(parameters);
        // A cache line more than the outputs need: rows of a power of two would leave half of the cache's sets to each of two threads.
        let stride = widths.outputs.next_multiple_of(LANES) + LANES;
        let mut transposed = Aligned::zeroed(widths.inputs * stride)?;
        // In tiles, so that a cache line is written while it is at hand.
        for first in (0..widths.outputs).step_by(LANES) {
            for (input, row) in rows_mut(&mut transposed, stride).enumerate() {
                let outputs = rows(weight, widths.inputs).skip(first);
                row[first..].iter_mut().zip(outputs).take(LANES).for_each(|(to, from)| *to = from[input]);
            }
        }
        let is_finite = weight.iter().all(|x| x.is_finite());
        Ok(Self { widths, weight: transposed, bias: bias.to_vec(), stride, is_finite })
    }
}

impl Simd {
    /// Does the same as [`linear_forward`](selvedge::Engine::linear_forward), for weights that do not change. The bits are the same.
    pub fn forward_at_rest<A: Activation>(&self, layer: &AtRest, input: &[f32], output: &mut [f32]) {
        let Widths { inputs, outputs } = layer.widths;
        let product = Product {
            a: Matrix::ByRows { elements: input, stride: inputs },
            b: Matrix::ByRows { elements: &layer.weight, stride: layer.stride },
            start: Some(&layer.bias),
            rows: rows(input, inputs).len().min(rows(output, outputs).len()),
            columns: outputs,
            terms: inputs,
        };
        let output = Target::new(output, outputs);
        // Many samples are shared out in place of outputs: each thread then looks for similar samples among its own alone, and reads the
        // activations that it wrote.
        let has_many = product.rows >= MANY * self.threads();
        let grid = if has_many { self.by_rows(&product) } else { self.by_columns(&product) };
        let grid = grid.where_it_pays(layer.widths, product.rows);
        if product.rows > SINGLE {
            return self.compute(&product, grid, || Forward::<A>::new(output));
        }
        // Columns alone are shared out: where they are too few for all threads, the caller computes them.
        let grid = if grid.rows == 1 { grid } else { Grid::ALONE };
        self.run(grid, &|thread| {
            let (_, columns) = self.share(&product, grid, thread);
            let mut sink = Forward::<A>::new(output);
            let mut take = |sums: Finished<'_>| vector::run(self.instructions, Take { sums, sink: &mut sink });
            let work = Single { product: &product, columns, is_finite: layer.is_finite, take: &mut take };
            vector::run(self.instructions, work);
        });
    }
}
