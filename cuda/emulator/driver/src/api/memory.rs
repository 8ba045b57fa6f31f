//! Memory of the device and of the host, and copies.

#![allow(unsafe_code)]

use super::{Out, put};
use crate::{
    driver::{Needs, call},
    memory,
    queue::Work,
    result::Code,
};

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuMemGetInfo_v2(free: Out<'_, usize>, total: Out<'_, usize>) -> Code {
    call("cuMemGetInfo_v2", Needs::Context, |driver| {
        put(free, driver.memory.free_bytes())?;
        put(total, memory::TOTAL)
    })
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuMemAlloc_v2(address: Out<'_, u64>, bytes: usize) -> Code {
    call("cuMemAlloc_v2", Needs::Context, |driver| put(address, driver.memory.allocate(bytes)?))
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuMemFree_v2(address: u64) -> Code {
    call("cuMemFree_v2", Needs::Context, |driver| {
        driver.wait_for_all()?;
        driver.memory.free(address)
    })
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuMemAllocHost_v2(address: Out<'_, u64>, bytes: usize) -> Code {
    call("cuMemAllocHost_v2", Needs::Context, |driver| put(address, driver.pinned.allocate(bytes)?))
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuMemFreeHost(address: u64) -> Code {
    call("cuMemFreeHost", Needs::Context, |driver| {
        driver.wait_for_all()?;
        driver.pinned.free(address)
    })
}

#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn cuMemcpyHtoDAsync_v2(to: u64, from: *const u8, count: usize, stream: usize) -> Code {
    // SAFETY: the caller's promise.
    call("cuMemcpyHtoDAsync_v2", Needs::Context, |driver| unsafe { driver.copy_to_device(to, from, count, stream) })
}

#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn cuMemcpyDtoHAsync_v2(to: *mut u8, from: u64, count: usize, stream: usize) -> Code {
    // SAFETY: the caller's promise.
    call("cuMemcpyDtoHAsync_v2", Needs::Context, |driver| unsafe { driver.copy_to_host(to, from, count, stream) })
}

#[unsafe(no_mangle)]
pub(super) extern "C" fn cuMemsetD8Async(to: u64, byte: u8, count: usize, stream: usize) -> Code {
    call("cuMemsetD8Async", Needs::Context, |driver| {
        driver.memory.bytes(to, count)?;
        driver.enqueue(stream, Work::Set { to, byte, count })
    })
}
