//! The functions, as NVIDIA's Driver API describes them. Results go where the caller says, if it says so.

#![allow(unsafe_code)]

use std::{
    ffi::{CStr, c_char, c_int, c_uint, c_ulonglong, c_void},
    mem::MaybeUninit,
    ptr,
};

use crate::{
    driver::{Driver, IS_CURRENT, MULTIPROCESSORS, Needs, call, is_fat_binary},
    memory,
    result::Code,
};

/// The device's name.
const NAME: &CStr = c"Selvedge's emulated GPU";
/// The context's handle.
const CONTEXT: usize = 1;

/// Where a function writes a result.
type Out<'a, T> = Option<&'a mut MaybeUninit<T>>;

fn put<T>(out: Out<'_, T>, value: T) -> Result<(), Code> {
    out.ok_or(Code::INVALID_VALUE)?.write(value);
    Ok(())
}

#[unsafe(no_mangle)]
extern "C" fn cuInit(flags: c_uint) -> Code {
    call("cuInit", Needs::Nothing, |driver| {
        driver.is_initialized = true;
        if flags == 0 { Ok(()) } else { Err(Code::INVALID_VALUE) }
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuDriverGetVersion(version: Out<'_, c_int>) -> Code {
    call("cuDriverGetVersion", Needs::Nothing, |driver| put(version, driver.settings.driver_version))
}

#[unsafe(no_mangle)]
extern "C" fn cuGetErrorName(code: Code, name: Out<'_, *const c_char>) -> Code {
    call("cuGetErrorName", Needs::Nothing, |_| {
        let (found, _) = code.words().ok_or(Code::INVALID_VALUE)?;
        put(name, found.as_ptr())
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuGetErrorString(code: Code, text: Out<'_, *const c_char>) -> Code {
    call("cuGetErrorString", Needs::Nothing, |_| {
        let (_, found) = code.words().ok_or(Code::INVALID_VALUE)?;
        put(text, found.as_ptr())
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGetCount(count: Out<'_, c_int>) -> Code {
    call("cuDeviceGetCount", Needs::Initialized, |_| put(count, 1))
}

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGet(device: Out<'_, c_int>, ordinal: c_int) -> Code {
    call("cuDeviceGet", Needs::Initialized, |_| {
        if ordinal != 0 {
            return Err(Code::INVALID_DEVICE);
        }
        put(device, 0)
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn cuDeviceGetName(name: *mut c_char, len: c_int, _device: c_int) -> Code {
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
extern "C" fn cuDeviceGetAttribute(value: Out<'_, c_int>, attribute: c_uint, _device: c_int) -> Code {
    const MULTIPROCESSOR_COUNT: c_uint = 16;
    const COMPUTE_CAPABILITY_MAJOR: c_uint = 75;
    const COMPUTE_CAPABILITY_MINOR: c_uint = 76;
    call("cuDeviceGetAttribute", Needs::Initialized, |_| {
        let found = match attribute {
            MULTIPROCESSOR_COUNT => MULTIPROCESSORS as c_int,
            COMPUTE_CAPABILITY_MAJOR => 9,
            COMPUTE_CAPABILITY_MINOR => 0,
            _ => return Err(Code::INVALID_VALUE),
        };
        put(value, found)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuDevicePrimaryCtxRetain(context: Out<'_, usize>, _device: c_int) -> Code {
    call("cuDevicePrimaryCtxRetain", Needs::Initialized, |driver| {
        driver.retained += 1;
        put(context, CONTEXT)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuDevicePrimaryCtxRelease_v2(_device: c_int) -> Code {
    call("cuDevicePrimaryCtxRelease_v2", Needs::Initialized, |driver| {
        driver.retained = driver.retained.checked_sub(1).ok_or(Code::INVALID_CONTEXT)?;
        if driver.retained == 0 {
            driver.reset();
        }
        Ok(())
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuCtxSetCurrent(context: usize) -> Code {
    call("cuCtxSetCurrent", Needs::Initialized, |_| {
        IS_CURRENT.set(context == CONTEXT);
        if context > CONTEXT { Err(Code::INVALID_CONTEXT) } else { Ok(()) }
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuModuleLoadDataEx(
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
unsafe extern "C" fn cuModuleGetFunction(function: Out<'_, usize>, module: usize, name: *const c_char) -> Code {
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
extern "C" fn cuModuleUnload(module: usize) -> Code {
    call("cuModuleUnload", Needs::Context, |driver| driver.modules.remove(module))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemGetInfo_v2(free: Out<'_, usize>, total: Out<'_, usize>) -> Code {
    call("cuMemGetInfo_v2", Needs::Context, |driver| {
        put(free, driver.memory.free_bytes())?;
        put(total, memory::TOTAL)
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemAlloc_v2(address: Out<'_, u64>, bytes: usize) -> Code {
    call("cuMemAlloc_v2", Needs::Context, |driver| put(address, driver.memory.allocate(bytes)?))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemFree_v2(address: u64) -> Code {
    call("cuMemFree_v2", Needs::Context, |driver| driver.memory.free(address))
}

/// The device's bytes for a copy in a stream. No copy is captured.
fn bytes(driver: &mut Driver, stream: usize, address: u64, bytes: usize) -> Result<*mut u8, Code> {
    if driver.streams.get(stream)?.is_some() {
        return Err(Code::STREAM_CAPTURE_UNSUPPORTED);
    }
    driver.memory.bytes(address, bytes)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn cuMemcpyHtoDAsync_v2(to: u64, from: *const u8, count: usize, stream: usize) -> Code {
    call("cuMemcpyHtoDAsync_v2", Needs::Context, |driver| {
        let to = bytes(driver, stream, to, count)?;
        // SAFETY: the device has these bytes, and the caller says that it has them too. It may be one and the same memory.
        unsafe { ptr::copy(from, to, count) };
        Ok(())
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn cuMemcpyDtoHAsync_v2(to: *mut u8, from: u64, count: usize, stream: usize) -> Code {
    call("cuMemcpyDtoHAsync_v2", Needs::Context, |driver| {
        let from = bytes(driver, stream, from, count)?;
        // SAFETY: as above, the other way round.
        unsafe { ptr::copy(from, to, count) };
        Ok(())
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemsetD8Async(to: u64, byte: u8, count: usize, stream: usize) -> Code {
    call("cuMemsetD8Async", Needs::Context, |driver| {
        let to = bytes(driver, stream, to, count)?;
        // SAFETY: the device has these bytes.
        unsafe { to.write_bytes(byte, count) };
        Ok(())
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuOccupancyMaxActiveBlocksPerMultiprocessor(
    blocks: Out<'_, c_int>,
    function: usize,
    threads: c_int,
    _shared: usize,
) -> Code {
    call("cuOccupancyMaxActiveBlocksPerMultiprocessor", Needs::Context, |driver| {
        driver.functions.get(function)?;
        let threads = u32::try_from(threads).map_err(|_| Code::INVALID_VALUE)?;
        put(blocks, Driver::resident_blocks(threads) as c_int)
    })
}

/// A shape of one dimension, with no shared memory but what kernels declare.
fn shape(grid: [c_uint; 3], block: [c_uint; 3], shared: c_uint) -> Result<(u32, u32), Code> {
    match (grid, block, shared) {
        ([grid, 1, 1], [block, 1, 1], 0) => Ok((grid, block)),
        _ => Err(Code::INVALID_VALUE),
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn cuLaunchKernel(
    function: usize,
    grid_x: c_uint,
    grid_y: c_uint,
    grid_z: c_uint,
    block_x: c_uint,
    block_y: c_uint,
    block_z: c_uint,
    shared: c_uint,
    stream: usize,
    arguments: *const *const c_void,
    extra: *const *const c_void,
) -> Code {
    call("cuLaunchKernel", Needs::Context, |driver| {
        let shape = shape([grid_x, grid_y, grid_z], [block_x, block_y, block_z], shared)?;
        if !extra.is_null() {
            return Err(Code::INVALID_VALUE);
        }
        // SAFETY: the caller's promise.
        unsafe { driver.launch(function, shape, false, stream, arguments) }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn cuLaunchCooperativeKernel(
    function: usize,
    grid_x: c_uint,
    grid_y: c_uint,
    grid_z: c_uint,
    block_x: c_uint,
    block_y: c_uint,
    block_z: c_uint,
    shared: c_uint,
    stream: usize,
    arguments: *const *const c_void,
) -> Code {
    call("cuLaunchCooperativeKernel", Needs::Context, |driver| {
        let shape = shape([grid_x, grid_y, grid_z], [block_x, block_y, block_z], shared)?;
        // SAFETY: the caller's promise.
        unsafe { driver.launch(function, shape, true, stream, arguments) }
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamCreateWithPriority(stream: Out<'_, usize>, _flags: c_uint, _priority: c_int) -> Code {
    call("cuStreamCreateWithPriority", Needs::Context, |driver| put(stream, driver.streams.insert(None)))
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamDestroy_v2(stream: usize) -> Code {
    call("cuStreamDestroy_v2", Needs::Context, |driver| driver.streams.remove(stream).map(drop))
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamSynchronize(stream: usize) -> Code {
    call("cuStreamSynchronize", Needs::Context, |driver| match driver.streams.get(stream)? {
        Some(_) => Err(Code::STREAM_CAPTURE_UNSUPPORTED),
        None => Ok(()),
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamBeginCapture_v2(stream: usize, _mode: c_uint) -> Code {
    call("cuStreamBeginCapture_v2", Needs::Context, |driver| {
        let stream = driver.streams.get(stream)?;
        if stream.replace(Vec::new()).is_some() { Err(Code::INVALID_VALUE) } else { Ok(()) }
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuStreamEndCapture(stream: usize, graph: Out<'_, usize>) -> Code {
    call("cuStreamEndCapture", Needs::Context, |driver| {
        let launches = driver.streams.get(stream)?.take().ok_or(Code::INVALID_VALUE)?;
        put(graph, driver.graphs.insert(launches))
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuGraphInstantiateWithFlags(program: Out<'_, usize>, graph: usize, _flags: c_ulonglong) -> Code {
    call("cuGraphInstantiateWithFlags", Needs::Context, |driver| {
        let launches = driver.graphs.get(graph)?.clone();
        put(program, driver.programs.insert(launches))
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuGraphLaunch(program: usize, stream: usize) -> Code {
    call("cuGraphLaunch", Needs::Context, |driver| {
        if driver.streams.get(stream)?.is_some() {
            return Err(Code::STREAM_CAPTURE_UNSUPPORTED);
        }
        let launches = driver.programs.get(program)?.clone();
        launches.iter().for_each(|started| driver.run(started));
        Ok(())
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuGraphDestroy(graph: usize) -> Code {
    call("cuGraphDestroy", Needs::Context, |driver| driver.graphs.remove(graph).map(drop))
}

#[unsafe(no_mangle)]
extern "C" fn cuGraphExecDestroy(program: usize) -> Code {
    call("cuGraphExecDestroy", Needs::Context, |driver| driver.programs.remove(program).map(drop))
}
