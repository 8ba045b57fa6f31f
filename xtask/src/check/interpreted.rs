//! Tests in Miri, an interpreter that finds undefined behaviour and races.

use anyhow::Result;
use clap::Args;

use super::{
    compiler::{self, NIGHTLY},
    step,
};

/// Options of `check threads`.
#[derive(Args)]
pub struct Threads {
    /// The number of orders of the threads to try
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    schedules: u32,
}

/// The options for a clock, and for the file of failures of a property test.
const SYSTEM: &str = "-Zmiri-disable-isolation";
/// The options for four processors. Rayon keeps its threads to the end of the program, and its queues need the newer rules of borrowing.
const THREADS: &str = "-Zmiri-disable-isolation -Zmiri-num-cpus=4 -Zmiri-ignore-leaks -Zmiri-tree-borrows";
/// The number of cases of a property. A case takes a thousand times as long as in machine code.
const CASES: (&str, &str) = ("PROPTEST_CASES", "4");

/// Runs the library's tests, and those of the engine with its kernel of plain loops. Miri knows few vector instructions, and no size of a
/// cache.
pub fn run() -> Result<()> {
    miri(SYSTEM, &["--package", "core", "--lib"])?;
    miri(THREADS, &["--package", "trainer", "--no-default-features", "--lib", "engine::"])
}

/// Runs the tests of the team of threads, once for each schedule.
pub fn threads(&Threads { schedules }: &Threads) -> Result<()> {
    miri(&format!("{THREADS} -Zmiri-many-seeds=0..{schedules}"), &["--package", "team", "--lib"])
}

fn miri(flags: &str, tests: &[&str]) -> Result<()> {
    compiler::get(NIGHTLY, "miri", &["miri", "rust-src"])?;
    let mut miri = compiler::cargo(NIGHTLY, "miri", &[&["miri", "test"], tests].concat())?;
    miri.env("MIRIFLAGS", flags).envs([CASES, ("SELVEDGE_ENGINE", "portable"), ("SELVEDGE_L1_KB", "32")]);
    step(miri)
}
