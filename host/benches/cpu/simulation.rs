//! Steps on more cores than the machine has.
//!
//! One core computes all parts of each product, one after the other. On a machine with a core for each, the longest part decides, and what
//! is not shared out takes as long as here. Each core's caches, the memory's bandwidth and numbers that go from core to core are not simulated.

use std::{
    io::Write,
    num::NonZero,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use comfy_table::{Table, presets};
use host::{
    data::Dataset,
    engine::{InstructionSet, Simd, Times},
};
use options::bench::Cpu;
use selvedge::{Engine, architecture::Architecture};

use super::{measure::TimedTraining, shared::align_right};

/// Works with nothing to do, by which the cost of sharing out is measured.
const EMPTY_CALLS: u32 = 10_000;

/// Prints a row for each batch size and number of threads.
pub fn run(options: &Cpu, network: &Architecture, data: &Dataset, out: &mut dyn Write) -> Result<()> {
    let set = *options.engines().first().context("no engine was chosen")?;
    let call = cost_of_a_call(set, options.most_threads())?;
    let mut table = Table::new();
    let header = [
        "batch",
        "threads",
        "step in µs",
        "speed-up",
        "longest part / mean",
        "packing",
        "not shared out in µs",
        "calls",
    ];
    table.load_style(presets::ASCII_MARKDOWN).set_header(header);
    for batch_size in &options.batch_sizes {
        let mut of_one = None;
        for &threads in &options.simulate {
            let threads = NonZero::new(usize::from(threads)).context("there is at least one thread")?;
            let step = Step::of(set, threads, network, data, batch_size.get() as usize, options.epochs)?;
            let seconds = step.seconds(call);
            let of_one = *of_one.get_or_insert(seconds * threads.get() as f64);
            table.add_row([
                batch_size.to_string(),
                threads.to_string(),
                format!("{:.0}", 1e6 * seconds),
                format!("{:.1}", of_one / seconds),
                format!("{:.2}", step.imbalance()),
                format!("{:.0}%", 100.0 * step.packing.as_secs_f64() / step.busy.as_secs_f64()),
                format!("{:.0}", 1e6 * step.alone().as_secs_f64()),
                step.calls.to_string(),
            ]);
        }
    }
    let cost = 1e6 * call.as_secs_f64();
    writeln!(
        out,
        "A step with {set}, simulated: the longest part of each product, what is not shared out, and {cost:.1} µs for each call"
    )?;
    writeln!(out, "of the threads, measured on {}\n", options.most_threads())?;
    writeln!(out, "{}", align_right(table, 0..8))?;
    Ok(())
}

/// Returns the time that it takes to share out nothing.
fn cost_of_a_call(set: InstructionSet, threads: NonZero<usize>) -> Result<Duration> {
    let engine = Simd::new(set, threads)?;
    // More elements than are left to the caller alone.
    let mut elements = vec![0u8; 1 << 20];
    let started = Instant::now();
    for _ in 0..EMPTY_CALLS {
        engine.share_out(1, &mut elements, |_, _| {});
    }
    Ok(started.elapsed() / EMPTY_CALLS)
}

/// The mean step.
struct Step {
    threads: usize,
    /// All of it, with one part after the other.
    wall: Duration,
    longest: Duration,
    busy: Duration,
    packing: Duration,
    calls: u64,
}

impl Step {
    fn of(
        set: InstructionSet,
        threads: NonZero<usize>,
        network: &Architecture,
        data: &Dataset,
        batch_size: usize,
        epochs: u32,
    ) -> Result<Self> {
        let engine = Simd::simulated(set, threads)?;
        let mut training = TimedTraining::new(network, data, batch_size)?;
        training.warm_up(&engine)?;
        let before = engine.times();
        let wall: f64 = training.epochs(&engine, epochs)?.iter().sum();
        let Times { shared, busy, packing, calls } = engine.times();
        let steps = epochs * data.train.len().div_ceil(batch_size) as u32;
        Ok(Self {
            threads: threads.get(),
            wall: Duration::from_secs_f64(wall) / steps,
            longest: (shared - before.shared) / steps,
            busy: (busy - before.busy) / steps,
            packing: (packing - before.packing) / steps,
            calls: (calls - before.calls) / u64::from(steps),
        })
    }

    /// The caller's own work.
    fn alone(&self) -> Duration {
        self.wall.saturating_sub(self.busy)
    }

    /// On as many cores as there are threads.
    fn seconds(&self, call: Duration) -> f64 {
        let calls = self.calls as f64 * call.as_secs_f64();
        (self.alone() + self.longest).as_secs_f64() + calls
    }

    /// 1 where all parts of each product take as long.
    fn imbalance(&self) -> f64 {
        self.longest.as_secs_f64() * self.threads as f64 / self.busy.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_part_and_what_is_not_shared_out_are_the_step() {
        let milliseconds = Duration::from_millis;
        let step = Step {
            threads: 4,
            wall: milliseconds(100),
            longest: milliseconds(30),
            busy: milliseconds(80),
            packing: milliseconds(8),
            calls: 5,
        };
        assert_eq!(step.alone(), milliseconds(20));
        assert!((step.seconds(milliseconds(2)) - 0.06).abs() < 1e-9);
        assert!((step.imbalance() - 1.5).abs() < 1e-9);
    }
}
