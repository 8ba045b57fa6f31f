//! Launches: what is asked for, and what can go wrong.

#![allow(unsafe_code)]

use std::{ffi::c_void, io};

use crate::{module::Kernel, scheduler};

/// The shape of a launch, and its schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Launch {
    /// Blocks: some are there at a time, in any order.
    pub grid: u32,
    /// Threads of each.
    pub block: u32,
    /// The seed of the order of threads and blocks.
    pub seed: u64,
}

/// One of several launches in a stream.
#[derive(Clone, Copy)]
pub struct Started<'a> {
    /// The kernel.
    pub kernel: Kernel,
    /// Blocks.
    pub grid: u32,
    /// Threads of each.
    pub block: u32,
    /// It may begin before the launch before it is complete: CUDA's attribute for programmatic stream serialization.
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
        /// Blocks.
        grid: u32,
        /// Threads of each.
        block: u32,
    },
    /// More or fewer arguments than the kernel has parameters.
    #[error("{given} arguments for a kernel of {taken} parameters")]
    Arguments {
        /// Arguments that were given.
        given: usize,
        /// Parameters that the kernel has.
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
        /// The warp's index in it.
        warp: u32,
        /// File and line of the operation.
        operation: String,
        /// The state of another thread.
        other: String,
    },
    /// A thread called a function with arguments that it does not take.
    #[error("block {block}, thread {thread}: {what}")]
    Call {
        /// The block's index.
        block: u32,
        /// The thread's index in it.
        thread: u32,
        /// The call.
        what: String,
    },
    /// Threads wait for something that does not come, in a loop.
    #[error("{waiting} threads wait in a loop, and no thread gets on; do they wait for a block that is not there?")]
    Deadlock {
        /// Threads that do.
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
/// [`Fault`]. Memory that the kernel wrote has any contents then.
///
/// # Safety
///
/// `arguments` are the addresses of values of the kernel's parameters' types, and whatever it reaches by them exists and is used by
/// nobody else.
pub unsafe fn launch(kernel: Kernel, shape: &Launch, arguments: &[*mut c_void]) -> Result<(), Fault> {
    let &Launch { grid, block, seed } = shape;
    let started = Started { kernel, grid, block, programmatic: false, arguments };
    // SAFETY: the caller's promise.
    unsafe { launch_in_order(&[started], seed) }
}

/// Runs launches to their end, in the order of a stream.
///
/// One begins when all before it are complete. One that is `programmatic` may also begin as soon as each block of the launch before it has
/// called `cudaTriggerProgrammaticLaunchCompletion`, in any of its threads, or has ended. Whoever does not wait then may miss what a launch
/// without the call wrote, as if it had ended later. `cudaGridDependencySynchronize` makes its threads wait until the launch before it is
/// complete, and that is all: a launch is complete when its own blocks have ended, even where earlier ones still run. In a launch that is not
/// `programmatic`, the function returns at once; before one that is not, the trigger does nothing.
///
/// # Errors
///
/// [`Fault`]. Memory that the kernels wrote has any contents then, and some did not begin.
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
