#![no_main]

#[path = "../src/host.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::npz(bytes));
