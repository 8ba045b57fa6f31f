//! The weight file: postcard, versioned, read in place. docs/formats.md has it byte by byte.
//!
//! | part | encoding | meaning |
//! |---|---|---|
//! | magic | 8 bytes | `SELVEDGE` |
//! | version | u16, little-endian | [`VERSION`], or 2: then there is no signature |
//! | length | u32, little-endian | bytes of the whole file |
//! | layers | postcard | the chain's [`LayerKind`](crate::architecture::LayerKind)s, without dropout |
//! | parameters | postcard | PyTorch's name and shape of each, in flat order |
//! | record | postcard | [`TrainingRecord`] |
//! | signature | postcard | numbered fields: 1 the input's shape, 3 the classes' names |
//! | padding | 1 + 0..=3 bytes | so many zeros that the weights start at a multiple of 4 bytes in the file |
//! | weights | bytes | the flat model, little-endian binary32 |
//! | checksum | u32, little-endian | CRC-32 (ISO-HDLC) of all that stands before |
//!
//! The whole is one postcard message, in the one encoding that a writer gives. The loader is strict: it allocates nothing, checks
//! everything before it hands out anything, and gives a [`WeightFileError`] for every way that a file can be wrong.

pub(crate) mod envelope;
mod error;
mod header;
mod reader;
mod writer;

pub use error::WeightFileError;
pub use header::TrainingRecord;
pub use reader::WeightFile;
pub use writer::{encode, encode_flat, encoded_len};

use sha2::{Digest, Sha256};

use crate::flat::as_bytes;

/// The version that this build writes. It reads version 2 too.
pub const VERSION: u16 = 3;
/// The version before files had a signature.
const WITHOUT_SIGNATURE: u16 = 2;

/// The most numbers of a model: with them and the longest header, a file's length has 32 bits.
pub const MAX_NUMBERS: usize = (1 << 30) - (1 << 20);

const MAGIC: [u8; 8] = *b"SELVEDGE";

/// The weight hash: SHA-256 of the flat parameters as little-endian binary32.
///
/// The same on every engine after the same training.
pub fn hash(parameters: &[f32]) -> [u8; 32] {
    hash_bytes(as_bytes(parameters))
}

/// SHA-256 of bytes.
pub(crate) fn hash_bytes(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
