//! A block's shared memory.

#![allow(unsafe_code)]

use std::{
    alloc::{Layout, alloc, dealloc, handle_alloc_error},
    cell::RefCell,
    ffi::c_void,
};

/// The objects that a block's threads share, one for each declaration.
///
/// Each is a separate allocation of its exact size, so that AddressSanitizer finds an access outside it.
#[derive(Default)]
pub(crate) struct SharedMemory {
    objects: RefCell<Vec<Object>>,
}

impl SharedMemory {
    /// Returns the object of the declaration at `site`. If no thread has asked for it before, all its bits are ones.
    pub(crate) fn object(&self, site: *const c_void, bytes: usize, align: usize) -> *mut u8 {
        let mut objects = self.objects.borrow_mut();
        if let Some(object) = objects.iter().find(|object| object.site == site) {
            return object.address;
        }
        // A type's size and alignment, by C++'s own account.
        let layout = Layout::from_size_align(bytes.max(1), align).expect("a type has a layout");
        // SAFETY: the layout has a size; what was allocated has as many bytes as are written.
        let address = unsafe {
            let address = alloc(layout);
            if address.is_null() {
                handle_alloc_error(layout);
            }
            address.write_bytes(0xFF, layout.size());
            address
        };
        objects.push(Object { site, address, layout });
        address
    }

    /// Returns true if these bytes lie in one of the objects.
    pub(crate) fn contains(&self, address: *const u8, bytes: usize) -> bool {
        let objects = self.objects.borrow();
        objects.iter().any(|object| {
            let start = address.addr().checked_sub(object.address.addr());
            start.is_some_and(|start| start + bytes <= object.layout.size())
        })
    }
}

struct Object {
    site: *const c_void,
    address: *mut u8,
    layout: Layout,
}

impl Drop for Object {
    fn drop(&mut self) {
        // SAFETY: it was allocated by this layout, and its block's threads have ended.
        unsafe { dealloc(self.address, self.layout) }
    }
}
