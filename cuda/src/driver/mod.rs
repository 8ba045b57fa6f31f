//! The GPU, through NVIDIA's driver: one context, and one stream in which all work is done in order.
//!
//! A program opens a [`Gpu`] and passes it to a [`Trainer`](crate::trainer::Trainer). Memory and launches are private to the crate, because a
//! kernel writes wherever its arguments say:
//!
//! ```compile_fail
//! use cuda::driver::Buffer;
//! ```
//!
//! ```compile_fail
//! # fn launch(gpu: &cuda::driver::Gpu, context: &cuda::task::Context, launch: &cuda::schedule::Launch) {
//! let _ = unsafe { gpu.run(context, launch, (0, 1), todo!()) };
//! # }
//! ```

#![allow(unsafe_code)]

mod buffer;
mod error;
mod graph;
mod launch;
mod library;
mod plain;
mod sys;
#[cfg(test)]
mod tests;
mod transfer;

#[cfg(not(target_os = "linux"))]
compile_error!("the feature `driver` needs Linux: NVIDIA's driver is found there alone");

use std::{
    collections::HashMap,
    ffi::{CStr, CString, c_char, c_int},
    ptr,
    rc::Rc,
};

use cust::sys::{CUcontext, CUdevice, CUfunction, CUmodule, CUstream};

pub use self::error::{CudaError, Failure};
pub(crate) use self::{
    buffer::{Allocation, Buffer},
    graph::Graph,
    launch::After,
    transfer::{Download, Upload},
};
use self::{error::check, sys::Code};
use crate::kernel::Kernel;

/// Bytes that begin at a multiple of 64. The driver reads numbers of 8 bytes in place.
#[repr(C, align(64))]
struct Aligned<T: ?Sized>(T);

/// The kernels' machine code, for every GPU that they were built for. It is empty if they were built for Clippy.
static FAT_BINARY: &Aligned<[u8]> = &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/selvedge.fatbin")));

/// The first GPU that the driver shows, with the kernels.
#[derive(Clone, Debug)]
pub struct Gpu(Rc<Inner>);

/// The parts, in the order in which they are freed.
#[derive(Debug)]
struct Inner {
    #[expect(dead_code, reason = "the kernels stay loaded")]
    module: Module,
    stream: Stream,
    #[expect(dead_code, reason = "the context stays open")]
    context: Context,
    functions: HashMap<Kernel, CUfunction>,
    name: String,
    multiprocessors: u32,
    /// True if a launch may begin before the one before it is complete.
    overlaps: bool,
}

/// The kernels, after they were loaded.
#[derive(Debug)]
struct Module(CUmodule);

impl Drop for Module {
    fn drop(&mut self) {
        // SAFETY: it was loaded, and nothing runs in it any more. A failure leaves it to the context's end.
        unsafe { sys::cuModuleUnload(self.0) };
    }
}

/// The queue in which all work is done.
#[derive(Debug)]
struct Stream(CUstream);

impl Stream {
    fn new() -> Result<Self, CudaError> {
        let mut stream = ptr::null_mut();
        // SAFETY: the driver writes the stream's address there.
        check(unsafe { sys::cuStreamCreateWithPriority(&raw mut stream, 0, 0) }, OPENING)?;
        Ok(Self(stream))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: it was made, and is given back once.
        unsafe { sys::cuStreamDestroy_v2(self.0) };
    }
}

/// The GPU's primary context, which the whole process shares.
#[derive(Debug)]
struct Context(CUdevice);

impl Context {
    /// Opens the context for the calling thread.
    fn open(device: CUdevice) -> Result<Self, CudaError> {
        let mut context: CUcontext = ptr::null_mut();
        // SAFETY: the driver writes the context's address there.
        match unsafe { sys::cuDevicePrimaryCtxRetain(&raw mut context, device) } {
            UNAVAILABLE => return Err(CudaError::Unavailable(Failure::new(UNAVAILABLE))),
            code => check(code, OPENING)?,
        }
        let retained = Self(device);
        // SAFETY: the context is open.
        check(unsafe { sys::cuCtxSetCurrent(context) }, OPENING)?;
        Ok(retained)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: it was retained, and is given back once.
        unsafe { sys::cuDevicePrimaryCtxRelease_v2(self.0) };
    }
}

const OPENING: &str = "opening the GPU";

/// The code of a GPU that another program uses exclusively.
const UNAVAILABLE: Code = 46;
/// The driver's codes for a machine without a usable GPU.
const NO_DEVICE: [Code; 2] = [100, 101];
/// The codes of a fat binary without code for the GPU: an unknown form, none for this GPU, or PTX that the driver cannot take or compile.
const NO_CODE: [Code; 6] = [200, 209, 218, 221, 222, 223];

