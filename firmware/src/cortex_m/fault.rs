//! The hard fault handler, which reports the fault and ends the program, and the guard that turns a stack overflow into a fault.

#![allow(unsafe_code)]

use core::arch::naked_asm;

use cortex_m::peripheral::MPU;
use cortex_m_rt::ExceptionFrame;

use crate::exit::{FAULTED, exit};

unsafe extern "C" {
    /// The stack's lowest address, from `memory.x`.
    static _stack_end: u32;
}

/// On ARMv7-M, forbids access to the 16 MiB below the RAM, which a stack overflow would reach, if the chip has a memory protection unit. ARMv8-M has a
/// limit of the stack pointer instead. On ARMv6-M it does nothing.
///
/// Most chips fault there anyway, but `mps2-an386` reads zeros and ignores writes.
pub fn guard_stack(mpu: &MPU) {
    #[cfg(armv8m)]
    // SAFETY: the stack pointer is above it.
    unsafe {
        cortex_m::register::msplim::write((&raw const _stack_end).addr() as u32);
    }
    #[cfg(armv7m)]
    if (mpu._type.read() >> 8) & 0xff > 0 {
        let guard = (&raw const _stack_end).addr() as u32 - (1 << 24);
        // SAFETY: no part of the program lies in the region; the rest of memory stays as it is by default.
        unsafe {
            mpu.rnr.write(0);
            mpu.rbar.write(guard);
            // Enabled, 2^(23 + 1) bytes, no access.
            mpu.rasr.write((23 << 1) | 1);
            // Enabled, with the default map for all else; off in the hard fault handler.
            mpu.ctrl.write((1 << 2) | 1);
        }
        cortex_m::asm::dsb();
        cortex_m::asm::isb();
    }
    #[cfg(not(armv7m))]
    let _ = mpu;
}

/// Replaces cortex-m-rt's handler.
///
/// If the stack is used up (within 1 KB, which a report takes), the handler uses it from its start again, because nothing returns from
/// here. The frame that the processor pushed is then at the other end of the stack, or lost.
// SAFETY: the name is the one that cortex-m-rt's vector table refers to.
#[unsafe(no_mangle)]
#[unsafe(naked)]
extern "C" fn HardFault() -> ! {
    naked_asm!(
        "mrs r0, msp",
        "ldr r1, =_stack_end + 1024",
        "cmp r0, r1",
        "bhs 1f",
        "ldr r1, =_stack_start",
        "msr msp, r1",
        "1:",
        "bl {report}",
        report = sym report,
    )
}

extern "C" fn report(frame: *const ExceptionFrame) -> ! {
    if has_overflowed(frame.addr()) {
        defmt::error!("hard fault: stack overflow, the stack pointer came to {=usize:#010x}", frame.addr());
        exit(FAULTED);
    }
    // SAFETY: the processor has pushed a frame, and it lies within the stack.
    let frame = unsafe { &*frame };
    defmt::error!(
        "hard fault: pc {=u32:#010x}, lr {=u32:#010x}, xpsr {=u32:#010x}, r0 {=u32:#x}, r1 {=u32:#x}, r2 {=u32:#x}, r3 {=u32:#x}",
        frame.pc(),
        frame.lr(),
        frame.xpsr(),
        frame.r0(),
        frame.r1(),
        frame.r2(),
        frame.r3()
    );
    #[cfg(any(armv7m, armv8m))]
    {
        let status = fault_status();
        // SAFETY: the register is there in these architectures, and reading it has no effect.
        let address = unsafe { (*cortex_m::peripheral::SCB::PTR).bfar.read() };
        defmt::error!("fault status (CFSR) {=u32:#010x}, fault address (BFAR) {=u32:#010x}", status, address);
    }
    exit(FAULTED)
}

/// Returns true if the stack pointer left the stack. In ARMv8-M it stays at its limit, and the fault status has a bit for that.
fn has_overflowed(stack_pointer: usize) -> bool {
    #[cfg(armv8m)]
    if fault_status() & (1 << 20) > 0 {
        return true;
    }
    stack_pointer < (&raw const _stack_end).addr()
}

/// Returns the fault status register (CFSR), which describes the fault.
#[cfg(any(armv7m, armv8m))]
fn fault_status() -> u32 {
    // SAFETY: the register is there in these architectures, and reading it has no effect.
    unsafe { (*cortex_m::peripheral::SCB::PTR).cfsr.read() }
}
