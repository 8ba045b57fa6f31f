//! Launches of the small kernels.

use std::ffi::c_void;

use emulator::{Fault, Kernel, Launch, kernels_for_tests, launch};

pub const SEEDS: u64 = 20;

/// Returns an argument's address; what it is of must outlive the launch.
pub fn argument<T>(value: &T) -> *mut c_void {
    (&raw const *value).cast_mut().cast()
}

pub fn kernel(name: &str) -> Kernel {
    let module = kernels_for_tests().expect("there is a C++ compiler");
    module.kernel(name).expect("the kernel is in the table")
}

pub fn run(name: &str, shape: Launch, arguments: &[*mut c_void]) -> Result<(), Fault> {
    // SAFETY: every test hands over what its kernel takes, in buffers that are long enough.
    unsafe { launch(kernel(name), &shape, arguments) }
}

pub fn shape(grid: u32, block: u32, seed: u64) -> Launch {
    Launch { grid, block, seed }
}
