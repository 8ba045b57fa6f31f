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
    /// A named model: quickstart (two hidden layers of 512 units, as in PyTorch's quickstart), small (one of 128) or tiny (one of 16)
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

    /// Measure predictions instead of training; an epoch is then a pass over the test samples, with an untrained network
    #[arg(long, conflicts_with = "phases")]
    pub predict: bool,

    /// Batch sizes: the samples in a step or a prediction; a row for each
    #[arg(long = "batch-size", value_name = "LIST", value_delimiter = ',', default_value = "16,64,256,1024")]
    pub batch_sizes: Vec<NonZero<u32>>,

    /// Numbers of threads; a row for each [default: 1, 2, 4 … and all of this machine]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Vec<u16>,

    /// Engines; a row for each [default: all engines of this processor except the slow `portable`, unless it is the only one]
    #[arg(long = "engine", value_name = "LIST", value_delimiter = ',', value_parser = engine())]
    pub engines: Vec<InstructionSet>,

    /// The number of epochs that are measured for each row, after some steps of warm-up
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub epochs: u32,

    /// Another program to compare with, which prints a line with `<seconds> s` for each epoch; may be given again
    ///
    /// The shell runs the command. {batch}, {threads} and {epochs} in it are replaced by the numbers of the row. {epochs} is one more than --epochs,
    /// because the first epoch of each process is a warm-up, which is not counted.
    #[arg(long = "peer", value_name = "COMMAND")]
    pub peers: Vec<String>,

    /// The number of rounds in which a peer and the fastest engine take turns, with the largest number of threads
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,

    /// Write a JSON object for each row, one on each line
    #[arg(long, value_name = "FILE.jsonl")]
    pub json: Option<PathBuf>,

    /// Write the table as Markdown
    #[arg(long, value_name = "FILE.md")]
    pub markdown: Option<PathBuf>,

    /// Draw the rows and the machine's peaks
    #[arg(long, value_name = "FILE.png")]
    pub plot: Option<PathBuf>,

    /// Show instead the time of each part of a step, and the speed of each product as a fraction of the peak; for the first engine, with the largest
    /// number of threads
    #[arg(long, conflicts_with_all = ["peers", "json", "markdown", "plot"])]
    pub phases: bool,

    /// Estimate the time of a step on these numbers of cores instead, with the first engine; a row for each number. Each product is divided into as
    /// many parts as there are cores. One core of this machine computes all parts, one after the other, and the time of the longest part counts
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=1024),
        conflicts_with_all = ["peers", "json", "markdown", "plot", "phases", "predict"])]
    pub simulate: Vec<u16>,

    /// Show instead the time of a step for other widths, depths and batch sizes; with the first engine and the largest number of threads
    #[arg(long, conflicts_with_all = ["peers", "json", "markdown", "batch_sizes", "epochs", "phases", "predict", "simulate"])]
    pub scale: bool,
}

impl Cpu {
    /// Returns the chosen engines. Without a choice it returns all except `portable`, the fastest first, or `portable` if there is no other.
    pub fn engines(&self) -> Vec<InstructionSet> {
        if !self.engines.is_empty() {
            return self.engines.clone();
        }
        let fast = InstructionSet::available().filter(|&set| set != InstructionSet::Portable).collect::<Vec<_>>();
        if fast.is_empty() { vec![InstructionSet::Portable] } else { fast }
    }

    /// Returns the numbers of threads in ascending order, each once.
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

    /// Returns the largest number of threads.
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

    /// Batch sizes: the samples in a step; a row for each, and a row for each peer
    #[arg(long = "batch-size", value_name = "LIST", value_delimiter = ',', default_value = "64,256,1024")]
    pub batch_sizes: Vec<NonZero<u32>>,

    /// The number of epochs that are measured for each row, after one epoch of warm-up
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub epochs: u32,

    /// Another program to compare with, which prints a line with `<seconds> s` for each epoch; may be given again
    ///
    /// The shell runs the command. {batch} and {epochs} in it are replaced by the numbers of the row, and {threads} by the number of threads of this
    /// machine. {epochs} is one more than --epochs, because the first epoch of each process is a warm-up, which is not counted.
    #[arg(long = "peer", value_name = "COMMAND")]
    pub peers: Vec<String>,

    /// The number of rounds in which a peer and the GPU's kernels take turns
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,

    /// Write a JSON object for each row, one on each line
    #[arg(long, value_name = "FILE.jsonl")]
    pub json: Option<PathBuf>,

    /// Write the table as Markdown
    #[arg(long, value_name = "FILE.md")]
    pub markdown: Option<PathBuf>,
}

/// Measure each matrix product of a linear layer (outputs, input gradient, weight gradient) on one thread
#[derive(Args, Debug)]
pub struct Kernels {
    /// Measure only the products whose names contain this text
    #[arg(value_name = "FILTER")]
    pub filter: Option<String>,

    /// Save the measurements under this name
    #[arg(long, value_name = "NAME", conflicts_with = "baseline")]
    pub save_baseline: Option<String>,

    /// Compare with the measurements that were saved under this name
    #[arg(long, value_name = "NAME")]
    pub baseline: Option<String>,
}

/// Returns the reader of an engine's name. The help lists the engines of all processors. The error for a wrong name lists those of this processor.
fn engine() -> impl TypedValueParser<Value = InstructionSet> {
    PossibleValuesParser::new(InstructionSet::NAMES).try_map(|name| name.parse::<InstructionSet>())
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
