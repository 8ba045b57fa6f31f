//! What C++ and Rust know of each other: the structures of `include/cuda_on_cpu.h`, field by field.

#![allow(unsafe_code)]

use std::{
    cell::Cell,
    ffi::{CStr, c_char, c_uint, c_void},
    fmt,
    rc::Rc,
    slice,
};

use corosensei::Yielder;

use crate::shared::SharedMemory;

/// Three unsigned numbers, of which kernels use the first.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Dim3 {
    x: c_uint,
    y: c_uint,
    z: c_uint,
}

impl Dim3 {
    /// A number of things.
    pub(crate) fn count(x: u32) -> Self {
        Self { x, y: 1, z: 1 }
    }

    /// The place of one among them.
    pub(crate) fn index(x: u32) -> Self {
        Self { x, y: 0, z: 0 }
    }
}

/// A barrier's place in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    file: &'static CStr,
    line: u32,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.to_string_lossy(), self.line)
    }
}

/// Why a thread lets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It waits at a barrier.
    Barrier(Site),
    /// Others may come first.
    Yield,
}

/// A CUDA thread, as kernels see it, and then what its callbacks need.
#[repr(C)]
pub(crate) struct Thread {
    pub(crate) thread_index: Dim3,
    pub(crate) block_index: Dim3,
    pub(crate) block_size: Dim3,
    pub(crate) grid_size: Dim3,
    barrier: unsafe extern "C" fn(*const Thread, *const c_char, c_uint),
    yields: unsafe extern "C" fn(*const Thread),
    shared: unsafe extern "C" fn(*const Thread, *const c_void, usize, usize) -> *mut c_void,
    yielder: Cell<*const Yielder<(), Stop>>,
    memory: Rc<SharedMemory>,
}

impl Thread {
    pub(crate) fn new(index: u32, block: u32, block_size: u32, grid_size: u32, memory: Rc<SharedMemory>) -> Self {
        Self {
            thread_index: Dim3::index(index),
            block_index: Dim3::index(block),
            block_size: Dim3::count(block_size),
            grid_size: Dim3::count(grid_size),
            barrier,
            yields,
            shared,
            yielder: Cell::new(std::ptr::null()),
            memory,
        }
    }

    /// Says by what the thread lets go. Called on its own stack, before its kernel.
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
/// `thread` is the one that runs, and `file` a C string for ever.
unsafe extern "C" fn barrier(thread: *const Thread, file: *const c_char, line: c_uint) {
    // SAFETY: the caller's promise.
    let (thread, file) = unsafe { (&*thread, CStr::from_ptr(file)) };
    thread.stop(Stop::Barrier(Site { file, line }));
}

/// # Safety
///
/// `thread` is the one that runs.
unsafe extern "C" fn yields(thread: *const Thread) {
    // SAFETY: the caller's promise.
    unsafe { &*thread }.stop(Stop::Yield);
}

/// # Safety
///
/// `thread` is the one that runs.
unsafe extern "C" fn shared(thread: *const Thread, site: *const c_void, bytes: usize, align: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { &*thread }.memory.object(site, bytes, align).cast()
}

/// A kernel, as C++ describes it.
#[repr(C)]
struct Entry {
    call: unsafe extern "C" fn(*const *mut c_void),
    param_sizes: *const usize,
    params: usize,
}

// SAFETY: it is constant, and so is what it points to.
unsafe impl Sync for Entry {}

/// The kernels of a .cu file: what its `KERNEL_TABLE` defines.
#[repr(C)]
pub struct Module {
    resume: unsafe extern "C" fn(*const Thread),
    names: *const c_char,
    kernels: *const Entry,
    count: usize,
}

// SAFETY: it is constant, and `resume` sets a variable that each thread of the system has of its own.
unsafe impl Sync for Module {}

impl Module {
    /// The kernel of that name.
    pub fn kernel(&'static self, name: &str) -> Option<Kernel> {
        // SAFETY: C++ defines a constant string, and as many kernels as it says.
        let (names, kernels) = unsafe { (CStr::from_ptr(self.names), slice::from_raw_parts(self.kernels, self.count)) };
        let mut names = names.to_str().ok()?.split(',').map(str::trim);
        let index = names.position(|found| found == name)?;
        Some(Kernel { module: self, entry: kernels.get(index)? })
    }
}

/// A kernel that can be launched.
#[derive(Clone, Copy)]
pub struct Kernel {
    module: &'static Module,
    entry: &'static Entry,
}

impl Kernel {
    /// The size of each parameter, in bytes.
    pub fn param_sizes(&self) -> &'static [usize] {
        // SAFETY: C++ defines so many sizes, and they are constant.
        unsafe { slice::from_raw_parts(self.entry.param_sizes, self.entry.params) }
    }

    /// Makes `thread` the one that runs.
    ///
    /// # Safety
    ///
    /// It lives until another one does.
    pub(crate) unsafe fn resume(&self, thread: *const Thread) {
        // SAFETY: the caller's promise.
        unsafe { (self.module.resume)(thread) }
    }

    /// Runs the kernel as the thread that was resumed last.
    ///
    /// # Safety
    ///
    /// `arguments` has the address of a value for each parameter, and the kernel may do with them what it does.
    pub(crate) unsafe fn call(&self, arguments: *const *mut c_void) {
        // SAFETY: the caller's promise.
        unsafe { (self.entry.call)(arguments) }
    }
}

/// Selvedge's kernels.
#[cfg(not(no_cplusplus))]
pub(crate) fn selvedge() -> Option<&'static Module> {
    unsafe extern "C" {
        static selvedge_kernels: Module;
    }
    // SAFETY: build.rs compiles the kernels under this name, and it is constant.
    Some(unsafe { &selvedge_kernels })
}

/// None of them: there was no C++ compiler.
#[cfg(no_cplusplus)]
pub(crate) fn selvedge() -> Option<&'static Module> {
    None
}
