//! A CUDA thread, as C++ and Rust know it: the structures of `include/cuda_on_cpu.h`, field by field.

#![allow(unsafe_code)]

use std::{
    cell::{Cell, RefCell},
    ffi::{CStr, c_char, c_uint, c_void},
    fmt, ptr,
    rc::Rc,
};

use corosensei::Yielder;

use crate::{copies::Copies, shared::SharedMemory};

/// The number of threads of a warp.
pub(crate) const LANES: u32 = 32;

/// Three unsigned numbers, of which kernels use the first.
#[derive(Clone, Copy)]
#[repr(C)]
struct Dim3 {
    x: c_uint,
    y: c_uint,
    z: c_uint,
}

impl Dim3 {
    /// Returns a `Dim3` that counts: the number of blocks, or of threads.
    fn count(x: u32) -> Self {
        Self { x, y: 1, z: 1 }
    }

    /// Returns a `Dim3` that is an index: the place of one block or thread.
    fn index(x: u32) -> Self {
        Self { x, y: 0, z: 0 }
    }
}

/// The place of a call in the source: a C string that exists for ever, and a line.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Site {
    file: *const c_char,
    line: c_uint,
}

impl Site {
    fn file(&self) -> &'static CStr {
        // SAFETY: only C++ makes sites, of the compiler's name of a file.
        unsafe { CStr::from_ptr(self.file) }
    }
}

impl PartialEq for Site {
    fn eq(&self, other: &Self) -> bool {
        self.line == other.line && (self.file == other.file || self.file() == other.file())
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file().to_string_lossy(), self.line)
    }
}

/// The reason why a thread stops.
pub(crate) enum Stop {
    /// The thread waits at a barrier.
    Barrier(Site),
    /// The thread waits for the others of its warp.
    Warp(Site),
    /// The thread lets others run first.
    Yield,
    /// The thread's block allows the next launch to begin.
    Trigger,
    /// The thread waits for the launch before.
    WaitBefore,
    /// The thread called a function with arguments that are not allowed, and must not continue.
    Wrong(String),
}

/// The value that a thread gives to an operation of its warp, and the value that it gets.
#[derive(Clone, Copy, Default)]
pub(crate) struct Exchange {
    /// The thread's own value, and afterwards the value of the lane `source`.
    pub(crate) value: u32,
    pub(crate) source: u32,
}

#[repr(C)]
struct Calls {
    barrier: unsafe extern "C" fn(*const Thread, Site),
    yields: unsafe extern "C" fn(*const Thread),
    shared: unsafe extern "C" fn(*const Thread, *const c_void, usize, usize) -> *mut c_void,
    warp: unsafe extern "C" fn(*const Thread, Site, c_uint, c_uint, c_uint) -> c_uint,
    copy: unsafe extern "C" fn(*const Thread, *mut c_void, *const c_void, usize),
    commit: unsafe extern "C" fn(*const Thread),
    wait_prior: unsafe extern "C" fn(*const Thread, usize),
    trigger: unsafe extern "C" fn(*const Thread),
    wait_before: unsafe extern "C" fn(*const Thread),
}

static CALLS: Calls = Calls { barrier, yields, shared, warp, copy, commit, wait_prior, trigger, wait_before };

/// A CUDA thread: the part that kernels see, and then the data for its calls.
#[repr(C)]
pub(crate) struct Thread {
    thread_index: Dim3,
    block_index: Dim3,
    block_size: Dim3,
    grid_size: Dim3,
    calls: &'static Calls,
    yielder: Cell<*const Yielder<(), Stop>>,
    pub(crate) exchange: Cell<Exchange>,
    copies: RefCell<Copies>,
    memory: Rc<SharedMemory>,
}

impl Thread {
    /// Returns thread `index` of a block. `seed` decides when its copies land.
    pub(crate) fn new(index: u32, block: u32, sizes: [u32; 2], memory: Rc<SharedMemory>, seed: u64) -> Self {
        let [block_size, grid_size] = sizes;
        Self {
            thread_index: Dim3::index(index),
            block_index: Dim3::index(block),
            block_size: Dim3::count(block_size),
            grid_size: Dim3::count(grid_size),
            calls: &CALLS,
            yielder: Cell::new(ptr::null()),
            exchange: Cell::default(),
            copies: RefCell::new(Copies::new(seed)),
            memory,
        }
    }

