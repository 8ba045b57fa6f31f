//! The CUDA engine: training on an NVIDIA GPU with the bits of [`Portable`](selvedge::Portable).
//!
//! - `kernels/*.cuh` compute; `kernels/selvedge.cu` is their entry. Every rounding is spelled out.
//! - [`task`]: what the kernels are handed.
//! - [`memory`]: the buffers that a run has on the GPU.
//! - [`access`] and [`schedule`]: which tasks a batch has, and which may run side by side.
//! - `driver` and `trainer` (feature `driver`): the GPU, and a run on it.
//!
//! Without the feature the package builds everywhere, and its tests run the kernels on the CPU.

pub mod access;
#[cfg(feature = "driver")]
pub mod driver;
pub mod memory;
pub mod schedule;
pub mod task;
#[cfg(feature = "driver")]
pub mod trainer;
