//! Zip archives in memory, read within limits: PyTorch's weights, NumPy's weights and data.

use std::io::{Cursor, Read};

use zip::{CompressionMethod, ZipArchive};

use crate::quote::{one_line, quoted};

/// The largest number of entries of an archive. A state dict has some hundreds.
pub const MAX_ENTRIES: usize = 4096;
/// The first bytes of an entry of the archive's directory.
const DIRECTORY_ENTRY: &[u8] = b"PK\x01\x02";
/// The largest number of bytes that Deflate makes of one.
const MAX_RATIO: u64 = 1032;

/// An archive, or an entry of it, cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The bytes of the archive, or of an entry, are not valid.
    #[error("this is no valid {format} file: {reason}")]
    Unsound {
        /// The kind of file that it should be.
        format: &'static str,
        /// The reason, in one line.
        reason: String,
    },
    /// It has more entries than any file here needs.
    #[error("there are more than {MAX_ENTRIES} entries in the archive")]
    TooMany,
}

/// A zip archive in memory.
pub struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    format: &'static str,
}

impl<'a> Archive<'a> {
    /// Reads the archive's directory. `format` is the name of the file's format in errors.
    ///
    /// # Errors
    ///
    /// [`ArchiveError`] if the bytes are no archive, or have too many entries.
    pub fn open(bytes: &'a [u8], format: &'static str) -> Result<Self, ArchiveError> {
        // A directory's entry takes ten times its bytes when it is read, so what a file holds of them is counted first.
        let entries = bytes
            .windows(DIRECTORY_ENTRY.len())
            .filter(|window| *window == DIRECTORY_ENTRY)
            .take(MAX_ENTRIES + 1)
            .count();
        if entries > MAX_ENTRIES {
            return Err(ArchiveError::TooMany);
        }
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| unsound(format, error))?;
        Ok(Self { zip, format })
    }

    /// Returns the entries' names, in the archive's order.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Unsound`] if a name is not valid.
    pub fn names(&self) -> Result<Vec<String>, ArchiveError> {
        self.zip.file_names().map(|name| Ok(name.map_err(|error| unsound(self.format, error))?.into())).collect()
    }

    /// Returns an entry's bytes, after its checksum is checked. An entry of more than `limit` bytes is an error. So is a compressed entry,
    /// unless `deflated` is true and the method is Deflate.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Unsound`] if there is no such entry, or it cannot be read within these limits.
    pub fn read(&mut self, name: &str, limit: u64, deflated: bool) -> Result<Vec<u8>, ArchiveError> {
        self.unpack(name, limit, deflated, u64::MAX)
    }

    /// Returns at most the first `count` bytes of an entry, and its size by the archive's directory. `deflated` is as for [`read`](Self::read).
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Unsound`] if there is no such entry, or it cannot be read.
    pub fn start(&mut self, name: &str, count: u64, deflated: bool) -> Result<(Vec<u8>, u64), ArchiveError> {
        let bytes = self.unpack(name, u64::MAX, deflated, count)?;
        let size = self.zip.by_name(name).map_or(0, |entry| entry.size());
        Ok((bytes, size))
    }

    fn unpack(&mut self, name: &str, limit: u64, deflated: bool, count: u64) -> Result<Vec<u8>, ArchiveError> {
        let format = self.format;
        let wrong = |reason: String| unsound(format, format!("{}: {reason}", quoted(name)));
        let entry = self.zip.by_name(name).map_err(|error| wrong(error.to_string()))?;
        let allowed = match entry.compression() {
            CompressionMethod::Stored => true,
            CompressionMethod::Deflated => deflated,
            _ => false,
        };
        if !allowed {
            return Err(wrong(format!("it is compressed by {}, which is not read", entry.compression())));
        }
        let size = entry.size();
        if size > limit {
            return Err(wrong(format!("it has {size} bytes, more than {limit}")));
        }
        if size / MAX_RATIO > entry.compressed_size() {
            return Err(wrong(format!(
                "the archive's directory states {size} bytes, and {} compressed bytes cannot hold so many",
                entry.compressed_size()
            )));
        }
        // The size is the file's claim: what is unpacked may be more.
        let mut bytes = Vec::new();
        if count < size {
            entry.take(count).read_to_end(&mut bytes).map_err(|error| wrong(error.to_string()))?;
            return Ok(bytes);
        }
        entry.take(size + 1).read_to_end(&mut bytes).map_err(|error| wrong(error.to_string()))?;
        if bytes.len() as u64 == size {
            Ok(bytes)
        } else {
            Err(wrong(format!("it does not unpack to the {size} bytes that the archive's directory states")))
        }
    }
}

/// Returns a reader's own words, in one line.
fn unsound(format: &'static str, reason: impl ToString) -> ArchiveError {
    ArchiveError::Unsound { format, reason: one_line(&reason.to_string()) }
}
