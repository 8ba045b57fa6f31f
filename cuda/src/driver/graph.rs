use std::{ptr, rc::Rc};

use cust::sys::{CUgraph, CUgraphExec, CUstreamCaptureMode};

use super::{Allocation, CudaError, Gpu, error::check, sys};

/// Launches that are started together, and the memory that they use.
#[derive(Debug)]
pub(crate) struct Graph {
    gpu: Gpu,
    program: CUgraphExec,
    #[expect(dead_code, reason = "the kernels use it")]
    memory: Vec<Rc<Allocation>>,
}

impl Graph {
    /// Stores the launches that `launches` makes, instead of starting them, and the memory that they use.
    ///
    /// # Errors
    ///
    /// [`CudaError`], also that of `launches`.
    pub(crate) fn capture(
        gpu: &Gpu,
        memory: Vec<Rc<Allocation>>,
        launches: impl FnOnce() -> Result<(), CudaError>,
    ) -> Result<Self, CudaError> {
        let doing = "making a graph of a launch";
        // Nothing that another thread does with the driver is of importance to it.
        let mode = CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
        // SAFETY: the stream is open; one that captures already is refused.
        check(unsafe { sys::cuStreamBeginCapture_v2(gpu.stream(), mode) }, doing)?;
        let launched = launches();
        let mut graph = ptr::null_mut();
        // SAFETY: a capture was begun; the driver writes the graph's address there.
        let captured = check(unsafe { sys::cuStreamEndCapture(gpu.stream(), &raw mut graph) }, doing);
        let graph = Captured(graph);
        launched?;
        captured?;
        let mut program = ptr::null_mut();
        // SAFETY: the graph is whole; the driver writes the program's address there.
        check(unsafe { sys::cuGraphInstantiateWithFlags(&raw mut program, graph.0, 0) }, doing)?;
        Ok(Self { gpu: gpu.clone(), program, memory })
    }

    /// Starts the launches, after all work that was started before.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    ///
    /// # Safety
    ///
    /// The conditions of each launch must hold now. The memory that was given to [`capture`](Self::capture) must be there.
    pub(crate) unsafe fn launch(&self) -> Result<(), CudaError> {
        // SAFETY: the program is whole, and the rest is the caller's promise.
        check(unsafe { sys::cuGraphLaunch(self.program, self.gpu.stream()) }, "starting a graph of launches")
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        // SAFETY: it was made, and is destroyed once; what runs of it ends before its memory is given back.
        unsafe { sys::cuGraphExecDestroy(self.program) };
    }
}

/// A graph that has not been made ready to start.
struct Captured(CUgraph);

impl Drop for Captured {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: it was captured, and its program is a copy.
            unsafe { sys::cuGraphDestroy(self.0) };
        }
    }
}
