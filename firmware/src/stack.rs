//! How deep the stack has gone, by a pattern that what uses it overwrites.

#![allow(unsafe_code)]

use core::arch::naked_asm;

unsafe extern "C" {
    /// The stack's lowest address, from `memory.x`.
    static mut _stack_end: u32;
}

/// What a free word holds.
const PATTERN: u32 = 0xa5a5_a5a5;

/// A stack whose free part has been painted.
pub struct Painted {
    top: usize,
}

impl Painted {
    /// Paints all that is free under the caller.
    #[inline(always)]
    pub fn paint() -> Self {
        // SAFETY: what lies from the stack's end to the stack pointer is nobody's.
        Self { top: unsafe { fill(&raw mut _stack_end, PATTERN) } }
    }

    /// Bytes between where the stack pointer was and the deepest word that was changed since.
    pub fn depth(&self) -> usize {
        let mut word = (&raw const _stack_end).cast_mut();
        // SAFETY: the words lie in the stack, which is readable memory.
        while word.addr() < self.top && unsafe { word.read_volatile() } == PATTERN {
            word = word.wrapping_add(1);
        }
        self.top - word.addr()
    }
}

/// Fills memory from `end` up to the stack pointer, and returns that.
///
/// # Safety
///
/// `end` is the stack's lowest address.
#[unsafe(naked)]
unsafe extern "C" fn fill(end: *mut u32, pattern: u32) -> usize {
    naked_asm!("mov r2, sp", "1:", "cmp r0, r2", "bhs 2f", "stm r0!, {{r1}}", "b 1b", "2:", "mov r0, r2", "bx lr")
}
