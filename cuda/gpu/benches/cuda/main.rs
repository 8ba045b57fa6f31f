//! `cargo xtask bench cuda`: how fast this machine's GPU trains, beside other programs.
//!
//! - [`shared`]: what `bench cpu` has too.
//! - [`sweep`]: every measurement, in its order. [`report`]: the table and JSON.

#![cfg_attr(test, allow(dead_code, unused_imports, reason = "cargo sets `test` here too, but a test needs a harness"))]

mod report;
#[path = "../../../../host/benches/shared/mod.rs"]
mod shared;
mod sweep;

use std::{io::Write, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use options::bench::Cuda;

#[derive(Parser)]
#[command(name = "cargo xtask bench cuda", bin_name = "cargo xtask bench cuda")]
struct Arguments {
    #[command(flatten)]
    options: Cuda,

    /// Cargo's word for a benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    shared::run(|out| run(&Arguments::parse().options, out))
}

fn run(options: &Cuda, out: &mut dyn Write) -> Result<()> {
    shared::check_outputs([("--json", &options.json), ("--markdown", &options.markdown)])?;
    let data = shared::data(&options.subject)?;
    sweep::run(options, &shared::architecture(&options.subject, &data)?, &data, out)
}
