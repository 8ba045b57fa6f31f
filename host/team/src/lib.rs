//! Threads that wait for work by spinning for a moment, so that sharing out work costs less than a microsecond.
//!
//! A step of training is a dozen products of tens of microseconds: the few that a sleeping thread takes to wake would be felt.
//! A thread that waits longer than `PATIENCE` or `READINESS` sleeps: where other programs want the cores, spinning would keep them from
//! the thread that it waits for.

#![allow(unsafe_code)]

use std::{
    cell::UnsafeCell,
    fmt, hint,
    num::NonZero,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// The time that the caller spins before it sleeps: several times the difference of the threads' times. The short time gives the core to
/// a helper that another program keeps from its own core.
const PATIENCE: Duration = Duration::from_micros(20);

/// The time that a helper spins before it sleeps: more than the caller computes alone between two works of a step, such as the products of
/// a small output layer and the loss. A helper that sleeps takes about 100 µs to wake.
const READINESS: Duration = Duration::from_micros(100);

/// Looks between two at the clock.
const LOOKS: usize = 16;

/// A caller and the threads that help it.
#[derive(Debug)]
pub struct Team {
    /// The helpers' threads, each of which runs [`Shared::serve`]. `None` if there are no helpers.
    _helpers: Option<ThreadPool>,
    shared: Arc<Shared>,
    threads: usize,
    /// The caller does all threads' work, one after the other.
    takes_turns: bool,
    /// Held while work is under way.
    turn: Mutex<()>,
}

type Work<'a> = dyn Fn(usize) + Sync + 'a;

#[derive(Debug, Default)]
struct Shared {
    /// Written while no helper reads it: by the caller, between the end of one work and the beginning of the next.
    work: Slot,
    /// The number of works so far. A helper that sees a new number reads the work.
    generation: Gate,
    /// Helpers that are not done with the work.
    busy: Gate,
    /// True if the helpers are to end.
    ended: AtomicBool,
    /// True if a helper panicked.
    panicked: AtomicBool,
    /// [`PATIENCE`]; none where threads have to take turns on a core.
    patience: Duration,
    /// [`READINESS`], or none.
    readiness: Duration,
}

/// A number that threads wait for, on cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Gate {
    number: AtomicUsize,
    /// Threads that sleep, or are about to: they look at the number once more after they have said so.
    sleepers: AtomicUsize,
    bed: Mutex<()>,
    wake: Condvar,
}

impl Gate {
    /// Wakes who sleeps, after a change of the number: whoever was not counted by then sees the change.
    fn open(&self) {
        if self.sleepers.load(SeqCst) > 0 {
            drop(self.bed.lock().unwrap_or_else(PoisonError::into_inner));
            self.wake.notify_all();
        }
    }

    /// Waits for a number that will do, and returns it.
    fn wait(&self, patience: Duration, will_do: impl Fn(usize) -> bool) -> usize {
        let look = || Some(self.number.load(SeqCst)).filter(|&number| will_do(number));
        let started = Instant::now();
        loop {
            for _ in 0..LOOKS {
                if let Some(number) = look() {
                    return number;
                }
                hint::spin_loop();
            }
            if started.elapsed() >= patience {
                break;
            }
        }
        let mut bed = self.bed.lock().unwrap_or_else(PoisonError::into_inner);
        self.sleepers.fetch_add(1, SeqCst);
        let number = loop {
            if let Some(number) = look() {
                break number;
            }
            bed = self.wake.wait(bed).unwrap_or_else(PoisonError::into_inner);
        };
        self.sleepers.fetch_sub(1, SeqCst);
        number
    }
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
    /// This number of threads, the caller's among them.
    ///
    /// # Errors
    ///
    /// Where the system gives no more threads.
    pub fn new(threads: NonZero<usize>) -> Result<Self, rayon::ThreadPoolBuildError> {
        let threads = threads.get();
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let (patience, readiness) = if threads <= cores { (PATIENCE, READINESS) } else { Default::default() };
        let shared = Arc::new(Shared { patience, readiness, ..Shared::default() });
        let start = |helpers| {
            let pool = ThreadPoolBuilder::new().num_threads(helpers).build()?;
            let shared = Arc::clone(&shared);
            pool.spawn_broadcast(move |helper| shared.serve(1 + helper.index()));
            Ok(pool)
        };
        let helpers = (threads > 1).then(|| start(threads - 1)).transpose()?;
        Ok(Self { _helpers: helpers, shared, threads, takes_turns: threads == 1, turn: Mutex::default() })
    }

