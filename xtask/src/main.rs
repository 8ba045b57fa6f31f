//! `cargo xtask …`: train, flash, set up and test Selvedge.
//!
//! There is a module for each command. It runs the other packages as programs, and links those that know a command line, a board or a file.
//!
//! - [`examples`]: the examples in the help. [`program`]: the commands of the program `selvedge`, whose options are checked here before it is
//!   built.
//! - [`flash`]: a model on a board, in the emulator or through a probe, against the host's bits.
//! - [`device`]: a board that answers over its UART.
//! - [`verify`]: one weight hash on every engine, any number of threads and the emulated boards.
//! - [`gpu`]: a folder that checks and times training on a GPU machine without Rust, and the page with its results.
//! - [`web`]: the page that predicts and trains in a browser, as a folder or served on this machine.
//! - [`book`]: the project's pages as a book, with every link checked.
//! - [`setup`] and [`doctor`]: what the machine has, and how to get what it lacks.
//! - [`python`]: the Python that interchange is tested against. [`cuda`]: the compiler of the CUDA kernels. [`typescript`]: the checker of the
//!   page's script.
//! - [`mod@test`]: all checks and tests that must pass before a change is kept.
//! - [`check`]: single checks. `test` leaves out all of them except `loom`, because they take long or need additional tools.
//! - [`fuzz`]: damaged and random input for all readers, for some minutes, with a table of the results.
//! - [`signals`]: the signals that ask this program to end.
//! - [`tied`]: programs that do not outlive this one, however it ends.
//! - [`toolchain`]: the compiler for the boards. [`workspace`]: runs programs and shows their commands.

/// Like `println!`. If the program that reads the output has ended (`… | head`), the rest of the output is dropped.
macro_rules! say {
    ($($text:tt)*) => {
        $crate::workspace::say(format_args!($($text)*))
    };
}

mod bench;
mod book;
mod check;
mod cuda;
mod device;
mod doctor;
mod examples;
mod flash;
mod fuzz;
mod gpu;
mod program;
mod python;
mod setup;
mod signals;
mod test;
mod tied;
mod toolchain;
mod typescript;
mod verify;
mod web;
mod workspace;

use std::{io::Write, process::ExitCode};

use clap::{Parser, Subcommand};

/// Train, flash, set up and test Selvedge.
#[derive(Parser)]
#[command(bin_name = "cargo xtask", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    #[command(flatten)]
    Selvedge(Box<options::Command>),
    /// Measure training on this machine's CPU or GPU, the CPU engine's matrix products, or a prediction on the boards
    #[command(subcommand)]
    Bench(Box<bench::Bench>),
    /// Build the firmware with a model, run it on a board, and compare its bits with the host's; a model that does not fit is refused
    Flash(flash::FlashOptions),
    /// Talk to a board over its UART: show its network, predict on it, and compare its bits with the host's
    Device(device::DeviceOptions),
    /// Compute the same results on every engine of this machine, and compare the bits
    Verify(verify::VerifyOptions),
    /// Check and time training on another machine with a GPU
    #[command(subcommand)]
    Gpu(gpu::Gpu),
    /// Make the page that predicts and trains in a browser; serve it on this machine, or write it as a folder for any web server
    Web(web::WebOptions),
    /// Make a book of the project's pages, and check every link in them
    Book(book::BookOptions),
    /// Install the boards' targets, the linker and QEMU if they are missing; the options install what other tests and commands need
    Setup(setup::SetupOptions),
    /// List the tools that are installed, the tools that are missing, and the commands that get them
    Doctor,
    /// Run all checks and tests that a change must pass, and name those that this machine cannot run; with --setup, first install the missing tools
    Test(test::TestOptions),
    /// Run a single check. `test` leaves out all of them except `loom`, because they take long or need an additional tool
    #[command(subcommand)]
    Check(check::Check),
    /// Fuzz the readers of files, text and a board's line; fuzz/README.md lists the tools that this needs
    Fuzz(fuzz::FuzzOptions),
    /// Run a program that ends when the process that started this one ends
    #[command(hide = true)]
    Tied(tied::TiedOptions),
}

fn main() -> ExitCode {
    let arguments = match options::parse::<Cli>(examples::EXAMPLES) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    if let Err(error) = tied::tie_as_asked() {
        let _ = writeln!(terminal::stderr(), "error: {error}");
        return ExitCode::FAILURE;
    }
    let result = match arguments.command {
        Command::Selvedge(command) => program::run(&command),
        Command::Bench(bench) => bench::run(&bench),
        Command::Flash(options) => flash::run(&options),
        Command::Device(options) => device::run(&options),
        Command::Verify(options) => verify::run(&options),
        Command::Gpu(gpu) => gpu::run(&gpu),
        Command::Web(options) => web::run(&options),
        Command::Book(options) => book::run(&options).map(|()| ExitCode::SUCCESS),
        Command::Setup(options) => setup::run(&options).map(|()| ExitCode::SUCCESS),
        Command::Doctor => doctor::run(),
        Command::Test(options) => test::run(&options).map(|()| ExitCode::SUCCESS),
        Command::Check(check) => check::run(&check).map(|()| ExitCode::SUCCESS),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Tied(options) => tied::run(&options),
    };
    result.unwrap_or_else(|error| {
        // Not anyhow's Debug: that would print a backtrace where RUST_BACKTRACE is set.
        // A closed standard error is no reason to panic.
        let _ = writeln!(terminal::stderr(), "error: {error:#}");
        ExitCode::FAILURE
    })
}
