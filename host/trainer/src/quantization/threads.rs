//! Work on all of an engine's threads.

use selvedge::{Engine, engine::RowWork};

use crate::engine::Simd;

/// Work that takes more than one simple operation for each element.
pub(super) struct Costly<W> {
    /// The number of operations for each element.
    pub cost: usize,
    pub work: W,
}

impl<T, W: Fn(usize, &mut [T]) + Sync> RowWork<T> for Costly<W> {
    fn run(&self, first: usize, elements: &mut [T]) {
        (self.work)(first, elements);
    }

    fn cost(&self) -> usize {
        self.cost
    }
}

/// Computes a result for each item, in their order, on all threads. The work on an item should take some microseconds or more.
pub(super) fn for_each<I: Sync, T: Send>(engine: &Simd, items: &[I], work: impl Fn(&I) -> T + Sync) -> Vec<T> {
    let mut results: Vec<Option<T>> = items.iter().map(|_| None).collect();
    let work = |first: usize, results: &mut [Option<T>]| {
        for (result, item) in results.iter_mut().zip(&items[first..]) {
            *result = Some(work(item));
        }
    };
    // With this cost, even two items are shared out.
    engine.share_out_work(1, &mut results, Costly { cost: 1 << 20, work });
    results.into_iter().flatten().collect()
}
