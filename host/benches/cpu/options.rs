//! The command line.

use std::{num::NonZero, path::PathBuf, thread};

use anyhow::Result;
use clap::{
    Parser,
    builder::{PossibleValuesParser, TypedValueParser},
};
use host::{engine::InstructionSet, files};

use super::shared::{Peer, Subject};

/// Train on this machine's CPU and measure it, against the machine's peak and against other programs
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench cpu", bin_name = "cargo xtask bench cpu")]
pub struct Options {
    #[command(flatten)]
    pub subject: Subject,

    /// Samples in a step: a row for each
    #[arg(long = "batch-size", value_name = "LIST", value_delimiter = ',', default_value = "16,64,256,1024")]
    pub batch_sizes: Vec<NonZero<u32>>,

    /// Threads: a row for each [default: 1, 2, 4 … and the machine's]
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Vec<u16>,

    /// Engines: a row for each [default: all that this processor has, but for the slow `portable`]
    #[arg(long = "engine", value_name = "LIST", value_delimiter = ',', value_parser = engine())]
    engines: Vec<InstructionSet>,

    /// Epochs measured for each row, after some steps that are not
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub epochs: u32,

    /// Another program to compare with, which prints a line with `<seconds> s` for each epoch; may be given again
    ///
    /// The shell runs it. {batch}, {threads} and {epochs} are replaced by what is measured; {epochs} is one more than
    /// --epochs, because each process's first epoch is its warm-up and is left out.
    #[arg(long = "peer", value_name = "COMMAND")]
    pub peers: Vec<Peer>,

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

    /// Show instead where a step's time goes, for the first engine on the most threads
    #[arg(long, conflicts_with_all = ["peers", "json", "markdown", "plot"])]
    pub phases: bool,

    /// Cargo's word for a benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// A name of an instruction set of this processor.
fn engine() -> impl TypedValueParser<Value = InstructionSet> {
    PossibleValuesParser::new(InstructionSet::available().map(InstructionSet::name)).try_map(|name| name.parse())
}

impl Options {
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

    /// Checks that the files can be written, before the time is spent.
    pub fn check_outputs(&self) -> Result<()> {
        for path in [&self.json, &self.markdown, &self.plot].into_iter().flatten() {
            files::check_writable(path)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, clap::Error> {
        Options::try_parse_from(["bench", "--bench"].into_iter().chain(line.split_whitespace()))
    }

    #[test]
    fn the_defaults_are_sound() {
        let options = parse("").unwrap();
        assert_eq!(options.batch_sizes.iter().map(|size| size.get()).collect::<Vec<_>>(), [16, 64, 256, 1024]);
        assert_eq!(options.threads()[0].get(), 1);
        assert_eq!(Some(options.most_threads()), thread::available_parallelism().ok());
        assert!(!options.engines().is_empty());
    }

    #[test]
    fn lists_are_read_and_nonsense_is_refused() {
        let options = parse("--batch-size 8,32 --threads 4,1,4 --engine portable").unwrap();
        assert_eq!(options.threads().iter().map(|threads| threads.get()).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(options.engines(), [InstructionSet::Portable]);
        let nonsense = ["--batch-size 0", "--threads 0", "--engine sse", "--epochs 0", "--rounds 0", "--model large"];
        for line in nonsense.into_iter().chain(["--phases --json x", "--samples 0", "--batch-size 8,,9"]) {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
