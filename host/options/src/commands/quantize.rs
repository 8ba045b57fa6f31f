use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use super::{Data, Threads};
use crate::{
    recipe::{self, RecipeOptions},
    training,
};

/// Options of `quantize`.
#[derive(Args, Debug)]
pub struct Quantize {
    /// The model's weight file
    #[arg(value_name = "FILE")]
    pub path: PathBuf,

    /// The file for the quantised network [default: beside FILE, with the format as its ending]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// The number format of the weights
    #[arg(long, value_enum, default_value = "int8")]
    pub format: FormatOption,

    /// First continue the training with rounded weights (quantisation-aware training); for int4 and int8
    #[arg(long)]
    pub qat: bool,

    /// The recipe of --qat: a built-in recipe (`selvedge recipes` lists them) or a TOML file [default: fine-tune]
    #[arg(long, value_name = "NAME|FILE", requires = "qat")]
    pub recipe: Option<PathBuf>,

    /// Write a table with a certificate for each test sample. It says whether it is proved that the quantised network gives the same answer; for a
    /// regression, how far an answer can be off
    ///
    /// For classes, a line has the index, the label, the quantised network's class, the margin, the bound, and whether it is certified. For labels,
    /// it has the index, the margin, the bound, and whether it is certified. For a regression there is a line for each output, with index, output,
    /// error and bound.
    ///
    /// For classes, a certificate compares the model's class with one other class. The margin is the distance between the two logits in the model.
    /// The bound is the most by which quantisation can change this distance. If the bound is smaller than the margin for each other class, it is
    /// proved that both networks choose the same class. The line then has the margin and the bound for the other class with the smallest difference
    /// margin − bound. Otherwise it has those for the first other class whose margin is not above its bound. The table does not name this other
    /// class.
    ///
    /// For labels, the margin of an output is its distance from 0, and its bound is the largest error of the output. If every bound is below its
    /// margin, the line has the output with the smallest difference margin − bound. Otherwise it has the first output whose margin is not above its
    /// bound.
    ///
    /// In int8 and int4, inputs that are not bytes are rounded to codes, which are numbers from 0 to 255. The margin is then that of the
    /// floating-point network on the rounded inputs, and a sample is certified only if this network also has the model's class.
    #[arg(long, value_name = "FILE.csv")]
    pub certificates: Option<PathBuf>,

    /// The samples.
    #[command(flatten)]
    pub data: Data,
    /// The threads that compute.
    #[command(flatten)]
    pub threads: Threads,
}

/// The value of `--format`: the number format of the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatOption {
    /// 32 bits; `quantize` and `flash` fold batch normalisation into the linear layers, `new` leaves the file as it is
    F32,
    /// 16 bits, computed in floating point
    F16,
    /// 8 bits, computed in integers
    Int8,
    /// 4 bits, computed in integers
    Int4,
}

impl FormatOption {
    /// Returns the format's name, which is also the extension of its files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Int8 => "int8",
            Self::Int4 => "int4",
        }
    }
}

impl Quantize {
    /// Returns the training options of the recipe for fine-tuning, or `None` without --qat.
    ///
    /// # Errors
    ///
    /// If the format has no fine-tuning, if the recipe is invalid, or if it has an option that fine-tuning does not support.
    pub fn fine_tuning(&self) -> Result<Option<training::TrainingOptions>> {
        if !self.qat {
            return Ok(None);
        }
        ensure!(
            matches!(self.format, FormatOption::Int8 | FormatOption::Int4),
            "--qat is for --format int4 and int8: weights in {} need no fine-tuning",
            self.format.name()
        );
        let name = self.recipe.as_deref().unwrap_or(recipe::FINE_TUNING.as_ref());
        let recipe = RecipeOptions::find(name)?;
        let options = recipe.resolve().with_context(|| name.display().to_string())?;
        ensure!(
            options.dropout == 0.0 && recipe.val_split.is_none() && recipe.class_weights.is_none(),
            "{}: fine-tuning has no dropout and no class weights, and holds out samples by itself: leave out dropout, class-weights and val-split",
            name.display()
        );
        Ok(Some(options))
    }
}
