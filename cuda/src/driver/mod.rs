//! The GPU, by NVIDIA's driver: one context, one stream, in which everything is done in order.
//!
//! A program opens a [`Gpu`] and hands it to a [`Trainer`](crate::trainer::Trainer). Memory and launches are the crate's own, as a kernel
//! writes wherever its arguments say:
//!
//! ```compile_fail
//! use cuda::driver::Buffer;
//! ```
//!
//! ```compile_fail
//! # fn launch(gpu: &cuda::driver::Gpu, context: &cuda::task::Context, phase: &cuda::task::Phase) {
//! let _ = unsafe { gpu.run_phase(context, phase, 0, 1) };
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

#[cfg(not(target_os = "linux"))]
compile_error!("the feature `driver` needs Linux: NVIDIA's driver is found there alone");

use std::{ptr, rc::Rc};

use cust::{
    context::Context,
    device::{Device, DeviceAttribute},
    stream::{Stream, StreamFlags},
    sys::{CUfunction, CUmodule},
};

pub use self::error::{CudaError, Failure};
pub(crate) use self::{
    buffer::{Allocation, Buffer},
    graph::Graph,
    launch::Phases,
};
use self::{
    error::{check, from_cust},
    launch::Kernel,
    sys::Code,
};

/// The kernels' machine code, for every GPU that the toolkit knew.
static FAT_BINARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/selvedge.fatbin"));

/// The first GPU that the driver shows, with the kernels.
#[derive(Clone, Debug)]
pub struct Gpu(Rc<Inner>);

/// In the order in which it is given back.
#[derive(Debug)]
struct Inner {
    #[expect(dead_code, reason = "the kernels stay loaded")]
    module: Module,
    stream: Stream,
    #[expect(dead_code, reason = "the context stays open")]
    context: Context,
    functions: [CUfunction; Kernel::NAMES.len()],
    name: String,
    multiprocessors: u32,
}

/// The kernels as they were loaded.
#[derive(Debug)]
struct Module(CUmodule);

impl Drop for Module {
    fn drop(&mut self) {
        // SAFETY: it was loaded, and nothing runs in it any more. A failure leaves it to the context's end.
        unsafe { sys::cuModuleUnload(self.0) };
    }
}

/// Codes that mean no GPU: there is none, or none that may be used.
const NO_DEVICE: [Code; 2] = [100, 101];
/// Codes of a fat binary without code for the GPU: an unknown form of it, none for this GPU, PTX that the driver does not take or cannot compile.
const NO_CODE: [Code; 6] = [200, 209, 218, 221, 222, 223];

impl Gpu {
    /// Opens the GPU.
    ///
    /// # Errors
    ///
    /// [`CudaError`]: no driver, one that is too old, no GPU, no code for it, or whatever the driver says.
    pub fn open() -> Result<Self, CudaError> {
        library::load().map_err(CudaError::NoDriver)?;
        let no_device = |code| CudaError::NoDevice(Failure::new(code));
        let version = || {
            let mut found = 0;
            // SAFETY: the driver writes a number there.
            check(unsafe { sys::cuDriverGetVersion(&raw mut found) }, "asking for the driver's version")?;
            if found < NEEDED { Err(CudaError::DriverTooOld { found, needed: NEEDED }) } else { Ok(()) }
        };
        // It needs no initialisation, which an old driver may refuse for another reason.
        version()?;
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
        let device = from_cust(Device::get_device(0), "opening the GPU")?;
        let name = from_cust(device.name(), "asking for the GPU's name")?;
        let attribute = |attribute| from_cust(device.get_attribute(attribute), "asking what the GPU can do");
        let capability =
            [attribute(DeviceAttribute::ComputeCapabilityMajor)?, attribute(DeviceAttribute::ComputeCapabilityMinor)?];
        let multiprocessors = attribute(DeviceAttribute::MultiprocessorCount)?.unsigned_abs();
        let context = from_cust(Context::new(device), "opening the GPU")?;
        let module = load(&name, capability)?;
        let mut functions = [ptr::null_mut(); Kernel::NAMES.len()];
        for (function, kernel) in functions.iter_mut().zip(Kernel::NAMES) {
            // SAFETY: the driver writes the function's address there.
            let code = unsafe { sys::cuModuleGetFunction(function, module.0, kernel.as_ptr()) };
            // The code may be loaded only now.
            loaded(code, &name, capability)?;
        }
        let stream = from_cust(Stream::new(StreamFlags::DEFAULT, None), "opening the GPU")?;
        Ok(Self(Rc::new(Inner { module, stream, context, functions, name, multiprocessors })))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Multiprocessors, which blocks are shared out among.
    pub fn multiprocessors(&self) -> u32 {
        self.0.multiprocessors
    }

    fn stream(&self) -> cust::sys::CUstream {
        self.0.stream.as_inner()
    }

    fn function(&self, kernel: Kernel) -> CUfunction {
        self.0.functions[kernel as usize]
    }

    /// Waits until all is done.
    ///
    /// # Errors
    ///
    /// [`CudaError`] of anything that was started before.
    pub(crate) fn synchronize(&self) -> Result<(), CudaError> {
        // SAFETY: the stream is open.
        check(unsafe { sys::cuStreamSynchronize(self.stream()) }, "training")
    }
}

/// The oldest driver that runs what the toolkit built: that of its first release.
const NEEDED: i32 = 1000 * version(env!("SELVEDGE_CUDA_MAJOR"));

/// A number in decimal digits.
const fn version(digits: &str) -> i32 {
    let (mut number, mut index) = (0, 0);
    while index < digits.len() {
        number = 10 * number + (digits.as_bytes()[index] - b'0') as i32;
        index += 1;
    }
    number
}

fn load(name: &str, capability: [i32; 2]) -> Result<Module, CudaError> {
    let mut module = ptr::null_mut();
    let image = FAT_BINARY.as_ptr().cast();
    // SAFETY: the image is a whole fat binary, and there are no options.
    let code = unsafe { sys::cuModuleLoadDataEx(&raw mut module, image, 0, ptr::null_mut(), ptr::null_mut()) };
    loaded(code, name, capability).map(|()| Module(module))
}

/// The result of loading code.
fn loaded(code: Code, name: &str, capability: [i32; 2]) -> Result<(), CudaError> {
    if NO_CODE.contains(&code) {
        return Err(CudaError::NoCode { name: name.into(), capability, failure: Failure::new(code) });
    }
    check(code, "loading the kernels")
}
