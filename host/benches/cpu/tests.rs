//! The unit tests of `benches/cpu`.

#![allow(dead_code, reason = "the benchmark's own `main` is called by nobody here")]

#[path = "main.rs"]
mod cpu;
