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

use anyhow::{Context, Result, ensure};
use clap::Args;
use host::{
    data::Dataset,
    evaluation,
    interchange::StateDict,
    models::{Boxed, Model, UnknownModel, WithModel, with_training_model},
    recipe::{self, RecipeOptions},
    training::{
        self, State,
        checkpoint::{self, Checkpoint, Description},
    },
    weights,
};
use selvedge::{architecture::Architecture, weights::TrainingRecord};

use super::{DataOptions, ModelOptions, ThreadOptions, note};
use device::{Device, DeviceOptions};
use files::Files;
pub use interrupt::Interrupted;
use log::{Checkpoints, Log};
use metrics::Metrics;

/// Everything that decides the weights is the recipe's, or overrides it; the rest is where they come from and go to.
#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    model: ModelOptions,
    #[command(flatten)]
    data: DataOptions,
    #[command(flatten)]
    threads: ThreadOptions,
    #[command(flatten)]
    device: DeviceOptions,

    /// What to train with: a built-in recipe (`selvedge recipes` lists them) or a TOML file [default: fast]
    ///
    /// Each option under Recipe, Optimizer, Schedule, Regularization and Validation is a key of such a file, and overrides it.
    #[arg(long, value_name = "NAME|FILE")]
    recipe: Option<PathBuf>,
    #[command(flatten)]
    overriding: RecipeOptions,

    /// Start from these weights (.selvedge, .safetensors, .pth or .npz, with PyTorch's names) instead of the seed's
    #[arg(long, value_name = "FILE")]
    init: Option<PathBuf>,

    /// Train on the first images only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit_train: Option<u32>,

    /// Where the weights go [default: weights/MODEL.selvedge; of a resumed run, beside the checkpoint, with the ending .selvedge]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Write losses and accuracies as one JSON object a line
    #[arg(long, value_name = "FILE.jsonl")]
    metrics: Option<PathBuf>,

    /// Save a checkpoint every so many steps, from the start on; Ctrl-C saves one in any case
    #[arg(long, value_name = "STEPS", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Checkpoints")]
    checkpoint_every: Option<u64>,

    /// Where the checkpoint goes [default: beside the weights, with the ending .checkpoint; of a resumed run, where it came from]
    #[arg(long, value_name = "FILE", help_heading = "Checkpoints")]
    checkpoint: Option<PathBuf>,

    /// Go on from a checkpoint, with its model, recipe and images, to the weights of a run that never stopped
    ///
    /// Of a run with --layers, `cargo xtask` needs them again: it builds the program for them.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["RecipeOptions", "model", "recipe", "init", "limit_train"],
        help_heading = "Checkpoints"
    )]
    resume: Option<PathBuf>,
}

impl Options {
    pub fn run(self) -> Result<()> {
        let device = self.device.choose()?;
        match &self.resume {
            None => self.start(device),
            Some(path) => self.go_on(device, checkpoint::load(path)?),
        }
    }

    fn start(&self, device: Device) -> Result<()> {
        let name = self.recipe.as_deref().unwrap_or(recipe::DEFAULT.as_ref());
        let recipe = RecipeOptions::find(name)?.overridden_by(self.overriding.clone());
        let layers = self.model.architecture();
        let out = Path::new("weights").join(self.model.name()).with_extension(files::WEIGHTS);
        let plan =
            Plan { options: self, device, layers: &layers, with: recipe.resolve()?, recipe, files: self.files(out)? };
        let mut data = self.data.load()?;
        if let Some(limit) = self.limit_train {
            let there = data.train.labels.len();
            ensure!(limit as usize <= there, "--limit-train {limit}: {} has only {there} training images", data.name);
            data.truncate(limit as usize);
        }
        plan.run(data, None)
    }

    fn go_on(&self, device: Device, checkpoint: Checkpoint) -> Result<()> {
        let path = checkpoint.path().display().to_string();
        let Description { recipe, layers, samples, dataset, dataset_checksum, .. } = &checkpoint.description;
        let recipe = RecipeOptions::parse(recipe, checkpoint.path())?;
        let layers = selvedge::models::classifier(layers).with_context(|| path.clone())?;
        ensure!(
            self.model.layers.as_ref().is_none_or(|asked| *asked == layers),
            "{path}: this is a run of '{:#}', not of --layers",
            layers.expression()
        );
        let out = checkpoint.path().with_extension(files::WEIGHTS);
        let plan =
            Plan { options: self, device, layers: &layers, with: recipe.resolve()?, recipe, files: self.files(out)? };
        let mut data = self.data.load()?;
        if *samples as usize <= data.train.labels.len() {
            data.truncate(*samples as usize);
        }
        ensure!(
            data.checksum == *dataset_checksum,
            "{path}: the run was trained on {samples} images of {dataset}, which are not those of {} here; name their folder with \
             --data",
            data.name
        );
        plan.run(data, Some(checkpoint))
    }

    /// Where a run writes whose weights go here by default; that it can is checked before any work.
    fn files(&self, out: PathBuf) -> Result<Files<'_>> {
        let out = self.out.clone().unwrap_or(out);
        let checkpoint = self.checkpoint.clone().or_else(|| self.resume.clone());
        let checkpoint = checkpoint.unwrap_or_else(|| out.with_extension("checkpoint"));
        let files = Files { out, checkpoint, metrics: self.metrics.as_deref() };
        files.check()?;
        Ok(files)
    }
}

