//! Every batch size with every engine on every number of threads; then the peers.

use std::{
    io::{self, IsTerminal, Write},
    num::NonZero,
};

use anyhow::{Context, Result};
use host::{
    data::Dataset,
    engine::{InstructionSet, Simd},
    files::write_whole,
    models::Model,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use selvedge::architecture::Architecture;

use super::{
    measure::Training,
    options::Options,
    peer::Peer,
    plot,
    report::{Against, Peak, Report, Row},
    spread::Spread,
    workload::Workload,
};

/// Measures, prints and writes all that the options ask for.
pub fn run<M: Model>(options: &Options, data: &Dataset, out: &mut dyn Write) -> Result<()> {
    let sweep = Sweep { options, data, bar: progress_bar(options) };
    let peaks = sweep.peaks()?;
    let mut report = Report {
        samples: data.train.labels.len(),
        operations: Workload::of(&Architecture::of::<M>()).operations(),
        peaks,
        rows: Vec::new(),
    };
    for batch_size in &options.batch_sizes {
        report.rows.extend(sweep.rows::<M>(batch_size.get())?);
    }
    sweep.bar.finish_and_clear();

    let tables = format!("{}\n\n{}\n\n{}", report.peaks_table(), report.table(), Report::NOTE);
    writeln!(out, "{}, {} images, {}\n\n{tables}", Architecture::of::<M>(), report.samples, data.name)?;
    if let Some(path) = &options.json {
        write_whole(path, report.json_lines().as_bytes())?;
    }
    if let Some(path) = &options.markdown {
        write_whole(path, format!("{tables}\n").as_bytes())?;
    }
    if let Some(path) = &options.plot {
        write_whole(path, &plot::png(&report)?)?;
    }
    Ok(())
}

/// Where standard error is no terminal, nothing is shown until the table.
fn progress_bar(options: &Options) -> ProgressBar {
    let engines = options.engines().len() * options.threads().len();
    let rounds = options.peers.len() * options.rounds as usize;
    let bar = ProgressBar::new((options.batch_sizes.len() * (engines + rounds)) as u64);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}");
    let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    if !io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    bar
}

struct Sweep<'a> {
    options: &'a Options,
    data: &'a Dataset,
    bar: ProgressBar,
}

impl Sweep<'_> {
    fn engines(&self) -> impl Iterator<Item = (InstructionSet, NonZero<usize>)> {
        let threads = self.options.threads();
        self.options.engines().into_iter().flat_map(move |set| threads.clone().into_iter().map(move |n| (set, n)))
    }

    fn peaks(&self) -> Result<Vec<Peak>> {
        self.bar.set_message("the machine's peak");
        let peak = |(set, threads)| {
            let operations = Simd::new(set, threads)?.measure_peak();
            Ok(Peak { engine: set.name(), threads: threads.get(), gflops: operations / 1e9 })
        };
        self.engines().map(peak).collect()
    }

    /// A batch size's rows.
    fn rows<M: Model>(&self, batch: u32) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for (set, threads) in self.engines() {
            self.bar.set_message(format!("batch {batch}, {set}, {threads} threads"));
            let engine = Simd::new(set, threads)?;
            let mut training = Training::<M>::new(self.data, batch as usize);
            training.warm_up(&engine)?;
            let epoch = spread(&training.epochs(&engine, self.options.epochs)?)?;
            rows.push(Row { engine: set.name(), threads: threads.get(), batch, epoch, against: None });
            self.bar.inc(1);
        }
        if self.options.peers.is_empty() {
            return Ok(rows);
        }
        let threads = self.options.most_threads();
        let on_most_threads = rows.iter().filter(|row| row.threads == threads.get());
        let fastest = on_most_threads.min_by(|a, b| a.epoch.median.total_cmp(&b.epoch.median));
        let set = fastest.context("no engine was measured")?.engine.parse()?;
        for peer in &self.options.peers {
            rows.push(self.compare::<M>(peer, batch, set, threads)?);
        }
        Ok(rows)
    }

    /// Rounds of a peer's process and as many epochs of the engine, so that both see the machine in the same moods.
    fn compare<M: Model>(&self, peer: &Peer, batch: u32, set: InstructionSet, threads: NonZero<usize>) -> Result<Row> {
        let engine = Simd::new(set, threads)?;
        let (mut name, mut ours, mut theirs, mut ratios) = (String::new(), Vec::new(), Vec::new(), Vec::new());
        for round in 0..self.options.rounds {
            self.bar.set_message(format!("batch {batch}, peer, round {}", round + 1));
            let epochs = peer.run(batch, threads.get(), self.options.epochs)?;
            // From the beginning, as the peer: how many activations are zero changes as a model learns.
            let mut training = Training::<M>::new(self.data, batch as usize);
            training.warm_up(&engine)?;
            let seconds = training.epochs(&engine, self.options.epochs)?;
            ratios.push(spread(&epochs.seconds)?.median / spread(&seconds)?.median);
            ours.extend(seconds);
            theirs.extend(epochs.seconds);
            name = epochs.name;
            self.bar.inc(1);
        }
        let against = Against { peer: name, epoch: spread(&theirs)?, ratio: spread(&ratios)? };
        Ok(Row { engine: set.name(), threads: threads.get(), batch, epoch: spread(&ours)?, against: Some(against) })
    }
}

fn spread(seconds: &[f64]) -> Result<Spread> {
    Spread::of(seconds).context("no epoch was measured")
}
