//! The CUDA engine: training on an NVIDIA GPU with the bits of [`Portable`](selvedge::Portable).
//!
//! - `kernels/*.cuh`: the computations. `kernels/selvedge.cu` has the entry points. Every rounding is explicit.
//! - [`kernel`]: the kernels' names.
//! - [`task`]: GPU tasks as the kernels get them. A *GPU task* is a piece of the work of a step, for example a layer's outputs.
//! - [`memory`]: the buffers that a run has on the GPU.
//! - [`access`]: the memory that each GPU task reads and writes. [`schedule`]: the GPU tasks of a batch, and the choice of those that run side by side.
//! - `driver` and `trainer` (feature `driver`): the GPU, and a run on it.
//!
//! A *kernel* is a program for the GPU. A *launch* is one start of a kernel. A *block* is [`task::THREADS`] threads that compute one *tile*, a part
//! of a GPU task's result. A *multiprocessor* is a part of the GPU that runs blocks.
//!
//! Without the feature the package builds everywhere. The tests of the package `emulator` run the kernels on the CPU.

pub mod access;
#[cfg(feature = "driver")]
pub mod driver;
pub mod kernel;
pub mod memory;
pub mod schedule;
pub mod task;
#[cfg(feature = "driver")]
pub mod trainer;
