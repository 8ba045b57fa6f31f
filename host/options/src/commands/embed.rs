use std::path::PathBuf;

use clap::Args;

use super::{Data, Part, groups::whole};

/// Options of `embed`.
#[derive(Args, Debug)]
pub struct Embed {
    /// The network's file; without it, only samples.idx, labels.idx and preparation.bin are written
    pub file: Option<PathBuf>,

    /// The samples to write
    #[arg(long, value_enum, default_value = "test")]
    pub split: Part,

    /// The number of samples, from the first [default: 100, or all if there are fewer]
    #[arg(long, value_parser = whole::<u32>(1..=u32::MAX.into()))]
    pub count: Option<u32>,

    /// Folder for weights.selvedge, samples.idx, labels.idx, preparation.bin and expected.jsonl
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// The samples.
    #[command(flatten)]
    pub data: Data,
}