    pub(crate) fn index(&self) -> u32 {
        self.thread_index.x
    }

    /// Returns the index of the thread's warp in the block.
    pub(crate) fn warp(&self) -> usize {
        (self.index() / LANES) as usize
    }

    /// Returns the thread's index in the warp.
    pub(crate) fn lane(&self) -> usize {
        (self.index() % LANES) as usize
    }

    /// Sets the way in which the thread gives up its turn. It is called on the thread's own stack, before its kernel.
    pub(crate) fn set_yielder(&self, yielder: &Yielder<(), Stop>) {
        self.yielder.set(yielder);
    }

    fn stop(&self, stop: Stop) {
        // SAFETY: a kernel runs on the thread's own stack, where the yielder was set first; it lives as long as that stack is used.
        unsafe { &*self.yielder.get() }.suspend(stop);
    }
}

/// # Safety
///
/// `thread` is the running thread. This also holds for the functions below.
unsafe extern "C" fn barrier(thread: *const Thread, site: Site) {
    // SAFETY: the caller's promise.
    unsafe { &*thread }.stop(Stop::Barrier(site));
}

/// # Safety
///
/// `thread` is the running thread.
unsafe extern "C" fn yields(thread: *const Thread) {
    // SAFETY: the caller's promise.
    unsafe { &*thread }.stop(Stop::Yield);
}

/// # Safety
///
/// `thread` is the running thread.
unsafe extern "C" fn shared(thread: *const Thread, site: *const c_void, bytes: usize, align: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { &*thread }.memory.object(site, bytes, align).cast()
}

/// # Safety
///
/// `thread` is the running thread.
unsafe extern "C" fn warp(thread: *const Thread, site: Site, mask: c_uint, value: c_uint, source: c_uint) -> c_uint {
    // SAFETY: the caller's promise.
    let thread = unsafe { &*thread };
    if mask != c_uint::MAX {
        thread.stop(Stop::Wrong(format!(
            "the warp's operation at {site} has the mask {mask:#x}, and only a full one is known"
        )));
    }
    thread.exchange.set(Exchange { value, source });
    thread.stop(Stop::Warp(site));
    thread.exchange.get().value
}

/// # Safety
///
/// `thread` is the running thread. The kernel may read these bytes at `from` until it waits for the copy.
unsafe extern "C" fn copy(thread: *const Thread, to: *mut c_void, from: *const c_void, bytes: usize) {
    // SAFETY: the caller's promise.
    let thread = unsafe { &*thread };
    let (to, from) = (to.cast::<u8>(), from.cast::<u8>());
    let is_aligned = |address: usize| matches!(bytes, 4 | 8 | 16) && address.is_multiple_of(bytes);
    if !is_aligned(to.addr()) || !is_aligned(from.addr()) {
        let what = format!(
            "an asynchronous copy of {bytes} bytes from {from:p} to {to:p}: there are copies of 4, 8 and 16 bytes, "
        );
        thread.stop(Stop::Wrong(what + "and both addresses are multiples of that"));
    }
    if !thread.memory.contains(to, bytes) {
        thread.stop(Stop::Wrong(format!(
            "an asynchronous copy of {bytes} bytes to {to:p}, which is not the block's shared memory"
        )));
    }
    // SAFETY: the destination is in one of the block's objects, which live as long as the thread; the rest is the caller's promise.
    unsafe { thread.copies.borrow_mut().issue(to, from, bytes) };
}

/// # Safety
///
/// `thread` is the running thread.
unsafe extern "C" fn commit(thread: *const Thread) {
    // SAFETY: the caller's promise.
    unsafe { &*thread }.copies.borrow_mut().commit();
}

/// # Safety
///
/// `thread` is the running thread.
unsafe extern "C" fn wait_prior(thread: *const Thread, prior: usize) {
    // SAFETY: the caller's promise.
    unsafe { &*thread }.copies.borrow_mut().wait_prior(prior);
}

/// # Safety
///
/// `thread` is the running thread.
unsafe extern "C" fn trigger(thread: *const Thread) {
    // SAFETY: the caller's promise.
    unsafe { &*thread }.stop(Stop::Trigger);
}

/// # Safety
///
/// `thread` is the running thread.
unsafe extern "C" fn wait_before(thread: *const Thread) {
    // SAFETY: the caller's promise.
    unsafe { &*thread }.stop(Stop::WaitBefore);
}
