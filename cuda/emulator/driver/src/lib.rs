//! A stand-in for NVIDIA's driver library, for tests: its launches run Selvedge's kernels on the CPU, by the package `emulator`.
//!
//! It has the functions that Selvedge calls, one device, and one context. Work that is put into a stream is done only when something waits for it:
//! launches, and copies whose host side is pinned memory. A program that does not wait finds wrong values. Other copies wait for the work
//! before them, and are done at once. In a capture, a launch is stored as a graph's node. A kernel's fault is reported at the next call that
//! waits, and from then on at every call, as on a GPU.
//!
//! No program finds it by accident. It is built as `libemulated_driver.so`. A test copies it as `libcuda.so.1` into its own folder and names
//! that folder in `LD_LIBRARY_PATH`. These environment variables, which are read once, decide what goes wrong:
//!
//! - `SELVEDGE_EMULATOR_FAIL`: calls that fail, as `function:number:code` with commas between, such as
//!   `cuMemAlloc_v2:3:CUDA_ERROR_OUT_OF_MEMORY` for the third allocation. A code may be a number.
//! - `SELVEDGE_EMULATOR_SEED`: the seed of the threads' order; 0 if it is not set.
//! - `SELVEDGE_EMULATOR_DRIVER_VERSION`: the driver's version, such as 11040 for CUDA 11.4; 13000 if it is not set.
//! - `SELVEDGE_EMULATOR_CAPABILITY`: the device's compute capability, such as 75 for 7.5; 90 if it is not set. Below 90, no launch may
//!   overlap the one before it.

mod api;
mod driver;
mod launch;
mod memory;
mod queue;
mod result;
mod settings;
mod table;
