//! The GPU, by NVIDIA's driver: one context, one stream, in which everything is done in order.

#![allow(unsafe_code)]

mod buffer;
mod error;
mod graph;
mod library;
mod sys;

#[cfg(not(target_os = "linux"))]
compile_error!("the feature `driver` needs Linux: NVIDIA's driver is found there alone");

use std::{
    ffi::{CStr, c_int, c_void},
    ptr,
    rc::Rc,
};

use cust::{
    context::Context,
    device::{Device, DeviceAttribute},
    stream::{Stream, StreamFlags},
    sys::{CUfunction, CUmodule},
};

pub use self::{
    buffer::Buffer,
    error::{CudaError, Failure},
    graph::Graph,
};
use self::{
    error::{check, from_cust},
    sys::Code,
};

/// The kernels' machine code, for every GPU that the toolkit knew.
static FAT_BINARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/selvedge.fatbin"));

/// The kernels that the host starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// One phase of a batch.
    RunPhase,
    /// All phases of many batches.
    RunBatches,
}

impl Kernel {
    const NAMES: [&CStr; 2] = [c"run_phase", c"run_batches"];
}

/// A value that a kernel takes.
pub trait Argument {
    /// Where it lies.
    fn address(&self) -> *mut c_void {
        ptr::from_ref(self).cast_mut().cast()
    }
}

impl Argument for u32 {}
impl Argument for u64 {}
impl Argument for crate::task::Context {}
impl Argument for crate::task::Phase {}

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

    /// Blocks of a kernel that are there together at the most.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub fn resident_blocks(&self, kernel: Kernel, threads: u32) -> Result<u32, CudaError> {
        let (mut blocks, function) = (0, self.0.functions[kernel as usize]);
        // SAFETY: the driver writes a number there; the function is this module's.
        let code =
            unsafe { sys::cuOccupancyMaxActiveBlocksPerMultiprocessor(&raw mut blocks, function, threads as c_int, 0) };
        check(code, "asking how many blocks the GPU holds")?;
        Ok(blocks.unsigned_abs() * self.multiprocessors())
    }

    /// Starts a kernel with these arguments. What it reads and writes stays as long as buffers do.
    ///
    /// # Errors
    ///
    /// [`CudaError`], an earlier kernel's too.
    pub fn launch(
        &self,
        kernel: Kernel,
        blocks: u32,
        threads: u32,
        arguments: &[&dyn Argument],
    ) -> Result<(), CudaError> {
        let function = self.0.functions[kernel as usize];
        let mut arguments: Vec<_> = arguments.iter().map(|argument| argument.address()).collect();
        let (stream, arguments) = (self.stream(), arguments.as_mut_ptr());
        // SAFETY: the arguments are of the kernel's types, which `trainer` alone decides; the driver copies them.
        let code = unsafe {
            match kernel {
                Kernel::RunPhase => {
                    let none = ptr::null_mut();
                    sys::cuLaunchKernel(function, blocks, 1, 1, threads, 1, 1, 0, stream, arguments, none)
                }
                // Its blocks wait for each other.
                Kernel::RunBatches => {
                    sys::cuLaunchCooperativeKernel(function, blocks, 1, 1, threads, 1, 1, 0, stream, arguments)
                }
            }
        };
        check(code, "starting a kernel")
    }

    /// Waits until all is done.
    ///
    /// # Errors
    ///
    /// [`CudaError`] of anything that was started before.
    pub fn synchronize(&self) -> Result<(), CudaError> {
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

/// What loading code gave.
fn loaded(code: Code, name: &str, capability: [i32; 2]) -> Result<(), CudaError> {
    if NO_CODE.contains(&code) {
        return Err(CudaError::NoCode { name: name.into(), capability, failure: Failure::new(code) });
    }
    check(code, "loading the kernels")
}
