use std::path::PathBuf;

use clap::Args;

use super::{Data, groups::whole};

/// Options of `data`.
#[derive(Args, Debug)]
pub struct Overview {
    /// The number of training samples to print; for images, only --json prints them
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = whole::<u32>(0..=1000))]
    pub rows: u32,

    /// Print one JSON object with every feature
    #[arg(long)]
    pub json: bool,

    /// Draw a picture: the number of samples of each class, and for each class the distributions of the features, the mean window or the mean picture
    #[arg(long, value_name = "FILE.png")]
    pub out: Option<PathBuf>,

    /// The samples.
    #[command(flatten)]
    pub data: Data,
}
