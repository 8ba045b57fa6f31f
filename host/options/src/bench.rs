//! The options of the host's benchmarks.

use std::{num::NonZero, path::PathBuf, thread};

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use selvedge::{architecture::Architecture, models::NAMES};

use crate::engine::InstructionSet;

/// Options of every benchmark of training.
#[derive(Args, Debug)]
pub struct Subject {
    /// A named model: quickstart (two hidden layers of 512 units, PyTorch's), small (one of 128) or tiny (one of 16)
    #[arg(long, default_value = "quickstart", value_parser = PossibleValuesParser::new(NAMES))]
    pub model: String,

    /// Any other network: widths, such as 784,256,64,10, or layers, such as '784 => 256 Gelu => 10'
    #[arg(long, conflicts_with = "model")]
    pub layers: Option<Architecture>,

    /// Folder with four IDX files, or `builtin` for the built-in set [default: as `cargo xtask train`]
    #[arg(long, value_name = "DIR|builtin")]
    pub data: Option<PathBuf>,

    /// Take the first samples only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub samples: Option<u32>,
}

/// Train or predict on this machine's CPU and measure it, against the machine's peak and against other programs
#[derive(Args, Debug)]
pub struct Cpu {
    /// The network and its samples.
    #[command(flatten)]
    pub subject: Subject,

    /// Measure predictions instead of training: an epoch is a pass over the test samples by a network as it is before training
    #[arg(long, conflicts_with = "phases")]
    pub predict: bool,

    /// Samples in a step, or in a prediction: a row for each
    #[arg(long = "batch-size", value_name = "LIST", value_delimiter = ',', default_value = "16,64,256,1024")]
    pub batch_sizes: Vec<NonZero<u32>>,

    /// Threads: a row for each [default: 1, 2, 4 … and the machine's]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Vec<u16>,

    /// Engines: a row for each [default: all that this processor has, but for the slow `portable`]
    #[arg(long = "engine", value_name = "LIST", value_delimiter = ',', value_parser = engine())]
    pub engines: Vec<InstructionSet>,

    /// Epochs measured for each row, after some steps that are not
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub epochs: u32,

    /// Another program to compare with, which prints a line with `<seconds> s` for each epoch; may be given again
    ///
    /// The shell runs it. {batch}, {threads} and {epochs} are replaced by what is measured; {epochs} is one more than
    /// --epochs, because each process's first epoch is its warm-up and is left out.
    #[arg(long = "peer", value_name = "COMMAND")]
    pub peers: Vec<String>,

    /// Rounds in which a peer and the fastest engine take turns, on the most threads
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,

    /// Write one JSON object a line for each row
    #[arg(long, value_name = "FILE.jsonl")]
    pub json: Option<PathBuf>,

    /// Write the table as Markdown
    #[arg(long, value_name = "FILE.md")]
    pub markdown: Option<PathBuf>,

    /// Draw the rows below the machine's peaks
    #[arg(long, value_name = "FILE.png")]
    pub plot: Option<PathBuf>,

    /// Show instead where a step's time goes, and how near each product comes to the peak, for the first engine on the most threads
    #[arg(long, conflicts_with_all = ["peers", "json", "markdown", "plot"])]
    pub phases: bool,

    /// Show instead a simulation of steps on so many cores, for the first engine: a row for each number of threads
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=1024),
        conflicts_with_all = ["peers", "json", "markdown", "plot", "phases", "predict"])]
    pub simulate: Vec<u16>,

    /// Show instead how long steps of networks of other widths and depths, and of other batches, take with the first engine on the most threads
    #[arg(long, conflicts_with_all = ["peers", "json", "markdown", "batch_sizes", "epochs", "phases", "predict", "simulate"])]
    pub scale: bool,
}

/// A name of an instruction set of this processor.
fn engine() -> impl TypedValueParser<Value = InstructionSet> {
    PossibleValuesParser::new(InstructionSet::available().map(InstructionSet::name)).try_map(|name| name.parse())
}

