//! Large files of samples, mapped into memory. The system loads a page of the file when the page is first used, so a set may be larger than
//! memory. The file is the set's own, or a temporary one without a name.
//!
//! **A mapped file must not be truncated while a program works with it.** The system would end the program at the next page that is no
//! longer there (SIGBUS). Nor must its bytes change: a run would see both versions.

#![allow(unsafe_code)]

use std::{
    env,
    fs::File,
    io,
    ops::Range,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use memmap2::Mmap;

use super::DataError;

/// Files of samples from this size on, in bytes, are mapped.
const LARGE: u64 = 256 << 20;
/// The environment variable that sets another size in bytes.
const VARIABLE: &str = "SELVEDGE_MAP_FROM";
/// The largest number of bytes of a file that are resident at once.
const RESIDENT: u64 = 256 << 20;
/// The number of bytes that one access may load. On Linux, it loads the pages around it too, up to 2 MiB if the file lies in large folios.
const AROUND: u64 = 2 << 20;

/// Returns the smallest size in bytes of a plain file of samples that is mapped and not read.
///
/// # Errors
///
/// [`DataError::MapFrom`] if the environment variable is not a size.
pub fn least_size() -> Result<u64, DataError> {
    match env::var_os(VARIABLE) {
        None => Ok(LARGE),
        Some(value) => {
            let bytes = value.to_str().and_then(|text| text.parse().ok());
            bytes.ok_or_else(|| DataError::MapFrom { value: value.to_string_lossy().into_owned() })
        }
    }
}

/// A file in the address space.
#[derive(Debug)]
pub struct Mapping {
    map: Mmap,
    #[cfg(unix)]
    file: File,
    /// An upper limit of the number of bytes that became resident.
    touched: AtomicU64,
}

impl Mapping {
    /// Maps a file that has exactly this number of bytes.
    ///
    /// # Errors
    ///
    /// The system's error, or an error for a file of another length.
    pub fn of(path: &Path, len: u64) -> io::Result<Self> {
        Self::of_file(File::open(path)?, len)
    }

    /// Maps an open file that has exactly this number of bytes. Nobody may write to it from now on.
    ///
    /// # Errors
    ///
    /// The errors of [`Mapping::of`].
    pub fn of_file(file: File, len: u64) -> io::Result<Self> {
        // SAFETY: the bytes are only read. That nobody truncates or changes the file meanwhile cannot be checked: the module's page and
        // docs/data.md ask for it, as every program that maps files must.
        let map = unsafe { Mmap::map(&file)? };
        match map.len() as u64 == len {
            true => Ok(Self {
                map,
                #[cfg(unix)]
                file,
                touched: AtomicU64::new(0),
            }),
            false => Err(io::Error::other("its length changes")),
        }
    }

    /// Returns the length of the file.
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Returns some of the bytes. From time to time, it gives all pages back to the system, so that few are resident.
    pub fn get(&self, range: Range<usize>) -> &[u8] {
        let bytes = &self.map[range];
        let size = bytes.len() as u64 + AROUND;
        let before = self.touched.fetch_add(size, Ordering::Relaxed);
        if before / RESIDENT != (before + size) / RESIDENT {
            self.release();
        }
        bytes
    }

    /// Returns some of the bytes. If the system can read at any place, it reads them from the file into `room`.
    ///
    /// For a few bytes at a random place this is less work than the touch of a page, and no page becomes resident.
    pub fn read<'a>(&'a self, range: Range<usize>, room: &'a mut Vec<u8>) -> &'a [u8] {
        #[cfg(not(unix))]
        let _ = room;
        #[cfg(unix)]
        {
            use std::os::unix::fs::FileExt;
            room.resize(range.len(), 0);
            if self.file.read_exact_at(room, range.start as u64).is_ok() {
                return room;
            }
        }
        self.get(range)
    }

    /// Gives all pages back. The system keeps their bytes as long as it has room, and loads them again at the next access.
    fn release(&self) {
        #[cfg(unix)]
        // SAFETY: this is a file's mapping that is only read, so each page comes back with the same bytes.
        let _ = unsafe { self.map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_the_same_after_pages_were_given_back() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..100_000_u32).map(|i| (i * 7 % 251) as u8).collect();
        std::fs::write(file.path(), &bytes).unwrap();
        let mapping = Mapping::of(file.path(), 100_000).unwrap();
        let mut room = Vec::new();
        for touch in 0..2 * (RESIDENT / AROUND) as usize {
            let start = touch * 7919 % 99_000;
            assert_eq!(mapping.get(start..start + 1000), &bytes[start..start + 1000]);
            assert_eq!(mapping.read(start..start + 9, &mut room), &bytes[start..start + 9]);
        }
        assert!(mapping.touched.into_inner() > 2 * RESIDENT);
        assert!(Mapping::of(file.path(), 99_999).unwrap_err().to_string().contains("changes"));
        assert!(Mapping::of("nowhere".as_ref(), 1).is_err());
    }
}
