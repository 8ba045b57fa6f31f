//! The program `selvedge`, built with overflow checks and debug assertions. The program that `cargo xtask` builds has neither.

use std::process::ExitCode;

use host::training::OpenGpu;

/// With the feature `cuda`, the function that opens a GPU.
#[cfg(feature = "cuda")]
const GPU: Option<OpenGpu> = Some(gpu::open);
#[cfg(not(feature = "cuda"))]
const GPU: Option<OpenGpu> = None;

fn main() -> ExitCode {
    host::main(GPU)
}
