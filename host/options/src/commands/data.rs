use std::path::PathBuf;

use clap::Args;

use super::{Data, groups::whole};

/// Options of `data`.
#[derive(Args, Debug)]
pub struct Overview {
    /// The number of training samples to print; of images, with --json alone
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = whole::<u32>(0..=1000))]
    pub rows: u32,

    /// Print one JSON object with every feature
    #[arg(long)]
    pub json: bool,

    /// Draw a picture: the classes' samples, and of each class the features' distributions, mean windows or mean pictures
    #[arg(long, value_name = "FILE.png")]
    pub out: Option<PathBuf>,

    /// The samples.
    #[command(flatten)]
    pub data: Data,
}
