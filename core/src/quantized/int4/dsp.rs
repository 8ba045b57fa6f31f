//! The kernel for ARM's DSP instructions (Cortex-M4, M7, M33).
//!
//! Each half of a word of weights is `4096 · q₃ + 256 · (q₂ + 8) + 16 · (q₁ + 8) + (q₀ + 8)`. A mask keeps one of the three lower digits
//! of each half. Four `smlad` add to four sums: one takes the whole word, and three take one masked digit each. Below, Qₖ is the sum of
//! `qₖ` times the inputs.
//!
//! The three sums of masked digits are multiples of sums of `qₖ + 8`, so they are not negative, and they are below 2²⁷. The word's sum minus
//! these three is `4096 · Q₃`, modulo 2³², so Q₃ is known modulo 2²⁰. That is exact, because |Q₃| < 2¹⁷ within a group of 64 columns. Eight
//! products take seven instructions, and the weights take half the memory of int8's.
//!
//! At the end of a group, 8 times the sum of its inputs is subtracted from each sum of `qₖ + 8`. Then the rows' sums are multiplied by the
//! group's scales and added to the rows' totals, on the stack.
//!
//! Four entries take 70 instructions for 64 products. Each entry takes 17: one adds the offset, one loads weights, fourteen compute the
//! products, and one loads the next inputs and offset. Two more end the loop.

#![allow(unsafe_code)]

use core::arch::naked_asm;

use super::{Active, Block, Entry, Int4, Kernel, ROWS};
use crate::quantized::dsp::{processor, rescale};

pub const ALIGNMENT: usize = 4;

pub fn rows(active: &Active<'_, Int4>, block: Block<'_>) -> [i32; ROWS] {
    let mut rows = [0; ROWS];
    let bytes = block.bytes();
    let is_of_layer = Int4::weight_bytes(active.inputs()) == Some(block.weights().len());
    if bytes.as_ptr().addr().is_multiple_of(ALIGNMENT) && is_of_layer {
        // SAFETY: the list is as `Int4::list` says, with an empty entry after it, and its offsets are those of pairs and scales of this block.
        unsafe { multiply(active.as_ptr(), bytes.as_ptr(), &mut rows) };
    }
    rows
}

/// Multiplies a word of weights by the pair of inputs in `r2`, and adds to the sums of the word and of its three lower digits. Changes r3.
macro_rules! word {
    ($word:literal, $sum:literal, $first:literal, $second:literal, $third:literal) => {
        concat!(
            "smlad ",
            $sum,
            ", ",
            $word,
            ", r2, ",
            $sum,
            "\n",
            "and r3, ",
            $word,
            ", #0x000f000f\n",
            "smlad ",
            $first,
            ", r3, r2, ",
            $first,
            "\n",
            "and r3, ",
            $word,
            ", #0x00f000f0\n",
            "smlad ",
            $second,
            ", r3, r2, ",
            $second,
            "\n",
            "and r3, ",
            $word,
            ", #0x0f000f00\n",
            "smlad ",
            $third,
            ", r3, r2, ",
            $third,
            "\n",
        )
    };
}

/// Multiplies two words of weights at `r1 + r3` by the pair of inputs in `r2`, and loads the next entry.
macro_rules! entry {
    () => {
        concat!(
            "add r3, r3, r1\n",
            "ldrd r4, lr, [r3]\n",
            word!("r4", "r5", "r6", "r7", "r8"),
            word!("lr", "r9", "r10", "r11", "r12"),
            "ldrd r2, r3, [r0], #8",
        )
    };
}

/// Multiplies the four sums of a word's rows by the rows' scales at `r3`, and adds them to the totals. `r2` is the amount by which three of
/// the sums are too large. Changes r4 and lr.
macro_rules! scale {
    ($sum:literal, $first:literal, $second:literal, $third:literal, $scales:literal, $totals:literal) => {
        concat!(
            "sub ",
            $sum,
            ", ",
            $sum,
            ", ",
            $first,
            "\n",
            "sub ",
            $sum,
            ", ",
            $sum,
            ", ",
            $second,
            "\n",
            "sub ",
            $sum,
            ", ",
            $sum,
            ", ",
            $third,
            "\n",
            "asr ",
            $sum,
            ", ",
            $sum,
            ", #12\n",
            "sub ",
            $first,
            ", ",
            $first,
            ", r2\n",
            "rsb ",
            $second,
            ", r2, ",
            $second,
            ", lsr #4\n",
            "rsb ",
            $third,
            ", r2, ",
            $third,
            ", lsr #8\n",
            add_scaled!($first, $second, $scales, "0", $totals, "0"),
            add_scaled!($third, $sum, $scales, "2", $totals, "8"),
        )
    };
}

/// Multiplies two sums by their scales and adds them to their totals.
macro_rules! add_scaled {
    ($even:literal, $odd:literal, $scales:literal, $scale:literal, $totals:literal, $total:literal) => {
        concat!(
            "ldrb r4, [r3, #",
            $scales,
            " + ",
            $scale,
            "]\n",
            "ldrb lr, [r3, #",
            $scales,
            " + ",
            $scale,
            " + 1]\n",
            "mul ",
            $even,
            ", ",
            $even,
            ", r4\n",
            "mul ",
            $odd,
            ", ",
            $odd,
            ", lr\n",
            "ldrd r4, lr, [sp, #",
            $totals,
            " + ",
            $total,
            "]\n",
            "add ",
            $even,
            ", ",
            $even,
            ", r4\n",
            "add ",
            $odd,
            ", ",
            $odd,
            ", lr\n",
            "strd ",
            $even,
            ", ",
            $odd,
            ", [sp, #",
            $totals,
            " + ",
            $total,
            "]\n",
        )
    };
}

/// Sets the eight sums to 0.
macro_rules! clear {
    () => {
        "
        movs r5, #0
        movs r6, #0
        movs r7, #0
        mov r8, r5
        mov r9, r5
        mov r10, r5
        mov r11, r5
        mov r12, r5
        "
    };
}

/// # Safety
///
/// `entries` has, for each group of columns: groups of four entries, the first entry of each with inputs that are not both zero; one entry
/// without inputs, whose offset is that of eight scales; and one entry with the amount by which the sums are too large. After the last group
/// there is an empty entry. The offset of each other entry is that of eight readable bytes from `block`. `block` lies at a multiple of 4
/// and begins with eight biases and eight multipliers.
#[unsafe(naked)]
unsafe extern "C" fn multiply(entries: *const Entry, block: *const u8, rows: &mut [i32; ROWS]) {
    naked_asm!(
        processor!(),
        "push {{r2, r4-r11, lr}}",
        "sub sp, #32",
        clear!(),
        "strd r5, r6, [sp]",
        "strd r5, r6, [sp, #8]",
        "strd r5, r6, [sp, #16]",
        "strd r5, r6, [sp, #24]",
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
        "ldr r2, [r0], #8",
        "add r3, r3, r1",
        scale!("r5", "r6", "r7", "r8", "0", "0"),
        scale!("r9", "r10", "r11", "r12", "4", "16"),
        clear!(),
        "ldrd r2, r3, [r0], #8",
        "cmp r2, #0",
        "bne 1b",
        "2:",
        "pop {{r5-r12}}",
        "pop {{r2}}",
        rescale!("r5", "r6", 0),
        rescale!("r7", "r8", 8),
        rescale!("r9", "r10", 16),
        rescale!("r11", "r12", 24),
        "pop {{r4-r11, pc}}",
    )
}