    /// No threads: the caller does the work of so many, one after the other.
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

    /// Runs `work(thread)` for each thread, 0 to `threads − 1`, and returns when all are done.
    ///
    /// # Panics
    ///
    /// Where the work does. It must not run work of its own.
    pub fn run(&self, work: &Work<'_>) {
        if self.takes_turns {
            return (0..self.threads).for_each(work);
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = &*self.shared;
        // SAFETY: the helpers are done with the reference before this function returns, or unwinds: `Rest` waits for them.
        let lasting = unsafe { std::mem::transmute::<&Work<'_>, &'static Work<'static>>(work) };
        // SAFETY: no helper is busy, so none reads the slot.
        unsafe { *shared.work.0.get() = Some(lasting) };
        shared.panicked.store(false, SeqCst);
        shared.busy.number.store(self.threads - 1, SeqCst);
        shared.next_generation();
        let rest = Rest(shared);
        work(0);
        drop(rest);
        assert!(!shared.panicked.load(SeqCst), "a thread of the engine panicked");
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.ended.store(true, SeqCst);
        self.shared.next_generation();
    }
}

/// Waits for the helpers when it is dropped.
struct Rest<'a>(&'a Shared);

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        self.0.busy.wait(self.0.patience, |busy| busy == 0);
    }
}

impl Shared {
    fn next_generation(&self) {
        self.generation.number.fetch_add(1, SeqCst);
        self.generation.open();
    }

    /// A helper's life: each new work is done once.
    fn serve(&self, thread: usize) {
        let mut seen = 0;
        loop {
            seen = self.generation.wait(self.readiness, |generation| generation != seen);
            if self.ended.load(SeqCst) {
                return;
            }
            // SAFETY: a new generation was seen, so the slot was written before, and is not written until `busy` is 0.
            if let Some(work) = unsafe { *self.work.0.get() }
                && panic::catch_unwind(AssertUnwindSafe(|| work(thread))).is_err()
            {
                self.panicked.store(true, SeqCst);
            }
            if self.busy.number.fetch_sub(1, SeqCst) == 1 {
                self.busy.open();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicU64, time::Duration};

    use super::*;

    fn team(threads: usize) -> Team {
        Team::new(NonZero::new(threads).unwrap()).unwrap()
    }

    /// Fewer in an interpreter, which is slow and tries many schedules.
    const MOST_THREADS: usize = if cfg!(miri) { 3 } else { 8 };
    const ROUNDS: u64 = if cfg!(miri) { 6 } else { 50 };

    #[test]
    fn every_thread_works_once_each_time_awake_or_asleep() {
        for threads in 1..=MOST_THREADS {
            let (team, counts) = (team(threads), (0..threads).map(|_| AtomicU64::new(0)).collect::<Vec<_>>());
            for round in 0..ROUNDS {
                if round == ROUNDS / 2 {
                    thread::sleep(Duration::from_millis(20));
                }
                team.run(&|thread| _ = counts[thread].fetch_add(1, SeqCst));
            }
            assert!(counts.iter().all(|count| count.load(SeqCst) == ROUNDS), "{threads} threads: {counts:?}");
        }
    }

    #[test]
    fn a_panic_on_any_thread_reaches_the_caller_and_the_team_goes_on() {
        let team = team(3);
        for culprit in 0..3 {
            let result = panic::catch_unwind(AssertUnwindSafe(|| {
                team.run(&|thread| assert_ne!(thread, culprit, "this panic is part of the test"));
            }));
            assert!(result.is_err(), "thread {culprit}");
        }
        assert!(
            panic::catch_unwind(AssertUnwindSafe(|| team.run(&|_| panic!("this panic is part of the test")))).is_err()
        );
        team.run(&|_| {});
    }
}
