//! The options of `train`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::{Data, Model, Threads, groups::whole};
use crate::{
    folds::Folds,
    recipe::{self, Epochs, RecipeError, RecipeOptions},
    training,
};

/// Options of `train`.
///
/// The recipe decides the weights, with the options that override it. The rest says where they come from and go to.
#[derive(Args, Debug)]
pub struct Train {
    /// The network.
    #[command(flatten)]
    pub model: Model,
    /// The samples.
    #[command(flatten)]
    pub data: Data,
    /// The threads that compute.
    #[command(flatten)]
    pub threads: Threads,
    /// The processor that trains.
    #[command(flatten)]
    pub device: Processor,

    /// What to train with: a built-in recipe (`selvedge recipes` lists them) or a TOML file [default: fast]
    ///
    /// Each other option under Recipe, Optimizer, Schedule, Regularization and Validation is a key of such a file, and overrides it.
    #[arg(long, value_name = "NAME|FILE", help_heading = "Recipe")]
    pub recipe: Option<PathBuf>,
    /// The options that override the recipe's.
    #[command(flatten)]
    pub overriding: RecipeOptions,

    /// Start from these weights (.selvedge, .checkpoint, .safetensors, .pth, .npz or .onnx) instead of the seed's
    ///
    /// Convert weights that were trained with Normalize(mean, std) first: `selvedge convert --mean … --std …`.
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    pub init: Option<PathBuf>,

    /// Cross-validate: cut the samples in K folds, and test each by a model that is trained on the others
    ///
    /// Of each class the same part is in each fold; with --group, a group is in one fold. All samples of a source in one piece are in folds. Where the
    /// source has a test part, or --test-split or --test asks for one, that part is left alone. The seed is none of a run's, so every recipe is
    /// tested on the same folds.
    #[arg(
        long,
        value_name = "K[,seed=N]",
        conflicts_with_all = ["resume", "checkpoint_every", "checkpoint", "overwrite", "out"],
        help_heading = "Validation"
    )]
    pub folds: Option<Folds>,

    /// Keep the folds' models: DIR/fold-1.selvedge and so on
    #[arg(long, value_name = "DIR", requires = "folds", help_heading = "Validation")]
    pub keep_folds: Option<PathBuf>,

    /// For `search`, which starts it: leave the test part alone, write no file, and print the figures on the validation samples or folds as JSON.
    #[arg(long, hide = true, conflicts_with_all = ["resume", "checkpoint_every", "checkpoint", "overwrite", "out", "keep_folds", "metrics", "tensorboard", "tui"])]
    pub trial: bool,

    /// Train on the first samples only
    #[arg(long, value_name = "N", value_parser = whole::<u32>(1..=u32::MAX.into()), help_heading = "Data")]
    pub limit_train: Option<u32>,

    /// Where the weights go [default: weights/MODEL.selvedge; of a resumed run, beside the checkpoint, with the ending .selvedge]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub out: Option<PathBuf>,

    /// Write losses and accuracies as one JSON object a line
    #[arg(long, value_name = "FILE.jsonl", help_heading = "Output")]
    pub metrics: Option<PathBuf>,

    /// Write losses, learning rate, metrics and speed for TensorBoard: a file of events in this folder, with the run's steps
    ///
    /// A resumed run goes on in the folder with a file of its own, and TensorBoard shows both as one run. A new run takes a folder without events.
    #[arg(long, value_name = "DIR", conflicts_with = "folds", help_heading = "Output")]
    pub tensorboard: Option<PathBuf>,

    /// Watch the run in the terminal: curves, speed, time left, the last test; q ends it as Ctrl-C does. Elsewhere lines are printed
    #[arg(long, conflicts_with = "folds", help_heading = "Output")]
    pub tui: bool,

    /// Print no losses, no tests and no progress bar, only the summary at the end
    #[arg(long, short, conflicts_with = "tui", help_heading = "Output")]
    pub quiet: bool,

    /// Save a checkpoint every so many steps, from the start on; Ctrl-C saves one in any case
    ///
    /// A checkpoint of another run is never replaced without --overwrite.
    #[arg(long, value_name = "STEPS", value_parser = whole::<u64>(1..=u64::MAX), help_heading = "Checkpoints")]
    pub checkpoint_every: Option<u64>,

    /// Where the checkpoint goes [default: beside the weights, with the ending .checkpoint; of a resumed run, where it came from]
    #[arg(long, value_name = "FILE", help_heading = "Checkpoints")]
    pub checkpoint: Option<PathBuf>,

    /// Replace an existing checkpoint, also one of another run
    #[arg(long, help_heading = "Checkpoints")]
    pub overwrite: bool,

    /// Go on from a checkpoint, with its model, recipe and samples, to the weights of a run that never stopped
    ///
    /// --epochs or --steps gives the run another length. The schedules cosine and one-cycle depend on the length, so they refuse it.
    #[arg(long, value_name = "FILE", conflicts_with = "model", help_heading = "Checkpoints")]
    pub resume: Option<PathBuf>,
}

