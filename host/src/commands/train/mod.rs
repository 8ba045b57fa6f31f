//! `selvedge train`.

mod checkpoints;
pub(super) mod command;
mod cross_validation;
mod device;
mod files;
pub(super) mod interrupt;
mod live;
pub(super) mod log;
mod metrics;
mod recorder;
mod resume;
pub(super) mod screen;
mod summary;
mod view;

use std::path::Path;

use crate::{
    data::Dataset,
    engine::Simd,
    evaluation,
    interchange::{Reading, StateDict},
    model_file::ModelFile,
    preparation::PreparationBuf,
    tensorboard::TensorBoard,
    training::{
        self, Observer, OpenGpu, State,
        checkpoint::{self, Checkpoint, Description},
    },
    weights::{self, WeightsError},
};
use anyhow::{Context, Result, ensure};
use options::{
    commands::Train,
    recipe::{Epochs, RecipeOptions},
};
use selvedge::{
    architecture::{Architecture, LayerKind},
    models,
    shape::Signature,
    weights::TrainingRecord,
};

use super::{NO_SMOOTHING, architecture, check_task, engine, is_classification, load, note};
use checkpoints::Checkpoints;
use device::Device;
use files::Files;
pub use interrupt::Interrupted;
use live::Live;
use log::{Log, Sinks};
use metrics::Metrics;
use recorder::{Recorder, Run};
use screen::Screen;
use view::{About, History};

pub fn run(options: &Train, gpu: Option<OpenGpu>) -> Result<()> {
    options.check()?;
    let device = device::choose(options.device.choice(), gpu)?;
    match &options.resume {
        None => start(options, device),
        Some(path) => resume::go_on(options, device, path, checkpoint::load(path)?),
    }
}

fn start(options: &Train, device: Device) -> Result<()> {
    let (recipe, with) = options.resolve()?;
    let out = |name: String| Path::new("weights").join(name).with_extension(files::WEIGHTS);
    let validates = options.folds.is_some() || options.trial;
    let early = options.model.name().filter(|_| !validates).map(|name| Files::of(options, out(name))).transpose()?;
    let mut data = load(&options.data)?;
    if options.folds.is_some() && !options.trial && options.data.source.test_split.is_none() {
        data.rejoin();
    }
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
    let plan = RunPlan { options, device, layers: &layers, with, recipe };
    if validates {
        return cross_validation::run(plan, data);
    }
    let files = match early {
        Some(files) => files,
        None => Files::of(options, out(models::file_name(&layers).to_string()))?,
    };
    plan.run(data, files, None)
}

/// A run, without its data and its files.
struct RunPlan<'a> {
    options: &'a Train,
    device: Device,
    /// The layers, dropout too where it was asked for among them.
    layers: &'a Architecture,
    recipe: RecipeOptions,
    with: training::TrainingOptions,
}

