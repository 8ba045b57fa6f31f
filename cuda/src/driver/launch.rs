//! Launches of the kernels.

use std::ffi::c_void;
use std::ptr;

use super::{
    CudaError, Gpu,
    error::check,
    sys::{self, LaunchAttribute, LaunchConfig},
};
use crate::{
    schedule::Launch,
    task::{Context, THREADS},
};

/// The order of a launch and the one before it in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// It begins when the one before is done.
    Done,
    /// It may begin while the one before still runs, and waits for it itself (programmatic dependent launch). Where the GPU has no such thing, it
    /// begins when that one is done.
    Begun,
}

impl Gpu {
    /// Starts a launch for batch `index` of `batches`.
    ///
    /// # Errors
    ///
    /// [`CudaError`], an earlier kernel's too.
    ///
    /// # Safety
    ///
    /// What the kernel reads and writes is the GPU's memory, and stays until it is done: what the context and the tasks name, of the
    /// lengths in [`access`](crate::access) and of those that `kernels/task.cuh` says, for what the batches, the order and the
    /// labels there hold. A launch that comes after one that has only begun brings no operand early that this one writes. A graph that captures the
    /// launch starts it at another time.
    pub(crate) unsafe fn run(
        &self,
        context: &Context,
        launch: &Launch,
        (index, batches): (u32, u32),
        after: After,
    ) -> Result<(), CudaError> {
        let Launch { kernel, phase } = launch;
        let mut arguments = [address(context), address(phase), address(&index), address(&batches)];
        let mut overlaps = LaunchAttribute::overlaps_the_launch_before();
        let config = LaunchConfig {
            grid: [phase.blocks(), 1, 1],
            block: [THREADS, 1, 1],
            shared_bytes: 0,
            stream: self.stream(),
            attributes: &raw mut overlaps,
            attribute_count: (after == After::Begun && self.0.overlaps).into(),
        };
        let function = self.function(*kernel);
        // SAFETY: the function is of the module that the GPU holds, the stream is open, and the attribute is there. Every kernel has these four
        // parameters, of which the driver copies the values. The rest is the caller's promise.
        let code =
            unsafe { sys::cuLaunchKernelEx(&raw const config, function, arguments.as_mut_ptr(), ptr::null_mut()) };
        check(code, "starting a kernel")
    }
}

/// Where an argument lies, which the driver only reads.
fn address<T>(argument: &T) -> *mut c_void {
    ptr::from_ref(argument).cast_mut().cast()
}
