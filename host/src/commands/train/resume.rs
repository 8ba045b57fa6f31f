//! A run that goes on from its checkpoint.

use std::path::Path;

use crate::{
    data::Dataset,
    engine::Simd,
    evaluation,
    training::{
        self, State,
        checkpoint::{Checkpoint, Description},
    },
};
use anyhow::{Context, Result, anyhow, ensure};
use options::{commands::Train, recipe::RecipeOptions};
use os_display::Quotable;
use selvedge::architecture::Architecture;

use super::{
    RunPlan,
    device::Device,
    files::{Files, WEIGHTS},
    load,
};

pub fn go_on(options: &Train, device: Device, path: &Path, checkpoint: Checkpoint) -> Result<()> {
    let Description { recipe, layers, samples, dataset, dataset_checksum, progress } = &checkpoint.description;
    let path = path.maybe_quote();
    let again = format!("`train --init {path} --layers {}` starts a new run from its weights", layers.maybe_quote());
    let before = RecipeOptions::parse(recipe, checkpoint.path())?;
    let ended_early = before.resolve()?.early_stop.is_some_and(|patience| progress.epochs_since_best >= patience);
    let length = options.length(checkpoint.path())?;
    ensure!(
        !ended_early || length == RecipeOptions::default(),
        "{path}: the run ended early, after epoch {}, as its early-stop says, so it gets no other length; {again}",
        progress.epochs
    );
    let recipe = before.with_length(length).map_err(|error| anyhow!("{path}: {error}; {again}"))?;
    let with = recipe.resolve()?;
    let has_passed = match with.length {
        // The step that ends an epoch may be done before its test.
        training::Length::Epochs(epochs) => progress.epochs > epochs || progress.epochs == epochs && progress.seen > 0,
        training::Length::Steps(steps) => progress.steps > steps,
    };
    ensure!(!has_passed, "{path}: the run is longer already: it has taken {} steps; {again}", progress.steps);
    let layers: Architecture = layers.parse().with_context(|| path.to_string())?;
    let files = Files::of(options, checkpoint.path().with_extension(WEIGHTS))?;
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
    data.check(&layers).with_context(|| path.to_string())?;
    RunPlan { options, device, layers: &layers, with, recipe }.run(data, files, Some(checkpoint))
}

/// Returns a checkpoint's state, after checks against this data. The validation samples are already held out of it.
pub fn state(
    checkpoint: Checkpoint,
    layers: &Architecture,
    data: &Dataset,
    with: &training::TrainingOptions,
    engine: &Simd,
) -> Result<State> {
    let path = checkpoint.path().display().to_string();
    let state = checkpoint.into_state(layers, with)?;
    ensure!(
        state.progress.is_of(data.train.len(), data.validation.is_some(), with),
        "{path}: the checkpoint's counters, after {} steps in epoch {}, do not fit its recipe and its samples; the file was changed",
        state.progress.steps,
        u64::from(state.progress.epochs) + 1
    );
    if let (Some(best), Some(validation), Some(loss)) = (state.best(), &data.validation, state.progress.best_loss) {
        let found = evaluation::run(engine, best, data.meaning(), validation)?.loss;
        ensure!(
            found.to_bits() == loss.to_bits(),
            "{path}: the best epoch's weights have a loss of {found} on the validation samples, and not {loss} as the checkpoint says"
        );
    }
    Ok(state)
}
