use std::{
    fs::{self, File},
    io::{self, IsTerminal, LineWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use host::{
    data::Dataset,
    files,
    models::{Boxed, Model, WithModel, with_model},
    safetensors,
    training::{self, Epoch, Length, Observer, Step},
    weights,
};
use indicatif::{ProgressBar, ProgressStyle};
use selvedge::{random, weights::TrainingRecord};
use serde_json::json;

use super::{DataOptions, ModelOptions, ThreadOptions, note};

/// Batches between two printed losses, as in the quickstart.
const PRINT_INTERVAL: usize = 100;

/// The defaults are the PyTorch quickstart's.
#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    model: ModelOptions,
    #[command(flatten)]
    data: DataOptions,
    #[command(flatten)]
    threads: ThreadOptions,

    /// Passes over the training images
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    epochs: u32,

    /// Stop after so many steps, instead of after epochs
    #[arg(long, conflicts_with = "epochs", value_parser = clap::value_parser!(u64).range(1..))]
    steps: Option<u64>,

    /// Samples in a step
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    batch_size: u32,

    /// Learning rate of SGD
    #[arg(long = "lr", default_value_t = 1e-3, value_parser = learning_rate, allow_negative_numbers = true)]
    learning_rate: f32,

    /// Seed of the initial weights and of each epoch's order
    #[arg(long, default_value_t = 42, allow_negative_numbers = true)]
    seed: u64,

    /// Take the images in the file's order in every epoch
    #[arg(long)]
    no_shuffle: bool,

    /// Start from these weights (safetensors, PyTorch's names) instead of the seed's
    #[arg(long, value_name = "FILE.safetensors")]
    init: Option<PathBuf>,

    /// Train on the first images only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit_train: Option<u32>,

    /// Where the weights go [default: weights/MODEL.selvedge]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Write losses and accuracies as one JSON object a line
    #[arg(long, value_name = "FILE.jsonl")]
    metrics: Option<PathBuf>,

    /// Train on an NVIDIA GPU
    #[arg(long)]
    cuda: bool,
}

fn learning_rate(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(rate) if (0.0..=f32::MAX).contains(&rate) => Ok(rate),
        _ => Err("the learning rate is a number from 0".into()),
    }
}

impl Options {
    pub fn run(self) -> Result<()> {
        if self.cuda {
            return Err(no_cuda());
        }
        let architecture = self.model.architecture();
        let out = self.out.clone().unwrap_or_else(|| self.model.weights_path());
        files::check_writable(&out)?;
        if self.metrics.as_deref() == Some(&*out) {
            bail!("--metrics and --out are the same file, {}", out.display());
        }
        with_model(&architecture, Training { options: &self, out: &out })?
    }

    fn load_data(&self) -> Result<Dataset> {
        let mut data = self.data.load()?;
        if let Some(limit) = self.limit_train {
            let there = data.train.labels.len();
            if limit as usize > there {
                bail!("--limit-train {limit}: {} has only {there} training images", data.name);
            }
            data.train.images.truncate(limit as usize);
            data.train.labels.truncate(limit as usize);
            data.checksum = data.train.checksum();
        }
        Ok(data)
    }

    fn training(&self) -> training::Options {
        training::Options {
            length: self.steps.map_or(Length::Epochs(self.epochs), Length::Steps),
            batch_size: self.batch_size as usize,
            learning_rate: self.learning_rate,
            seed: self.seed,
            shuffle: !self.no_shuffle,
        }
    }
}

#[cfg(feature = "cuda")]
fn no_cuda() -> anyhow::Error {
    match cuda::engine() {
        Ok(engine) => match engine {},
        Err(error) => anyhow!("--cuda: {error}"),
    }
}

#[cfg(not(feature = "cuda"))]
fn no_cuda() -> anyhow::Error {
    anyhow!("--cuda: this program was built without CUDA; `cargo xtask train --cuda` builds it in")
}

struct Training<'a> {
    options: &'a Options,
    out: &'a Path,
}

