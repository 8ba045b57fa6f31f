//! An integer network: 8-bit weights and activations, and the integers that every machine computes with them.
//!
//! A layer has `n` inputs `x`, unsigned bytes, and for each of its outputs `n` weights `w` from −127 to 127, a bias `b` and a multiplier
//! `m` from 0 to 2³¹ − 1:
//!
//! ```text
//! a = b + Σ wᵢ xᵢ                      in 32 bits
//! r = ⌊(a · m + 2³¹) / 2³²⌋            a · m / 2³², rounded to the nearest, halves up
//! y = min(max(r, 0), 255)              after ReLU
//! y = r                                in the last layer: the logits
//! ```
//!
//! The first inputs are an image's pixels as they are. What an integer means is the exporter's affair: scales are in the multipliers,
//! but for the logits', which the file names ([`QuantizationRecord::logit_scale`]).
//!
//! **Nothing overflows, and that is proved.** For each output the sum of its positive weights and the sum of its negative ones, each times 255,
//! are below 2²³ ([`SUM_LIMIT`]) in size, and biases below 2³⁰ ([`BIAS_LIMIT`]); whoever writes a file checks that, and so does whoever reads it.
//! Integer sums have no order, so a kernel may add them as it likes, and leave out zeros.
//!
//! Source: the scheme of Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
//! Inference" (2018), with weights symmetric in each channel and activations that begin at 0.

mod active;
mod file;
mod layout;
mod network;
mod product;

pub use active::Entry;
pub use file::{QuantizationRecord, QuantizedFile, encode, encoded_len};
pub use layout::Layer;
pub use network::{Workspace, WorkspaceError, entries, width};

use sha2::{Digest, Sha256};

/// What sums of positive or negative products stay below.
///
/// The kernel for ARM's DSP instructions has the sums of two rows in one 32-bit word, the upper one modulo 2²⁴.
pub const SUM_LIMIT: u32 = 1 << 23;

/// What a bias stays below in size, so that with [`SUM_LIMIT`] no accumulator leaves 32 bits.
pub const BIAS_LIMIT: u32 = 1 << 30;

/// The largest activation.
pub const MAX_ACTIVATION: u8 = u8::MAX;

/// SHA-256 of logits as little-endian integers: what tells two machines' results apart.
pub fn hash(logits: &[i32]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for logit in logits {
        digest.update(logit.to_le_bytes());
    }
    digest.finalize().into()
}
