//! The device, its context, and modules.

#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};

use super::{Out, put};
use crate::{
    driver::{IS_CURRENT, MULTIPROCESSORS, Needs, call, is_fat_binary},
    result::Code,
};

/// The device's name.
const NAME: &CStr = c"Selvedge's emulated GPU";
/// The context's handle.
const CONTEXT: usize = 1;

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuInit(flags: c_uint) -> Code {
    call("cuInit", Needs::Nothing, |driver| {
        driver.is_initialized = true;
        if flags == 0 { Ok(()) } else { Err(Code::INVALID_VALUE) }
    })
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuDriverGetVersion(version: Out<'_, c_int>) -> Code {
    call("cuDriverGetVersion", Needs::Nothing, |driver| put(version, driver.settings.driver_version))
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuGetErrorName(code: Code, name: Out<'_, *const c_char>) -> Code {
    call("cuGetErrorName", Needs::Nothing, |_| {
        let (found, _) = code.words().ok_or(Code::INVALID_VALUE)?;
        put(name, found.as_ptr())
    })
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuGetErrorString(code: Code, text: Out<'_, *const c_char>) -> Code {
    call("cuGetErrorString", Needs::Nothing, |_| {
        let (_, found) = code.words().ok_or(Code::INVALID_VALUE)?;
        put(text, found.as_ptr())
    })
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuDeviceGetCount(count: Out<'_, c_int>) -> Code {
    call("cuDeviceGetCount", Needs::Initialized, |_| put(count, 1))
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuDeviceGet(device: Out<'_, c_int>, ordinal: c_int) -> Code {
    call("cuDeviceGet", Needs::Initialized, |_| {
        if ordinal != 0 {
            return Err(Code::INVALID_DEVICE);
        }
        put(device, 0)
    })
}

#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn cuDeviceGetName(name: *mut c_char, len: c_int, _device: c_int) -> Code {
    call("cuDeviceGetName", Needs::Initialized, |_| {
        let found = NAME.to_bytes_with_nul();
        if name.is_null() || usize::try_from(len).map_or(true, |len| len < found.len()) {
            return Err(Code::INVALID_VALUE);
        }
        // SAFETY: the caller has room for `len` bytes, which are enough.
        unsafe { name.copy_from_nonoverlapping(found.as_ptr().cast(), found.len()) };
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuDeviceGetAttribute(value: Out<'_, c_int>, attribute: c_uint, _device: c_int) -> Code {
    const MULTIPROCESSOR_COUNT: c_uint = 16;
    const COMPUTE_CAPABILITY_MAJOR: c_uint = 75;
    const COMPUTE_CAPABILITY_MINOR: c_uint = 76;
    call("cuDeviceGetAttribute", Needs::Initialized, |driver| {
        let found = match attribute {
            MULTIPROCESSOR_COUNT => MULTIPROCESSORS as c_int,
            COMPUTE_CAPABILITY_MAJOR => driver.settings.capability / 10,
            COMPUTE_CAPABILITY_MINOR => driver.settings.capability % 10,
            _ => return Err(Code::INVALID_VALUE),
        };
        put(value, found)
    })
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuDevicePrimaryCtxRetain(context: Out<'_, usize>, _device: c_int) -> Code {
    call("cuDevicePrimaryCtxRetain", Needs::Initialized, |driver| {
        driver.retained += 1;
        put(context, CONTEXT)
    })
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuDevicePrimaryCtxRelease_v2(_device: c_int) -> Code {
    call("cuDevicePrimaryCtxRelease_v2", Needs::Initialized, |driver| {
        driver.retained = driver.retained.checked_sub(1).ok_or(Code::INVALID_CONTEXT)?;
        if driver.retained == 0 {
            driver.reset();
        }
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuCtxSetCurrent(context: usize) -> Code {
    call("cuCtxSetCurrent", Needs::Initialized, |_| {
        IS_CURRENT.set(context == CONTEXT);
        if context > CONTEXT { Err(Code::INVALID_CONTEXT) } else { Ok(()) }
    })
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuModuleLoadDataEx(
    module: Out<'_, usize>,
    image: *const c_void,
    _options: c_uint,
    _names: *const c_int,
    _values: *const *const c_void,
) -> Code {
    call("cuModuleLoadDataEx", Needs::Context, |driver| {
        if !is_fat_binary(image.cast()) {
            return Err(Code::INVALID_IMAGE);
        }
        // Without a C++ compiler there is nothing that could run.
        if emulator::kernels().is_none() {
            return Err(Code::NO_BINARY_FOR_GPU);
        }
        put(module, driver.modules.insert(()))
    })
}

#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn cuModuleGetFunction(
    function: Out<'_, usize>,
    module: usize,
    name: *const c_char,
) -> Code {
    call("cuModuleGetFunction", Needs::Context, |driver| {
        driver.modules.get(module)?;
        if name.is_null() {
            return Err(Code::INVALID_VALUE);
        }
        // SAFETY: the caller has a C string there.
        let name = unsafe { CStr::from_ptr(name) }.to_str().map_err(|_| Code::NOT_FOUND)?;
        let kernel = emulator::kernel(name).ok_or(Code::NOT_FOUND)?;
        put(function, driver.functions.insert(kernel))
    })
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuModuleUnload(module: usize) -> Code {
    call("cuModuleUnload", Needs::Context, |driver| driver.modules.remove(module))
}
