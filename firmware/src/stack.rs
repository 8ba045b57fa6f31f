//! Measures the deepest use of the stack: free words hold a pattern, and any use overwrites it.

#![allow(unsafe_code)]

use crate::processor::fill;

unsafe extern "C" {
    /// The stack's lowest address, from `memory.x`.
    static mut _stack_end: u32;
}

/// The pattern of a free word.
const PATTERN: u32 = 0xa5a5_a5a5;

/// A stack whose free part has been painted.
pub struct Painted {
    top: usize,
}

impl Painted {
    /// Paints all memory that is free below the caller.
    #[inline(always)]
    pub fn paint() -> Self {
        // SAFETY: what lies from the stack's end to the stack pointer is nobody's.
        Self { top: unsafe { fill(&raw mut _stack_end, PATTERN) } }
    }

    /// Returns the number of bytes between the stack pointer at the time of painting and the deepest word that was changed since.
    pub fn depth(&self) -> usize {
        let mut word = (&raw const _stack_end).cast_mut();
        // SAFETY: the words lie in the stack, which is readable memory.
        while word.addr() < self.top && unsafe { word.read_volatile() } == PATTERN {
            word = word.wrapping_add(1);
        }
        self.top - word.addr()
    }
}
