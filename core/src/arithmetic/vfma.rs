//! The chains for a Cortex-M with a single-precision FPU.
//!
//! Stable Rust has no fused multiply-add in `core`. Its inline assembly takes no floating-point registers on an FPU without double
//! precision, but whole functions in assembly may use them. (`.fpu` names the unit to the assembler, which does not know the target's
//! unit.) So the cost of a call is paid once for a chain: 12 instructions for 8 terms of a dot chain, 13 for 8 elements of a row.

#![allow(unsafe_code)]

use core::arch::naked_asm;

/// See [`fma`](super::fma).
#[unsafe(naked)]
pub extern "C" fn fma(a: f32, b: f32, c: f32) -> f32 {
    naked_asm!(".fpu fpv4-sp-d16", "vfma.f32 s2, s0, s1", "vmov.f32 s0, s2", "bx lr")
}

/// See [`dot`](super::dot).
#[inline]
pub fn dot(start: f32, a: &[f32], b: &[f32]) -> f32 {
    let len = a.len().min(b.len());
    // SAFETY: both slices have at least `len` elements.
    unsafe { dot_chain(start, a.as_ptr(), b.as_ptr(), len) }
}

/// See [`add_product`](super::add_product).
#[inline]
pub fn add_product(scale: f32, row: &[f32], sum: &mut [f32]) {
    let len = row.len().min(sum.len());
    // SAFETY: both slices have at least `len` elements, and the borrow of `sum` is exclusive.
    unsafe { add_product_row(scale, row.as_ptr(), sum.as_mut_ptr(), len) }
}

/// Computes a chain. `start` stays in s0, the accumulator. The loop takes eight terms at a time, then the rest one by one.
///
/// # Safety
///
/// `a` and `b` point to `len` readable elements each.
#[unsafe(naked)]
unsafe extern "C" fn dot_chain(start: f32, a: *const f32, b: *const f32, len: usize) -> f32 {
    naked_asm!(
        ".fpu fpv4-sp-d16",
        "vpush {{s16}}",
        "subs r2, #8",
        "blo 2f",
        "1:",
        "vldmia r0!, {{s1-s8}}",
        "vldmia r1!, {{s9-s16}}",
        "vfma.f32 s0, s1, s9",
        "vfma.f32 s0, s2, s10",
        "vfma.f32 s0, s3, s11",
        "vfma.f32 s0, s4, s12",
        "vfma.f32 s0, s5, s13",
        "vfma.f32 s0, s6, s14",
        "vfma.f32 s0, s7, s15",
        "vfma.f32 s0, s8, s16",
        "subs r2, #8",
        "bhs 1b",
        "2:",
        "adds r2, #8",
        "beq 4f",
        "3:",
        "vldmia r0!, {{s1}}",
        "vldmia r1!, {{s9}}",
        "vfma.f32 s0, s1, s9",
        "subs r2, #1",
        "bne 3b",
        "4:",
        "vpop {{s16}}",
        "bx lr",
    )
}

/// Computes one link of a row of chains. `scale` stays in s0. The loop takes eight elements at a time, then the rest one by one.
///
/// # Safety
///
/// `row` points to `len` readable elements, `sum` to `len` writable ones that nothing else refers to.
#[unsafe(naked)]
unsafe extern "C" fn add_product_row(scale: f32, row: *const f32, sum: *mut f32, len: usize) {
    naked_asm!(
        ".fpu fpv4-sp-d16",
        "vpush {{s16}}",
        "subs r2, #8",
        "blo 2f",
        "1:",
        "vldmia r0!, {{s1-s8}}",
        "vldmia r1, {{s9-s16}}",
        "vfma.f32 s9, s0, s1",
        "vfma.f32 s10, s0, s2",
        "vfma.f32 s11, s0, s3",
        "vfma.f32 s12, s0, s4",
        "vfma.f32 s13, s0, s5",
        "vfma.f32 s14, s0, s6",
        "vfma.f32 s15, s0, s7",
        "vfma.f32 s16, s0, s8",
        "vstmia r1!, {{s9-s16}}",
        "subs r2, #8",
        "bhs 1b",
        "2:",
        "adds r2, #8",
        "beq 4f",
        "3:",
        "vldmia r0!, {{s1}}",
        "vldmia r1, {{s9}}",
        "vfma.f32 s9, s0, s1",
        "vstmia r1!, {{s9}}",
        "subs r2, #1",
        "bne 3b",
        "4:",
        "vpop {{s16}}",
        "bx lr",
    )
}
