use std::path::PathBuf;

use clap::Args;

/// Options of `inspect`.
#[derive(Args, Debug)]
pub struct Inspect {
    /// The network's file
    pub file: PathBuf,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}
