//! `--program train`: the board trains by the recipe that the host follows, and must reach the host's weights.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use board::BoardRecipe;
use selvedge::{architecture::Architecture, message::WeightFormat};

use super::{
    FlashOptions, Load, Program, Run, ended_well,
    model::{Model, Weights},
    report,
};
use crate::workspace;

pub(super) fn train(options: &FlashOptions, run: &Run) -> Result<ExitCode> {
    if options.network.weights.is_some() || options.count.is_some() {
        bail!(
            "--program train starts from its seed and takes its samples from firmware/training.toml: leave out --weights and --count"
        );
    }
    let recipe = BoardRecipe::read()?;
    let model = options.network.model("tiny")?;

    say!("Training on the host, as the board will:");
    let trained = run.embed.path.join("host.selvedge");
    let output = workspace::output_shown(&mut model.board_training(&recipe, &trained))?;
    let expected = report::saved_hash(&output)?;
    let weights = Weights::read(&trained)?;

    say!("{} ({}): train {}", run.board.name, run.board.description, weights.architecture);
    let hash = run.trained_hash(&recipe, &model, &weights.architecture)?;
    if hash != expected {
        bail!("the board's trained weights are {hash}, the host's {expected}");
    }
    say!("The board's trained weights equal the host's bits");
    Ok(ExitCode::SUCCESS)
}

impl Run {
    /// Trains a model with these layers on the board, and returns the hash of its weights.
    pub fn trained_hash(&self, recipe: &BoardRecipe, model: &Model, layers: &Architecture) -> Result<String> {
        let (program, format, samples) = (Program::Train, WeightFormat::F32, Some(recipe.samples));
        let load = Load { program, network: layers, format, is_quantised: false, samples };
        load.check(&self.board)?;
        workspace::run(&mut model.embed_command(None, "train", Some(recipe.samples), &self.embed.path))?;
        let mut hash = None;
        let status = self.build_and_run(Some(layers), |line| {
            say!("{line}");
            hash = report::weight_hash(line).map(str::to_owned).or(hash.take());
        });
        let status = status.map_err(|error| load.explain(error, &self.board))?;
        ended_well(status)?;
        hash.context("the board did not report its trained weights")
    }
}
