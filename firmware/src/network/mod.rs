//! The network in flash, in the number format of the embedded weight file.

#[cfg_attr(network = "integer", path = "integer.rs")]
#[cfg_attr(network = "f16", path = "f16.rs")]
#[cfg_attr(not(any(network = "integer", network = "f16")), path = "float.rs")]
mod format;
#[cfg(not(any(network = "integer", network = "f16")))]
mod observed;

pub use format::EmbeddedNetwork;

use selvedge::quantized::WorkspaceError;

use crate::board::SAMPLE_LEN;

/// Returns the sample as an array. A prediction takes fewer instructions if the compiler knows the sizes.
fn sized(sample: &[u8]) -> Result<&[u8; SAMPLE_LEN], WorkspaceError> {
    sample.try_into().map_err(|_| WorkspaceError::Sample)
}
