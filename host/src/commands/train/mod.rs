//! `selvedge train`.

mod device;
mod files;
mod interrupt;
mod log;
mod metrics;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::{
    classes::SignatureBuf,
    data::Dataset,
    evaluation,
    interchange::StateDict,
    training::{
        self, State,
        checkpoint::{self, Checkpoint, Description},
    },
    weights,
};
use anyhow::{Context, Result, ensure};
use options::{commands::Train, recipe::RecipeOptions};
use selvedge::{
    architecture::{Architecture, LayerKind},
    weights::TrainingRecord,
};

use super::{architecture, engine, load, note};
use device::Device;
use files::Files;
pub use interrupt::Interrupted;
use log::{Checkpoints, Log};
use metrics::Metrics;

pub fn run(options: &Train) -> Result<()> {
    let device = device::choose(options.device.choice())?;
    match &options.resume {
        None => start(options, device),
        Some(path) => go_on(options, device, checkpoint::load(path)?),
    }
}

fn start(options: &Train, device: Device) -> Result<()> {
    let (recipe, with) = options.resolve()?;
    let out = Path::new("weights").join(options.model.name()).with_extension(files::WEIGHTS);
    let files = files(options, out)?;
    let mut data = load(&options.data)?;
    if let Some(limit) = options.limit_train {
        let there = data.train.len();
        ensure!(limit as usize <= there, "--limit-train {limit}: {} has only {there} training samples", data.name);
        data.truncate(limit as usize);
    }
    let layers = architecture(&options.model, &data)?;
    for pair in layers.layers().windows(2) {
        if let [LayerKind::Linear { inputs, .. }, LayerKind::Linear { inputs: middle, outputs }] = pair {
            note(format_args!(
                "nothing stands between {inputs} => {middle} and {middle} => {outputs}, so both compute what one layer could; name a \
                 layer such as Relu, or separate the widths by commas"
            ));
        }
    }
    Plan { options, device, layers: &layers, with, recipe, files }.run(data, None)
}

fn go_on(options: &Train, device: Device, checkpoint: Checkpoint) -> Result<()> {
    let path = checkpoint.path().display().to_string();
    let Description { recipe, layers, samples, dataset, dataset_checksum, .. } = &checkpoint.description;
    let recipe = RecipeOptions::parse(recipe, checkpoint.path())?;
    let layers: Architecture = layers.parse().with_context(|| path.clone())?;
    let with = recipe.resolve()?;
    let files = files(options, checkpoint.path().with_extension(files::WEIGHTS))?;
    let mut data = load(&options.data)?;
    if *samples as usize <= data.train.len() {
        data.truncate(*samples as usize);
    }
    ensure!(
        data.checksum == *dataset_checksum,
        "{path}: the run was trained on {samples} samples of {dataset}, which are not those of {} here; name their folder with \
         --data",
        data.name
    );
    data.check(&layers).context(path)?;
    Plan { options, device, layers: &layers, with, recipe, files }.run(data, Some(checkpoint))
}

/// Where a run writes whose weights go here by default; that it can is checked before any work.
fn files(options: &Train, out: PathBuf) -> Result<Files<'_>> {
    let out = options.out.clone().unwrap_or(out);
    let checkpoint = options.checkpoint.clone().or_else(|| options.resume.clone());
    let checkpoint = checkpoint.unwrap_or_else(|| out.with_extension("checkpoint"));
    let files = Files { out, checkpoint, metrics: options.metrics.as_deref() };
    files.check()?;
    Ok(files)
}

/// A run, but for its data.
struct Plan<'a> {
    options: &'a Train,
    device: Device,
    /// The layers, dropout too where it was asked for among them.
    layers: &'a Architecture,
    recipe: RecipeOptions,
    with: training::Options,
    files: Files<'a>,
}

