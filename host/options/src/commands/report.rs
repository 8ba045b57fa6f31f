use std::path::PathBuf;

use clap::Args;

use super::{Data, Threads};

/// The most runs of a report.
const RUNS: usize = 24;

/// Options of `report`.
#[derive(Args, Debug)]
pub struct Report {
    /// The runs: weight files, or the records that `train` writes beside them (.run.jsonl)
    #[arg(value_name = "RUN", required = true, num_args = 1..=RUNS)]
    pub runs: Vec<PathBuf>,

    /// The page
    #[arg(long, value_name = "FILE.html", default_value = "report.html")]
    pub out: PathBuf,

    /// Write the page's pictures too, as files in this folder: loss.svg, accuracy.svg and so on; of several runs those of all together
    #[arg(long, value_name = "DIR")]
    pub figures: Option<PathBuf>,

    /// A file that `quantize` made of one of the runs: what that changes
    #[arg(long, value_name = "FILE")]
    pub quantized: Option<PathBuf>,

    /// The certificates that `quantize --certificates` wrote with it: the number of test samples that are proved to keep their answer
    #[arg(long, value_name = "FILE.csv", requires = "quantized")]
    pub certificates: Option<PathBuf>,

    /// The samples; without these options each run's own.
    #[command(flatten)]
    pub data: Data,
    /// The threads that compute.
    #[command(flatten)]
    pub threads: Threads,
}
