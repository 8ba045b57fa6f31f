use clap::Args;

use super::{Data, File, Threads};

/// Options of `eval`.
#[derive(Args, Debug)]
pub struct Eval {
    /// The network's file.
    #[command(flatten)]
    pub file: File,
    /// The samples.
    #[command(flatten)]
    pub data: Data,
    /// The threads that compute.
    #[command(flatten)]
    pub threads: Threads,
}
