//! Keeps a table's values in memory. From a certain size on, they are in a mapped temporary file without a name.
//!
//! The system removes such a file when the program ends, however it ends.

use std::{
    env,
    fs::File,
    io::{self, Write},
    path::PathBuf,
};

use fs4::FileExt;

use super::TableError;
use crate::data::{
    DataError, Store,
    mapping::{self, Mapping},
};

/// The number of bytes that are read or written at once. Values have four bytes. In tests there are many parts.
const PART: usize = if cfg!(test) { 64 } else { 1 << 20 };

/// Decides whether values lie in memory or in a file.
#[derive(Debug)]
pub struct Storage {
    /// Values of this number of bytes and more lie in a file.
    map_from: u64,
    /// The folder of temporary files.
    folder: PathBuf,
}

impl Storage {
    /// Returns a storage for values. From `map_from` bytes on, it stores them in a file in this folder.
    pub fn new(map_from: u64, folder: PathBuf) -> Self {
        Self { map_from, folder }
    }

    /// Returns a storage with the size and the folder of temporary files that the environment gives.
    ///
    /// # Errors
    ///
    /// [`DataError::MapFrom`] if the environment variable is not a size.
    pub fn from_environment() -> Result<Self, DataError> {
        Ok(Self::new(mapping::least_size()?, env::temp_dir()))
    }

    /// Returns a writer for any number of values.
    pub fn writer(&self) -> Writer<'_> {
        Writer { storage: self, bytes: Vec::new(), file: None, in_file: 0 }
    }

    /// Returns a writer for this number of bytes. If they go into a file, the file has room for all of them.
    ///
    /// # Errors
    ///
    /// [`TableError::Temporary`] if the file cannot be made.
    pub fn writer_of(&self, len: u64) -> Result<Writer<'_>, TableError> {
        let mut writer = self.writer();
        if len >= self.map_from {
            writer.file = Some(self.reserved(len).map_err(|error| self.failed(error))?);
        }
        Ok(writer)
    }

    fn reserved(&self, len: u64) -> io::Result<File> {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let file = tempfile::tempfile_in(&self.folder)?;
        match file.allocate(len) {
            Err(error) if matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge) => {
                Err(io::Error::new(error.kind(), format!("there is no room for {len} bytes ({error})")))
            }
            // Some file systems cannot reserve; there the write itself fails.
            _ => Ok(file),
        }
    }

    /// Changes values. `edit` gets all of them at once if they are in memory, or a part at a time if they are in a file. It may make a part
    /// shorter.
    ///
    /// # Errors
    ///
    /// The errors of `edit`, and [`TableError::Temporary`].
    pub fn edited(
        &self,
        store: Store,
        mut edit: impl FnMut(&mut Vec<u8>) -> Result<(), TableError>,
    ) -> Result<Store, TableError> {
        if let Store::Memory(mut bytes) = store {
            edit(&mut bytes)?;
            return Ok(Store::Memory(bytes));
        }
        let (mut writer, mut part) = (self.writer(), Vec::new());
        in_parts(&store, |bytes| {
            part.clear();
            part.extend_from_slice(bytes);
            edit(&mut part)?;
            writer.write(&part)
        })?;
        writer.finish()
    }

    fn failed(&self, error: io::Error) -> TableError {
        TableError::Temporary { folder: self.folder.clone(), error }
    }
}

/// Visits all bytes in their order, in parts of whole values.
///
/// # Errors
///
/// The first error of `visit`.
pub fn in_parts<E>(store: &Store, mut visit: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
    let mut room = Vec::new();
    for start in (0..store.len()).step_by(PART) {
        visit(store.read(start..store.len().min(start + PART), &mut room))?;
    }
    Ok(())
}

/// Writes values one after the other. They begin in memory. If there are many, they go on in a file.
pub struct Writer<'a> {
    storage: &'a Storage,
    /// The values, or those that are not yet in the file.
    bytes: Vec<u8>,
    file: Option<File>,
    /// The number of bytes in the file.
    in_file: u64,
}

impl Writer<'_> {
    /// Appends bytes.
    ///
    /// # Errors
    ///
    /// [`TableError::Temporary`] if the file cannot be made or written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), TableError> {
        let len = self.bytes.len() + bytes.len();
        let is_due = match self.file {
            Some(_) => len > PART,
            None => len as u64 >= self.storage.map_from || self.bytes.try_reserve(bytes.len()).is_err(),
        };
        if is_due {
            self.flush().map_err(|error| self.storage.failed(error))?;
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Returns the values, in memory or in the file.
    ///
    /// # Errors
    ///
    /// [`TableError::Temporary`] if the file cannot be written or mapped.
    pub fn finish(mut self) -> Result<Store, TableError> {
        if self.file.is_none() {
            return Ok(Store::Memory(self.bytes));
        }
        let storage = self.storage;
        let mut map = || {
            self.flush()?;
            let file = self.file.take().expect("the file is there");
            Ok(Store::Mapped(Mapping::of_file(file, self.in_file)?, 0))
        };
        map().map_err(|error| storage.failed(error))
    }

    /// Writes the bytes in memory to the file, and gives their memory back.
    fn flush(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile_in(&self.storage.folder)?),
        };
        file.write_all(&self.bytes)?;
        self.in_file += self.bytes.len() as u64;
        self.bytes.clear();
        self.bytes.shrink_to(2 * PART);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(storage: &Storage, count: usize) -> Store {
        let mut writer = storage.writer();
        (0..count as u32).for_each(|value| writer.write(&value.to_le_bytes()).unwrap());
        writer.finish().unwrap()
    }

    #[test]
    fn values_go_on_in_a_file_and_leave_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for count in [0, 1, 19, 20, 21, 16, 17, 500] {
            let storage = Storage::new(80, folder.path().into());
            let store = written(&storage, count);
            assert_eq!(matches!(store, Store::Mapped(..)), count >= 20, "{count}");
            let expected: Vec<u8> = (0..count as u32).flat_map(u32::to_le_bytes).collect();
            assert_eq!(store.get(0..store.len()), expected);
            let mut seen = Vec::new();
            in_parts(&store, |part| {
                seen.extend_from_slice(part);
                Ok::<_, ()>(())
            })
            .unwrap();
            assert_eq!(seen, expected);
            let halves = storage.edited(store, |bytes| {
                *bytes = bytes.chunks_exact(4).flat_map(|value| [value[0], value[1]]).collect();
                Ok(())
            });
            let halves = halves.unwrap();
            assert_eq!(matches!(halves, Store::Mapped(..)), count >= 40, "{count}");
            assert!(halves.get(0..halves.len()).iter().eq(expected.chunks_exact(4).flat_map(|value| &value[..2])));
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn a_folder_without_room_is_an_error_that_names_it() {
        let storage = Storage::new(0, "nowhere".into());
        let error = storage.writer().write(&[0]).unwrap_err().to_string();
        assert!(error.starts_with("its values cannot be kept in nowhere, the folder of temporary files: "), "{error}");
        assert!(error.contains("; name a folder with more room by "), "{error}");
        let here = Storage::new(0, env::temp_dir());
        let error = here.writer_of(1 << 60).map(drop).unwrap_err().to_string();
        assert!(error.contains(": there is no room for 1152921504606846976 bytes ("), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error() {
        let storage = Storage::new(0, env::temp_dir());
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut writer = Writer { file: Some(full), ..storage.writer() };
        let error = (0..2).find_map(|_| writer.write(&[0; PART]).err()).unwrap().to_string();
        assert!(error.contains("No space left on device"), "{error}");
    }
}
