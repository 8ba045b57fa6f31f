//! The unit tests of `benches/cpu`.

#[path = "main.rs"]
mod cpu;
