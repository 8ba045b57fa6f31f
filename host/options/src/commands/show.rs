use std::path::PathBuf;

use clap::Args;

use super::{Data, Part, groups::whole};

/// Options of `show`.
#[derive(Args, Debug)]
pub struct Show {
    /// The samples.
    #[command(flatten)]
    pub data: Data,

    /// The samples to show
    #[arg(long, value_enum, default_value = "train")]
    pub split: Part,

    /// The number of images
    #[arg(long, default_value_t = 50, value_parser = whole::<u32>(1..=2000))]
    pub count: u32,

    /// Save each sample as a picture of its own without a label, which `predict` reads back exactly
    #[arg(long)]
    pub plain: bool,

    /// The picture to write; with --plain and more than one image, the folder [default: samples.png, or the folder samples]
    #[arg(long, value_name = "FILE.png|DIR")]
    pub out: Option<PathBuf>,
}

impl Show {
    /// Returns the path of the picture or the folder.
    pub fn out(&self) -> PathBuf {
        let default = if self.plain && self.count > 1 { "samples" } else { "samples.png" };
        self.out.clone().unwrap_or_else(|| default.into())
    }
}
