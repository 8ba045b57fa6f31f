use clap::Args;

use super::{File, Samples};

/// The usage, without the program's name. By itself, clap would name the samples before the file.
pub(crate) const USAGE: &str = "predict [OPTIONS] <FILE> <INPUTS…|--values <V,V,…>>";

/// Options of `predict`.
#[derive(Args, Debug)]
#[command(override_usage = USAGE)]
pub struct Predict {
    /// The network's file.
    #[command(flatten)]
    pub file: File,
    /// The samples to predict.
    #[command(flatten)]
    pub samples: Samples,

    /// Draw the network's input with each answer; this is the default for pictures on a terminal
    #[arg(long, conflicts_with = "json")]
    pub show: bool,

    /// Print one JSON array; each sample has its answer (class and probabilities, labels, or targets), its values, facts about the picture, notes,
    /// errors
    #[arg(long)]
    pub json: bool,
}
