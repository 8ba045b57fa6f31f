//! The CPU engine: core's three products on all threads, with the bits of [`Portable`](selvedge::Portable).

mod product;

use std::sync::Mutex;

use rayon::{ThreadPool, ThreadPoolBuilder, prelude::*};
use selvedge::{Engine, Linear, optimizer::Optimizer};

use product::{Matrix, Processor, Product};

/// Shares out the result elements of each product among a pool of threads.
///
/// Every result element is one chain on one thread, so the bits do not depend on the number of threads.
#[derive(Debug)]
pub struct Threads {
    pool: ThreadPool,
    processor: Processor,
    panels: Vec<Mutex<Vec<f32>>>,
}

/// The threads could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start {threads} threads: {error}; ask for fewer with --threads")]
pub struct ThreadsError {
    threads: usize,
    error: rayon::ThreadPoolBuildError,
}

impl Threads {
    /// An engine with so many threads (at least one).
    ///
    /// # Errors
    ///
    /// [`ThreadsError`] where the system gives no more threads.
    pub fn new(threads: usize) -> Result<Self, ThreadsError> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads.max(1))
            .build()
            .map_err(|error| ThreadsError { threads, error })?;
        let panels = (0..pool.current_num_threads()).map(|_| Mutex::default()).collect();
        Ok(Self { pool, processor: Processor::detect(), panels })
    }

    /// How many threads there are.
    pub fn count(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Runs `work(first row, rows)` on each thread's share of the rows.
    fn share_out<T: Send>(&self, rows: &mut [T], work: impl Fn(usize, &mut [T], &mut Vec<f32>) + Sync) {
        let share = rows.len().div_ceil(self.count()).max(1);
        self.pool.install(|| {
            rows.par_chunks_mut(share).zip(&self.panels).enumerate().for_each(|(index, (rows, panel))| {
                // A panic on another thread poisons at most scratch memory, which is written before it is read.
                let mut panel = panel.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                work(index * share, rows, &mut panel);
            });
        });
    }
}

impl Engine for Threads {
    /// Each thread takes some samples; the products' lanes run over them.
    fn linear_forward<const INPUTS: usize, const OUTPUTS: usize>(
        &self,
        layer: &Linear<INPUTS, OUTPUTS>,
        input: &[[f32; INPUTS]],
        output: &mut [[f32; OUTPUTS]],
    ) {
        let batch = input.len().min(output.len());
        self.share_out(&mut output[..batch], |first, output, panel| {
            let input = &input[first..][..output.len()];
            Product {
                a: Matrix::by_rows(&layer.weight),
                b: Matrix::by_columns(input),
                start: Some(&layer.bias),
                rows: OUTPUTS,
                columns: output.len(),
                terms: INPUTS,
            }
            .compute(
                self.processor,
                panel,
                |row, column| column * OUTPUTS + row,
                output.as_flattened_mut(),
            );
        });
    }

    /// Each thread takes some samples; the lanes run over the inputs.
    fn linear_input_grad<const INPUTS: usize, const OUTPUTS: usize>(
        &self,
        layer: &Linear<INPUTS, OUTPUTS>,
        grad_output: &[[f32; OUTPUTS]],
        grad_input: &mut [[f32; INPUTS]],
    ) {
        let batch = grad_output.len().min(grad_input.len());
        self.share_out(&mut grad_input[..batch], |first, grad_input, panel| {
            Product {
                a: Matrix::by_rows(&grad_output[first..]),
                b: Matrix::by_rows(&layer.weight),
                start: None,
                rows: grad_input.len(),
                columns: INPUTS,
                terms: OUTPUTS,
            }
            .compute(
                self.processor,
                panel,
                |row, column| row * INPUTS + column,
                grad_input.as_flattened_mut(),
            );
        });
    }

    /// Each thread takes some outputs; the lanes run over the inputs.
    fn linear_weight_grad<const INPUTS: usize, const OUTPUTS: usize>(
        &self,
        input: &[[f32; INPUTS]],
        grad_output: &[[f32; OUTPUTS]],
        grad: &mut Linear<INPUTS, OUTPUTS>,
    ) {
        let batch = input.len().min(grad_output.len());
        self.share_out(&mut grad.weight, |first, weight, panel| {
            Product {
                a: Matrix::by_columns(grad_output).skip_rows(first),
                b: Matrix::by_rows(input),
                start: None,
                rows: weight.len(),
                columns: INPUTS,
                terms: batch,
            }
            .compute(self.processor, panel, |row, column| row * INPUTS + column, weight.as_flattened_mut());
        });
        grad.bias.fill(0.0);
        for grad_output in &grad_output[..batch] {
            for (bias, g) in grad.bias.iter_mut().zip(grad_output) {
                *bias += g;
            }
        }
    }

