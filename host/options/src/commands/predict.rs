use clap::Args;

use super::{File, Samples};

/// Options of `predict`.
// clap would name the samples before the file. The usage names no program, as more than one has this command.
#[derive(Args, Debug)]
#[command(override_usage = "predict <FILE> <INPUTS|--values <V,V,…>>")]
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