impl WithModel for Training<'_> {
    type Output = Result<()>;

    fn run<M: Model>(self) -> Result<()> {
        let Self { options, out } = self;
        let mut model = Boxed::<M>::zeroed();
        match &options.init {
            Some(path) => safetensors::load(path, &mut *model)?,
            None => random::initialize(&mut *model, options.seed),
        }
        let data = options.load_data()?;
        let engine = options.threads.engine()?;
        let metrics = options.metrics.as_deref().map(Metrics::create).transpose()?;

        let mut log = Log::new(data.train.labels.len(), options, metrics);
        writeln!(
            io::stdout(),
            "Using cpu device, {} threads, {}, {}",
            engine.threads(),
            engine.instructions(),
            data.name
        )?;
        writeln!(io::stdout(), "{:#}\n", options.model.architecture())?;
        let last = training::train(&engine, &mut *model, &data, &options.training(), &mut log)?;

        log.bar.finish_and_clear();

        let samples = u32::try_from(data.train.labels.len()).context("too many training images")?;
        let record = TrainingRecord {
            seed: options.seed,
            dataset: &data.name,
            dataset_checksum: data.checksum,
            samples,
            shuffled: !options.no_shuffle,
            epochs: if last.samples == data.train.labels.len() { last.number + 1 } else { last.number },
            steps: last.steps,
            batch_size: options.batch_size.min(samples),
            learning_rate: options.learning_rate,
            accuracy: last.test.accuracy() as f32,
        };
        weights::save(out, &*model, &record)?;
        note(&data);
        writeln!(io::stdout(), "Saved {}, SHA-256 {}", out.display(), weights::hash(&*model))?;
        Ok(())
    }
}

/// Prints what the quickstart prints, with a progress bar on a terminal.
struct Log {
    size: usize,
    bar: ProgressBar,
    metrics: Option<Metrics>,
}

impl Log {
    fn new(size: usize, options: &Options, metrics: Option<Metrics>) -> Self {
        let steps_in_epoch = size.div_ceil(options.batch_size as usize) as u64;
        let steps = options.steps.unwrap_or(u64::from(options.epochs) * steps_in_epoch);
        // Where standard error is no terminal, the bar hides itself; where output and bar would share a line, it makes room.
        let style = ProgressStyle::with_template("{bar:40} step {pos}/{len}, {per_sec}, {eta} left");
        let bar = ProgressBar::new(steps).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        if !io::stderr().is_terminal() {
            bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
        }
        Self { size, bar, metrics }
    }

    fn print(&self, text: std::fmt::Arguments<'_>) -> Result<()> {
        Ok(self.bar.suspend(|| writeln!(io::stdout(), "{text}"))?)
    }
}

impl Observer for Log {
    type Error = anyhow::Error;

    fn epoch_begins(&mut self, epoch: u32) -> Result<()> {
        self.print(format_args!("Epoch {}\n-------------------------------", epoch + 1))
    }

    fn step(&mut self, step: &Step) -> Result<()> {
        self.bar.inc(1);
        if let Some(metrics) = &mut self.metrics {
            metrics.write(&json!({ "step": step.number, "loss": step.loss }))?;
        }
        if step.batch.is_multiple_of(PRINT_INTERVAL) {
            self.print(format_args!("loss: {:>7.6}  [{:>5}/{:>5}]", step.loss, step.seen, self.size))?;
        }
        Ok(())
    }

    fn epoch_ends(&mut self, epoch: &Epoch) -> Result<()> {
        let seconds = epoch.training.as_secs_f64();
        let speed = epoch.samples as f64 / seconds;
        let (accuracy, loss) = (epoch.test.accuracy(), epoch.test.loss);
        if let Some(metrics) = &mut self.metrics {
            metrics.write(&json!({
                "epoch": epoch.number + 1,
                "test_loss": loss,
                "accuracy": accuracy,
                "seconds": seconds,
                "samples_per_second": speed,
            }))?;
        }
        self.print(format_args!("{seconds:.2} s, {speed:.0} samples/s"))?;
        self.print(format_args!("Test Error: \n Accuracy: {:.1}%, Avg loss: {loss:>8.6} \n", 100.0 * accuracy))
    }
}

/// One JSON object a line.
struct Metrics {
    path: PathBuf,
    file: LineWriter<File>,
}

impl Metrics {
    fn create(path: &Path) -> Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| cannot_write(path))?;
        }
        let file = File::create(path).with_context(|| cannot_write(path))?;
        Ok(Self { path: path.into(), file: LineWriter::new(file) })
    }

    fn write(&mut self, object: &serde_json::Value) -> Result<()> {
        writeln!(self.file, "{object}").with_context(|| cannot_write(&self.path))
    }
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", path.display())
}