    fn update<O: Optimizer>(&self, optimizer: &O, parameters: &mut [f32], grad: &[f32]) {
        self.share_out(parameters, |first, parameters, _| {
            self.processor.update(optimizer, parameters, &grad[first..]);
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use selvedge::{Flat, Portable};

    use super::*;

    /// Bits, with every NaN as one: which NaN an invalid operation gives is outside the contract.
    fn bits(values: &[f32]) -> Vec<u32> {
        values.iter().map(|x| if x.is_nan() { f32::NAN } else { *x }.to_bits()).collect()
    }

    /// Ordinary numbers, with a few zeros, subnormals and infinities among them.
    fn number() -> impl Strategy<Value = f32> {
        prop_oneof![
            40 => -4.0f32..4.0,
            4 => prop_oneof![Just(0.0), Just(-0.0)],
            4 => (1u32..0x0080_0000, any::<bool>()).prop_map(|(b, s)| f32::from_bits(b | u32::from(s) << 31)),
            1 => prop_oneof![Just(f32::INFINITY), Just(f32::NEG_INFINITY), Just(f32::MAX)],
        ]
    }

    fn check_layer<const INPUTS: usize, const OUTPUTS: usize>(
        threads: usize,
        batch: usize,
        numbers: &[f32],
    ) -> Result<(), TestCaseError> {
        let engine = Threads::new(threads).unwrap();
        let mut numbers = numbers.iter().copied().cycle();
        let mut layer = Linear::<INPUTS, OUTPUTS>::ZERO;
        layer.as_flat_mut().fill_with(|| numbers.next().unwrap());
        let input: Vec<[f32; INPUTS]> = (0..batch).map(|_| [0.0; INPUTS].map(|_| numbers.next().unwrap())).collect();
        let grad_output: Vec<[f32; OUTPUTS]> =
            (0..batch).map(|_| [0.0; OUTPUTS].map(|_| numbers.next().unwrap())).collect();

        let mut outputs = [vec![[9.0; OUTPUTS]; batch], vec![[8.0; OUTPUTS]; batch]];
        engine.linear_forward(&layer, &input, &mut outputs[0]);
        Portable.linear_forward(&layer, &input, &mut outputs[1]);
        prop_assert_eq!(bits(outputs[0].as_flattened()), bits(outputs[1].as_flattened()));

        let mut grad_inputs = [vec![[9.0; INPUTS]; batch], vec![[8.0; INPUTS]; batch]];
        engine.linear_input_grad(&layer, &grad_output, &mut grad_inputs[0]);
        Portable.linear_input_grad(&layer, &grad_output, &mut grad_inputs[1]);
        prop_assert_eq!(bits(grad_inputs[0].as_flattened()), bits(grad_inputs[1].as_flattened()));

        let mut grads = [Linear::<INPUTS, OUTPUTS>::ZERO, Linear::<INPUTS, OUTPUTS>::ZERO];
        engine.linear_weight_grad(&input, &grad_output, &mut grads[0]);
        Portable.linear_weight_grad(&input, &grad_output, &mut grads[1]);
        prop_assert_eq!(bits(grads[0].as_flat()), bits(grads[1].as_flat()));
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn every_product_has_portables_bits(
            threads in 1usize..9,
            batch in 1usize..70,
            numbers in prop::collection::vec(number(), 997),
        ) {
            check_layer::<1, 1>(threads, batch, &numbers)?;
            check_layer::<5, 3>(threads, batch, &numbers)?;
            check_layer::<16, 12>(threads, batch, &numbers)?;
            check_layer::<17, 6>(threads, batch, &numbers)?;
            check_layer::<47, 31>(threads, batch, &numbers)?;
            check_layer::<69, 10>(threads, batch, &numbers)?;
        }

        #[test]
        fn updates_have_portables_bits(
            threads in 1usize..9,
            parameters in prop::collection::vec(number(), 0..200),
            grad in prop::collection::vec(number(), 200),
            learning_rate in 0.0f32..1.0,
        ) {
            let optimizer = selvedge::optimizer::Sgd { learning_rate };
            let (mut fast, mut plain) = (parameters.clone(), parameters);
            Threads::new(threads).unwrap().update(&optimizer, &mut fast, &grad);
            Portable.update(&optimizer, &mut plain, &grad);
            prop_assert_eq!(bits(&fast), bits(&plain));
        }
    }
}
