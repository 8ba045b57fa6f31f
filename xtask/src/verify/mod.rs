//! `cargo xtask verify …`: computes the same results in every way that this machine can, and compares them.

mod bits;
mod page;
mod table;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};

/// The kinds of verification.
#[derive(Args)]
#[command(disable_help_subcommand = true)]
pub struct VerifyOptions {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Trains with every engine and several numbers of threads, on the emulated boards and as WebAssembly, or with --cuda on a GPU; compares the
    /// weight hashes
    ///
    /// The exit status is an error if two hashes of a model differ. If a compiler's target (for the boards or for WebAssembly), QEMU or Node is
    /// missing, the runs that need it are left out, and a note says so; with SELVEDGE_REQUIRE_ALL=1 this is an error.
    Bits(bits::VerifyBitsOptions),
}

/// Verifies, and fails if anything differs.
pub fn run(options: &VerifyOptions) -> Result<ExitCode> {
    match &options.what {
        What::Bits(options) => bits::run(options),
    }
}