impl RunPlan<'_> {
    /// Returns the layers that are trained.
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

    /// Holds out the recipe's validation samples. Then it computes everything that depends on the remaining training samples: the number of
    /// epochs of `auto`, the standardisation and the class weights. Returns the recipe as the text of a file, and its training options. If
    /// `says` is false, no notes are printed.
    fn fit(
        &self,
        layers: &Architecture,
        data: &mut Dataset,
        says: bool,
    ) -> Result<(String, training::TrainingOptions)> {
        let held_out = self.recipe.val_split.map_or(Ok(0), |split| split.count(data.train.len()))?;
        if held_out > 0 {
            data.hold_out_for_validation(held_out, self.with.seed)?;
        }
        if says {
            note_length(self.options, &self.recipe, data.train.len())?;
        }
        let mut recipe = self.recipe.clone().for_samples(data.train.len());
        // The recipe of a checkpoint stays as it is.
        let is_kept = self.options.resume.is_some() || self.options.overriding.label_smoothing.is_some();
        let smooths = recipe.label_smoothing.is_some_and(|smoothing| smoothing.get() > 0.0);
        if smooths && !is_kept && !is_classification(data) {
            recipe.label_smoothing = None;
            if says && self.options.recipe.is_some() {
                note(NO_SMOOTHING);
            }
        }
        let (text, mut with) = (recipe.to_toml(), recipe.resolve()?);
        check_batches(layers, data.train.len(), &with, says)?;
        let constant = data.standardize(with.standardize);
        check_values(data, &with)?;
        check_task(data, recipe.class_weights.is_some(), &with)?;
        if says {
            note_constant(&constant, data);
        }
        if let Some(weights) = &recipe.class_weights {
            let counts = data.class_counts(layers.outputs());
            // Outputs that are no classes of the data count nothing, and a list need not name them.
            let mut weights = weights.of(&counts[..data.classes.count()]).context("class-weights")?;
            weights.resize(counts.len(), 0.0);
            with.class_weights = Some(weights);
        }
        Ok((text, with))
    }

    fn run(self, mut data: Dataset, files: Files<'_>, checkpoint: Option<Checkpoint>) -> Result<()> {
        let layers = self.layers()?;
        self.with.check_augmentation(data.input)?;
        let samples = u32::try_from(data.train.len()).context("too many training samples")?;
        let (text, with) = self.fit(&layers, &mut data, true)?;
        let expression = format!("{:#}", self.layers.expression());
        let description = Description::new(text.clone(), expression.clone(), &data);
        let description = Description { samples, ..description };
        let Self { options, device, .. } = self;
        let engine = engine(&options.threads)?;
        let mut state = match (checkpoint, &options.init) {
            (Some(checkpoint), _) => resume::state(checkpoint, &layers, &data, &with, &engine)?,
            (None, Some(path)) => initialized_by(path, &layers, &data, &with)?,
            (None, None) => State::initialized(&layers, &with)?,
        };
        let weights = Weights { data: &data, with: &with, recipe: &text, path: &files.out };
        let mut checkpoints = Checkpoints::new(options, &files, description, &state)?;
        let bytes = weights.encode(&state, 0.0)?.len() as u64;
        let processor = device.named(&engine);
        let run = Run {
            options,
            with: &with,
            texts: [&text, &expression],
            samples,
            data: &data,
            processor: processor.clone(),
        };
        let room = [bytes, checkpoints.max_len(&state), run.room()];
        files.check_room(room, options.checkpoint_every.is_some())?;

        let mut screen = Screen::new(options.quiet);
        screen.print(format_args!("Using {}, {}", device.described(&engine), data.name));
        screen.print(format_args!("{layers:#}\n"));
        let progress = state.progress;
        if let training::Length::Epochs(epochs) = with.length {
            let steps = training::steps_in_epoch(data.train.len(), &with);
            screen.print(format_args!("{epochs} epochs of {steps} steps\n"));
        }
        if progress.steps > 0 {
            screen.print(format_args!("Going on after step {}, in epoch {}\n", progress.steps, progress.epochs + 1));
        }
        let metrics = files.metrics.map(|path| Metrics::open(path, &progress)).transpose()?;
        let recorder = Recorder::begin(&files.record, &files.checkpoint, &run, &progress)?;
        let tensorboard =
            options.tensorboard.as_deref().map(|folder| TensorBoard::open(folder, &progress)).transpose()?;
        checkpoints.save_first(&state)?;
        let history =
            options.tui.then(|| History::new(About::of(options, &layers, &data, &with, processor), progress.steps));
        let live = Live::begin(tensorboard, history);
        let mut log = Log::new(&data, &with, progress, screen, Sinks { metrics, recorder, live }, checkpoints);
        let trained = train(&device, &engine, &mut state, &data, &with, &mut log);
        let (mut screen, mut recorder, mut checkpoints) = log.finish();
        let saved = trained.and_then(|last| {
            let test = match with.early_stop {
                Some(_) => evaluation::run(&engine, state.result(), data.meaning(), &data.test)?,
                None => last.test,
            };
            crate::files::write_whole(&files.out, &weights.encode(&state, test.score().clamp(0.0, 1.0) as f32)?)?;
            Ok(test)
        });
        let test = match saved {
            Ok(test) => test,
            Err(error) => {
                recorder.save();
                return Err(checkpoints.rescue(&state, error));
            }
        };
        let hash = weights::hash(state.result().parameters());
        if let Err(error) = recorder.end(&state.progress, hash.clone(), &test) {
            note(format_args!("{error:#}; the weights are saved"));
        }
        if let Err(error) = checkpoints.save_last(&state) {
            note(format_args!("{error:#}; the weights are saved"));
        }
        data.notice.iter().for_each(note);
        recorder.summary(&state.progress).into_iter().for_each(|line| screen.print_result(format_args!("{line}")));
        if with.early_stop.is_some() {
            let found = test.headline(1, &data.target_units);
            screen.print_result(format_args!("The best epoch's weights, on the test samples: {found}"));
        }
        screen.print_result(format_args!("Saved {}, SHA-256 {hash}", files.out.display()));
        screen.finish()
    }
}

/// Warns where the recipe's epochs are few steps, because the data has few samples.
fn note_length(options: &Train, recipe: &RecipeOptions, samples: usize) -> Result<()> {
    let is_recipes =
        options.resume.is_none() && options.overriding.epochs.is_none() && options.overriding.steps.is_none();
    let with = recipe.resolve()?;
    let training::Length::Epochs(epochs) = with.length else { return Ok(()) };
    let auto = RecipeOptions { epochs: Some(Epochs::Auto(None)), ..RecipeOptions::default() };
    let longer = recipe.clone().overridden_by(auto).for_samples(samples).resolve()?;
    let [steps, auto] = [&with, &longer].map(|with| training::steps_in_run(samples, with));
    // A tenth of the recipe's steps is little.
    if is_recipes && 10 * steps < auto {
        note(format_args!(
            "{epochs} epochs of {samples} samples are {steps} steps, and the recipe was made for {auto}; --epochs auto takes as many"
        ));
    }
    Ok(())
}

