//! Work on all of an engine's threads.

use selvedge::{Engine, engine::RowWork};

/// The cost of an item's work, which may take milliseconds. It is so high that even two items are shared out.
const COST: usize = 1 << 20;

/// Computes a result for each item, in their order, on all threads. The work on an item should take some microseconds or more.
pub(super) fn for_each<E: Engine, I: Sync, T: Send>(engine: &E, items: &[I], work: impl Fn(&I) -> T + Sync) -> Vec<T> {
    let mut results: Vec<Option<T>> = items.iter().map(|_| None).collect();
    engine.share_out_work(1, &mut results, ForEach { items, work });
    results.into_iter().flatten().collect()
}

struct ForEach<'a, I, W> {
    items: &'a [I],
    work: W,
}

impl<I: Sync, T, W: Fn(&I) -> T + Sync> RowWork<Option<T>> for ForEach<'_, I, W> {
    fn run(&self, first: usize, results: &mut [Option<T>]) {
        for (result, item) in results.iter_mut().zip(&self.items[first..]) {
            *result = Some((self.work)(item));
        }
    }

    fn cost(&self) -> usize {
        COST
    }
}
