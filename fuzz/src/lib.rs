//! The targets: each gives hostile bytes to one of our readers. The fuzzer draws the bytes. The tests replay those that it kept.

pub mod data;
pub mod interchange;
pub mod pictures;
pub mod runs;
mod targets;
pub mod text;

pub use targets::{f16_file, frames, int4_file, int8_file};
