use clap::Args;

use super::{File, Samples};

/// The usage, to stand behind a program's name. clap would name the samples before the file.
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

    /// Draw what the network sees beside each answer; on a terminal that is done for pictures anyway
    #[arg(long, conflicts_with = "json")]
    pub show: bool,

    /// Print one JSON array: for each sample its class, all probabilities, its values, what was found in the picture, notes and errors
    #[arg(long)]
    pub json: bool,
}
