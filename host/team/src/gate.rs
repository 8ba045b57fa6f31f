//! A number for which threads wait: at first they spin, and then they sleep.

use std::{
    sync::{
        PoisonError,
        atomic::Ordering::{Acquire, Relaxed, SeqCst},
    },
    time::Duration,
};

use crate::sync::{AtomicUsize, Condvar, Instant, LOOKS, Mutex, fence, spin_loop};

/// A number for which threads wait. It lies on cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Gate {
    pub number: AtomicUsize,
    /// The number of threads that sleep or are about to. Each looks at the number once more after it was counted here.
    sleepers: AtomicUsize,
    bed: Mutex<()>,
    wake: Condvar,
}

impl Gate {
    /// Wakes the sleeping threads after a change of the number.
    ///
    /// Either this thread's fence or a sleeper's fence comes first. So this thread sees the sleeper, or the sleeper sees the change.
    pub fn open(&self) {
        fence(SeqCst);
        if self.sleepers.load(Relaxed) > 0 {
            drop(self.bed.lock().unwrap_or_else(PoisonError::into_inner));
            self.wake.notify_all();
        }
    }

    /// Waits for a number that `will_do` accepts, and returns it. It looks again and again for the time `patience`, and then sleeps. The caller then
    /// sees everything that was written before the number.
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
