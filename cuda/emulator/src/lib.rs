//! CUDA kernels on the CPU, for tests: the same .cu files, compiled as C++ under `include/cuda_on_cpu.h`.
//!
//! - [`Module`] and [`Kernel`]: what a file hands over.
//! - [`launch()`]: every CUDA thread is a coroutine; who runs next is drawn at random, by a seed.
//! - [`launch_in_order`]: several launches of a stream, of which one may begin before the one before it ends.
//! - [`install_driver`]: the same behind NVIDIA's driver interface, for whole programs; [`with_stand_in`]: for a test in its own process.
//!
//! What this shows that a GPU may hide, as a wrong result under some seed: a missing barrier; an asynchronous copy that nobody waits for,
//! or whose place others still read; a launch that does not wait for what it reads of another. As a fault: a barrier, or an operation of a
//! warp, that not all of its threads reach. Shared memory that is read before it is written holds no numbers, and AddressSanitizer sees
//! every access outside of a buffer.
//!
//! What it does not show: each write is seen by all threads at once, in the order of the program.

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

/// That of Selvedge's kernels with this name.
pub fn kernel(name: &str) -> Option<Kernel> {
    kernels()?.kernel(name)
}
