use std::ptr;

use cust::sys::{CUgraph, CUgraphExec, CUstreamCaptureMode};

use super::{CudaError, Gpu, error::check, sys};

/// Launches that are started as one.
#[derive(Debug)]
pub struct Graph {
    gpu: Gpu,
    program: CUgraphExec,
}

impl Gpu {
    /// Keeps the launches that `launches` makes, instead of starting them.
    ///
    /// # Errors
    ///
    /// [`CudaError`], that of `launches` too.
    pub fn capture(&self, launches: impl FnOnce() -> Result<(), CudaError>) -> Result<Graph, CudaError> {
        let doing = "making a graph of a launch";
        // Nothing that another thread does with the driver is of importance to it.
        let mode = CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
        // SAFETY: the stream is open, and captures nothing yet.
        check(unsafe { sys::cuStreamBeginCapture_v2(self.stream(), mode) }, doing)?;
        let launched = launches();
        let mut graph = ptr::null_mut();
        // SAFETY: a capture was begun; the driver writes the graph's address there.
        let captured = check(unsafe { sys::cuStreamEndCapture(self.stream(), &raw mut graph) }, doing);
        let graph = Captured(graph);
        launched?;
        captured?;
        let mut program = ptr::null_mut();
        // SAFETY: the graph is whole; the driver writes the program's address there.
        check(unsafe { sys::cuGraphInstantiateWithFlags(&raw mut program, graph.0, 0) }, doing)?;
        Ok(Graph { gpu: self.clone(), program })
    }
}

/// A graph that is no program yet.
struct Captured(CUgraph);

impl Drop for Captured {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: it was captured, and its program is a copy.
            unsafe { sys::cuGraphDestroy(self.0) };
        }
    }
}

impl Graph {
    /// Starts the launches, after all that was started before.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub fn launch(&self) -> Result<(), CudaError> {
        // SAFETY: the program is whole, and its launches' buffers are its owner's.
        check(unsafe { sys::cuGraphLaunch(self.program, self.gpu.stream()) }, "starting a graph of launches")
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        // SAFETY: it was made; the driver waits for what runs.
        unsafe { sys::cuGraphExecDestroy(self.program) };
    }
}
