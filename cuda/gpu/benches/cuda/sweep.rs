//! Every batch size alone, then in turns with each peer.

use std::{io::Write, process::Command, thread};

use anyhow::{Context, Error, Result};
use host::{
    data::Dataset,
    files::write_whole,
    training::{self, Gpu, Length, State, TrainingOptions},
};
use indicatif::ProgressBar;
use options::bench;
use selvedge::architecture::Architecture;

use super::{
    report::{Report, Row},
    shared::{EpochSeconds, Peer, progress_bar, spread, take_turns},
};

/// Measures, prints and writes all that the options ask for.
pub fn run(options: &bench::Cuda, network: &Architecture, data: &Dataset, out: &mut dyn Write) -> Result<()> {
    let gpu = open()?.name();
    let rounds = options.peers.len() * options.rounds as usize;
    let bar = progress_bar(options.batch_sizes.len() * (1 + rounds));
    let sweep = Sweep { options, network, data, bar };
    let mut report = Report { samples: data.train.len(), gpu, rows: Vec::new() };
    for batch_size in &options.batch_sizes {
        report.rows.extend(sweep.rows(batch_size.get())?);
    }
    sweep.bar.finish_and_clear();

    let Report { samples, gpu, .. } = &report;
    let heading = format!("{network}, {samples} samples of {}, {gpu}, {}", data.name, today()?);
    let lines: Vec<_> = [heading, report.table().to_string()].into_iter().chain(report.best_peers()).collect();
    let text = format!("{}\n", lines.join("\n\n"));
    write!(out, "{text}")?;
    if let Some(path) = &options.json {
        write_whole(path, report.json_lines().as_bytes())?;
    }
    if let Some(path) = &options.markdown {
        write_whole(path, text.as_bytes())?;
    }
    Ok(())
}

/// Opens the GPU. It is opened for each measurement, so a peer has it alone.
fn open() -> Result<Box<dyn Gpu>> {
    gpu::open().map_err(Error::from_boxed)
}

/// Returns the date, `2026-11-23`.
fn today() -> Result<String> {
    let output = Command::new("date").args(["-u", "+%F"]).output().context("cannot start `date`")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

struct Sweep<'a> {
    options: &'a bench::Cuda,
    network: &'a Architecture,
    data: &'a Dataset,
    bar: ProgressBar,
}

impl Sweep<'_> {
    /// Returns a batch size's rows.
    fn rows(&self, batch: u32) -> Result<Vec<Row>> {
        self.bar.set_message(format!("batch {batch}"));
        let mut rows = vec![Row { batch, epoch: spread(&self.epochs(batch)?)?, against: None }];
        self.bar.inc(1);
        for peer in &self.options.peers {
            rows.push(self.compare(Peer(peer), batch)?);
        }
        Ok(rows)
    }

    /// A peer and the GPU's kernels in turns.
    fn compare(&self, peer: Peer<'_>, batch: u32) -> Result<Row> {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let theirs = || {
            self.bar.set_message(format!("batch {batch}, peer"));
            peer.run(batch, threads, self.options.epochs)
        };
        let ours = || {
            self.bar.inc(1);
            self.epochs(batch)
        };
        let (epoch, against) = take_turns(self.options.rounds, theirs, ours)?;
        Ok(Row { batch, epoch, against: Some(against) })
    }

    /// Trains a fresh model by the quickstart's recipe, and returns each epoch's seconds, without the first: that is the warm-up.
    fn epochs(&self, batch: u32) -> Result<Vec<f64>> {
        let length = Length::Epochs(self.options.epochs + 1);
        let recipe = TrainingOptions { length, batch_size: batch as usize, ..TrainingOptions::QUICKSTART };
        let mut state = State::initialized(self.network, &recipe)?;
        let mut backend = open()?.backend(&state, self.data, &recipe)?;
        let mut seconds = EpochSeconds::default();
        training::train_on(&mut *backend, &mut state, self.data, &recipe, &mut seconds)?;
        Ok(seconds.0.split_off(1))
    }
}
