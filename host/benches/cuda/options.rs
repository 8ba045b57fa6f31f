//! The command line.

use std::{num::NonZero, path::PathBuf};

use anyhow::Result;
use clap::Parser;
use host::files;

use super::shared::{Peer, Subject};

/// Train on this machine's NVIDIA GPU and measure it, against other programs
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench cuda", bin_name = "cargo xtask bench cuda")]
pub struct Options {
    #[command(flatten)]
    pub subject: Subject,

    /// Samples in a step: rows for each
    #[arg(long = "batch-size", value_name = "LIST", value_delimiter = ',', default_value = "64,256,1024")]
    pub batch_sizes: Vec<NonZero<u32>>,

    /// Epochs measured for each row, after one that is not
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub epochs: u32,

    /// Another program to compare with, which prints a line with `<seconds> s` for each epoch; may be given again
    ///
    /// The shell runs it. {batch} and {epochs} are replaced by what is measured; {epochs} is one more than --epochs, because each process's
    /// first epoch is its warm-up and is left out. {threads} is the machine's number.
    #[arg(long = "peer", value_name = "COMMAND")]
    pub peers: Vec<Peer>,

    /// Rounds in which a peer and the fastest way to start the kernels take turns
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,

    /// Write one JSON object a line for each row
    #[arg(long, value_name = "FILE.jsonl")]
    pub json: Option<PathBuf>,

    /// Write the table as Markdown
    #[arg(long, value_name = "FILE.md")]
    pub markdown: Option<PathBuf>,

    /// Cargo's word for a benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// Checks that the files can be written, before the time is spent.
    pub fn check_outputs(&self) -> Result<()> {
        for path in [&self.json, &self.markdown].into_iter().flatten() {
            files::check_writable(path)?;
        }
        Ok(())
    }
}
