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
/// The recipe with the options that override it, the network, the samples and the initial weights (`--init`, or the checkpoint of `--resume`)
/// determine the trained weights. The threads, the processor and the options of output do not change them.
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

    /// The recipe: a built-in recipe (`selvedge recipes` lists them) or a TOML file [default: fast]
    ///
    /// The other options under Recipe, Optimizer, Schedule, Regularization and Validation are the keys of a recipe file, except --folds and
    /// --keep-folds. They override its values.
    #[arg(long, value_name = "NAME|FILE", help_heading = "Recipe")]
    pub recipe: Option<PathBuf>,
    /// The options that override values of the recipe.
    #[command(flatten)]
    pub overriding: RecipeOptions,

    /// Start from these weights (.selvedge, .checkpoint, .safetensors, .pth, .npz or .onnx) instead of random weights
    ///
    /// If the weights were trained with Normalize(mean, std), convert them first: `selvedge convert --mean … --std …`.
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    pub init: Option<PathBuf>,

    /// Cross-validate: divide the samples into K folds, and test each fold with a model that was trained on the others
    ///
    /// Two folds differ by one sample of a class at most. With --group, all samples of a group are in one fold, so folds have only about the same
    /// number of samples of a class. The folds divide all samples except a test part that the source has, or that --test-split or --test gives; such
    /// a test part is not used. N is the seed of the division. It is not the seed of the training, so every recipe is tested on the same folds.
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

    /// For `search`, which starts this process: do not use the test part, write no file, and print the figures on the validation samples or folds as
    /// JSON.
    #[arg(long, hide = true, conflicts_with_all = ["resume", "checkpoint_every", "checkpoint", "overwrite", "out", "keep_folds", "metrics", "tensorboard", "tui"])]
    pub trial: bool,

    /// Train on the first samples only
    #[arg(long, value_name = "N", value_parser = whole::<u32>(1..=u32::MAX.into()), help_heading = "Data")]
    pub limit_train: Option<u32>,

    /// The weight file [default: weights/MODEL.selvedge, with --layers a name that is made from the layers, such as 784-256-10, in place of MODEL;
    /// for a resumed run beside the checkpoint, with the ending .selvedge]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub out: Option<PathBuf>,

    /// Write losses, learning rates and the task's metrics, one JSON object on each line
    #[arg(long, value_name = "FILE.jsonl", help_heading = "Output")]
    pub metrics: Option<PathBuf>,

    /// Write losses, learning rate, metrics and speed for TensorBoard: a file of events in this folder, with the run's steps
    ///
    /// A resumed run adds a second file to the folder, and TensorBoard shows both files as one run. A new run needs a folder without events.
    #[arg(long, value_name = "DIR", conflicts_with = "folds", help_heading = "Output")]
    pub tensorboard: Option<PathBuf>,

    /// Watch the run in the terminal: curves, speed, remaining time, the last test; q ends the run like Ctrl-C. If the output is no terminal, lines are
    /// printed
    #[arg(long, conflicts_with = "folds", help_heading = "Output")]
    pub tui: bool,

    /// Print no losses, no tests and no progress bar, only the summary at the end
    #[arg(long, short, conflicts_with = "tui", help_heading = "Output")]
    pub quiet: bool,

    /// Save a checkpoint every STEPS steps; Ctrl-C saves a checkpoint too, except with --folds
    ///
    /// Only --overwrite replaces the checkpoint of another run.
    #[arg(long, value_name = "STEPS", value_parser = whole::<u64>(1..=u64::MAX), help_heading = "Checkpoints")]
    pub checkpoint_every: Option<u64>,

    /// The checkpoint file [default: beside the weights, with the ending .checkpoint; for a resumed run the file of --resume]
    #[arg(long, value_name = "FILE", help_heading = "Checkpoints")]
    pub checkpoint: Option<PathBuf>,

    /// Replace an existing checkpoint, also one of another run
    #[arg(long, help_heading = "Checkpoints")]
    pub overwrite: bool,

    /// Continue from a checkpoint, with its model and recipe. Name the same samples again, with the same options under Data, but without --limit-train:
    /// the checkpoint has its number. The result is the weights of a run that never stopped
    ///
    /// --epochs or --steps changes the length of the run. This is an error for the schedules cosine and one-cycle, because they depend on the length.
    #[arg(long, value_name = "FILE", conflicts_with = "model", help_heading = "Checkpoints")]
    pub resume: Option<PathBuf>,
}

impl Train {
    /// Checks the recipe and its options, as far as that can be done without data.
    ///
    /// # Errors
    ///
    /// The errors of [`resolve`](Self::resolve), or for a resumed run the errors of [`length`](Self::length).
    pub fn check(&self) -> Result<(), RecipeError> {
        match &self.resume {
            Some(checkpoint) => self.length(checkpoint).map(drop),
            None => self.resolve().map(drop),
        }
    }

    /// Returns the new length of a resumed run, as a recipe with only `epochs` or `steps`. Without a new length the recipe is empty.
    ///
    /// # Errors
    ///
    /// [`RecipeError::Senseless`] for `--epochs auto`, for any other option of the recipe, and for `--recipe`, `--layers`, `--init` and
    /// `--limit-train`.
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

    /// Reads the recipe, overrides it with the options of the command line, and returns both the recipe and its training options.
    ///
    /// A resumed run takes its recipe from the checkpoint instead.
    ///
    /// # Errors
    ///
    /// [`RecipeError`] if the recipe is invalid or options contradict each other.
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
    /// The processor that trains; auto: CUDA if the program and the machine have it, else the CPU, and the output names the choice
    #[arg(long, value_enum, default_value = "auto")]
    pub device: Choice,

    /// Short for --device cuda
    #[arg(long, conflicts_with = "device")]
    pub cuda: bool,
}

impl Processor {
    /// Returns the processor that both options choose.
    pub fn choice(&self) -> Choice {
        if self.cuda { Choice::Cuda } else { self.device }
    }
}

/// A processor, as `--device` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// CUDA if the program and the machine have it, else the CPU.
    Auto,
    /// The CPU's threads.
    Cpu,
    /// An NVIDIA GPU.
    Cuda,
}

impl Choice {
    /// Returns the processor's name, unless it is the default.
    pub const fn given(self) -> Option<&'static str> {
        match self {
            Self::Auto => None,
            Self::Cpu => Some("cpu"),
            Self::Cuda => Some("cuda"),
        }
    }
}
