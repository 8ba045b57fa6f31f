//! Quantised networks. With weights of 8 or 4 bits, a network computes in integers; with f16 weights, in floating point. Both give
//! the same bits on every machine.
//!
//! | format | weights | computed in | size of the file |
//! |---|---|---|---|
//! | [`Int8`] | 8 bits, a scale for each row | integers | about a quarter of the file in f32 |
//! | [`Int4`] | 4 bits, a scale for each group of 64 columns in each row | integers | about an eighth |
//! | [`F16`] | f16 | binary32, by the [contract](crate::arithmetic) | about a half |
//!
//! A network is read in place from its file. The caller gives a prediction its memory: a slice of 32-bit words, as long as
//! [`required_words`] says. An integer network takes one code (a byte) for each input. The file's preparation makes the codes from raw values.
//! Without a preparation, the codes are the bytes of the sample:
//!
//! ```
//! use selvedge::{classification::argmax, embed, quantized::{Int8, QuantizedFile, required_words}};
//!
//! const FILE: &[u8] = embed!("../../examples/xor.int8");
//!
//! let network = QuantizedFile::<Int8>::parse(FILE)?;
//! let mut workspace = [0; required_words(FILE)];
//! let logits: [i32; 2] = network.run(&[0, 255], &mut workspace)?;
//! assert_eq!(argmax(logits), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Integers
//!
//! A layer has `n` inputs `x`, unsigned bytes, and for each of its outputs `n` weights `w`, a bias `b` and a multiplier `m` from 0 to 2³¹ − 1:
//!
//! ```text
//! a = b + Σ wᵢ xᵢ                      in 32 bits
//! r = ⌊(a · m + 2³¹) / 2³²⌋            a · m / 2³², rounded to the nearest, halves up
//! y = min(max(r, 0), 255)              after ReLU
//! y = r                                in the last layer: the integer logits
//! ```
//!
//! In int8, a writer uses `w` from −127 to 127. A reader does not check this range, only the sums. In int4, `w` is `s · q`, with `q` from −8 to 7 and
//! a scale `s` from 0 to 255. 64 neighbouring weights of a row share a scale. The inputs of the first layer are the codes of a sample (see
//! [`QuantizedFile::run`]).
//!
//! Each integer stands for a real number: the integer times a factor. The library does not need these factors, because the program that makes the
//! file (the exporter) has multiplied them into `m`. Only the factor of the logits is in the file ([`QuantizationRecord::logit_scale`]): an integer
//! logit times this factor is the logit.
//!
//! **Nothing overflows, and that is proved.** For each output, the sum of its positive weights times 255 is below a limit
//! ([`Int8::SUM_LIMIT`], [`Int4::SUM_LIMIT`]). The sum of its negative weights times 255 is below the same limit in absolute value. Each
//! bias is below 2³⁰ in absolute value ([`BIAS_LIMIT`]). The writer of a file checks these limits, and so does the reader. The result of an
//! integer sum does not depend on the order of its terms. So a kernel may add them in any order, and leave out zeros.
//!
//! Source: the scheme is that of Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
//! Inference" (2018), with a symmetric range of weights for each row, and activations that begin at 0. The scales of int4 are those of Dai et al.,
//! "VS-Quant: Per-vector Scaled Quantization for Accurate Low-Precision Neural Network Inference" (2021). Each group of columns has a small
//! integer as its scale (`s`), and each row has a further scale, which is in `m`.

mod active;
mod block;
mod blocks;
#[cfg(has_dsp)]
mod dsp;
mod f16;
mod file;
mod format;
mod int4;
mod int8;
mod layout;
mod network;
#[cfg(test)]
mod tests;
mod workspace;

pub use f16::{F16, F16Layer};
pub use file::{QuantizationRecord, QuantizedFile, encode, encoded_len};
pub(crate) use file::{VERSION, WITHOUT_SIGNATURE};
pub(crate) use format::Encoding;
pub use format::{Integers, QuantizedFormat};
pub use int4::{Int4, Int4Layer};
pub use int8::{Int8, Int8Layer};
pub(crate) use workspace::widths;
pub use workspace::{WorkspaceError, required_words};

use crate::{flat::i32_bytes, weights::hash_bytes};

/// The limit of a bias: the absolute value of a bias is below this number, so every accumulator fits into 32 bits.
pub const BIAS_LIMIT: u32 = 1 << 30;

/// The largest activation.
pub const MAX_ACTIVATION: u8 = u8::MAX;

/// Returns SHA-256 of logits as little-endian integers, to compare the results of two machines.
pub fn hash(logits: &[i32]) -> [u8; 32] {
    hash_bytes(i32_bytes(logits))
}
