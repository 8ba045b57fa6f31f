//! Divides the time of a step among its phases.
//!
//! All threads' time is shared out: with two threads, a millisecond in which one computes and the other waits is half a
//! millisecond of each. So the parts of a step add up to the step.

use std::{
    cell::{Cell, RefCell},
    io::Write,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use comfy_table::{Table, presets};
use host::{
    data::Dataset,
    engine::{Simd, Times},
    training::{Epoch, Length, Observer, Step},
};
use options::bench::Cpu;
use selvedge::{
    Activation, Engine,
    architecture::Architecture,
    engine::{RowWork, Widths},
    optimizer::Optimizer,
};

use super::{
    by_layer,
    count::Counts,
    measure::TimedTraining,
    products::{Ledger, Product},
    shared::align_right,
};

/// The calls of an engine.
#[derive(Clone, Copy)]
enum Call {
    Forward,
    InputGrad,
    Update,
    ShareOut,
}

const CALLS: usize = 4;

/// The columns: packing, the calls without it, and what is no call; then waiting.
const COLUMNS: [&str; 7] = [
    "packing",
    "forward",
    "input gradients",
    "weight gradients, update",
    "loading, elementwise",
    "loss and the rest",
    "waiting",
];

/// Prints a row for each batch size, and then its products.
pub fn run(options: &Cpu, network: &Architecture, data: &Dataset, out: &mut dyn Write) -> Result<()> {
    let set = *options.engines().first().context("no engine was chosen")?;
    let engine = Timed::new(Simd::new(set, options.most_threads())?);
    let peak = engine.engine.measure_peak();
    let mut products = by_layer::table();
    let mut table = Table::new();
    let header = ["batch", "step in µs"].into_iter().chain(COLUMNS);
    table.load_style(presets::ASCII_MARKDOWN).set_header(header);
    for batch_size in &options.batch_sizes {
        let mut training = TimedTraining::new(network, data, batch_size.get() as usize)?;
        training.warm_up(&engine)?;
        let mut watch =
            Watch { engine: &engine, begun: Total::now(&engine), sum: Total::default(), at_last_step: None, steps: 0 };
        training.train(&engine, Length::Epochs(options.epochs), &mut watch)?;
        let step = watch.sum.wall.as_secs_f64();
        let microseconds = |seconds: f64| 1e6 * seconds / watch.steps as f64;
        let parts = watch.sum.parts(engine.engine.threads()).map(|part| {
            let percent = 100.0 * part / step;
            format!("{:.0} ({percent:.0}%)", microseconds(part))
        });
        table.add_row([batch_size.to_string(), format!("{:.0}", microseconds(step))].into_iter().chain(parts));
        let (_, times) = engine.products.borrow_mut().take();
        let mut training = TimedTraining::new(network, data, batch_size.get() as usize)?;
        let counts = Counts::of(&mut training, &engine.engine, options.epochs)?;
        products.add_rows(by_layer::rows(&batch_size.to_string(), &counts, &times, peak));
    }
    let threads = engine.engine.threads();
    writeln!(out, "A step with {set} on {threads} threads, µs (percent) of all threads' time\n")?;
    writeln!(out, "{}\n", align_right(table, 0..9))?;
    let peak = peak / 1e9;
    writeln!(out, "Its products: needed multiply-adds, wall time, and their share of the peak of {peak:.1} GFLOP/s\n")?;
    writeln!(out, "{products}")?;
    Ok(())
}

/// Time spent in one kind of call.
#[derive(Clone, Copy, Default)]
struct Spent {
    wall: Duration,
    times: Times,
}

/// Time spent in all.
#[derive(Clone, Copy, Default)]
struct Total {
    wall: Duration,
    calls: [Spent; CALLS],
}

/// An engine that is watched.
struct Timed {
    engine: Simd,
    totals: [Cell<Spent>; CALLS],
    /// The wall's time.
    products: RefCell<Ledger<Duration>>,
}

impl Timed {
    fn new(engine: Simd) -> Self {
        Self { engine: engine.timed(), totals: Default::default(), products: RefCell::default() }
    }

    fn time_product(&self, product: Product, widths: Widths, work: impl FnOnce(&Simd)) {
        let call = match product {
            Product::Forward => Call::Forward,
            Product::InputGrad => Call::InputGrad,
            Product::Update => Call::Update,
        };
        let wall = self.time(call, work);
        self.products.borrow_mut().add(product, widths, wall);
    }

    /// Returns the wall's time.
    fn time(&self, call: Call, work: impl FnOnce(&Simd)) -> Duration {
        let (started, before) = (Instant::now(), self.engine.times());
        work(&self.engine);
        let (wall, after) = (started.elapsed(), self.engine.times());
        let total = &self.totals[call as usize];
        let Spent { wall: sum, times } = total.get();
        total
            .set(Spent { wall: sum + wall, times: combine(times, combine(after, before, |a, b| a - b), |a, b| a + b) });
        wall
    }
}

/// Returns each of the times with its counterpart; nobody asks for the calls.
fn combine(a: Times, b: Times, with: impl Fn(Duration, Duration) -> Duration) -> Times {
    let [shared, busy, packing] =
        [(a.shared, b.shared), (a.busy, b.busy), (a.packing, b.packing)].map(|(a, b)| with(a, b));
    Times { shared, busy, packing, calls: 0 }
}

impl Engine for Timed {
    fn linear_forward<A: Activation>(&self, widths: Widths, parameters: &[f32], input: &[f32], output: &mut [f32]) {
        self.time_product(Product::Forward, widths, |engine| {
            engine.linear_forward::<A>(widths, parameters, input, output);
        });
    }

    fn linear_input_grad<P: Activation>(
        &self,
        widths: Widths,
        parameters: &[f32],
        grad_sums: &[f32],
        input: &[f32],
        grad_input: &mut [f32],
    ) {
        self.time_product(Product::InputGrad, widths, |engine| {
            engine.linear_input_grad::<P>(widths, parameters, grad_sums, input, grad_input);
        });
    }

    fn linear_update<O: Optimizer<STATE>, const STATE: usize, const ROW: usize>(
        &self,
        optimizer: &O,
        widths: Widths,
        input: &[f32],
        grad_sums: &[f32],
        parameters: &mut [f32],
        state: [&mut [f32]; STATE],
    ) {
        self.time_product(Product::Update, widths, |engine| {
            engine.linear_update::<O, STATE, ROW>(optimizer, widths, input, grad_sums, parameters, state);
        });
    }

    fn update<O: Optimizer<STATE>, const STATE: usize>(
        &self,
        optimizer: &O,
        parameters: &mut [f32],
        grads: &[f32],
        state: [&mut [f32]; STATE],
    ) {
        self.time(Call::Update, |engine| engine.update(optimizer, parameters, grads, state));
    }

    fn share_out_work<T: Send>(&self, width: usize, elements: &mut [T], work: impl RowWork<T>) {
        self.time(Call::ShareOut, |engine| engine.share_out_work(width, elements, work));
    }
}

impl Total {
    /// Returns the time that was spent so far. The wall clock starts at the first call.
    fn now(engine: &Timed) -> Self {
        Self { wall: wall_time(), calls: engine.totals.each_ref().map(Cell::get) }
    }

    fn combine(self, other: Self, with: impl Fn(Duration, Duration) -> Duration) -> Self {
        let mut calls = self.calls;
        for (call, other) in calls.iter_mut().zip(other.calls) {
            *call = Spent { wall: with(call.wall, other.wall), times: combine(call.times, other.times, &with) };
        }
        Self { wall: with(self.wall, other.wall), calls }
    }

    /// Returns the [`COLUMNS`] in seconds: together, they are the wall's time.
    fn parts(&self, threads: usize) -> [f64; COLUMNS.len()] {
        let share = |time: Duration| time.as_secs_f64() / threads as f64;
        // The caller's own part of a call, while the others wait: what was not shared out.
        let calls = self.calls.map(|Spent { wall, times }| {
            share(times.busy.saturating_sub(times.packing)) + share(wall.saturating_sub(times.shared))
        });
        let packing = self.calls.iter().map(|call| share(call.times.packing)).sum::<f64>();
        let outside = share(self.wall.saturating_sub(self.calls.iter().map(|call| call.wall).sum()));
        let [forward, input_grad, update, share_out] = calls;
        let waiting = self.wall.as_secs_f64() - packing - calls.iter().sum::<f64>() - outside;
        [packing, forward, input_grad, update, share_out, outside, waiting]
    }
}

/// Time on one clock for all.
fn wall_time() -> Duration {
    static STARTED: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    STARTED.elapsed()
}

/// Adds up the epochs without their tests.
struct Watch<'a> {
    engine: &'a Timed,
    begun: Total,
    at_last_step: Option<Total>,
    sum: Total,
    steps: u64,
}

