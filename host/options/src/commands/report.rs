use std::path::PathBuf;

use clap::Args;

use super::{Data, Threads};

/// The largest number of runs of a report.
const RUNS: usize = 24;

/// Options of `report`.
#[derive(Args, Debug)]
pub struct Report {
    /// The runs: weight files, or the records that `train` writes beside them (.run.jsonl)
    #[arg(value_name = "RUN", required = true, num_args = 1..=RUNS)]
    pub runs: Vec<PathBuf>,

    /// The HTML file to write
    #[arg(long, value_name = "FILE.html", default_value = "report.html")]
    pub out: PathBuf,

    /// Also write the page's pictures as files into this folder: loss.svg, confusion.svg, first-layer.png and so on; a curve
    /// shows all runs together, and every other picture is of one run. With several runs, its name begins with the number of the run (1-confusion.svg)
    #[arg(long, value_name = "DIR")]
    pub figures: Option<PathBuf>,

    /// A file that `quantize` made from the weights of one of the runs; the page shows the effect of the quantisation
    #[arg(long, value_name = "FILE")]
    pub quantized: Option<PathBuf>,

    /// The file that `quantize --certificates` wrote with it; the page shows how many test samples are proved to keep their answer
    #[arg(long, value_name = "FILE.csv", requires = "quantized")]
    pub certificates: Option<PathBuf>,

    /// The samples. Without these options, each run uses its own samples.
    #[command(flatten)]
    pub data: Data,
    /// The threads that compute.
    #[command(flatten)]
    pub threads: Threads,
}
