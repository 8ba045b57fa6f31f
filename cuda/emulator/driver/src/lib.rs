//! A stand-in for NVIDIA's driver library, for tests: its launches run Selvedge's kernels on the CPU, by the package `emulator`.
//!
//! It has the functions that Selvedge calls, one device, and one context. What is started is done at once, so a stream needs no queue; in a
//! capture it is kept as a graph's node. A kernel's fault shows at the next call that waits, and from then on at every one, as on a GPU.
//!
//! No program finds it by accident: it is built as `libemulated_driver.so`, and a test copies it as `libcuda.so.1` into a folder of its own
//! and names that in `LD_LIBRARY_PATH`. Environment variables, read once, decide what goes wrong:
//!
//! - `SELVEDGE_EMULATOR_FAIL`: calls that fail, as `function:number:code` with commas between, such as
//!   `cuMemAlloc_v2:3:CUDA_ERROR_OUT_OF_MEMORY` for the third allocation.
//! - `SELVEDGE_EMULATOR_SEED`: of the threads' order; 0 if it is not set.
//! - `SELVEDGE_EMULATOR_DRIVER_VERSION`: such as 11040 for CUDA 11.4; 13000 if it is not set.

mod api;
mod driver;
mod memory;
mod result;
mod settings;
