//! A [`Team`] shares out work among threads. A waiting thread spins for a moment, so that sharing out work costs less than a microsecond.
//!
//! A step of training is a dozen products of tens of microseconds each. A sleeping thread wakes too late for that: see docs/bench-cpu.md. The
//! caller spins for 20 µs, a helper for 100 µs, and then it sleeps. Longer spinning could keep a core from the thread that does the work. With
//! more threads than cores, a waiting thread sleeps almost at once.
//!
//! - `gate`: the number for which threads wait. `sync`: the threads, locks and atomic numbers. In a build with `--cfg loom`, they are loom's.
//! - `models`: tests with loom's threads, in many orders and with every value that a thread may see. `tests`: tests with the standard library's.

#![allow(unsafe_code)]

mod gate;
#[cfg(test)]
#[cfg(loom)]
mod models;
mod sync;
#[cfg(test)]
#[cfg(not(loom))]
mod tests;

use std::{
    fmt,
    num::NonZero,
    panic::{self, AssertUnwindSafe},
    sync::{
        PoisonError,
        atomic::Ordering::{Relaxed, Release},
    },
    thread,
    time::Duration,
};

use gate::Gate;
use sync::{Arc, AtomicBool, Helpers, Mutex, UnsafeCell};

pub use sync::StartError;

/// The time that the caller spins before it sleeps. It is several times the usual difference between the times at which
/// the threads finish. It is short, so that a
/// helper gets the core if another program uses the helper's own core.
const PATIENCE: Duration = Duration::from_micros(20);

/// The time that a helper spins before it sleeps. It is longer than the caller computes alone between two works of a step, such as the
/// products of a small output layer and the loss.
const READINESS: Duration = Duration::from_micros(100);

/// A caller and the threads that help it.
#[derive(Debug)]
pub struct Team {
    /// The helpers' threads, each of which runs [`Shared::serve`]. `None` if there are no helpers.
    _helpers: Option<Helpers>,
    shared: Arc<Shared>,
    threads: usize,
    /// True if the caller does the work of all threads, one after the other.
    takes_turns: bool,
    /// Locked while a work is being done.
    turn: Mutex<()>,
}

type Work<'a> = dyn Fn(usize) + Sync + 'a;

#[derive(Debug, Default)]
struct Shared {
    /// The work. The caller writes it while no helper reads it: between the end of one work and the beginning of the next.
    work: Slot,
    /// The number of works so far. A helper that sees a new number reads the work.
    generation: Gate,
    /// The number of helpers that are not done with the work.
    busy: Gate,
    /// True if the helpers are to end.
    ended: AtomicBool,
    /// True if a helper panicked.
    panicked: AtomicBool,
    /// The time [`PATIENCE`], or zero if threads have to take turns on a core.
    patience: Duration,
    /// The time [`READINESS`], or zero.
    readiness: Duration,
}

#[derive(Default)]
struct Slot(UnsafeCell<Option<&'static Work<'static>>>);

// SAFETY: `Team::run` and `Shared::serve` take turns, as `Shared::work` says.
unsafe impl Sync for Slot {}
// SAFETY: what it refers to is `Sync`.
unsafe impl Send for Slot {}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot")
    }
}

impl Team {
    /// Starts a team with this number of threads, including the caller's.
    ///
    /// # Errors
    ///
    /// If the system cannot start more threads.
    pub fn new(threads: NonZero<usize>) -> Result<Self, StartError> {
        let threads = threads.get();
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let (patience, readiness) = if threads <= cores { (PATIENCE, READINESS) } else { Default::default() };
        let shared = Arc::new(Shared { patience, readiness, ..Shared::default() });
        let start = |helpers| {
            let shared = Arc::clone(&shared);
            Helpers::start(helpers, move |helper| shared.serve(1 + helper))
        };
        let helpers = (threads > 1).then(|| start(threads - 1)).transpose()?;
        Ok(Self { _helpers: helpers, shared, threads, takes_turns: threads == 1, turn: Mutex::default() })
    }

    /// Returns a team without helper threads: the caller does the work of this number of threads, one after the other.
    pub fn taking_turns(threads: NonZero<usize>) -> Self {
        let (shared, turn) = Default::default();
        Self { _helpers: None, shared, threads: threads.get(), takes_turns: true, turn }
    }

    /// Returns true if the caller does all the work.
    pub fn takes_turns(&self) -> bool {
        self.takes_turns
    }

    /// Returns the number of threads.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Runs `work(thread)` for each thread, 0 to `threads − 1`, and returns when all are done. If the team has helper
    /// threads, one caller runs at a time, and the others wait. Work must not call `run` of the same team: it would wait for ever. If the
    /// [caller does all the work](Self::takes_turns), there is no lock, and no caller waits.
    ///
    /// # Panics
    ///
    /// If the work panics on any thread.
    pub fn run(&self, work: &Work<'_>) {
        if self.takes_turns {
            return (0..self.threads).for_each(work);
        }
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = &*self.shared;
        // SAFETY: the helpers are done with the reference before this function returns or unwinds: it waits for them.
        let lasting = unsafe { std::mem::transmute::<&Work<'_>, &'static Work<'static>>(work) };
        // SAFETY: no helper is busy, so none reads the slot.
        shared.work.0.with_mut(|slot| unsafe { *slot = Some(lasting) });
        shared.panicked.store(false, Relaxed);
        shared.busy.number.store(self.threads - 1, Relaxed);
        shared.next_generation();
        let own = panic::catch_unwind(AssertUnwindSafe(|| work(0)));
        shared.busy.wait(shared.patience, |busy| busy == 0);
        let panicked = shared.panicked.load(Relaxed);
        // Before a panic goes on, which would poison it.
        drop(turn);
        own.unwrap_or_else(|panic| panic::resume_unwind(panic));
        if panicked {
            // The helper's panic has been told.
            panic::resume_unwind(Box::new("a thread of the engine panicked"));
        }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.ended.store(true, Relaxed);
        self.shared.next_generation();
    }
}

impl Shared {
    /// Lets the helpers see everything that the caller wrote before.
    fn next_generation(&self) {
        self.generation.number.fetch_add(1, Release);
        self.generation.open();
    }

    /// Runs a helper's loop: it does each new work once.
    fn serve(&self, thread: usize) {
        let mut seen = 0;
        loop {
            seen = self.generation.wait(self.readiness, |generation| generation != seen);
            if self.ended.load(Relaxed) {
                return;
            }
            // SAFETY: a new generation was seen, so the slot was written before, and is not written until `busy` is 0.
            let work = self.work.0.with(|slot| unsafe { *slot });
            if let Some(work) = work
                && panic::catch_unwind(AssertUnwindSafe(|| work(thread))).is_err()
            {
                self.panicked.store(true, Relaxed);
            }
            // The caller, which sees 0, sees what every helper wrote before.
            if self.busy.number.fetch_sub(1, Release) == 1 {
                self.busy.open();
            }
        }
    }
}
