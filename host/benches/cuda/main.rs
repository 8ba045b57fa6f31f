//! `cargo xtask bench cuda`: how fast this machine's GPU trains, beside other programs.
//!
//! - [`options`]: the command line. [`shared`]: what `bench cpu` has too.
//! - [`sweep`]: every measurement, in its order. [`report`]: the table and JSON.

#![cfg_attr(test, allow(dead_code, unused_imports, reason = "cargo sets `test` here too, but a test needs a harness"))]

mod options;
mod report;
#[path = "../shared/mod.rs"]
mod shared;
mod sweep;

use std::{io::Write, process::ExitCode};

use anyhow::Result;
use clap::Parser;

use options::Options;

fn main() -> ExitCode {
    shared::run(|out| run(&Options::parse(), out))
}

fn run(options: &Options, out: &mut dyn Write) -> Result<()> {
    options.check_outputs()?;
    let data = options.subject.data()?;
    sweep::run(options, &options.subject.architecture(&data)?, &data, out)
}