/// Says which features are the same in all training samples.
fn note_constant(features: &[usize], data: &Dataset) {
    const SHOWN: usize = 5;
    let names: Vec<_> = features.iter().take(SHOWN).map(|&feature| data.feature_name(feature)).collect();
    let more = features.len() - names.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    if !features.is_empty() {
        note(format_args!(
            "{} of {} features have one value in all training samples, so a network learns nothing of them: {}{more}",
            features.len(),
            data.input.features(),
            names.join(", ")
        ));
    }
}

/// Trains to the end, on the chosen device.
fn train(
    device: &Device,
    engine: &Simd,
    state: &mut State,
    data: &Dataset,
    with: &training::TrainingOptions,
    log: &mut impl Observer<Error = anyhow::Error>,
) -> Result<training::Epoch> {
    match device {
        Device::Cpu | Device::CpuWithout(_) => training::train(engine, state, data, with, log),
        Device::Gpu(gpu) => training::train_on(&mut *gpu.backend(state, data, with)?, state, data, with, log),
    }
}

/// Returns the first state of a run from the weights of a file, or from those of a checkpoint of a run by the same layers.
fn initialized_by(
    path: &Path,
    layers: &Architecture,
    data: &Dataset,
    with: &training::TrainingOptions,
) -> Result<State> {
    // A pipe can be read once.
    let bytes = crate::files::read(path, checkpoint::MAX_BYTES)?;
    let network = if checkpoint::is_one(&bytes) {
        Checkpoint::parse(path, &bytes)?.into_network(layers)?
    } else {
        if let Ok(file) = ModelFile::parse(&bytes) {
            let Signature { preparation, task, .. } = file.signature();
            let values = PreparationBuf::from(preparation) != data.preparation;
            let targets = task.kind() == data.task.get().kind() && task != data.task.get();
            for (what, _) in [("values", values), ("targets", targets)].into_iter().filter(|(_, differ)| *differ) {
                note(format_args!(
                    "{} was trained on {what} that were scaled otherwise; this run scales them by its own training samples",
                    path.display()
                ));
            }
        }
        let weights = StateDict::parse(path, &bytes, &Reading::default())?;
        weights.notes().iter().for_each(note);
        let (network, report) = weights.network(layers, true)?;
        report.notes().iter().for_each(note);
        network
    };
    Ok(State::new(network, with)?)
}

/// Refuses the augmentation of samples that are no plain bytes.
pub(super) fn check_values(data: &Dataset, with: &training::TrainingOptions) -> Result<()> {
    ensure!(
        with.augmentation.is_none() || data.preparation == PreparationBuf::Bytes,
        "augment changes images of bytes that are divided by 255, and this data's values ({}) are scaled otherwise; train with --augment none; \
         if the values are u8, --standardize no is possible too",
        data.train.element()
    );
    Ok(())
}

/// Checks that these layers can be trained on each batch, and that the schedule fits into the run.
fn check_batches(layers: &Architecture, samples: usize, with: &training::TrainingOptions, says: bool) -> Result<()> {
    with.check_schedule(samples)?;
    let normalizes = layers.layers().iter().any(|layer| matches!(layer, LayerKind::BatchNorm1d { .. }));
    if normalizes {
        let batch = with.batch_size.min(samples);
        ensure!(
            batch > 1,
            "BatchNorm1d takes mean and variance over a batch, and batches have one sample here; take a larger --batch-size, or leave \
             BatchNorm1d out of --layers"
        );
        if says && samples % batch == 1 {
            note("each epoch's last batch has one sample, of which BatchNorm1d learns nothing");
        }
    }
    Ok(())
}

/// The weight file of a run.
struct Weights<'a> {
    data: &'a Dataset,
    with: &'a training::TrainingOptions,
    recipe: &'a str,
    path: &'a Path,
}

impl Weights<'_> {
    /// Returns the file of a state's weights.
    fn encode(&self, state: &State, accuracy: f32) -> Result<Vec<u8>> {
        let Self { data, with, recipe, path } = *self;
        let in_epoch = data.train.len();
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
            accuracy,
            recipe,
        };
        let result = state.result();
        weights::check_all(result.architecture(), result.parameters()).context("training diverged")?;
        let signature = data.signature(result.outputs());
        let file = weights::encode(result.architecture(), result.parameters(), &signature.get(), &record);
        Ok(file.map_err(WeightsError::in_file(path))?)
    }
}
