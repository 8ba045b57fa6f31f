//! The driver's functions that `cust` has no safe words for, or whose results it would misread.
//!
//! `cust`'s results are an enum of CUDA 11's codes, of which a newer code would be no value; here they are numbers.

use std::ffi::{c_char, c_int, c_uint, c_ulonglong, c_void};

use cust::sys::{CUdeviceptr, CUfunction, CUgraph, CUgraphExec, CUmodule, CUstream, CUstreamCaptureMode};

/// The driver's code of a result; 0 is success.
pub type Code = u32;

unsafe extern "C" {
    pub safe fn cuInit(flags: c_uint) -> Code;
    pub fn cuDriverGetVersion(version: *mut c_int) -> Code;
    pub fn cuDeviceGetCount(count: *mut c_int) -> Code;
    pub fn cuGetErrorName(code: Code, name: *mut *const c_char) -> Code;
    pub fn cuGetErrorString(code: Code, text: *mut *const c_char) -> Code;
    pub fn cuMemGetInfo_v2(free: *mut usize, total: *mut usize) -> Code;
    pub fn cuMemAlloc_v2(address: *mut CUdeviceptr, bytes: usize) -> Code;
    pub fn cuMemFree_v2(address: CUdeviceptr) -> Code;
    pub fn cuMemcpyHtoDAsync_v2(to: CUdeviceptr, from: *const c_void, bytes: usize, stream: CUstream) -> Code;
    pub fn cuMemcpyDtoHAsync_v2(to: *mut c_void, from: CUdeviceptr, bytes: usize, stream: CUstream) -> Code;
    pub fn cuMemsetD8Async(to: CUdeviceptr, byte: u8, count: usize, stream: CUstream) -> Code;
    pub fn cuModuleLoadDataEx(
        module: *mut CUmodule,
        image: *const c_void,
        options: c_uint,
        names: *mut c_int,
        values: *mut *mut c_void,
    ) -> Code;
    pub fn cuModuleUnload(module: CUmodule) -> Code;
    pub fn cuModuleGetFunction(function: *mut CUfunction, module: CUmodule, name: *const c_char) -> Code;
    pub fn cuOccupancyMaxActiveBlocksPerMultiprocessor(
        blocks: *mut c_int,
        function: CUfunction,
        threads: c_int,
        shared: usize,
    ) -> Code;
    pub fn cuLaunchKernel(
        function: CUfunction,
        grid_x: c_uint,
        grid_y: c_uint,
        grid_z: c_uint,
        block_x: c_uint,
        block_y: c_uint,
        block_z: c_uint,
        shared: c_uint,
        stream: CUstream,
        arguments: *mut *mut c_void,
        extra: *mut *mut c_void,
    ) -> Code;
    pub fn cuLaunchCooperativeKernel(
        function: CUfunction,
        grid_x: c_uint,
        grid_y: c_uint,
        grid_z: c_uint,
        block_x: c_uint,
        block_y: c_uint,
        block_z: c_uint,
        shared: c_uint,
        stream: CUstream,
        arguments: *mut *mut c_void,
    ) -> Code;
    pub fn cuStreamSynchronize(stream: CUstream) -> Code;
    pub fn cuStreamBeginCapture_v2(stream: CUstream, mode: CUstreamCaptureMode) -> Code;
    pub fn cuStreamEndCapture(stream: CUstream, graph: *mut CUgraph) -> Code;
    pub fn cuGraphInstantiateWithFlags(program: *mut CUgraphExec, graph: CUgraph, flags: c_ulonglong) -> Code;
    pub fn cuGraphLaunch(program: CUgraphExec, stream: CUstream) -> Code;
    pub fn cuGraphDestroy(graph: CUgraph) -> Code;
    pub fn cuGraphExecDestroy(program: CUgraphExec) -> Code;
}
