//! What is done with hostile bytes, by what reads them. The fuzzer draws them; the tests take those that it kept.

pub mod data;
pub mod interchange;
pub mod pictures;
pub mod runs;
mod targets;
pub mod text;

pub use targets::{float16_file, frames, int4_file, int8_file};
