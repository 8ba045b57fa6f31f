//! Work on all of an engine's threads.

use selvedge::Engine;

/// Computes a result for each item, in their order, on all threads.
pub(super) fn for_each<E: Engine, I: Sync, T: Send>(engine: &E, items: &[I], work: impl Fn(&I) -> T + Sync) -> Vec<T> {
    let mut results: Vec<Option<T>> = items.iter().map(|_| None).collect();
    engine.share_out(1, &mut results, |first, results| {
        for (result, item) in results.iter_mut().zip(&items[first..]) {
            *result = Some(work(item));
        }
    });
    results.into_iter().flatten().collect()
}
