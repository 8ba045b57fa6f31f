//! Finds NVIDIA's driver library when it is needed.
//!
//! `cust` declares the driver's functions as those of a shared library with which the program is linked. Such a program does not even start
//! on a machine without a driver, where it should say so or train on the CPU. So `-lcuda` finds an empty linker script (`cuda/link`). The
//! functions of [`sys`](super::sys) are defined here, and each jumps to the driver's function that [`load`] found. Before that, and if the
//! driver does not have a function, it answers [`NOT_SUPPORTED`]. The script is named by `.cargo/config.toml`, which cargo reads in the folder
//! in which it is called. A build from outside the repository does not find it.

use std::{
    arch::global_asm,
    cell::UnsafeCell,
    ffi::c_void,
    sync::{Mutex, PoisonError},
};

use libloading::Library;

/// The driver's code for a function that it does not have.
pub const NOT_SUPPORTED: u32 = 801;

/// The library's name, by which the system finds it.
const NAME: &str = "libcuda.so.1";

extern "C" fn not_supported() -> u32 {
    NOT_SUPPORTED
}

/// The addresses of the driver's functions, in the order of [`NAMES`].
#[repr(transparent)]
struct Slots(UnsafeCell<[*const c_void; NAMES.len()]>);

// SAFETY: written under `LOADED`'s lock alone, before any function is called by whoever called `load`; read by the jumps below.
unsafe impl Sync for Slots {}

#[unsafe(no_mangle)]
static SELVEDGE_CUDA_SLOTS: Slots = Slots(UnsafeCell::new([not_supported as *const c_void; NAMES.len()]));

/// The library, after it was found for the first time.
static LOADED: Mutex<Option<Library>> = Mutex::new(None);

/// Finds the driver's library and its functions.
///
/// # Errors
///
/// The system's message if there is no such library.
pub fn load() -> Result<(), String> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if loaded.is_some() {
        return Ok(());
    }
    // SAFETY: the driver's library has no conditions on being loaded.
    let library = unsafe { Library::new(NAME) }.map_err(|error| error.to_string())?;
    // SAFETY: `Slots` says who else is there.
    let slots = unsafe { &mut *SELVEDGE_CUDA_SLOTS.0.get() };
    for (slot, name) in slots.iter_mut().zip(NAMES) {
        // SAFETY: the symbol's address is taken, and called through `sys`'s declaration of it alone.
        if let Ok(function) = unsafe { library.get::<*const c_void>(name.as_bytes()) } {
            *slot = *function;
        }
    }
    *loaded = Some(library);
    Ok(())
}

/// Defines each function as a jump through its slot, and their names.
macro_rules! functions {
    ($($name:ident)*) => {
        const NAMES: [&str; [$(stringify!($name)),*].len()] = [$(stringify!($name)),*];
        functions!(@jump 0; $($name)*);
    };
    (@jump $index:expr; $name:ident $($rest:ident)*) => {
        jump!($name, $index);
        functions!(@jump $index + 1; $($rest)*);
    };
    (@jump $index:expr;) => {};
}

#[cfg(target_arch = "x86_64")]
macro_rules! jump {
    ($name:ident, $index:expr) => {
        global_asm!(
            concat!(".globl ", stringify!($name)),
            concat!(".type ", stringify!($name), ", @function"),
            concat!(stringify!($name), ":"),
            "jmp qword ptr [rip + {slots} + 8 * ({index})]",
            slots = sym SELVEDGE_CUDA_SLOTS,
            index = const $index,
        );
    };
}

#[cfg(target_arch = "aarch64")]
macro_rules! jump {
    ($name:ident, $index:expr) => {
        global_asm!(
            concat!(".globl ", stringify!($name)),
            concat!(".type ", stringify!($name), ", @function"),
            concat!(stringify!($name), ":"),
            "adrp x16, {slots}",
            "add x16, x16, :lo12:{slots}",
            "ldr x16, [x16, #8 * ({index})]",
            "br x16",
            slots = sym SELVEDGE_CUDA_SLOTS,
            index = const $index,
        );
    };
}

functions! {
    cuCtxSetCurrent
    cuDeviceGet
    cuDeviceGetAttribute
    cuDeviceGetCount
    cuDeviceGetName
    cuDevicePrimaryCtxRelease_v2
    cuDevicePrimaryCtxRetain
    cuDriverGetVersion
    cuEventCreate
    cuEventDestroy_v2
    cuEventRecord
    cuEventSynchronize
    cuGetErrorName
    cuGetErrorString
    cuGraphDestroy
    cuGraphExecDestroy
    cuGraphInstantiateWithFlags
    cuGraphLaunch
    cuInit
    cuLaunchKernelEx
    cuMemAllocHost_v2
    cuMemAlloc_v2
    cuMemFreeHost
    cuMemFree_v2
    cuMemGetInfo_v2
    cuMemcpyDtoHAsync_v2
    cuMemcpyHtoDAsync_v2
    cuMemsetD8Async
    cuModuleGetFunction
    cuModuleLoadDataEx
    cuModuleUnload
    cuStreamBeginCapture_v2
    cuStreamCreateWithPriority
    cuStreamDestroy_v2
    cuStreamEndCapture
    cuStreamSynchronize
}
