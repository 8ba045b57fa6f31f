//! The chains for x86-64: with the FMA instruction if the processor has it, else in integers.

#![allow(unsafe_code)]

use core::arch::x86_64::{_mm_cvtss_f32, _mm_fmadd_ss, _mm_set_ss};

use super::software;

cpufeatures::new!(fused, "avx2", "fma");

/// See [`fma`](super::fma).
#[inline]
pub fn fma(a: f32, b: f32, c: f32) -> f32 {
    if fused::get() {
        // SAFETY: the processor has the features.
        unsafe { fma_fused(a, b, c) }
    } else {
        software::fma(a, b, c)
    }
}

/// See [`dot`](super::dot).
#[inline]
pub fn dot(start: f32, a: &[f32], b: &[f32]) -> f32 {
    if fused::get() {
        // SAFETY: the processor has the features.
        unsafe { dot_fused(start, a, b) }
    } else {
        a.iter().zip(b).fold(start, |acc, (&a, &b)| software::fma(a, b, acc))
    }
}

/// See [`add_product`](super::add_product).
#[inline]
pub fn add_product(scale: f32, row: &[f32], sum: &mut [f32]) {
    if fused::get() {
        // SAFETY: the processor has the features.
        unsafe { add_product_fused(scale, row, sum) }
    } else {
        for (sum, &x) in sum.iter_mut().zip(row) {
            *sum = software::fma(scale, x, *sum);
        }
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn fma_fused(a: f32, b: f32, c: f32) -> f32 {
    _mm_cvtss_f32(_mm_fmadd_ss(_mm_set_ss(a), _mm_set_ss(b), _mm_set_ss(c)))
}

#[target_feature(enable = "avx2,fma")]
fn dot_fused(start: f32, a: &[f32], b: &[f32]) -> f32 {
    let mut acc = start;
    for (&a, &b) in a.iter().zip(b) {
        acc = fma_fused(a, b, acc);
    }
    acc
}

#[target_feature(enable = "avx2,fma")]
fn add_product_fused(scale: f32, row: &[f32], sum: &mut [f32]) {
    for (sum, &x) in sum.iter_mut().zip(row) {
        *sum = fma_fused(scale, x, *sum);
    }
}
