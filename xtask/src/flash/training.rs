//! `--program train`: the board trains by the recipe that the host follows, and must reach the host's weights.

use std::{fs, path::Path, process::Command, process::ExitCode};

use anyhow::{Context, Result, bail};
use selvedge::architecture::Architecture;
use serde::Deserialize;

use super::{
    Options, Run, ended_well,
    model::{Model, Weights},
    report,
};
use crate::workspace;

/// The recipe that host and board follow: `firmware/training.toml`. The numbers go to the host as they are written.
#[derive(Deserialize)]
pub struct Recipe {
    seed: toml::Value,
    epochs: toml::Value,
    batch_size: toml::Value,
    learning_rate: toml::Value,
    samples: u32,
}

impl Recipe {
    /// Reads the file.
    pub fn read() -> Result<Self> {
        let path = workspace::root().join("firmware/training.toml");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} is no recipe", path.display()))
    }

    /// `selvedge train` by this recipe.
    pub fn train_command(&self, model: &Model, out: &Path) -> Command {
        let mut selvedge = model.train_command(out);
        selvedge.args(["--recipe", "quickstart"]);
        for (option, value) in [
            ("--seed", self.seed.to_string()),
            ("--epochs", self.epochs.to_string()),
            ("--batch-size", self.batch_size.to_string()),
            ("--lr", self.learning_rate.to_string()),
            ("--limit-train", self.samples.to_string()),
        ] {
            selvedge.args([option, &value]);
        }
        selvedge
    }
}

pub(super) fn train(options: &Options, run: &Run) -> Result<ExitCode> {
    if options.weights.is_some() || options.count.is_some() {
        bail!(
            "--program train starts from its seed and takes its samples from firmware/training.toml: leave out --weights and --count"
        );
    }
    let recipe = Recipe::read()?;
    let model = options.model("tiny")?;

    say!("Training on the host, as the board will:");
    let trained = run.embed.path.join("host.selvedge");
    let output = workspace::output_shown(&mut recipe.train_command(&model, &trained))?;
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
    /// Trains a model of these layers on the board; the hash of its weights.
    pub fn trained_hash(&self, recipe: &Recipe, model: &Model, layers: &Architecture) -> Result<String> {
        workspace::run(&mut model.embed_command(None, "train", Some(recipe.samples), &self.embed.path))?;
        let mut hash = None;
        let status = self.build_and_run(Some(layers), |line| {
            hash = report::weight_hash(line).map(str::to_owned).or(hash.take());
        })?;
        ended_well(status)?;
        hash.context("the board did not report its trained weights")
    }
}
