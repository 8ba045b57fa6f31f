use std::path::PathBuf;

use clap::Args;

/// Options of `man`.
#[derive(Args, Debug)]
pub struct Man {
    /// The folder of the pages: selvedge.1, selvedge-train.1 and so on
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}
