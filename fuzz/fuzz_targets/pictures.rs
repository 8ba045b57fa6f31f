#![no_main]

// A file of its own: the other targets are replayed without the host's package.
#[path = "../src/pictures.rs"]
mod pictures;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pictures::pictures(bytes));
