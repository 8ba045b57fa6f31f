//! The network in flash, in the numbers that the embedded weight file has.

#[cfg_attr(network = "integer", path = "integer.rs")]
#[cfg_attr(network = "half", path = "half.rs")]
#[cfg_attr(not(any(network = "integer", network = "half")), path = "float.rs")]
mod format;
#[cfg(not(any(network = "integer", network = "half")))]
mod observed;

pub use format::Network;
