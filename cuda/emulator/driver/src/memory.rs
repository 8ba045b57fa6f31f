//! The device's memory, which is memory of the host, and the host's pinned memory.

#![allow(unsafe_code)]

use std::{
    alloc::{Layout, alloc, dealloc},
    collections::BTreeMap,
};

use crate::result::Code;

/// The number of bytes of the device, and also of those that can be pinned.
pub(crate) const TOTAL: usize = 1 << 30;

/// The alignment of an allocation in bytes, as on a GPU.
const ALIGN: usize = 256;

/// The allocations, by address.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    allocations: BTreeMap<u64, Layout>,
}

impl Memory {
    pub(crate) fn free_bytes(&self) -> usize {
        TOTAL - self.allocations.values().map(Layout::size).sum::<usize>()
    }

    /// Allocates exactly this number of bytes. All bits are ones, which as a float is not a number.
    pub(crate) fn allocate(&mut self, bytes: usize) -> Result<u64, Code> {
        if bytes == 0 {
            return Err(Code::INVALID_VALUE);
        }
        if bytes > self.free_bytes() {
            return Err(Code::OUT_OF_MEMORY);
        }
        let layout = Layout::from_size_align(bytes, ALIGN).map_err(|_| Code::OUT_OF_MEMORY)?;
        // SAFETY: there is at least one byte, and as many as are written.
        let address = unsafe {
            let address = alloc(layout);
            if address.is_null() {
                return Err(Code::OUT_OF_MEMORY);
            }
            address.write_bytes(0xFF, bytes);
            address as u64
        };
        self.allocations.insert(address, layout);
        Ok(address)
    }

    /// Frees the memory that was allocated at this address.
    pub(crate) fn free(&mut self, address: u64) -> Result<(), Code> {
        let layout = self.allocations.remove(&address).ok_or(Code::INVALID_VALUE)?;
        // SAFETY: it was allocated by this layout, and is given back once.
        unsafe { dealloc(address as *mut u8, layout) };
        Ok(())
    }

    /// Returns the bytes from this address on, if all of them are in one allocation.
    pub(crate) fn bytes(&self, address: u64, bytes: usize) -> Result<*mut u8, Code> {
        let (&start, layout) = self.allocations.range(..=address).next_back().ok_or(Code::INVALID_VALUE)?;
        let end = address.checked_add(bytes as u64).ok_or(Code::INVALID_VALUE)?;
        if end <= start + layout.size() as u64 { Ok(address as *mut u8) } else { Err(Code::INVALID_VALUE) }
    }

    /// Returns true if the bytes from this address on are allocated here. It is an error if only some are, or if they are in several allocations.
    pub(crate) fn holds(&self, address: u64, bytes: usize) -> Result<bool, Code> {
        let end = address.checked_add(bytes as u64).ok_or(Code::INVALID_VALUE)?;
        let last = self.allocations.range(..end).next_back();
        match last {
            Some((&start, layout)) if address < start + layout.size() as u64 => {
                self.bytes(address, bytes).map(|_| true)
            }
            _ => Ok(false),
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        for (address, layout) in std::mem::take(&mut self.allocations) {
            // SAFETY: as in `free`.
            unsafe { dealloc(address as *mut u8, layout) };
        }
    }
}
