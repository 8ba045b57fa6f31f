//! The parts for a RISC-V core: a counter, a guard of the stack, a fault handler.

mod fault;
mod timer;

use core::{
    arch::{asm, naked_asm},
    sync::atomic::{AtomicBool, Ordering},
};

pub use timer::Timer;

/// Guards the stack. Returns `None` at a second call. The counter runs from the start.
pub fn start() -> Option<Timer> {
    static STARTED: AtomicBool = AtomicBool::new(false);
    if STARTED.swap(true, Ordering::Relaxed) {
        return None;
    }
    fault::guard_stack();
    Some(Timer(()))
}

/// Executes a word that is not an instruction.
#[allow(unsafe_code)]
pub fn illegal_instruction() -> ! {
    // SAFETY: the fault handler ends the program.
    unsafe { asm!("unimp", options(noreturn, nostack)) }
}

/// Fills memory from `end` up to the stack pointer, and returns the stack pointer.
///
/// # Safety
///
/// `end` is the stack's lowest address.
#[allow(unsafe_code)]
#[unsafe(naked)]
pub unsafe extern "C" fn fill(end: *mut u32, pattern: u32) -> usize {
    naked_asm!("1:", "bgeu a0, sp, 2f", "sw a1, 0(a0)", "addi a0, a0, 4", "j 1b", "2:", "mv a0, sp", "ret")
}