/// A run, but for its data.
struct Plan<'a> {
    options: &'a Options,
    device: Device,
    /// The layers, dropout too where it was asked for among them.
    layers: &'a Architecture,
    recipe: RecipeOptions,
    with: training::Options,
    files: Files<'a>,
}

impl Plan<'_> {
    fn run(self, data: Dataset, checkpoint: Option<Checkpoint>) -> Result<()> {
        let layers = if self.with.dropout > 0.0 {
            self.layers.with_dropout().with_context(|| {
                let (whose, or) = match self.options.overriding.dropout {
                    Some(_) => ("--dropout", ""),
                    None => ("the recipe's dropout", ", or take --dropout 0"),
                };
                format!(
                    "{whose}: with Dropout after each activation there are too many layers; name it in --layers where it is to be{or}"
                )
            })?
        } else {
            ensure!(
                *self.layers == self.layers.for_prediction(),
                "--layers has Dropout, so --dropout has to say how much is dropped"
            );
            self.layers.clone()
        };
        let own = self.layers;
        // Of the layers that training takes, only these are asked for: the others are the recipe's.
        with_training_model(&layers, Training { plan: self, data, checkpoint }).map_err(|_| UnknownModel::of(own))?
    }
}

/// A run whose data is there, to be done with the model's type.
struct Training<'a> {
    plan: Plan<'a>,
    data: Dataset,
    checkpoint: Option<Checkpoint>,
}

impl WithModel for Training<'_> {
    type Output = Result<()>;

    fn run<M: Model>(self) -> Result<()> {
        let Self { plan: Plan { options, device, layers, recipe, with, files }, mut data, checkpoint } = self;
        let text = recipe.to_toml();
        let description = Description::new(text.clone(), format!("{:#}", layers.expression()), &data);
        let samples = data.train.labels.len();
        if let Some(split) = recipe.val_split {
            let count = split.count(samples)?;
            if count > 0 {
                data.hold_out(count, with.seed);
            }
        }
        let in_epoch = data.train.labels.len();
        let mut state = match checkpoint {
            Some(checkpoint) => resumed::<M>(checkpoint, in_epoch, &with)?,
            None => match &options.init {
                Some(path) => {
                    let mut model = Boxed::<M>::zeroed();
                    StateDict::read(path)?.load(&mut *model, true)?;
                    State::new(model, &with)
                }
                None => State::initialized(&with),
            },
        };

        let engine = options.threads.engine()?;
        let mut stdout = io::stdout();
        let computes = match &device {
            Device::Cpu | Device::CpuWithout(_) => {
                format!("{device}, {} threads, {}", engine.threads(), engine.instructions())
            }
            #[cfg(feature = "cuda")]
            Device::Cuda(..) => device.to_string(),
        };
        writeln!(stdout, "Using {computes}, {}", data.name)?;
        writeln!(stdout, "{:#}\n", Architecture::of::<M>())?;
        let progress = state.progress;
        if progress.steps > 0 {
            writeln!(stdout, "Going on after step {}, in epoch {}\n", progress.steps, progress.epochs + 1)?;
        }
        let to_go_on = files.to_go_on(layers);
        let checkpoints =
            Checkpoints { path: files.checkpoint, every: options.checkpoint_every, description, to_go_on };
        let metrics = files.metrics.map(|path| Metrics::open(path, &progress)).transpose()?;
        checkpoints.save_first(&state)?;
        let mut log = Log::new(in_epoch, &with, progress, metrics, checkpoints);
        let last = match device {
            Device::Cpu | Device::CpuWithout(_) => training::train(&engine, &mut state, &data, &with, &mut log)?,
            #[cfg(feature = "cuda")]
            Device::Cuda(gpu, launches) => {
                let mut backend = training::Cuda::new(gpu, launches, &state, &data, &with)?;
                training::train_on(&mut backend, &mut state, &data, &with, &mut log)?
            }
        };
        log.finish();

        let result = state.result();
        let test = match with.early_stop {
            Some(_) => evaluation::run(&engine, result, &data.test, |_, _| {})?,
            None => last.test,
        };
        let record = TrainingRecord {
            seed: with.seed,
            dataset: &data.name,
            dataset_checksum: data.checksum,
            samples: u32::try_from(in_epoch).context("too many training images")?,
            shuffled: with.shuffle,
            epochs: state.progress.epochs,
            steps: state.progress.steps,
            batch_size: with.batch_size.min(in_epoch) as u32,
            learning_rate: with.learning_rate as f32,
            accuracy: test.accuracy() as f32,
            recipe: &text,
        };
        weights::save(&files.out, result, &record)?;
        note(&data);
        if with.early_stop.is_some() {
            writeln!(stdout, "The best epoch's weights: {:.1}% on the test images", 100.0 * test.accuracy())?;
        }
        writeln!(stdout, "Saved {}, SHA-256 {}", files.out.display(), weights::hash(result))?;
        Ok(())
    }
}

/// The state that a checkpoint holds of a run with so many samples in an epoch.
fn resumed<M: Model>(checkpoint: Checkpoint, in_epoch: usize, with: &training::Options) -> Result<State<M>> {
    let path = checkpoint.path().display().to_string();
    let state = checkpoint.into_state::<M>(with)?;
    ensure!(
        state.progress.is_of(in_epoch, with),
        "{path}: the checkpoint's place in its run, after {} steps and in epoch {}, is none of a run by its recipe",
        state.progress.steps,
        u64::from(state.progress.epochs) + 1
    );
    Ok(state)
}
