//! Counts instructions in the emulator and cycles on a chip.
//!
//! Under QEMU's `-icount shift=0` an instruction takes one nanosecond of virtual time, so the count is the same on every run.

use crate::processor::Timer;

/// The unit of the count.
pub const UNIT: &str = if cfg!(feature = "rtt") { "cycles" } else { "instructions" };

/// A moment.
#[derive(Clone, Copy)]
pub struct Ticks(u64);

/// The running counter.
pub struct Counter(Timer);

impl Counter {
    /// Returns a counter that uses a running timer.
    pub fn new(timer: Timer) -> Self {
        Self(timer)
    }

    /// Runs `work`, and returns its result with the [`UNIT`]s that it took.
    pub fn measure<T>(&self, work: impl FnOnce() -> T) -> (T, u64) {
        let start = self.now();
        let result = work();
        (result, self.between(start, self.now()))
    }

    /// Returns the number of [`UNIT`]s between two moments.
    pub fn between(&self, start: Ticks, end: Ticks) -> u64 {
        self.0.units(end.0 - start.0)
    }

    /// Returns the current moment.
    pub fn now(&self) -> Ticks {
        Ticks(self.0.ticks())
    }
}
