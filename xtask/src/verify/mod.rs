//! `cargo xtask verify …`: what must be equal everywhere, computed everywhere this machine can.

mod bits;
mod page;
mod table;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};

/// What is verified.
#[derive(Args)]
#[command(disable_help_subcommand = true)]
pub struct VerifyOptions {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Trains with every engine, every number of threads, on the emulated boards and as WebAssembly, or with --cuda on a GPU, and compares the weight hashes
    ///
    /// Exits with an error where two hashes of a model differ. Where a board's target or QEMU is missing, the boards are left out and said to
    /// be; with SELVEDGE_REQUIRE_ALL=1 that is an error.
    Bits(bits::VerifyBitsOptions),
}

/// Verifies, and fails where anything differs.
pub fn run(options: &VerifyOptions) -> Result<ExitCode> {
    match &options.what {
        What::Bits(options) => bits::run(options),
    }
}
