use std::io::{Cursor, Read};

use zip::{CompressionMethod, ZipArchive};

use super::{error::Problem, quote::quoted};

/// The most entries of an archive. A state dict has some hundreds.
const MAX_ENTRIES: usize = 4096;
/// The first bytes of an entry of the archive's directory.
const DIRECTORY_ENTRY: &[u8] = b"PK\x01\x02";
/// The most bytes that Deflate makes of one.
const MAX_RATIO: u64 = 1032;

/// A zip archive in memory.
pub(super) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    format: &'static str,
}

impl<'a> Archive<'a> {
    pub(super) fn open(bytes: &'a [u8], format: &'static str) -> Result<Self, Problem> {
        // A directory's entry takes ten times its bytes when it is read, so what a file holds of them is counted first.
        let entries = bytes
            .windows(DIRECTORY_ENTRY.len())
            .filter(|window| *window == DIRECTORY_ENTRY)
            .take(MAX_ENTRIES + 1)
            .count();
        if entries > MAX_ENTRIES {
            return Err(Problem::TooMany { what: "entries in the archive", limit: MAX_ENTRIES });
        }
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|error| Problem::format(format, error))?;
        Ok(Self { zip, format })
    }

    /// The entries' names, in the archive's order.
    pub(super) fn names(&self) -> Result<Vec<String>, Problem> {
        let names =
            self.zip.file_names().map(|name| Ok(name.map_err(|error| Problem::format(self.format, error))?.into()));
        names.collect()
    }

    /// An entry's bytes, at most `limit` of them. Its checksum is checked.
    pub(super) fn read(&mut self, name: &str, limit: u64, deflated: bool) -> Result<Vec<u8>, Problem> {
        self.unpack(name, limit, deflated, u64::MAX)
    }

    /// An entry's first bytes, `count` at most, and how many it has by the archive's directory.
    pub(super) fn start(&mut self, name: &str, count: u64, deflated: bool) -> Result<(Vec<u8>, u64), Problem> {
        let bytes = self.unpack(name, u64::MAX, deflated, count)?;
        let size = self.zip.by_name(name).map_or(0, |entry| entry.size());
        Ok((bytes, size))
    }

    fn unpack(&mut self, name: &str, limit: u64, deflated: bool, count: u64) -> Result<Vec<u8>, Problem> {
        let format = self.format;
        let wrong = |reason: String| Problem::format(format, format!("{}: {reason}", quoted(name)));
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
            return Err(wrong(format!("its {size} bytes cannot be in {} compressed ones", entry.compressed_size())));
        }
        // The size is the file's claim: what is unpacked may be more.
        let mut bytes = Vec::new();
        if count < size {
            entry.take(count).read_to_end(&mut bytes).map_err(|error| wrong(error.to_string()))?;
            return Ok(bytes);
        }
        entry.take(size + 1).read_to_end(&mut bytes).map_err(|error| wrong(error.to_string()))?;
        if bytes.len() as u64 == size { Ok(bytes) } else { Err(wrong(format!("it does not have its {size} bytes"))) }
    }
}
