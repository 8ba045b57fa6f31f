//! The network in flash: float32 or int8, as the embedded weight file has it.

#[cfg_attr(quantized, path = "int8.rs")]
#[cfg_attr(not(quantized), path = "float.rs")]
mod format;
#[cfg(not(quantized))]
mod observed;

pub use format::Network;
