//! `cargo xtask …`: train, flash, set up and test Selvedge.
//!
//! One module for each command; it runs the other packages as programs and links core alone, which knows networks and their files.
//!
//! - [`program`]: `train`, `recipes`, `eval`, `predict`, `inspect`, `convert`, `show`: builds the program `selvedge` and hands it
//!   every option.
//! - [`mod@bench`]: the host's benchmarks, in the same way.
//! - [`flash`]: a model on a board, in the emulator or through a probe, against the host's bits.
//! - [`device`]: a board that answers over its UART.
//! - [`verify`]: one weight hash on every engine, any number of threads and the emulated boards.
//! - [`setup`] and [`doctor`]: what the machine has, and how to get what it lacks.
//! - [`python`]: the Python that interchange is tested against. [`cuda`]: the compiler of the CUDA kernels.
//! - [`mod@test`]: everything that must hold before a change is kept.
//! - [`toolchain`]: which compiler builds for ARM. [`workspace`]: the folders, and cargo.

/// `println!`, but for a reader that has gone (`… | head`): then the rest is said to nobody.
macro_rules! say {
    ($($text:tt)*) => {
        $crate::workspace::say(format_args!($($text)*))
    };
}

mod bench;
mod cuda;
mod device;
mod doctor;
mod flash;
mod program;
mod python;
mod setup;
mod test;
mod toolchain;
mod verify;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Trains, flashes, sets up and tests Selvedge.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Trains a model (`cargo xtask train --help` lists the options)
    #[command(disable_help_flag = true)]
    Train(program::Options),
    /// Lists the recipes to train by, or prints one
    #[command(disable_help_flag = true)]
    Recipes(program::Options),
    /// Measures a network on the test samples
    #[command(disable_help_flag = true)]
    Eval(program::Options),
    /// Classifies pictures or other samples
    #[command(disable_help_flag = true)]
    Predict(program::Options),
    /// Shows what a network's file holds
    #[command(disable_help_flag = true)]
    Inspect(program::Options),
    /// Writes weights in another program's format, or reads them from it
    #[command(disable_help_flag = true)]
    Convert(program::Options),
    /// Makes a model's weights smaller for microcontrollers: 8, 4 or 16 bits
    #[command(disable_help_flag = true)]
    Quantize(program::Options),
    /// Shows samples of the data with their labels
    #[command(disable_help_flag = true)]
    Show(program::Options),
    /// Measures training on this machine's CPU or GPU, the engine's products, or a prediction on the boards
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Builds the firmware with a model, which must fit the board's flash, RAM and stack, runs it and compares its bits with the host's
    Flash(flash::Options),
    /// Talks to a board over its UART: what it is, its predictions, and whether they have the host's bits
    Device(device::Options),
    /// Computes the same thing in every way this machine has, and compares the bits
    Verify(verify::Options),
    /// Finds or installs the ARM targets, the linker and QEMU; with --python, what interchange is tested against; with --cuda, NVIDIA's compiler
    Setup(setup::Options),
    /// Lists what is there, what is missing and how to get it
    Doctor,
    /// Sets up, Python packages and NVIDIA's compiler too, then runs every check and every test; says what it had to leave out
    Test(test::Options),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Train(options) => program::run("train", &options),
        Command::Recipes(options) => program::run("recipes", &options),
        Command::Eval(options) => program::run("eval", &options),
        Command::Predict(options) => program::run("predict", &options),
        Command::Inspect(options) => program::run("inspect", &options),
        Command::Convert(options) => program::run("convert", &options),
        Command::Quantize(options) => program::run("quantize", &options),
        Command::Show(options) => program::run("show", &options),
        Command::Bench(bench) => bench::run(&bench),
        Command::Flash(options) => flash::run(&options),
        Command::Device(options) => device::run(&options),
        Command::Verify(options) => verify::run(&options),
        Command::Setup(options) => setup::run(&options).map(|()| ExitCode::SUCCESS),
        Command::Doctor => doctor::run(),
        Command::Test(options) => test::run(&options).map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|error| {
        // Not anyhow's Debug: that would print a backtrace where RUST_BACKTRACE is set.
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
