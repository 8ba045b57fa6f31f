//! The kernels of a .cu file, as `include/cuda_on_cpu.h` describes them.

#![allow(unsafe_code)]

use std::{
    ffi::{CStr, c_char, c_void},
    slice,
};

use crate::thread::Thread;

/// A kernel, as C++ describes it.
#[repr(C)]
struct Entry {
    call: unsafe extern "C" fn(*const *mut c_void),
    param_sizes: *const usize,
    params: usize,
}

// SAFETY: it is constant, and so is what it points to.
unsafe impl Sync for Entry {}

/// The kernels of a .cu file, as its `KERNEL_TABLE` defines them.
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
    /// Returns the kernel with this name.
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
    /// Returns the size of each parameter, in bytes.
    pub fn param_sizes(&self) -> &'static [usize] {
        // SAFETY: C++ defines so many sizes, and they are constant.
        unsafe { slice::from_raw_parts(self.entry.param_sizes, self.entry.params) }
    }

    /// Makes `thread` the running thread.
    ///
    /// # Safety
    ///
    /// The thread lives until another one is resumed.
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

unsafe extern "C" {
    #[cfg(not(no_cplusplus))]
    static selvedge_kernels: Module;
    #[cfg(not(no_cplusplus))]
    static test_kernels: Module;
}

/// Returns Selvedge's kernels, or `None` if they were built without a C++ compiler.
pub fn kernels() -> Option<&'static Module> {
    #[cfg(no_cplusplus)]
    return None;
    // SAFETY: build.rs compiles the kernels under this name, and it is constant.
    #[cfg(not(no_cplusplus))]
    Some(unsafe { &selvedge_kernels })
}

/// Returns small kernels, correct and wrong, for the tests of the emulator and of the stand-in driver. `None` as for [`kernels`].
pub fn kernels_for_tests() -> Option<&'static Module> {
    #[cfg(no_cplusplus)]
    return None;
    // SAFETY: as above.
    #[cfg(not(no_cplusplus))]
    Some(unsafe { &test_kernels })
}
