//! A ledger of each product of each layer, step by step.

use std::{fmt, mem, ops::AddAssign};

use selvedge::engine::Widths;

/// One of a linear layer's products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    Forward,
    InputGrad,
    Update,
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forward => "forward",
            Self::InputGrad => "input gradients",
            Self::Update => "weight gradients, update",
        })
    }
}

/// A product of the layers of these widths, and the sum of what was written down of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry<T> {
    pub product: Product,
    pub widths: Widths,
    pub sum: T,
}

/// Sums of steps alone: of a test, or of a warm-up, nothing is kept.
#[derive(Debug)]
pub struct Ledger<T> {
    /// Since the last step that was kept.
    pending: Vec<Entry<T>>,
    kept: Vec<Entry<T>>,
    steps: u64,
}

impl<T> Default for Ledger<T> {
    fn default() -> Self {
        Self { pending: Vec::new(), kept: Vec::new(), steps: 0 }
    }
}

impl<T: AddAssign> Ledger<T> {
    /// Adds to a product.
    pub fn add(&mut self, product: Product, widths: Widths, value: T) {
        add(&mut self.pending, Entry { product, widths, sum: value });
    }

    /// An epoch begins: what came before was no step.
    pub fn epoch_begins(&mut self) {
        self.pending.clear();
    }

    /// A step was taken.
    pub fn step(&mut self) {
        self.steps += 1;
        for entry in self.pending.drain(..) {
            add(&mut self.kept, entry);
        }
    }

    /// Returns the steps, and their sums in the order of a step's first calls. The ledger is empty then.
    pub fn take(&mut self) -> (u64, Vec<Entry<T>>) {
        self.pending.clear();
        (mem::take(&mut self.steps), mem::take(&mut self.kept))
    }
}

fn add<T: AddAssign>(entries: &mut Vec<Entry<T>>, new: Entry<T>) {
    match entries.iter_mut().find(|entry| (entry.product, entry.widths) == (new.product, new.widths)) {
        Some(entry) => entry.sum += new.sum,
        None => entries.push(new),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_summed_in_their_order_and_tests_are_left_out() {
        let (wide, narrow) = (Widths { inputs: 9, outputs: 5 }, Widths { inputs: 5, outputs: 2 });
        let mut ledger = Ledger::default();
        ledger.add(Product::Forward, narrow, 1000);
        for epoch in [1, 10] {
            ledger.epoch_begins();
            for _ in 0..2 {
                ledger.add(Product::Forward, wide, epoch);
                ledger.add(Product::Forward, narrow, 2 * epoch);
                ledger.add(Product::Update, narrow, 3 * epoch);
                ledger.step();
            }
            ledger.add(Product::Forward, wide, 1000);
        }
        let (steps, entries) = ledger.take();
        let entry = |product, widths, sum| Entry { product, widths, sum };
        let sums = [(Product::Forward, wide, 22), (Product::Forward, narrow, 44), (Product::Update, narrow, 66)];
        assert_eq!(entries, sums.map(|(product, widths, sum)| entry(product, widths, sum)));
        assert_eq!((steps, ledger.take()), (4, (0, Vec::new())));
    }
}
