//! The chain for a Cortex-M with a single-precision FPU, which converts an f16 to an f32 in one instruction: 20 instructions for 8 terms.

#![allow(unsafe_code)]

use core::arch::naked_asm;

pub const ALIGNMENT: usize = 4;

pub fn dot(start: f32, input: &[f32], weight: &[[u8; 2]]) -> f32 {
    let len = input.len().min(weight.len());
    if !weight.as_ptr().addr().is_multiple_of(ALIGNMENT) {
        return f32::NAN;
    }
    // SAFETY: both slices have at least `len` elements, and the weights lie at a multiple of 4.
    unsafe { dot_chain(start, input.as_ptr(), weight.as_ptr(), len) }
}

/// Computes two terms: weights in `$pair`, inputs in `$even` and `$odd`.
macro_rules! terms {
    ($pair:literal, $even:literal, $odd:literal) => {
        concat!(
            "vcvtb.f32.f16 s13, ",
            $pair,
            "\n",
            "vcvtt.f32.f16 s14, ",
            $pair,
            "\n",
            "vfma.f32 s0, ",
            $even,
            ", s13\n",
            "vfma.f32 s0, ",
            $odd,
            ", s14\n",
        )
    };
}

/// Computes a chain. `start` stays in s0, the accumulator. The loop takes eight terms at a time, then the rest one by one.
///
/// # Safety
///
/// `input` and `weight` point to `len` readable elements each, `weight` at a multiple of 4.
#[unsafe(naked)]
unsafe extern "C" fn dot_chain(start: f32, input: *const f32, weight: *const [u8; 2], len: usize) -> f32 {
    naked_asm!(
        ".fpu fpv4-sp-d16",
        "subs r2, #8",
        "blo 2f",
        "1:",
        "vldmia r0!, {{s1-s8}}",
        "vldmia r1!, {{s9-s12}}",
        terms!("s9", "s1", "s2"),
        terms!("s10", "s3", "s4"),
        terms!("s11", "s5", "s6"),
        terms!("s12", "s7", "s8"),
        "subs r2, #8",
        "bhs 1b",
        "2:",
        "adds r2, #8",
        "beq 4f",
        "3:",
        "vldmia r0!, {{s1}}",
        "ldrh r3, [r1], #2",
        "vmov s9, r3",
        "vcvtb.f32.f16 s13, s9",
        "vfma.f32 s0, s1, s13",
        "subs r2, #1",
        "bne 3b",
        "4:",
        "bx lr",
    )
}