impl Plan<'_> {
    /// The layers that are trained.
    fn layers(&self) -> Result<Architecture> {
        if self.with.dropout > 0.0 {
            let is_own = self.options.overriding.dropout.is_some();
            let layers = self.layers.with_dropout().with_context(|| {
                let (whose, or) = if is_own { ("--dropout", "") } else { ("the recipe's dropout", ", or take --dropout 0") };
                format!(
                    "{whose}: with Dropout after each activation there are too many layers; name it in --layers where it is to be{or}"
                )
            })?;
            if layers == layers.for_prediction() {
                ensure!(
                    !is_own,
                    "--dropout: Dropout follows an activation, and this network has none; name it in --layers where it is to be"
                );
                note("there is no activation, so the recipe's dropout drops nothing");
            }
            return Ok(layers);
        }
        ensure!(
            *self.layers == self.layers.for_prediction(),
            "--layers has Dropout, so --dropout has to say how much is dropped"
        );
        Ok(self.layers.clone())
    }

    fn run(self, mut data: Dataset, checkpoint: Option<Checkpoint>) -> Result<()> {
        let layers = self.layers()?;
        self.with.check_augmentation(data.input)?;
        let Self { options, device, layers: asked_for, with, recipe, files } = self;
        let text = recipe.to_toml();
        let description = Description::new(text.clone(), format!("{:#}", asked_for.expression()), &data);
        let samples = data.train.len();
        if let Some(split) = recipe.val_split {
            let count = split.count(samples)?;
            if count > 0 {
                data.hold_out(count, with.seed);
            }
        }
        let in_epoch = data.train.len();
        let mut state = match (checkpoint, &options.init) {
            (Some(checkpoint), _) => resumed(checkpoint, &layers, in_epoch, &with)?,
            (None, Some(path)) => {
                let (network, report) = StateDict::read(path)?.network(&layers, true)?;
                report.notes().iter().for_each(note);
                State::new(network, &with)?
            }
            (None, None) => State::initialized(&layers, &with)?,
        };

        let engine = engine(&options.threads)?;
        let mut stdout = io::stdout();
        let computes = match &device {
            Device::Cpu | Device::CpuWithout(_) => {
                format!("{device}, {} threads, {}", engine.threads(), engine.instructions())
            }
            #[cfg(feature = "cuda")]
            Device::Cuda(..) => device.to_string(),
        };
        writeln!(stdout, "Using {computes}, {}", data.name)?;
        writeln!(stdout, "{layers:#}\n")?;
        let progress = state.progress;
        if progress.steps > 0 {
            writeln!(stdout, "Going on after step {}, in epoch {}\n", progress.steps, progress.epochs + 1)?;
        }
        let to_go_on = files.to_go_on(&options.data, options.checkpoint_every);
        let checkpoints =
            Checkpoints { path: files.checkpoint, every: options.checkpoint_every, description, to_go_on };
        let metrics = files.metrics.map(|path| Metrics::open(path, &progress)).transpose()?;
        checkpoints.save_first(&state)?;
        let mut log = Log::new(in_epoch, &with, progress, metrics, checkpoints);
        let last = match device {
            Device::Cpu | Device::CpuWithout(_) => training::train(&engine, &mut state, &data, &with, &mut log)?,
            #[cfg(feature = "cuda")]
            Device::Cuda(gpu) => {
                let mut backend = training::Cuda::new(gpu, &state, &data, &with)?;
                training::train_on(&mut backend, &mut state, &data, &with, &mut log)?
            }
        };
        log.finish();

        let result = state.result();
        let test = match with.early_stop {
            Some(_) => evaluation::run(&engine, result, &data.test)?,
            None => last.test,
        };
        let record = TrainingRecord {
            seed: with.seed,
            dataset: &data.name,
            dataset_checksum: data.checksum,
            samples: u32::try_from(in_epoch).context("too many training samples")?,
            shuffled: with.shuffle,
            epochs: state.progress.epochs,
            steps: state.progress.steps,
            batch_size: with.batch_size.min(in_epoch) as u32,
            learning_rate: with.learning_rate as f32,
            accuracy: test.accuracy() as f32,
            recipe: &text,
        };
        let signature = SignatureBuf::new(data.input, &data.classes.extended(result.outputs()));
        weights::save(&files.out, result.architecture(), result.parameters(), &signature.get(), &record)?;
        data.notice.iter().for_each(note);
        if with.early_stop.is_some() {
            writeln!(stdout, "The best epoch's weights: {:.1}% on the test samples", 100.0 * test.accuracy())?;
        }
        writeln!(stdout, "Saved {}, SHA-256 {}", files.out.display(), weights::hash(result.parameters()))?;
        Ok(())
    }
}

/// The state that a checkpoint holds of a run with so many samples in an epoch.
fn resumed(checkpoint: Checkpoint, layers: &Architecture, in_epoch: usize, with: &training::Options) -> Result<State> {
    let path = checkpoint.path().display().to_string();
    let state = checkpoint.into_state(layers, with)?;
    ensure!(
        state.progress.is_of(in_epoch, with),
        "{path}: the checkpoint's place in its run, after {} steps and in epoch {}, is none of a run by its recipe",
        state.progress.steps,
        u64::from(state.progress.epochs) + 1
    );
    Ok(state)
}
