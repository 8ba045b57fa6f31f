//! Measures where an engine's time goes: [`Simd::timed`]. An engine that is not timed only checks an `Option`.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use team::Team;

use super::{Grid, Simd};

/// The times of an engine's threads since it became [`timed`](Simd::timed).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// The time from sharing out work to the end of the last thread's part. In a [simulation](Simd::simulated), it is the time of the
    /// longest part.
    pub shared: Duration,
    /// The time in the parts, summed over all threads.
    pub busy: Duration,
    /// The part of `busy` in which threads copied operands side by side and looked for zeros in them.
    pub packing: Duration,
    /// The number of times that work was shared out among several threads.
    pub calls: u64,
}

impl Simd {
    /// Makes the engine measure its [`times`](Self::times) from now on.
    pub fn timed(mut self) -> Self {
        self.clock = Some(Clock::default());
        for scratch in &mut self.scratch {
            let scratch = scratch.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
            scratch.packing = Stopwatch(Some(Duration::ZERO));
        }
        self
    }

    /// Returns the times of the threads, or zeros if the engine is not [`timed`](Self::timed).
    pub fn times(&self) -> Times {
        let times = self.clock.as_ref().map(Clock::read).unwrap_or_default();
        let packing = (0..self.threads()).filter_map(|thread| self.scratch(thread).packing.0).sum();
        Times { packing, ..times }
    }

    /// Runs work on every thread that has a part. It measures the time if the engine is timed.
    pub(super) fn run(&self, grid: Grid, work: &(dyn Fn(usize) + Sync)) {
        debug_assert!([1, self.threads()].contains(&grid.parts()), "one thread has all, or each a part");
        match &self.clock {
            None if grid.parts() == 1 => work(0),
            None => self.team.run(work),
            Some(clock) => clock.run(&self.team, grid, work),
        }
    }
}

/// The nanoseconds of [`Times`].
#[derive(Debug, Default)]
pub(super) struct Clock {
    shared: AtomicU64,
    busy: AtomicU64,
    calls: AtomicU64,
}

impl Clock {
    fn run(&self, team: &Team, grid: Grid, work: &(dyn Fn(usize) + Sync)) {
        let started = Instant::now();
        let longest = AtomicU64::new(0);
        let timed = |thread| {
            let started = Instant::now();
            work(thread);
            let took = started.elapsed().as_nanos() as u64;
            self.busy.fetch_add(took, Relaxed);
            longest.fetch_max(took, Relaxed);
        };
        if grid.parts() == 1 {
            timed(0);
        } else {
            team.run(&timed);
            self.calls.fetch_add(1, Relaxed);
        }
        let took = if team.takes_turns() { longest.into_inner() } else { started.elapsed().as_nanos() as u64 };
        self.shared.fetch_add(took, Relaxed);
    }

    fn read(&self) -> Times {
        let [shared, busy] =
            [&self.shared, &self.busy].map(|nanoseconds| Duration::from_nanos(nanoseconds.load(Relaxed)));
        Times { shared, busy, packing: Duration::ZERO, calls: self.calls.load(Relaxed) }
    }
}

/// A thread's own sum of times. It is `None` if the engine is not timed.
#[derive(Debug, Default)]
pub(super) struct Stopwatch(Option<Duration>);

impl Stopwatch {
    #[inline]
    pub fn start(&self) -> Option<Instant> {
        self.0.map(|_| Instant::now())
    }

    #[inline]
    pub fn stop(&mut self, started: Option<Instant>) {
        if let (Some(total), Some(started)) = (&mut self.0, started) {
            *total += started.elapsed();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use selvedge::{Engine, Identity, engine::Widths};

    use super::*;
    use crate::engine::InstructionSet;

    #[test]
    fn only_a_timed_engine_keeps_times() {
        let widths = Widths { inputs: 20, outputs: 40 };
        let (parameters, input, mut output) = ([0.0; 21 * 40], [1.0; 8 * 20], [0.0; 8 * 40]);
        let engine = Simd::new(InstructionSet::Portable, NonZero::new(2).unwrap()).unwrap();
        engine.linear_forward::<Identity>(widths, &parameters, &input, &mut output);
        assert_eq!(engine.times(), Times::default());
        let engine = engine.timed();
        engine.linear_forward::<Identity>(widths, &parameters, &input, &mut output);
        let times = engine.times();
        assert!(Duration::ZERO < times.packing && times.packing < times.busy, "{times:?}");
        assert!(times.busy <= 2 * times.shared, "{times:?}");
    }
}
