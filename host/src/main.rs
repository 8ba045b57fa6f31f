//! `selvedge`: trains, evaluates and shows the networks that a microcontroller runs.

mod commands;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use commands::Interrupted;

/// Train a multilayer perceptron here, run the same bits on a microcontroller.
#[derive(Parser)]
#[command(name = "selvedge", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Local(Box<options::Command>),
    /// Talk to a board over its UART: what it is, its predictions, and whether they have this machine's bits
    #[command(subcommand)]
    Device(options::Device),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Local(command) => commands::run(&command),
        Command::Device(command) => commands::device::run(&command),
    };
    match result {
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
