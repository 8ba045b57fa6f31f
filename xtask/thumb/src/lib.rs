#![doc = include_str!("../README.md")]

pub mod cycles;
pub mod decode;
mod program;
pub mod riscv;
pub mod sizes;
pub mod stack;
mod symbol;

pub use program::Program;
