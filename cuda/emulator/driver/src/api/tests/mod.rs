//! The functions as a program calls them, with the emulator's small kernels.

#![allow(unsafe_code)]

mod launches;
mod queue;
mod results;

use std::{
    ffi::c_void,
    mem::MaybeUninit,
    ptr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    device::{cuCtxSetCurrent, cuDevicePrimaryCtxRelease_v2, cuDevicePrimaryCtxRetain, cuInit},
    launch::{Attribute, Config, cuLaunchKernelEx},
    memory::{cuMemAlloc_v2, cuMemAllocHost_v2, cuMemcpyDtoHAsync_v2, cuMemcpyHtoDAsync_v2},
    put,
    stream::{
        cuGraphInstantiateWithFlags, cuStreamBeginCapture_v2, cuStreamCreateWithPriority, cuStreamEndCapture,
        cuStreamSynchronize,
    },
};
use crate::{
    driver::{Driver, Needs, call},
    result::Code,
};

const GRID: u32 = 3;
const BLOCK: u32 = 5;
const LEN: usize = (GRID * BLOCK) as usize;
const BYTES: usize = 4 * LEN;
/// Nothing was written there.
const ONES: u32 = u32::MAX;

/// The modes of the kernel `link`, as in tests/kernels.cu of the emulator.
const TRIGGERS_FIRST: u32 = 1;
const WAITS: u32 = 4;

#[track_caller]
fn ok(code: Code) {
    assert_eq!(code, Code::SUCCESS);
}

/// Returns the result of a function.
#[track_caller]
fn get<T>(function: impl FnOnce(Option<&mut MaybeUninit<T>>) -> Code) -> T {
    let mut out = MaybeUninit::uninit();
    ok(function(Some(&mut out)));
    // SAFETY: a function that succeeds has written its result.
    unsafe { out.assume_init() }
}

/// A context with a stream. There is one driver, so that tests come one after the other.
struct Session {
    stream: usize,
    /// The kernel `link`.
    link: usize,
    _only: MutexGuard<'static, ()>,
}

impl Session {
    /// `None` if there are no kernels.
    fn new() -> Option<Self> {
        static ONLY: Mutex<()> = Mutex::new(());
        let only = ONLY.lock().unwrap_or_else(PoisonError::into_inner);
        if emulator::kernels_for_tests().is_none() {
            skip::skip("the driver's functions", "there is no C++ compiler to build the kernels by: install one");
            return None;
        }
        ok(cuInit(0));
        let context = get(|out| cuDevicePrimaryCtxRetain(out, 0));
        ok(cuCtxSetCurrent(context));
        let stream = get(|out| cuStreamCreateWithPriority(out, 0, 0));
        Some(Self { stream, link: function("link"), _only: only })
    }

    fn wait(&self) -> Code {
        cuStreamSynchronize(self.stream)
    }

    /// Puts a launch into the stream, by `cuLaunchKernelEx`, that may overlap the one before it.
    fn launch(&self, function: usize, programmatic: bool, arguments: &[*const c_void]) -> Code {
        let attribute =
            Attribute { id: Attribute::PROGRAMMATIC, padding: [0; 4], value: programmatic.into(), rest: [0; 60] };
        let config = Config {
            grid: [GRID, 1, 1],
            block: [BLOCK, 1, 1],
            shared: 0,
            stream: self.stream,
            attributes: &raw const attribute,
            count: 1,
        };
        // SAFETY: every test gives what its kernel takes.
        unsafe { cuLaunchKernelEx(Some(&config), function, arguments.as_ptr(), ptr::null()) }
    }

    /// One row of the device's memory from another, with all numbers one larger.
    fn link(&self, from: u64, to: u64, how: u32, programmatic: bool) -> Code {
        self.launch(self.link, programmatic, &[address(&from), address(&to), address(&how)])
    }

    /// Returns a graph of what is put into the stream by `body`.
    fn graph(&self, body: impl FnOnce()) -> usize {
        ok(cuStreamBeginCapture_v2(self.stream, 0));
        body();
        let graph = get(|out| cuStreamEndCapture(self.stream, out));
        get(|out| cuGraphInstantiateWithFlags(out, graph, 0))
    }

    fn to_device(&self, to: u64, from: *const u32) -> Code {
        // SAFETY: both are rows, unless the test wants them to be refused.
        unsafe { cuMemcpyHtoDAsync_v2(to, from.cast(), BYTES, self.stream) }
    }

    fn to_host(&self, to: *mut u32, from: u64) -> Code {
        // SAFETY: as above.
        unsafe { cuMemcpyDtoHAsync_v2(to.cast(), from, BYTES, self.stream) }
    }

    /// Returns a row of the device's memory that has this number everywhere.
    fn row(&self, value: u32) -> u64 {
        let row = get(|out| cuMemAlloc_v2(out, BYTES));
        ok(self.to_device(row, [value; LEN].as_ptr()));
        row
    }

    /// Returns the row's numbers. Whatever is before that in the stream is done.
    fn numbers(&self, row: u64) -> [u32; LEN] {
        let mut numbers = [0; LEN];
        ok(self.to_host(numbers.as_mut_ptr(), row));
        numbers
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        with_driver(|driver| driver.settings.failures.clear());
        cuDevicePrimaryCtxRelease_v2(0);
    }
}

fn with_driver(body: impl FnOnce(&mut Driver)) {
    ok(call("", Needs::Nothing, |driver| {
        body(driver);
        Ok(())
    }));
}

/// One of the small kernels.
fn function(name: &str) -> usize {
    let kernel =
        emulator::kernels_for_tests().and_then(|kernels| kernels.kernel(name)).expect("there is such a kernel");
    get(|out| call("", Needs::Context, |driver| put(out, driver.functions.insert(kernel))))
}

fn address<T>(value: &T) -> *const c_void {
    (&raw const *value).cast()
}

/// A row of pinned memory.
struct Pinned(*mut u32);

impl Pinned {
    fn new() -> Self {
        Self(get(|out| cuMemAllocHost_v2(out, BYTES)) as *mut u32)
    }

    fn set(&self, value: u32) {
        // SAFETY: as many numbers are allocated, and nothing else uses them meanwhile.
        unsafe { self.0.cast::<[u32; LEN]>().write([value; LEN]) };
    }

    fn numbers(&self) -> [u32; LEN] {
        // SAFETY: as above.
        unsafe { self.0.cast::<[u32; LEN]>().read() }
    }
}
