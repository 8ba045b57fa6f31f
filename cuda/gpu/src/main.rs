//! `selvedge-cuda`: the program `selvedge`, which also trains on an NVIDIA GPU.

use std::process::ExitCode;

fn main() -> ExitCode {
    host::main(Some(gpu::open))
}
