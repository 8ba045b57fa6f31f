use std::io::{Cursor, Read};

use zip::{CompressionMethod, ZipArchive};

use super::{error::Problem, quote::quoted};

/// A zip archive in memory.
pub(super) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    format: &'static str,
}

impl<'a> Archive<'a> {
    pub(super) fn open(bytes: &'a [u8], format: &'static str) -> Result<Self, Problem> {
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
        // The size is the file's claim: what is unpacked may be more.
        let mut bytes = Vec::new();
        entry.take(size + 1).read_to_end(&mut bytes).map_err(|error| wrong(error.to_string()))?;
        if bytes.len() as u64 == size { Ok(bytes) } else { Err(wrong(format!("it does not have its {size} bytes"))) }
    }
}
