use std::path::PathBuf;

use clap::Args;

use super::{Data, Part};

/// Options of `show`.
#[derive(Args, Debug)]
pub struct Show {
    /// The samples.
    #[command(flatten)]
    pub data: Data,

    /// The samples to show
    #[arg(long, value_enum, default_value = "train")]
    pub split: Part,

    /// How many images the picture shows
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=2000))]
    pub count: u32,

    /// Where the picture goes
    #[arg(long, value_name = "FILE.png", default_value = "samples.png")]
    pub out: PathBuf,
}