impl Gpu {
    /// Opens the GPU.
    ///
    /// # Errors
    ///
    /// [`CudaError`] if there is no driver, a driver that is too old, no GPU, no code for the GPU, or another error of the driver.
    pub fn open() -> Result<Self, CudaError> {
        library::load().map_err(CudaError::NoDriver)?;
        let no_device = |code| CudaError::NoDevice(Failure::new(code));
        // It needs no initialisation, which an old driver may refuse for another reason.
        let version = version()?;
        match sys::cuInit(0) {
            0 => {}
            code if NO_DEVICE.contains(&code) => return Err(no_device(code)),
            code => check(code, "starting the driver")?,
        }
        let mut count = 0;
        // SAFETY: the driver writes a number there.
        match unsafe { sys::cuDeviceGetCount(&raw mut count) } {
            0 if count > 0 => {}
            0 => return Err(no_device(NO_DEVICE[0])),
            code => return Err(no_device(code)),
        }
        let device = Device::first()?;
        let name = device.name()?;
        let capability = [device.attribute(COMPUTE_CAPABILITY_MAJOR)?, device.attribute(COMPUTE_CAPABILITY_MINOR)?];
        let multiprocessors = device.attribute(MULTIPROCESSOR_COUNT)?.unsigned_abs();
        let context = Context::open(device.0)?;
        let module = load(&name, capability)?;
        let mut functions = HashMap::new();
        for kernel in Kernel::all() {
            let mut function = ptr::null_mut();
            let symbol = CString::new(kernel.name()).unwrap_or_default();
            // SAFETY: the driver writes the function's address there.
            let code = unsafe { sys::cuModuleGetFunction(&raw mut function, module.0, symbol.as_ptr()) };
            // The code may be loaded only now.
            loaded(code, &name, capability)?;
            functions.insert(kernel, function);
        }
        let overlaps = capability[0] >= 9 && version >= OVERLAPS_IN_GRAPHS;
        Ok(Self(Rc::new(Inner { module, stream: Stream::new()?, context, functions, name, multiprocessors, overlaps })))
    }

    /// Returns the GPU's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Returns the number of multiprocessors, to which blocks are distributed.
    pub fn multiprocessors(&self) -> u32 {
        self.0.multiprocessors
    }

    fn stream(&self) -> CUstream {
        self.0.stream.0
    }

    fn function(&self, kernel: Kernel) -> CUfunction {
        // All kernels are there.
        self.0.functions.get(&kernel).copied().unwrap_or(ptr::null_mut())
    }

    /// Waits until all work is done.
    ///
    /// # Errors
    ///
    /// [`CudaError`] of any work that was started before.
    pub(crate) fn synchronize(&self) -> Result<(), CudaError> {
        // SAFETY: the stream is open.
        check(unsafe { sys::cuStreamSynchronize(self.stream()) }, "training")
    }
}

/// The oldest driver that runs what the toolkit built: the driver of the toolkit's first release.
const NEEDED: i32 = 1000 * number(env!("SELVEDGE_CUDA_MAJOR"));

/// The first driver for which a graph stores which launches may overlap.
const OVERLAPS_IN_GRAPHS: i32 = 12_030;

/// Returns the driver's version, 1000 · major + 10 · minor.
fn version() -> Result<i32, CudaError> {
    let mut found = 0;
    // SAFETY: the driver writes a number there.
    check(unsafe { sys::cuDriverGetVersion(&raw mut found) }, "asking for the driver's version")?;
    if found < NEEDED { Err(CudaError::DriverTooOld { found, needed: NEEDED }) } else { Ok(found) }
}

/// A GPU, before it is opened.
struct Device(CUdevice);

/// Numbers of `CUdevice_attribute`.
const MULTIPROCESSOR_COUNT: u32 = 16;
const COMPUTE_CAPABILITY_MAJOR: u32 = 75;
const COMPUTE_CAPABILITY_MINOR: u32 = 76;

impl Device {
    fn first() -> Result<Self, CudaError> {
        let mut device = 0;
        // SAFETY: the driver writes a number there.
        check(unsafe { sys::cuDeviceGet(&raw mut device, 0) }, OPENING)?;
        Ok(Self(device))
    }

    fn name(&self) -> Result<String, CudaError> {
        let mut text: [c_char; 256] = [0; 256];
        // The last byte stays 0.
        let len = text.len() as c_int - 1;
        // SAFETY: there is room for so many bytes.
        check(unsafe { sys::cuDeviceGetName(text.as_mut_ptr(), len, self.0) }, "asking for the GPU's name")?;
        // SAFETY: the text ends within the array.
        Ok(unsafe { CStr::from_ptr(text.as_ptr()) }.to_string_lossy().into_owned())
    }

    fn attribute(&self, attribute: u32) -> Result<c_int, CudaError> {
        let mut value = 0;
        // SAFETY: the driver writes a number there.
        let code = unsafe { sys::cuDeviceGetAttribute(&raw mut value, attribute, self.0) };
        check(code, "asking what the GPU can do").map(|()| value)
    }
}

/// Returns the number that these decimal digits are.
const fn number(digits: &str) -> i32 {
    let (mut number, mut index) = (0, 0);
    while index < digits.len() {
        number = 10 * number + (digits.as_bytes()[index] - b'0') as i32;
        index += 1;
    }
    number
}

fn load(name: &str, capability: [i32; 2]) -> Result<Module, CudaError> {
    let mut module = ptr::null_mut();
    let image = FAT_BINARY.0.as_ptr().cast();
    let code = if FAT_BINARY.0.is_empty() {
        NO_CODE[0]
    } else {
        // SAFETY: the image is a whole fat binary, and there are no options.
        unsafe { sys::cuModuleLoadDataEx(&raw mut module, image, 0, ptr::null_mut(), ptr::null_mut()) }
    };
    loaded(code, name, capability).map(|()| Module(module))
}

/// Returns the result of loading code.
fn loaded(code: Code, name: &str, capability: [i32; 2]) -> Result<(), CudaError> {
    if NO_CODE.contains(&code) {
        return Err(CudaError::NoCode { name: name.into(), capability, failure: Failure::new(code) });
    }
    check(code, "loading the kernels")
}
