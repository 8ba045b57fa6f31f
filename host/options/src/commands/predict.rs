use clap::Args;

use super::{File, Samples};

/// The usage, without the program's name. By itself, clap would name the samples before the file.
pub(crate) const USAGE: &str = "predict <FILE> <INPUTS|--values <V,V,…>>";

/// Options of `predict`.
#[derive(Args, Debug)]
#[command(override_usage = USAGE)]
pub struct Predict {
    /// The network's file.
    #[command(flatten)]
    pub file: File,
    /// The samples to classify.
    #[command(flatten)]
    pub samples: Samples,

    /// Draw the network's input with each answer; this is the default for pictures on a terminal
    #[arg(long, conflicts_with = "json")]
    pub show: bool,

    /// Print one JSON array: the class, all probabilities, the values, facts about the picture, notes and errors of each sample
    #[arg(long)]
    pub json: bool,
}
