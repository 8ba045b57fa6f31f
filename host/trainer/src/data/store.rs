//! The bytes of samples, in memory or in a mapped file.

use std::ops::Range;

use super::mapping::Mapping;

/// The place where samples' bytes are stored. Parts of one set share it.
#[derive(Debug)]
pub enum Store {
    /// In memory.
    Memory(Vec<u8>),
    /// In a file, from this byte on.
    Mapped(Mapping, usize),
}

impl Default for Store {
    fn default() -> Self {
        Self::Memory(Vec::new())
    }
}

impl Store {
    /// Returns the number of bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Memory(bytes) => bytes.len(),
            Self::Mapped(mapping, start) => mapping.len() - start,
        }
    }

    /// Returns true if there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns some of the bytes.
    #[inline]
    pub fn get(&self, range: Range<usize>) -> &[u8] {
        match self {
            Self::Memory(bytes) => &bytes[range],
            Self::Mapped(mapping, start) => mapping.get(start + range.start..start + range.end),
        }
    }

    /// Returns some of the bytes. They are in `room` if they had to be read from a file.
    #[inline]
    pub fn read<'a>(&'a self, range: Range<usize>, room: &'a mut Vec<u8>) -> &'a [u8] {
        match self {
            Self::Memory(bytes) => &bytes[range],
            Self::Mapped(mapping, start) => mapping.read(start + range.start..start + range.end, room),
        }
    }

    /// Returns the store without its first `count` bytes.
    ///
    /// # Panics
    ///
    /// If there are fewer bytes.
    pub fn skip(self, count: usize) -> Self {
        assert!(count <= self.len(), "{count} of {} bytes", self.len());
        match self {
            Self::Memory(mut bytes) => {
                bytes.drain(..count);
                Self::Memory(bytes)
            }
            Self::Mapped(mapping, start) => Self::Mapped(mapping, start + count),
        }
    }
}
