//! The driver's functions, as `cuda.h` declares them.
//!
//! `cust` has the types. But in its declarations, a result is an enum with the codes of CUDA 11. A newer code would not be a valid value, so
//! here results are numbers.

use std::ffi::{c_char, c_int, c_uint, c_ulonglong, c_void};

use cust::sys::{
    CUcontext, CUdevice, CUdeviceptr, CUevent, CUfunction, CUgraph, CUgraphExec, CUmodule, CUstream,
    CUstreamCaptureMode,
};

/// The driver's code of a result; 0 is success.
pub type Code = u32;

/// The driver's struct `CUlaunchConfig`.
#[derive(Debug)]
#[repr(C)]
pub struct LaunchConfig {
    /// The numbers of blocks.
    pub grid: [c_uint; 3],
    /// The numbers of threads in a block.
    pub block: [c_uint; 3],
    /// The number of bytes of shared memory, in addition to what the kernel declares.
    pub shared_bytes: c_uint,
    /// The stream in which the kernel starts.
    pub stream: CUstream,
    /// The attributes.
    pub attributes: *mut LaunchAttribute,
    /// The number of attributes.
    pub attribute_count: c_uint,
}

/// The driver's struct `CUlaunchAttribute`.
#[derive(Debug)]
#[repr(C)]
pub struct LaunchAttribute {
    id: c_uint,
    padding: [u8; 4],
    /// A union of 64 bytes.
    value: [u64; 8],
}

impl LaunchAttribute {
    /// The attribute `CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION`.
    const OVERLAPS: c_uint = 6;

    /// Returns the attribute of a launch that may begin before the one before it is complete.
    pub fn overlaps_the_launch_before() -> Self {
        // The value is an `int`, which on either side lies in the first bytes.
        let mut value = [0; 8];
        value[0] = u64::from_ne_bytes([1_i32.to_ne_bytes(), [0; 4]].concat().try_into().unwrap_or_default());
        Self { id: Self::OVERLAPS, padding: [0; 4], value }
    }
}

const _: () = assert!(size_of::<LaunchConfig>() == 56 && size_of::<LaunchAttribute>() == 72, "as cuda.h has them");

unsafe extern "C" {
    pub safe fn cuInit(flags: c_uint) -> Code;
    pub fn cuDriverGetVersion(version: *mut c_int) -> Code;
    pub fn cuGetErrorName(code: Code, name: *mut *const c_char) -> Code;
    pub fn cuGetErrorString(code: Code, text: *mut *const c_char) -> Code;
    pub fn cuDeviceGetCount(count: *mut c_int) -> Code;
    pub fn cuDeviceGet(device: *mut CUdevice, ordinal: c_int) -> Code;
    pub fn cuDeviceGetName(name: *mut c_char, len: c_int, device: CUdevice) -> Code;
    pub fn cuDeviceGetAttribute(value: *mut c_int, attribute: c_uint, device: CUdevice) -> Code;
    pub fn cuDevicePrimaryCtxRetain(context: *mut CUcontext, device: CUdevice) -> Code;
    pub fn cuDevicePrimaryCtxRelease_v2(device: CUdevice) -> Code;
    pub fn cuCtxSetCurrent(context: CUcontext) -> Code;
    pub fn cuMemGetInfo_v2(free: *mut usize, total: *mut usize) -> Code;
    pub fn cuMemAlloc_v2(address: *mut CUdeviceptr, bytes: usize) -> Code;
    pub fn cuMemFree_v2(address: CUdeviceptr) -> Code;
    pub fn cuMemAllocHost_v2(address: *mut *mut c_void, bytes: usize) -> Code;
    pub fn cuMemFreeHost(address: *mut c_void) -> Code;
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
    pub fn cuLaunchKernelEx(
        config: *const LaunchConfig,
        function: CUfunction,
        arguments: *mut *mut c_void,
        extra: *mut *mut c_void,
    ) -> Code;
    pub fn cuStreamCreateWithPriority(stream: *mut CUstream, flags: c_uint, priority: c_int) -> Code;
    pub fn cuStreamDestroy_v2(stream: CUstream) -> Code;
    pub fn cuStreamSynchronize(stream: CUstream) -> Code;
    pub fn cuStreamBeginCapture_v2(stream: CUstream, mode: CUstreamCaptureMode) -> Code;
    pub fn cuStreamEndCapture(stream: CUstream, graph: *mut CUgraph) -> Code;
    pub fn cuEventCreate(event: *mut CUevent, flags: c_uint) -> Code;
    pub fn cuEventRecord(event: CUevent, stream: CUstream) -> Code;
    pub fn cuEventSynchronize(event: CUevent) -> Code;
    pub fn cuEventDestroy_v2(event: CUevent) -> Code;
    pub fn cuGraphInstantiateWithFlags(program: *mut CUgraphExec, graph: CUgraph, flags: c_ulonglong) -> Code;
    pub fn cuGraphLaunch(program: CUgraphExec, stream: CUstream) -> Code;
    pub fn cuGraphDestroy(graph: CUgraph) -> Code;
    pub fn cuGraphExecDestroy(program: CUgraphExec) -> Code;
}
