//! A number that threads wait for: at first awake, then asleep.

use std::{
    sync::{
        PoisonError,
        atomic::Ordering::{Acquire, Relaxed, SeqCst},
    },
    time::Duration,
};

use crate::sync::{AtomicUsize, Condvar, Instant, LOOKS, Mutex, fence, spin_loop};

/// A number that threads wait for, on cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Gate {
    pub number: AtomicUsize,
    /// Threads that sleep, or are about to: they look at the number once more after they have said so.
    sleepers: AtomicUsize,
    bed: Mutex<()>,
    wake: Condvar,
}

impl Gate {
    /// Wakes who sleeps, after a change of the number.
    ///
    /// Of this thread's fence and a sleeper's, one is the first: either this thread sees the sleeper, or the sleeper sees the change.
    pub fn open(&self) {
        fence(SeqCst);
        if self.sleepers.load(Relaxed) > 0 {
            drop(self.bed.lock().unwrap_or_else(PoisonError::into_inner));
            self.wake.notify_all();
        }
    }

    /// Waits for a number that will do, and returns it. The caller sees what was written before the number.
    pub fn wait(&self, patience: Duration, will_do: impl Fn(usize) -> bool) -> usize {
        let look = || Some(self.number.load(Acquire)).filter(|&number| will_do(number));
        let started = Instant::now();
        loop {
            for _ in 0..LOOKS {
                if let Some(number) = look() {
                    return number;
                }
                spin_loop();
            }
            if started.elapsed() >= patience {
                break;
            }
        }
        let mut bed = self.bed.lock().unwrap_or_else(PoisonError::into_inner);
        self.sleepers.fetch_add(1, Relaxed);
        fence(SeqCst);
        let number = loop {
            if let Some(number) = look() {
                break number;
            }
            bed = self.wake.wait(bed).unwrap_or_else(PoisonError::into_inner);
        };
        self.sleepers.fetch_sub(1, Relaxed);
        number
    }
}
