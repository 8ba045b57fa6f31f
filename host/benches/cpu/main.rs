//! `cargo xtask bench cpu`: how fast this machine trains, beside what it could do and what other programs do.
//!
//! - [`options`]: the command line. [`workload`]: a model's operations. [`spread`]: medians.
//! - [`measure`]: epochs of training. [`peer`]: another program's epochs. [`sweep`]: all of it, in its order.
//! - [`phases`]: where a step's time goes.
//! - [`report`]: the table and JSON. [`plot`]: the picture.

mod measure;
mod options;
mod peer;
mod phases;
mod plot;
mod report;
mod spread;
mod sweep;
mod workload;

use std::{
    env,
    io::{self, Write},
    process::ExitCode,
};

use anyhow::Result;
use clap::Parser;
use host::models::{Model, WithModel, with_model};

use options::Options;

fn main() -> ExitCode {
    // Cargo says `--bench` where a benchmark is asked for. Without it, this is `cargo test`, which measures nothing.
    if !env::args_os().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has seen enough of it (`… | head`).
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // A closed standard error is no reason to panic.
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn run(options: &Options) -> Result<()> {
    options.check_outputs()?;
    with_model(&options.architecture(), Bench(options))?
}

struct Bench<'a>(&'a Options);

impl WithModel for Bench<'_> {
    type Output = Result<()>;

    fn run<M: Model>(self) -> Result<()> {
        let Self(options) = self;
        let data = options.data()?;
        if options.phases { phases::run::<M>(options, &data) } else { sweep::run::<M>(options, &data) }
    }
}
