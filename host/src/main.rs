//! `selvedge`: trains, evaluates and shows the networks that a microcontroller runs.

mod commands;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;

use commands::{Command, Interrupted};

/// Train a multilayer perceptron here, run the same bits on a microcontroller.
#[derive(Parser)]
#[command(name = "selvedge", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    match Arguments::parse().command.run() {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has seen enough of it (`… | head`).
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // A closed standard error is no reason to panic.
            let _ = writeln!(io::stderr(), "error: {error:#}");
            if error.is::<Interrupted>() { Interrupted::EXIT_CODE.into() } else { ExitCode::FAILURE }
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
