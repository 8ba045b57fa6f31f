//! Objects that the program knows by handles.

use std::collections::BTreeMap;

use crate::result::Code;

/// Objects by handle. The first handle is 1.
#[derive(Debug)]
pub(crate) struct Table<T> {
    entries: BTreeMap<usize, T>,
    next: usize,
}

impl<T> Table<T> {
    pub(crate) const fn new() -> Self {
        Self { entries: BTreeMap::new(), next: 1 }
    }

    pub(crate) fn insert(&mut self, entry: T) -> usize {
        let handle = self.next;
        self.next += 1;
        self.entries.insert(handle, entry);
        handle
    }

    pub(crate) fn get(&mut self, handle: usize) -> Result<&mut T, Code> {
        self.entries.get_mut(&handle).ok_or(Code::INVALID_HANDLE)
    }

    pub(crate) fn remove(&mut self, handle: usize) -> Result<T, Code> {
        self.entries.remove(&handle).ok_or(Code::INVALID_HANDLE)
    }

    pub(crate) fn handles(&self) -> Vec<usize> {
        self.entries.keys().copied().collect()
    }
}
