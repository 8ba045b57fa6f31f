//! CUDA kernels on the CPU, for tests: the same .cu files, compiled as C++ under `include/cuda_on_cpu.h`.
//!
//! - [`Module`] and [`Kernel`]: what a file hands over.
//! - [`launch`]: every CUDA thread is a coroutine; who runs next is drawn at random, by a seed.
//! - [`install_driver`]: the same behind NVIDIA's driver interface, for whole programs; [`with_stand_in`]: for a test in its own process.
//!
//! What this shows that a GPU may hide: a missing barrier (as a wrong result under some seed), one that not all of a block's threads
//! reach, shared memory that is read before it is written (it holds no numbers), and under AddressSanitizer every access outside of
//! a buffer.

mod module;
mod scheduler;
mod shared;
mod stand_in;

pub use module::{Kernel, Module};
pub use scheduler::{Fault, Launch, launch};
pub use stand_in::{in_process, install_driver, with_stand_in};

/// Selvedge's kernels; `None` where they were built without a C++ compiler.
pub fn kernels() -> Option<&'static Module> {
    module::selvedge()
}

/// That of Selvedge's kernels with this name.
pub fn kernel(name: &str) -> Option<Kernel> {
    kernels()?.kernel(name)
}
