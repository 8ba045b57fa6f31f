//! The multiply-adds that training and predictions need.
//!
//! A multiply-add is needed where its factor on the batch's side (an input in the forward pass, a gradient in the backward
//! pass) is not zero. The engine leaves out none of these, so their rate stays below the machine's peak.

use std::{cell::RefCell, ops::AddAssign};

use anyhow::Result;
use host::training::{Length, Observer, Step};
use selvedge::{
    Activation, Engine,
    engine::{RowWork, Widths, rows},
    optimizer::Optimizer,
};

use super::{
    measure::TimedTraining,
    predictions::Predictions,
    products::{Entry, Ledger, Product},
};

/// Multiply-adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub needed: u64,
    /// With those that have a zero factor.
    pub nominal: u64,
}

impl Count {
    /// Returns the needed ones of the nominal ones, from 0 to 1.
    pub fn needed_share(self) -> f64 {
        self.needed as f64 / self.nominal as f64
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.needed += other.needed;
        self.nominal += other.nominal;
    }
}

/// Multiply-adds of some steps.
pub struct Counts {
    pub steps: u64,
    pub products: Vec<Entry<Count>>,
}

impl Counts {
    /// Counts over epochs that begin as the measured ones do, after the same warm-up, so that the same activations are zero.
    pub fn of(training: &mut TimedTraining<'_>, engine: &impl Engine, epochs: u32) -> Result<Self> {
        training.warm_up(engine)?;
        let engine = Counting { engine, ledger: RefCell::default() };
        training.train(&engine, Length::Epochs(epochs), &mut Watch(&engine.ledger))?;
        let (steps, products) = engine.ledger.take().take();
        Ok(Self { steps, products })
    }

    /// Counts over a pass of predictions.
    pub fn of_predictions(predictions: &Predictions, engine: &impl Engine) -> Result<Self> {
        let engine = Counting { engine, ledger: RefCell::default() };
        predictions.run(&engine)?;
        engine.ledger.borrow_mut().step();
        let (steps, products) = engine.ledger.take().take();
        Ok(Self { steps, products })
    }

    /// Returns the sum of the counts of all products.
    pub fn total(&self) -> Count {
        let mut total = Count::default();
        self.products.iter().for_each(|entry| total += entry.sum);
        total
    }
}

/// Another engine, whose products are counted.
struct Counting<'a, E> {
    engine: &'a E,
    ledger: RefCell<Ledger<Count>>,
}

impl<E> Counting<'_, E> {
    /// Adds a product: each of the batch's factors meets as many others as the layer has features on the other side.
    fn add(&self, product: Product, widths: Widths, samples: usize, factors: &[f32]) {
        let Widths { inputs, outputs } = widths;
        let (width, others) = if product == Product::Forward { (inputs, outputs) } else { (outputs, inputs) };
        let factors = &factors[..samples * width];
        let others = others as u64;
        let nonzero = factors.iter().filter(|&&factor| factor != 0.0).count() as u64;
        let count = Count { needed: nonzero * others, nominal: factors.len() as u64 * others };
        self.ledger.borrow_mut().add(product, widths, count);
    }
}

impl<E: Engine> Engine for Counting<'_, E> {
    fn linear_forward<A: Activation>(&self, widths: Widths, parameters: &[f32], input: &[f32], output: &mut [f32]) {
        let samples = rows(input, widths.inputs).len().min(rows(output, widths.outputs).len());
        self.add(Product::Forward, widths, samples, input);
        self.engine.linear_forward::<A>(widths, parameters, input, output);
    }

    fn linear_input_grad<P: Activation>(
        &self,
        widths: Widths,
        parameters: &[f32],
        grad_sums: &[f32],
        input: &[f32],
        grad_input: &mut [f32],
    ) {
        let samples = rows(input, widths.inputs).len().min(rows(grad_input, widths.inputs).len());
        let samples = samples.min(rows(grad_sums, widths.outputs).len());
        self.add(Product::InputGrad, widths, samples, grad_sums);
        self.engine.linear_input_grad::<P>(widths, parameters, grad_sums, input, grad_input);
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
        let samples = rows(input, widths.inputs).len().min(rows(grad_sums, widths.outputs).len());
        self.add(Product::Update, widths, samples, grad_sums);
        self.engine.linear_update::<O, STATE, ROW>(optimizer, widths, input, grad_sums, parameters, state);
    }

    fn update<O: Optimizer<STATE>, const STATE: usize>(
        &self,
        optimizer: &O,
        parameters: &mut [f32],
        grads: &[f32],
        state: [&mut [f32]; STATE],
    ) {
        self.engine.update(optimizer, parameters, grads, state);
    }

    fn share_out_work<T: Send>(&self, width: usize, elements: &mut [T], work: impl RowWork<T>) {
        self.engine.share_out_work(width, elements, work);
    }
}

