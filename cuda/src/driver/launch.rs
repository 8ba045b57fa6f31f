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

/// The order between a launch and the one before it in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// The launch begins when the one before it is complete.
    Done,
    /// The launch may begin while the one before it still runs, and waits for it itself (programmatic dependent launch). If the GPU cannot do this,
    /// the launch begins when the one before it is complete.
    Begun,
}

impl Gpu {
    /// Starts a launch for batch `index` of `batches`.
    ///
    /// # Errors
    ///
    /// [`CudaError`], also that of an earlier kernel.
    ///
    /// # Safety
    ///
    /// All that the kernel reads and writes is memory of the GPU, and stays until the kernel is complete. It is the memory that the context and the
    /// tasks name, with the lengths of [`access`](crate::access) and of `kernels/task.cuh`, for the batches, the order and the labels there. If the
    /// next launch may begin before this one is complete, none of its blocks loads an operand that this launch writes before this launch is complete.
    /// If a graph captures the launch, these conditions must hold each time the graph starts it.
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

/// Returns the address of an argument. The driver only reads it.
fn address<T>(argument: &T) -> *mut c_void {
    ptr::from_ref(argument).cast_mut().cast()
}
