//! Sums of products for a block of eight rows.

#[cfg_attr(has_dsp, path = "dsp.rs")]
#[cfg_attr(not(has_dsp), path = "portable.rs")]
mod kernel;

pub use kernel::sums;
