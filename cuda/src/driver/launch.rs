//! The kernels' launches. Each has a function of its own, which takes that kernel's parameters.

use std::ffi::{CStr, c_int, c_void};
use std::ptr;

use super::{Buffer, CudaError, Gpu, error::check, sys};
use crate::task::{Context, Phase, THREADS};

/// The kernels that the host starts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kernel {
    RunPhase,
    RunBatches,
}

impl Kernel {
    pub(super) const NAMES: [&CStr; 2] = [c"run_phase", c"run_batches"];
}

/// The phases of the kernel that runs many batches, as they lie one after the other.
#[derive(Debug)]
pub(crate) struct Phases {
    /// The phases.
    pub(crate) all: Buffer<Phase>,
    /// The number of phases before the first batch.
    pub(crate) first: u32,
    /// The number of phases of even batches. As many of odd batches follow.
    pub(crate) of_batch: u32,
}

impl Gpu {
    /// Blocks of the kernel that runs many batches which are there together at the most.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub(crate) fn resident_blocks(&self) -> Result<u32, CudaError> {
        let (mut blocks, function) = (0, self.function(Kernel::RunBatches));
        // SAFETY: the driver writes a number there; the function is of the module that the GPU holds.
        let code =
            unsafe { sys::cuOccupancyMaxActiveBlocksPerMultiprocessor(&raw mut blocks, function, THREADS as c_int, 0) };
        check(code, "asking how many blocks the GPU holds")?;
        Ok(blocks.unsigned_abs() * self.multiprocessors())
    }

    /// Starts a phase for batch `index` of `batches`.
    ///
    /// # Errors
    ///
    /// [`CudaError`], an earlier kernel's too.
    ///
    /// # Safety
    ///
    /// What the kernel reads and writes is the GPU's memory, and stays until it is done: what the context and the tasks name, of the
    /// lengths in [`access`](crate::access) and of those that `kernels/task.cuh` says, for what the batches, the order and the
    /// labels there hold. A graph that captures the launch starts it at another time.
    pub(crate) unsafe fn run_phase(
        &self,
        context: &Context,
        phase: &Phase,
        index: u32,
        batches: u32,
    ) -> Result<(), CudaError> {
        let arguments = &mut [address(context), address(phase), address(&index), address(&batches)];
        // SAFETY: these are the kernel's parameters, and the rest is the caller's promise.
        unsafe { self.start(Kernel::RunPhase, phase.blocks(), arguments) }
    }

    /// Starts all phases of `batches` batches as one launch of so many blocks, which count at the barrier in `arrivals`.
    ///
    /// # Errors
    ///
    /// [`CudaError`], an earlier kernel's too.
    ///
    /// # Panics
    ///
    /// Where there are fewer phases than are to run, or no word for the barrier.
    ///
    /// # Safety
    ///
    /// That of [`run_phase`](Self::run_phase), for each of the phases.
    pub(crate) unsafe fn run_batches(
        &self,
        context: &Context,
        phases: &Phases,
        batches: u32,
        arrivals: &Buffer<u32>,
        blocks: u32,
    ) -> Result<(), CudaError> {
        let Phases { all, first, of_batch } = phases;
        let count = u64::from(*first) + 2 * u64::from(*of_batch);
        assert!(count <= all.len() as u64 && arrivals.len() >= 1, "{count} phases of {}", all.len());
        let (all, arrivals) = (all.address(), arrivals.address());
        let arguments = &mut [
            address(context),
            address(&all),
            address(first),
            address(of_batch),
            address(&batches),
            address(&arrivals),
        ];
        // SAFETY: these are the kernel's parameters, both buffers are long enough, and the rest is the caller's promise.
        unsafe { self.start(Kernel::RunBatches, blocks, arguments) }
    }

    /// Starts a kernel.
    ///
    /// # Safety
    ///
    /// The arguments are the addresses of a value for each of its parameters, and the kernel may do with them what it does.
    unsafe fn start(&self, kernel: Kernel, blocks: u32, arguments: &mut [*mut c_void]) -> Result<(), CudaError> {
        let (function, stream, arguments) = (self.function(kernel), self.stream(), arguments.as_mut_ptr());
        // SAFETY: the function is of the module that the GPU holds, and the stream is open. The driver copies the arguments, which are the
        // caller's promise.
        let code = unsafe {
            match kernel {
                Kernel::RunPhase => {
                    let none = ptr::null_mut();
                    sys::cuLaunchKernel(function, blocks, 1, 1, THREADS, 1, 1, 0, stream, arguments, none)
                }
                // Its blocks wait for each other.
                Kernel::RunBatches => {
                    sys::cuLaunchCooperativeKernel(function, blocks, 1, 1, THREADS, 1, 1, 0, stream, arguments)
                }
            }
        };
        check(code, "starting a kernel")
    }
}

/// Where an argument lies, which the driver only reads.
fn address<T>(argument: &T) -> *mut c_void {
    ptr::from_ref(argument).cast_mut().cast()
}