impl Train {
    /// Checks the recipe and its options, as far as that can be done without data.
    ///
    /// # Errors
    ///
    /// Those of [`resolve`](Self::resolve), or for a run that is resumed of [`length`](Self::length).
    pub fn check(&self) -> Result<(), RecipeError> {
        match &self.resume {
            Some(checkpoint) => self.length(checkpoint).map(drop),
            None => self.resolve().map(drop),
        }
    }

    /// Returns the new length of a resumed run: a recipe with epochs or steps alone, or an empty one.
    ///
    /// # Errors
    ///
    /// [`RecipeError::Senseless`] for any other option of the recipe, and for those of the network, the samples and the weights.
    pub fn length(&self, checkpoint: &Path) -> Result<RecipeOptions, RecipeError> {
        let RecipeOptions { epochs, steps, .. } = self.overriding;
        let length = RecipeOptions { epochs, steps, ..RecipeOptions::default() };
        let others = [
            (self.recipe.is_some(), "--recipe"),
            (self.model.layers.is_some(), "--layers"),
            (self.init.is_some(), "--init"),
            (self.limit_train.is_some(), "--limit-train"),
        ];
        let given = others.iter().filter(|(is_given, _)| *is_given).map(|(_, name)| (*name).to_owned());
        let has_others = others.iter().any(|(is_given, _)| *is_given);
        let overriding = RecipeOptions { epochs: None, steps: None, ..self.overriding.clone() };
        if matches!(epochs, Some(Epochs::Auto(_))) {
            return Err(RecipeError::senseless("--epochs", "auto is for a new run; give the resumed one a number"));
        }
        let names: Vec<_> = given.chain(overriding.names()).collect();
        if names.is_empty() {
            return Ok(length);
        }
        let reason = format!(
            "the run keeps its {}, so {} cannot be given; `train --init {}` with its --model or --layers starts a new run from its weights",
            if has_others { "recipe, network and samples" } else { "recipe" },
            names.join(", "),
            checkpoint.display()
        );
        Err(RecipeError::senseless("--resume", reason))
    }

    /// Finds the recipe, lays the command line's options over it, and resolves them.
    ///
    /// A resumed run takes its recipe from the checkpoint instead.
    ///
    /// # Errors
    ///
    /// [`RecipeError`] for a recipe that is none, and for options that make no sense together.
    pub fn resolve(&self) -> Result<(RecipeOptions, training::TrainingOptions), RecipeError> {
        let name = self.recipe.as_deref().unwrap_or(recipe::DEFAULT.as_ref());
        let recipe = RecipeOptions::find(name)?.overridden_by(self.overriding.clone());
        let options = recipe.resolve()?;
        Ok((recipe, options))
    }
}

/// The processor that trains.
#[derive(Args, Debug)]
#[command(next_help_heading = "Processor")]
pub struct Processor {
    /// On what to train; auto takes CUDA where it is there and built in, and says what it chose. The bits are the same
    #[arg(long, value_enum, default_value = "auto")]
    pub device: Choice,

    /// Short for --device cuda
    #[arg(long, conflicts_with = "device")]
    pub cuda: bool,
}

impl Processor {
    /// The choice that both options make.
    pub fn choice(&self) -> Choice {
        if self.cuda { Choice::Cuda } else { self.device }
    }
}

/// A processor, as `--device` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// CUDA where it is there and built in, else the CPU.
    Auto,
    /// The CPU's threads.
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
}

impl Choice {
    /// Its name, unless it is the default.
    pub const fn given(self) -> Option<&'static str> {
        match self {
            Self::Auto => None,
            Self::Cpu => Some("cpu"),
            Self::Cuda => Some("cuda"),
        }
    }
}
