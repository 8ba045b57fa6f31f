//! The program `selvedge` for the tests. With the feature `cuda` it trains on a GPU too.

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
