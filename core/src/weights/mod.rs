//! The weight file: encoded as [postcard](https://postcard.jamesmunns.com/wire-format), a compact binary format; versioned, and read in place.
//! docs/formats.md has each part and each byte of it.
//!
//! ```
//! use selvedge::{Flat, Layer, layers, mlp, shape::Signature, weights::{self, TrainingRecord}};
//!
//! type Model = mlp!(2 => 8 Tanh => 1);
//! let mut model = Model::ZERO;
//! layers::initialize(&mut model, 42);
//! let (signature, record) = (Signature::default(), TrainingRecord::default());
//!
//! #[repr(align(4))] // the weights are read in place
//! struct File([u8; 1024]);
//! let mut file = File([0; 1024]);
//! let len = weights::encode(&model, &signature, &record, &mut file.0)?;
//! let loaded = weights::load::<Model>(&file.0[..len])?;
//! assert_eq!(loaded.model.as_flat(), model.as_flat());
//! # Ok::<(), weights::WeightFileError>(())
//! ```
//!
//! The whole file is one postcard message. Of the encodings that postcard can read, the loader takes only the one that the writer gives. It
//! allocates nothing. A file has an envelope (magic number, version, length, checksum), the layers, a [`TrainingRecord`], a
//! [`Signature`](crate::shape::Signature) (the meaning of inputs and outputs) and the tensors. The loader checks the envelope, the layers, the
//! tensors and the record before it hands out any part, and returns a [`WeightFileError`] for a file that is wrong. The numbers of the signature,
//! its feature names and its units are left to [`model_file::checked`](crate::model_file::checked).

mod constant;
pub(crate) mod envelope;
mod error;
mod header;
mod load;
mod reader;
mod writer;

pub(crate) use constant::Header;
pub use error::WeightFileError;
pub use header::TrainingRecord;
pub use load::{LoadedModel, load};
pub use reader::WeightFile;
pub use writer::{encode, encode_flat, encoded_len};

use core::fmt;

use sha2::{Digest, Sha256};

use crate::flat::as_bytes;

/// The version that this build writes. It reads version 2 too.
pub const VERSION: u16 = 3;
/// The version before files had a signature.
pub(crate) const WITHOUT_SIGNATURE: u16 = 2;

/// The largest number of values (parameters and buffers) of a model. The host's programs refuse more; this library does not check it. A file with this
/// many values is shorter than 4 GiB if its other parts together have less than 4 MiB. If they have more, a writer returns
/// [`WeightFileError::TooLarge`].
pub const MAX_NUMBERS: usize = (1 << 30) - (1 << 20);

pub(crate) const MAGIC: [u8; 8] = *b"SELVEDGE";

/// Returns the weight hash: SHA-256 of the flat model (parameters and buffers) as little-endian binary32.
///
/// It is the same on every engine after the same training.
pub fn hash(parameters: &[f32]) -> [u8; 32] {
    hash_bytes(as_bytes(parameters))
}

/// A hash as the 64 hexadecimal digits that the host's programs show.
///
/// ```
/// use selvedge::weights::{HexHash, hash};
///
/// assert!(HexHash(hash(&[1.0])).to_string().starts_with("e00e5eb9"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct HexHash(pub [u8; 32]);

impl fmt::Display for HexHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Returns SHA-256 of bytes.
pub(crate) fn hash_bytes(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}
