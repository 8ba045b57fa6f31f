//! The kernel for ARM's DSP instructions (Cortex-M4, M7, M33).
//!
//! `smlad` adds the products of the halves of two words. Each half of a word of weights is `256 · u + l`, for an upper row `u` and a lower
//! row `l`. With a pair of inputs, it adds to `256 · U + L`, where U and L are the rows' sums. `sxtb16` keeps `l` in each half, and the
//! result adds to `L`. At the end, `U = (256 · U + L − L) / 256`. That is exact modulo 2²⁴, and so exact, because |U| < 2²³. It takes three
//! instructions for four products, and none to unpack single weights.
//!
//! A group of four entries takes 66 instructions for 64 products. Each entry takes 16: one loads inputs and offset, one adds the offset, two
//! load weights, twelve compute the products. Two more end the loop.

#![allow(unsafe_code)]

use core::arch::naked_asm;

use super::{Active, Block, Entry, Int8, Kernel, ROWS};
use crate::quantized::dsp::{processor, rescale};

pub const ALIGNMENT: usize = 4;

pub fn rows(active: &Active<'_, Int8>, block: Block<'_>) -> [i32; ROWS] {
    let mut rows = [0; ROWS];
    let bytes = block.bytes();
    let is_of_layer = Int8::weight_bytes(active.inputs()) == Some(block.weights().len());
    if bytes.as_ptr().addr().is_multiple_of(ALIGNMENT) && is_of_layer {
        // SAFETY: the list is whole groups with an empty entry after them, and its offsets are those of pairs of this block.
        unsafe { multiply(active.as_ptr(), bytes.as_ptr(), &mut rows) };
    }
    rows
}

/// Multiplies four words of weights at `r1 + r3` by the pair of inputs in `r2`. r5 to r8 are `256 · U + L` of the four pairs of rows, and r9
/// to r12 are `L`.
macro_rules! entry {
    () => {
        "
        add r3, r3, r1
        ldrd r4, lr, [r3]
        smlad r5, r4, r2, r5
        sxtb16 r4, r4
        smlad r9, r4, r2, r9
        smlad r6, lr, r2, r6
        sxtb16 lr, lr
        smlad r10, lr, r2, r10
        ldrd r4, lr, [r3, #8]
        smlad r7, r4, r2, r7
        sxtb16 r4, r4
        smlad r11, r4, r2, r11
        smlad r8, lr, r2, r8
        sxtb16 lr, lr
        smlad r12, lr, r2, r12
        ldrd r2, r3, [r0], #8
        "
    };
}

/// # Safety
///
/// `entries` are groups of four entries, the first entry of each with inputs that are not both zero, and then an empty entry. Each offset is
/// that of 16 readable bytes from `block`. `block` lies at a multiple of 4 and begins with eight biases and eight multipliers.
#[unsafe(naked)]
unsafe extern "C" fn multiply(entries: *const Entry, block: *const u8, rows: &mut [i32; ROWS]) {
    naked_asm!(
        processor!(),
        "push {{r2, r4-r11, lr}}",
        "movs r5, #0",
        "movs r6, #0",
        "movs r7, #0",
        "mov r8, r5",
        "mov r9, r5",
        "mov r10, r5",
        "mov r11, r5",
        "mov r12, r5",
        "ldrd r2, r3, [r0], #8",
        "cmp r2, #0",
        "beq 2f",
        "1:",
        entry!(),
        entry!(),
        entry!(),
        entry!(),
        "cmp r2, #0",
        "bne 1b",
        "2:",
        "pop {{r2}}",
        "sub r5, r5, r9",
        "sub r6, r6, r10",
        "sub r7, r7, r11",
        "sub r8, r8, r12",
        "asrs r5, r5, #8",
        "asrs r6, r6, #8",
        "asrs r7, r7, #8",
        "asr r8, r8, #8",
        rescale!("r9", "r5", 0),
        rescale!("r10", "r6", 8),
        rescale!("r11", "r7", 16),
        rescale!("r12", "r8", 24),
        "pop {{r4-r11, pc}}",
    )
}
