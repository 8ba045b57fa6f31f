//! Every batch size with every engine on every number of threads; then the peers.

use std::{io::Write, num::NonZero};

use anyhow::{Context, Result};
use host::{
    data::Dataset,
    engine::{InstructionSet, Simd},
    files::write_whole,
};
use indicatif::ProgressBar;
use options::bench::Cpu;
use selvedge::architecture::Architecture;

use super::{
    count::Counts,
    measure::TimedTraining,
    plot,
    predictions::Predictions,
    report::{Peak, Report, Row},
    shared::{Peer, progress_bar, spread, take_turns},
    workload::Workload,
};

/// Measures, prints and writes all that the options ask for.
pub fn run(options: &Cpu, network: &Architecture, data: &Dataset, out: &mut dyn Write) -> Result<()> {
    let engines = options.engines().len() * options.threads().len();
    let rounds = options.peers.len() * options.rounds as usize;
    let bar = progress_bar(options.batch_sizes.len() * (1 + engines + rounds));
    let sweep = Sweep { options, network, data, bar };
    let peaks = sweep.peaks()?;
    let workload = Workload::of(network);
    let (samples, operations) = match options.predict {
        true => (data.test.len(), workload.operations_of_prediction()),
        false => (data.train.len(), workload.operations()),
    };
    let mut report = Report { predicts: options.predict, samples, operations, peaks, rows: Vec::new() };
    for batch_size in &options.batch_sizes {
        report.rows.extend(sweep.rows(batch_size.get())?);
    }
    sweep.bar.finish_and_clear();

    let tables = format!("{}\n\n{}\n\n{}", report.peaks_table(), report.table(), report.note());
    writeln!(out, "{network}, {} samples, {}\n\n{tables}", report.samples, data.name)?;
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

struct Sweep<'a> {
    options: &'a Cpu,
    network: &'a Architecture,
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

    /// Returns the needed multiply-adds of the nominal ones, in epochs that are not timed. Every engine has the same.
    fn needed_share(&self, batch: u32) -> Result<f64> {
        self.bar.set_message(format!("batch {batch}, counting"));
        let fastest = *self.options.engines().first().context("no engine was chosen")?;
        let engine = Simd::new(fastest, self.options.most_threads())?;
        let counts = if self.options.predict {
            Counts::of_predictions(&Predictions::new(self.network, self.data, batch as usize)?, &engine)?
        } else {
            let mut training = TimedTraining::new(self.network, self.data, batch as usize)?;
            Counts::of(&mut training, &engine, self.options.epochs)?
        };
        self.bar.inc(1);
        Ok(counts.total().needed_share())
    }

    /// Returns the seconds of epochs from the beginning, as a peer's: how many activations are zero changes as a model learns.
    fn epochs(&self, engine: &Simd, batch: u32) -> Result<Vec<f64>> {
        if self.options.predict {
            return Predictions::new(self.network, self.data, batch as usize)?.passes(engine, self.options.epochs);
        }
        let mut training = TimedTraining::new(self.network, self.data, batch as usize)?;
        training.warm_up(engine)?;
        training.epochs(engine, self.options.epochs)
    }

    /// Returns a batch size's rows.
    fn rows(&self, batch: u32) -> Result<Vec<Row>> {
        let needed_share = self.needed_share(batch)?;
        let mut rows = Vec::new();
        for (set, threads) in self.engines() {
            self.bar.set_message(format!("batch {batch}, {set}, {threads} threads"));
            let epoch = spread(&self.epochs(&Simd::new(set, threads)?, batch)?)?;
            rows.push(Row { engine: set.name(), threads: threads.get(), batch, epoch, needed_share, against: None });
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
            rows.push(self.compare(Peer(peer), batch, needed_share, set, threads)?);
        }
        Ok(rows)
    }

    /// A peer and an engine in turns.
    fn compare(
        &self,
        peer: Peer<'_>,
        batch: u32,
        needed_share: f64,
        set: InstructionSet,
        threads: NonZero<usize>,
    ) -> Result<Row> {
        let engine = Simd::new(set, threads)?;
        let theirs = || {
            self.bar.set_message(format!("batch {batch}, peer"));
            peer.run(batch, threads.get(), self.options.epochs)
        };
        let ours = || {
            self.bar.inc(1);
            self.epochs(&engine, batch)
        };
        let (epoch, against) = take_turns(self.options.rounds, theirs, ours)?;
        Ok(Row { engine: set.name(), threads: threads.get(), batch, epoch, needed_share, against: Some(against) })
    }
}
