//! The bytes of one file. The first bytes tell whether it is gzipped. The header tells how many bytes follow, before memory is taken for them.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use flate2::bufread::MultiGzDecoder;
use selvedge::idx::{self, IdxError};

use super::{
    DataError, Store,
    mapping::{self, Mapping},
};
use crate::{
    files,
    stray::{self, Magic},
};

/// A file that is read, and not mapped, has at most this number of bytes.
pub const LIMIT: u64 = 1 << 32;
/// The largest number of bytes that any compressed file may unpack to: about four times the size of Fashion-MNIST's largest.
const UNPACKED: u64 = 200_000_000;
/// A larger file may unpack to this many times its size. Images rarely compress better; a hostile file can reach 1,000.
const RATIO: u64 = 20;
/// The first bytes of a gzipped file.
const GZIP: &[u8] = b"\x1f\x8b";

/// A file's bytes.
pub struct Contents {
    /// All bytes, unpacked.
    pub bytes: Store,
    /// The bytes of the file, if they are gzipped.
    pub packed: Option<Vec<u8>>,
}

/// Tells a gzipped file by its first bytes.
pub fn is_gzipped(beginning: &[u8]) -> bool {
    beginning.starts_with(GZIP)
}

/// Returns the largest number of bytes that a compressed file of this size may unpack to.
pub fn most_unpacked(packed: usize) -> u64 {
    UNPACKED.max(RATIO.saturating_mul(packed as u64)).min(LIMIT)
}

/// A kind of file.
pub struct Kind {
    /// Returns the length that a file must have, from its first bytes.
    pub len: fn(&[u8]) -> Result<u64, IdxError>,
    /// Returns true, from the first bytes, if the other bytes can be used where they lie in the file.
    pub can_be_mapped: fn(&[u8]) -> bool,
}

/// Reads a file, or maps a large one.
pub fn read(path: &Path, kind: &Kind) -> Result<Contents, DataError> {
    // A pipe cannot be read twice, and what is neither a file nor a pipe is refused below.
    if path.is_file() {
        let (beginning, size) = begin(path, 1024)?;
        if !is_gzipped(&beginning) {
            check_length(path, &beginning, size, kind)?;
            if (kind.can_be_mapped)(&beginning) && size >= mapping::least_size()? {
                return Ok(Contents { bytes: map(path, size)?, packed: None });
            }
        }
    }
    of_bytes(path, files::read(path, LIMIT)?, kind)
}

/// Maps a file of this size.
pub fn map(path: &Path, size: u64) -> Result<Store, DataError> {
    let mapping = Mapping::of(path, size).map_err(|error| DataError::Unreadable { path: path.into(), error })?;
    Ok(Store::Mapped(mapping, 0))
}

/// Returns a file's first bytes, at most `count`, and its size.
pub fn begin(path: &Path, count: usize) -> Result<(Vec<u8>, u64), DataError> {
    let begin = || {
        let (file, mut beginning) = (File::open(path)?, Vec::new());
        let size = file.metadata()?.len();
        file.take(count as u64).read_to_end(&mut beginning)?;
        Ok((beginning, size))
    };
    begin().map_err(|error| DataError::Unreadable { path: path.into(), error })
}

/// Unpacks a file's bytes if they are gzipped, and checks their length.
pub fn of_bytes(path: &Path, bytes: Vec<u8>, kind: &Kind) -> Result<Contents, DataError> {
    if is_gzipped(&bytes) {
        return Ok(Contents { bytes: Store::Memory(unpack(path, &bytes, kind)?), packed: Some(bytes) });
    }
    check_length(path, &bytes, bytes.len() as u64, kind)?;
    Ok(Contents { bytes: Store::Memory(bytes), packed: None })
}

/// Compares a plain file's size with what its first bytes say.
fn check_length(path: &Path, beginning: &[u8], found: u64, kind: &Kind) -> Result<(), DataError> {
    let expected = (kind.len)(beginning).map_err(|error| no_idx(path, beginning, error))?;
    match expected == found {
        true => Ok(()),
        false => Err(DataError::Idx { path: path.into(), error: IdxError::Length { expected, found } }),
    }
}

/// Unpacks as many bytes as the header says. The limit is in proportion to the packed bytes.
fn unpack(path: &Path, packed: &[u8], kind: &Kind) -> Result<Vec<u8>, DataError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => DataError::Truncated { path: path.into() },
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => DataError::Gzip { path: path.into(), error },
        _ => DataError::Unreadable { path: path.into(), error },
    };
    let mut decoder = MultiGzDecoder::new(packed);
    let mut bytes = Vec::new();
    decoder.by_ref().take(idx::MAX_HEADER as u64).read_to_end(&mut bytes).map_err(failed)?;
    let expected = (kind.len)(&bytes).map_err(|error| no_idx(path, &bytes, error))?;
    let limit = most_unpacked(packed.len());
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

/// Returns the error for a file of another format. It names that format if it is known.
fn no_idx(path: &Path, beginning: &[u8], error: IdxError) -> DataError {
    match foreign(beginning) {
        Some((what, advice)) => DataError::Foreign { path: path.into(), what, advice },
        None => DataError::Idx { path: path.into(), error },
    }
}

/// Returns the kind of a file that is not an IDX file, and advice.
fn foreign(beginning: &[u8]) -> Option<(&'static str, &'static str)> {
    const OTHERS: [Magic<(&str, &str)>; 3] = [
        (0, GZIP, ("gzipped twice", "unpack it once with gunzip")),
        (0, b"PK\x03\x04", ("a zip archive", "unpack it, and put the IDX files in its place")),
        (0, b"\x93NUMPY", ("a NumPy array", "name it with --data and --labels, without the IDX files")),
    ];
    stray::begins(&OTHERS, beginning).or_else(|| stray::find(beginning))
}