impl Observer for Watch<'_> {
    type Error = anyhow::Error;

    fn epoch_begins(&mut self, _epoch: u32) -> Result<()> {
        self.engine.products.borrow_mut().epoch_begins();
        self.begun = Total::now(self.engine);
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<()> {
        self.steps = step.number;
        self.at_last_step = Some(Total::now(self.engine));
        self.engine.products.borrow_mut().step();
        Ok(())
    }

    fn epoch_ends(&mut self, _epoch: &Epoch) -> Result<()> {
        if let Some(end) = self.at_last_step.take() {
            self.sum = self.sum.combine(end.combine(self.begun, |a, b| a - b), |a, b| a + b);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_the_step() {
        let milliseconds = Duration::from_millis;
        let times = |shared, busy, packing| Times {
            shared: milliseconds(shared),
            busy: milliseconds(busy),
            packing: milliseconds(packing),
            calls: 0,
        };
        let spent = |wall, times| Spent { wall: milliseconds(wall), times };
        let calls = [
            spent(30, times(30, 50, 10)),
            spent(20, times(20, 40, 0)),
            // Ten milliseconds of the caller's alone.
            spent(40, times(30, 60, 20)),
            Spent::default(),
        ];
        let parts = Total { wall: milliseconds(100), calls }.parts(2).map(|part| (1e3 * part).round());
        // Of 200 thread-milliseconds, the caller has 10 outside the engine.
        assert_eq!(parts, [15.0, 20.0, 20.0, 25.0, 0.0, 5.0, 15.0]);
        assert_eq!(parts.iter().sum::<f64>(), 100.0);
    }

    #[test]
    fn a_watched_engine_counts_its_calls() {
        let engine = Simd::new(host::engine::InstructionSet::Portable, std::num::NonZero::<usize>::MIN).unwrap();
        let engine = Timed::new(engine);
        engine.share_out(1, &mut [1, 2, 3], |_, rows| rows.fill(7));
        let calls = engine.totals.map(|spent| !spent.get().wall.is_zero());
        assert_eq!(calls, [false, false, false, true]);
    }
}
