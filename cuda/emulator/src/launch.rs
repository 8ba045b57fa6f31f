//! Launches: their shape, their order, and their faults.

#![allow(unsafe_code)]

use std::{ffi::c_void, io};

use crate::{module::Kernel, scheduler};

/// The shape of a launch, and its schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The number of blocks. Only some of them exist at the same time. They begin in any order.
    pub grid: u32,
    /// The number of threads of each block.
    pub block: u32,
    /// The seed of the order of threads and blocks.
    pub seed: u64,
}

/// One of several launches in a stream.
#[derive(Clone, Copy)]
pub struct Started<'a> {
    /// The kernel.
    pub kernel: Kernel,
    /// The number of blocks.
    pub grid: u32,
    /// The number of threads of each block.
    pub block: u32,
    /// True if it may begin before the launch before it is complete: CUDA's attribute for programmatic stream serialization.
    pub programmatic: bool,
    /// The addresses of the values of the kernel's parameters.
    pub arguments: &'a [*mut c_void],
}

/// A fault of a kernel, or of the code that launched it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// No grid or block has this size.
    #[error("{grid} blocks of {block} threads: a launch has at least one block, of 1 to 1024 threads")]
    Shape {
        /// The number of blocks.
        grid: u32,
        /// The number of threads of each block.
        block: u32,
    },
    /// There are more or fewer arguments than the kernel has parameters.
    #[error("{given} arguments for a kernel of {taken} parameters")]
    Arguments {
        /// The number of arguments that were given.
        given: usize,
        /// The number of the kernel's parameters.
        taken: usize,
    },
    /// Some of a block's threads wait at a barrier that another does not reach.
    #[error("block {block}: not all threads reach the barrier at {barrier}; one {other}")]
    DivergentBarrier {
        /// The block's index.
        block: u32,
        /// File and line of the barrier.
        barrier: String,
        /// The state of another thread.
        other: String,
    },
    /// Some of a warp's threads wait at an operation of the warp that another does not reach.
    #[error("block {block}, warp {warp}: not all 32 threads reach the warp's operation at {operation}; one {other}")]
    DivergentWarp {
        /// The block's index.
        block: u32,
        /// The warp's index in the block.
        warp: u32,
        /// File and line of the operation.
        operation: String,
        /// The state of another thread.
        other: String,
    },
    /// A thread called a function with arguments that are not allowed.
    #[error("block {block}, thread {thread}: {what}")]
    Call {
        /// The block's index.
        block: u32,
        /// The thread's index in the block.
        thread: u32,
        /// The call.
        what: String,
    },
    /// Threads wait in a loop for something that does not come.
    #[error(
        "{waiting} threads wait in a loop, and no thread makes progress; do they wait for a block that does not exist yet?"
    )]
    Deadlock {
        /// The number of these threads.
        waiting: usize,
    },
    /// There is no memory for a thread's stack.
    #[error("no memory for a thread's stack: {0}")]
    Stack(#[from] io::Error),
}

/// Runs a kernel to its end.
///
/// # Errors
///
/// [`Fault`]. The memory that the kernel wrote then has any contents.
///
/// # Safety
///
/// `arguments` are the addresses of values of the kernel's parameters' types. The memory that the kernel reaches by them exists, and nobody
/// else uses it.
pub unsafe fn launch(kernel: Kernel, shape: &Launch, arguments: &[*mut c_void]) -> Result<(), Fault> {
    let &Launch { grid, block, seed } = shape;
    let started = Started { kernel, grid, block, programmatic: false, arguments };
    // SAFETY: the caller's promise.
    unsafe { launch_in_order(&[started], seed) }
}

/// Runs launches to their end, in the order of a stream.
///
/// A launch begins when all launches before it are complete. A launch is complete when its own blocks have ended, even if earlier launches still
/// run.
///
/// A `programmatic` launch may also begin as soon as each block of the launch before it has called `cudaTriggerProgrammaticLaunchCompletion`, in
/// any of its threads, or has ended. `cudaGridDependencySynchronize` waits until the launch before is complete. In a launch that is not
/// `programmatic`, it returns at once.
///
/// If a block never calls the trigger, its end counts as the call. On a GPU, a thread of the next launch that does not wait may then still miss
/// what the block wrote. To show this mistake, the emulator may begin the next launch earlier: as soon as one thread of the block has passed
/// `cudaGridDependencySynchronize`.
///
/// # Errors
///
/// [`Fault`]. The memory that the kernels wrote then has any contents, and some kernels did not begin.
///
/// # Safety
///
/// The conditions of [`launch()`], for each of them.
pub unsafe fn launch_in_order(launches: &[Started<'_>], seed: u64) -> Result<(), Fault> {
    for &Started { kernel, grid, block, arguments, .. } in launches {
        let (given, taken) = (arguments.len(), kernel.param_sizes().len());
        if given != taken {
            return Err(Fault::Arguments { given, taken });
        }
        if grid == 0 || !(1..=1024).contains(&block) {
            return Err(Fault::Shape { grid, block });
        }
    }
    // SAFETY: the number of arguments is checked, and the rest is the caller's promise.
    unsafe { scheduler::run(launches, seed) }
}
