//! Selvedge's library for a browser: it predicts and trains there, with the bits of every other machine.
//!
//! `cargo xtask web` compiles it to WebAssembly and adds the page of `web/page`.
//!
//! - [`model`]: a network's file of any format, and its predictions.
//! - [`training`]: a run of the recipes `quickstart` and `fast` on samples that the page has.
//! - [`check`]: a check of the vectors' arithmetic in the browser.
//! - [`samples`]: a part of a data set, as two IDX files.
//!
//! It needs no `std`, so only the sources of Rust's own `core` and `alloc` are needed to build the target.

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

pub mod check;
pub mod model;
pub mod samples;
pub mod training;

mod engine;
mod pass;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// Stops at a panic. No file and no input of a user leads here. The page reports the trap as an error.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
