//! The parts for an ARM Cortex-M: a timer, a guard of the stack, a fault handler.

mod fault;
mod timer;

use core::arch::naked_asm;

use cortex_m::Peripherals;

pub use cortex_m::asm::udf as illegal_instruction;
pub use timer::Timer;

/// Guards the stack and starts the timer. Returns `None` at a second call.
pub fn start() -> Option<Timer> {
    let peripherals = Peripherals::take()?;
    fault::guard_stack(&peripherals.MPU);
    Some(Timer::start(peripherals.SYST))
}

/// Fills memory from `end` up to the stack pointer, and returns the stack pointer.
///
/// # Safety
///
/// `end` is the stack's lowest address.
#[allow(unsafe_code)]
#[unsafe(naked)]
pub unsafe extern "C" fn fill(end: *mut u32, pattern: u32) -> usize {
    naked_asm!("mov r2, sp", "1:", "cmp r0, r2", "bhs 2f", "stm r0!, {{r1}}", "b 1b", "2:", "mov r0, r2", "bx lr")
}
