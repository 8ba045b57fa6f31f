//! The trap handler, which reports the fault and ends the program, and the guard that turns a stack overflow into a fault. No interrupt is
//! enabled, so each trap is a fault.

#![allow(unsafe_code)]

use core::arch::global_asm;

use riscv::register::{Permission, Range, mcause, mepc, mtval, pmpaddr0, pmpcfg0};

use crate::exit::{FAULTED, exit};

unsafe extern "C" {
    /// The stack's lowest address, from `memory.x`.
    static _stack_end: u32;
}

/// The number of bytes below the RAM to which access is forbidden.
const GUARD: usize = 1 << 24;

/// Forbids access to the 16 MiB below the RAM, which a stack overflow would reach, by the physical memory protection.
pub fn guard_stack() {
    let guard = (&raw const _stack_end).addr() - GUARD;
    // SAFETY: no part of the program lies in the region; the rest of memory stays as it is. A locked region binds this program too.
    unsafe {
        // A region whose bytes are a power of two: its address in words, and in the lowest bits a one for each doubling of 8 bytes.
        pmpaddr0::write((guard >> 2) | ((GUARD >> 3) - 1));
        pmpcfg0::set_pmp(0, Range::NAPOT, Permission::NONE, true);
    }
}

// It takes the place of riscv-rt's handler. A stack that is used up (within 1 KB, what a report takes) is taken over from its start, because
// nothing returns from here.
global_asm!(
    ".pushsection .text._start_trap, \"ax\"",
    ".balign 4",
    ".global _start_trap",
    ".type _start_trap, @function",
    "_start_trap:",
    "mv a0, sp",
    "mv a1, ra",
    "la t0, _stack_end + 1024",
    "bgeu sp, t0, 1f",
    "la sp, _stack_start",
    "1: andi sp, sp, -16",
    "call {report}",
    ".size _start_trap, . - _start_trap",
    ".popsection",
    report = sym report,
);

extern "C" fn report(stack_pointer: usize, return_address: usize) -> ! {
    if stack_pointer < (&raw const _stack_end).addr() {
        defmt::error!("fault: stack overflow, the stack pointer came to {=usize:#010x}", stack_pointer);
        exit(FAULTED);
    }
    defmt::error!(
        "fault: pc {=usize:#010x}, ra {=usize:#010x}, sp {=usize:#010x}, cause (mcause) {=usize}, value (mtval) {=usize:#010x}",
        mepc::read(),
        return_address,
        stack_pointer,
        mcause::read().bits(),
        mtval::read()
    );
    exit(FAULTED)
}
