//! CUDA kernels on the CPU, for tests: the same .cu files, compiled as C++ under `include/cuda_on_cpu.h`.
//!
//! - [`Module`] and [`Kernel`]: the kernels of a file.
//! - [`launch()`]: runs a kernel. Every CUDA thread is a coroutine. The thread that runs next is drawn at random, by a seed.
//! - [`launch_in_order`]: several launches of a stream, of which one may begin before the one before it ends.
//! - [`install_driver`]: the emulator behind NVIDIA's driver interface, for whole programs. [`with_stand_in`]: the same for a test in its own
//!   process.
//!
//! It shows mistakes that a GPU may hide. Some give a wrong result under some seed: a missing barrier; an asynchronous copy that nobody waits
//! for, or whose place others still read; a launch that does not wait for data of another launch. Others are a fault: a barrier, or an
//! operation of a warp, that not all of its threads reach. Shared memory that is read before it is written has no valid numbers.
//! AddressSanitizer finds every access outside a buffer.
//!
//! It does not show mistakes of memory order: all threads see each write at once, in the order of the program.

mod copies;
mod launch;
mod module;
mod scheduler;
mod shared;
mod stand_in;
mod thread;

pub use launch::{Fault, Launch, Started, launch, launch_in_order};
pub use module::{Kernel, Module, kernels, kernels_for_tests};
pub use stand_in::{in_process, install_driver, with_stand_in};

/// Returns Selvedge's kernel with this name.
pub fn kernel(name: &str) -> Option<Kernel> {
    kernels()?.kernel(name)
}