/// Keeps the steps' counts.
struct Watch<'a>(&'a RefCell<Ledger<Count>>);

impl Observer for Watch<'_> {
    type Error = anyhow::Error;

    fn epoch_begins(&mut self, _epoch: u32) -> Result<()> {
        self.0.borrow_mut().epoch_begins();
        Ok(())
    }

    fn step(&mut self, _step: &Step) -> Result<()> {
        self.0.borrow_mut().step();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use selvedge::{Portable, Relu, architecture::Architecture, fashion_mnist::Tiny, optimizer::Sgd};

    use super::{super::workload::Workload, *};

    const WIDTHS: Widths = Widths { inputs: 2, outputs: 3 };
    const PARAMETERS: [f32; 9] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.5, -0.5, 1.0];

    /// One call's count.
    fn count(call: impl FnOnce(&Counting<'_, Portable>)) -> (Product, Widths, Count) {
        let engine = Counting { engine: &Portable, ledger: RefCell::default() };
        call(&engine);
        let mut ledger = engine.ledger.take();
        ledger.step();
        let (_, entries) = ledger.take();
        let [Entry { product, widths, sum }] = *entries else { panic!("one product: {entries:?}") };
        (product, widths, sum)
    }

    #[test]
    fn an_input_that_is_not_zero_meets_every_output() {
        let mut output = [9.0; 6];
        let counted = count(|engine| {
            engine.linear_forward::<Relu>(WIDTHS, &PARAMETERS, &[1.0, 10.0, 0.0, -1.0], &mut output);
        });
        assert_eq!(counted, (Product::Forward, WIDTHS, Count { needed: 3 * 3, nominal: 4 * 3 }));
        // The wrapped engine has computed it.
        assert_eq!(output, [21.5, 42.5, 66.0, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn a_gradient_that_is_not_zero_meets_every_input() {
        // One of the zeros is negative.
        let (input, grad_sums) = ([1.0, 0.0, 0.0, 4.0], [1.0, 0.0, -1.0, -0.0, 0.0, 2.0]);
        let expected = Count { needed: 3 * 2, nominal: 6 * 2 };
        let mut grad_input = [9.0; 4];
        let counted = count(|engine| {
            engine.linear_input_grad::<Relu>(WIDTHS, &PARAMETERS, &grad_sums, &input, &mut grad_input);
        });
        assert_eq!(counted, (Product::InputGrad, WIDTHS, expected));
        assert_eq!(grad_input, [-4.0, 0.0, 0.0, 12.0]);
        let mut parameters = PARAMETERS;
        let counted = count(|engine| {
            engine.linear_update::<_, 0, 1>(&Sgd::new(0.5), WIDTHS, &input, &grad_sums, &mut parameters, []);
        });
        assert_eq!(counted, (Product::Update, WIDTHS, expected));
        assert_ne!(parameters, PARAMETERS);
    }

    #[test]
    fn samples_past_the_shortest_are_left_out() {
        let (_, _, counted) =
            count(|engine| engine.linear_forward::<Relu>(WIDTHS, &PARAMETERS, &[1.0; 4], &mut [0.0; 3]));
        assert_eq!(counted, Count { needed: 6, nominal: 6 });
    }

    #[test]
    fn the_nominal_ones_of_a_training_are_the_workload() {
        let mut data = host::data::load(Some(Path::new("builtin"))).unwrap();
        data.train.truncate(10);
        let network = Architecture::of::<Tiny>();
        let counts = Counts::of(&mut TimedTraining::new(&network, &data, 4).unwrap(), &Portable, 2).unwrap();
        // Batches of 4, 4 and 2 samples, twice.
        assert_eq!((counts.steps, counts.products.len()), (6, 5));
        let Count { needed, nominal } = counts.total();
        assert_eq!(2 * nominal, 20 * Workload::of(&network).operations());
        assert!((1..nominal).contains(&needed), "{needed}");
    }
}
