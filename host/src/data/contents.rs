//! One file's bytes. Its first bytes tell whether it is gzipped, and its header how many there are, before any are kept.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use flate2::bufread::MultiGzDecoder;
use selvedge::idx::{self, IdxError};

use super::DataError;
use crate::{
    files,
    stray::{self, Magic},
};

/// A file has at most so many bytes.
const LIMIT: u64 = 1 << 32;
/// The most bytes that any gzipped file may unpack to: four times Fashion-MNIST's largest.
const UNPACKED: u64 = 200_000_000;
/// A larger file may unpack to this many times its size. Images rarely compress better; a hostile file can reach 1,000.
const RATIO: u64 = 20;
/// The first bytes of a gzipped file.
const GZIP: &[u8] = b"\x1f\x8b";

/// A file's bytes.
pub struct Contents {
    /// All of them, unpacked.
    pub bytes: Vec<u8>,
    /// The stored bytes, if they are gzipped.
    pub packed: Option<Vec<u8>>,
}

/// Tells a gzipped file by its first bytes.
pub fn is_gzipped(beginning: &[u8]) -> bool {
    beginning.starts_with(GZIP)
}

/// [`idx::samples_len`] or [`idx::labels_len`].
pub type Length = fn(&[u8]) -> Result<u64, IdxError>;

/// Reads a file.
pub fn read(path: &Path, length: Length) -> Result<Contents, DataError> {
    // A pipe cannot be read twice, and what is neither a file nor a pipe is refused below.
    if path.is_file() {
        let (beginning, size) = begin(path).map_err(|error| DataError::Unreadable { path: path.into(), error })?;
        if !is_gzipped(&beginning) {
            check_length(path, &beginning, size, length)?;
        }
    }
    of_bytes(path, files::read(path, LIMIT)?, length)
}

/// A file's first bytes, and its size.
fn begin(path: &Path) -> io::Result<(Vec<u8>, u64)> {
    let (file, mut beginning) = (File::open(path)?, Vec::new());
    let size = file.metadata()?.len();
    file.take(1024).read_to_end(&mut beginning)?;
    Ok((beginning, size))
}

/// Unpacks a file's bytes where they are gzipped, and checks their length.
pub fn of_bytes(path: &Path, bytes: Vec<u8>, length: Length) -> Result<Contents, DataError> {
    if is_gzipped(&bytes) {
        return Ok(Contents { bytes: unpack(path, &bytes, length)?, packed: Some(bytes) });
    }
    check_length(path, &bytes, bytes.len() as u64, length)?;
    Ok(Contents { bytes, packed: None })
}

/// Compares a plain file's size with what its first bytes say.
fn check_length(path: &Path, beginning: &[u8], found: u64, length: Length) -> Result<(), DataError> {
    let expected = length(beginning).map_err(|error| no_idx(path, beginning, error))?;
    match expected == found {
        true => Ok(()),
        false => Err(DataError::Idx { path: path.into(), error: IdxError::Length { expected, found } }),
    }
}

/// Unpacks as much as the header says, within limits in proportion to the packed bytes.
fn unpack(path: &Path, packed: &[u8], length: Length) -> Result<Vec<u8>, DataError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => DataError::Truncated { path: path.into() },
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => DataError::Gzip { path: path.into(), error },
        _ => DataError::Unreadable { path: path.into(), error },
    };
    let mut decoder = MultiGzDecoder::new(packed);
    let mut bytes = Vec::new();
    decoder.by_ref().take(idx::MAX_HEADER as u64).read_to_end(&mut bytes).map_err(failed)?;
    let expected = length(&bytes).map_err(|error| no_idx(path, &bytes, error))?;
    let limit = UNPACKED.max(RATIO.saturating_mul(packed.len() as u64)).min(LIMIT);
    if expected > limit {
        return Err(DataError::TooLargeGzip { path: path.into(), expected, limit });
    }
    // One byte more shows that the file is longer than its header says.
    let rest = (expected + 1).saturating_sub(bytes.len() as u64);
    bytes.try_reserve_exact(rest as usize).map_err(|error| failed(error.into()))?;
    decoder.take(rest).read_to_end(&mut bytes).map_err(failed)?;
    match bytes.len() as u64 {
        found if found > expected => Err(DataError::TooLong { path: path.into(), expected }),
        found if found < expected => {
            Err(DataError::Idx { path: path.into(), error: IdxError::Length { expected, found } })
        }
        _ => Ok(bytes),
    }
}

/// The error for a file of another format. It names that format if it is known.
fn no_idx(path: &Path, beginning: &[u8], error: IdxError) -> DataError {
    match foreign(beginning) {
        Some((what, advice)) => DataError::Foreign { path: path.into(), what, advice },
        None => DataError::Idx { path: path.into(), error },
    }
}

/// Returns the kind of a file that is no IDX file, and what to do.
fn foreign(beginning: &[u8]) -> Option<(&'static str, &'static str)> {
    const OTHERS: [Magic<(&str, &str)>; 3] = [
        (0, GZIP, ("gzipped twice", "unpack it once with gunzip")),
        (0, b"PK\x03\x04", ("a zip archive", "unpack it, and put the IDX files in its place")),
        (0, b"\x93NUMPY", ("a NumPy array", "write it as an IDX file, as the README shows")),
    ];
    stray::begins(&OTHERS, beginning).or_else(|| stray::find(beginning))
}
