//! `cargo xtask gpu …`: checks that need a GPU, on a machine that has a GPU and nothing else.
//!
//! - [`pack`] writes a folder: programs, data, the hashes that the CPU computes, other programs to compare with, and `check.sh`. [`programs`]
//!   builds what it needs. [`samples`] finds the data.
//! - `check.sh` runs on the GPU machine and leaves a report folder.
//! - [`report`] reads that folder, and [`page`] makes docs/bench-cuda.md of it. [`profile`] reads what a profiler measured.
//! - [`runs`]: the trainings whose weights must have the same hash everywhere, here and in `cargo xtask verify bits --cuda`.
//! - [`code`] counts the kernels' instructions, without a GPU: [`sass`] reads a listing, [`registers`] the compiler's report.

pub mod code;
mod pack;
mod page;
mod profile;
mod programs;
pub mod registers;
mod report;
pub mod runs;
mod samples;
mod sass;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

pub use self::{
    pack::rehearse,
    programs::{TESTED, add_gpu, has_compiler, kernels},
};

/// The start of the first line of a training on a GPU.
pub const USING: &str = "Using cuda device, ";

/// The step of the check.
#[derive(Subcommand)]
#[command(disable_help_subcommand = true)]
pub enum Gpu {
    /// Write a folder that checks and times training on a GPU machine, which needs no Rust, no compiler and no network
    ///
    /// Copy the folder there and run `bash check.sh` in it. Copy its folder `report` back, and run `cargo xtask gpu report` on it.
    Pack(pack::GpuPackOptions),
    /// Turn the report of a GPU machine into the page docs/bench-cuda.md
    Report(report::GpuReportOptions),
    /// Count in the machine code of each kernel: registers, spills (registers that are moved to memory), fused multiply-adds and reads of shared memory
    Code(code::GpuCodeOptions),
}

/// Runs the step.
pub fn run(gpu: &Gpu) -> Result<ExitCode> {
    match gpu {
        Gpu::Pack(options) => pack::run(options),
        Gpu::Report(options) => report::run(options),
        Gpu::Code(options) => code::run(options),
    }
}

/// Reads a compute capability, such as `90`.
fn architecture(text: &str) -> Result<String, String> {
    let is_one = (2..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_one { Ok(text.to_owned()) } else { Err("a compute capability is a number such as 80, 90 or 100".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compute_capability_is_two_or_three_digits() {
        for text in ["75", "90", "120"] {
            assert_eq!(architecture(text).as_deref(), Ok(text));
        }
        for text in ["", "9", "9.0", "sm_90", "90,100", "90a", "1000"] {
            assert!(architecture(text).is_err(), "{text}");
        }
    }
}