impl Cpu {
    /// The engines, the fastest first where none are chosen.
    pub fn engines(&self) -> Vec<InstructionSet> {
        if !self.engines.is_empty() {
            return self.engines.clone();
        }
        let fast = InstructionSet::available().filter(|&set| set != InstructionSet::Portable).collect::<Vec<_>>();
        if fast.is_empty() { vec![InstructionSet::Portable] } else { fast }
    }

    /// The numbers of threads, in ascending order.
    pub fn threads(&self) -> Vec<NonZero<usize>> {
        let mut threads: Vec<_> = self.threads.iter().filter_map(|&n| NonZero::new(usize::from(n))).collect();
        if threads.is_empty() {
            let machine = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
            let powers = (0..usize::BITS).filter_map(|power| NonZero::new(1 << power));
            threads = powers.take_while(|&n| n < machine).chain([machine]).collect();
        }
        threads.sort_unstable();
        threads.dedup();
        threads
    }

    /// The most threads.
    pub fn most_threads(&self) -> NonZero<usize> {
        self.threads().last().copied().unwrap_or(NonZero::<usize>::MIN)
    }
}

/// Train on this machine's NVIDIA GPU and measure it, against other programs
#[derive(Args, Debug)]
pub struct Cuda {
    /// The network and its samples.
    #[command(flatten)]
    pub subject: Subject,

    /// Samples in a step: a row for each, and one for each peer
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
    pub peers: Vec<String>,

    /// Rounds in which a peer and the GPU's kernels take turns
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,

    /// Write one JSON object a line for each row
    #[arg(long, value_name = "FILE.jsonl")]
    pub json: Option<PathBuf>,

    /// Write the table as Markdown
    #[arg(long, value_name = "FILE.md")]
    pub markdown: Option<PathBuf>,
}

/// Measure the single products on one thread
#[derive(Args, Debug)]
pub struct Kernels {
    /// Measure only what has this text in its name
    #[arg(value_name = "FILTER")]
    pub filter: Option<String>,

    /// Keep the measurements under this name
    #[arg(long, value_name = "NAME", conflicts_with = "baseline")]
    pub save_baseline: Option<String>,

    /// Compare with the measurements that are kept under this name
    #[arg(long, value_name = "NAME")]
    pub baseline: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Arguments<O: Args> {
        #[command(flatten)]
        options: O,
    }

    fn parse<O: Args>(line: &str) -> Result<O, clap::Error> {
        let arguments = Arguments::try_parse_from(["bench"].into_iter().chain(line.split_whitespace()));
        arguments.map(|arguments| arguments.options)
    }

    #[test]
    fn the_defaults_are_sound() {
        let options: Cpu = parse("").unwrap();
        assert_eq!(options.batch_sizes.iter().map(|size| size.get()).collect::<Vec<_>>(), [16, 64, 256, 1024]);
        assert_eq!(options.threads()[0].get(), 1);
        assert_eq!(Some(options.most_threads()), thread::available_parallelism().ok());
        assert!(!options.engines().is_empty());
    }

    #[test]
    fn lists_are_read_and_nonsense_is_refused() {
        let options: Cpu = parse("--batch-size 8,32 --threads 4,1,4 --engine portable").unwrap();
        assert_eq!(options.threads().iter().map(|threads| threads.get()).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(options.engines(), [InstructionSet::Portable]);
        let nonsense = ["--batch-size 0", "--threads 0", "--engine sse", "--epochs 0", "--rounds 0", "--model large"];
        for line in nonsense.into_iter().chain([
            "--phases --json x",
            "--phases --predict",
            "--simulate 0",
            "--simulate 8 --phases",
            "--samples 0",
            "--batch-size 8,,9",
        ]) {
            assert!(parse::<Cpu>(line).is_err(), "{line}");
        }
    }

    #[test]
    fn kernels_take_a_name_and_one_baseline() {
        let options: Kernels = parse("forward --save-baseline before").unwrap();
        assert_eq!([options.filter, options.save_baseline], [Some("forward".into()), Some("before".into())]);
        assert_eq!(parse::<Kernels>("--baseline before").unwrap().baseline.as_deref(), Some("before"));
        for line in ["--save-baseline a --baseline b", "a b", "--list", "--bench"] {
            assert!(parse::<Kernels>(line).is_err(), "{line}");
        }
    }
}
