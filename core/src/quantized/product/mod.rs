//! A block of eight rows times a layer's inputs.

#[cfg_attr(has_dsp, path = "dsp.rs")]
#[cfg_attr(not(has_dsp), path = "portable.rs")]
mod kernel;

pub use kernel::rows;
