#![no_main]

#[path = "../src/data.rs"]
mod data;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| data::idx_file(bytes));
