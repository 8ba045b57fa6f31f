//! Memory for numbers that vector registers are filled from.

#![allow(unsafe_code)]

use std::ops::{Deref, DerefMut};

/// The size of a huge page in bytes, on a system with pages of 4 KB. The numbers begin at the start of a huge page. So no vector crosses a cache
/// line. The system places small pages anywhere in memory, and then neighbouring lines may share a set of the second-level cache. In a huge page
/// they do not.
const HUGE_PAGE: usize = 2 << 20;

/// Numbers on the heap, on huge pages where the system has them.
#[derive(Debug)]
pub struct Aligned {
    buffer: Vec<f32>,
    start: usize,
    len: usize,
}

/// The system does not give the memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no memory for {len} numbers ({} MB)", len / (1_000_000 / size_of::<f32>()))]
pub struct MemoryError {
    len: usize,
}

impl Aligned {
    /// Returns `len` zeros.
    ///
    /// # Errors
    ///
    /// [`MemoryError`].
    pub fn zeroed(len: usize) -> Result<Self, MemoryError> {
        const PAGE: usize = HUGE_PAGE / size_of::<f32>();
        let whole = len.checked_next_multiple_of(PAGE).ok_or(MemoryError { len })?;
        let all = whole.checked_add(PAGE - 1).ok_or(MemoryError { len })?;
        let mut buffer: Vec<f32> = Vec::new();
        buffer.try_reserve_exact(all).map_err(|_| MemoryError { len })?;
        // Where the offset cannot be told, nothing but speed is lost.
        let start = buffer.as_ptr().align_offset(HUGE_PAGE).min(all - whole);
        ask_for_huge_pages(&mut buffer.spare_capacity_mut()[start..][..whole]);
        buffer.resize(start + len, 0.0);
        Ok(Self { buffer, start, len })
    }
}

/// Asks the system; no answer of its changes anything but speed.
#[cfg(target_os = "linux")]
fn ask_for_huge_pages<T>(memory: &mut [T]) {
    // SAFETY: the advice is for memory that is borrowed here, and changes no contents.
    unsafe { libc::madvise(memory.as_mut_ptr().cast(), size_of_val(memory), libc::MADV_HUGEPAGE) };
}

#[cfg(not(target_os = "linux"))]
fn ask_for_huge_pages<T>(_memory: &mut [T]) {}

/// Asks for memory that will be read soon, so that the reader does not wait for it. Changes nothing but speed.
#[cfg(target_arch = "x86_64")]
pub fn prefetch(bytes: &[u8]) {
    use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};

    const LINE: usize = 64;
    for line in bytes.chunks(LINE) {
        // SAFETY: the instruction reads nothing, and no address makes it fail.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
    }
}

/// Nothing: the language has no such instruction for other processors.
#[cfg(not(target_arch = "x86_64"))]
pub fn prefetch(_bytes: &[u8]) {}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.buffer[self.start..][..self.len]
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.buffer[self.start..][..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_with_a_page_and_has_its_length() {
        for len in [0, 1, 15, 16, 1_000_000] {
            let mut aligned = Aligned::zeroed(len).unwrap();
            assert_eq!((aligned.len(), aligned.as_ptr() as usize % HUGE_PAGE), (len, 0));
            assert!(aligned.iter().all(|&x| x == 0.0));
            aligned.fill(1.0);
            assert!(aligned.iter().all(|&x| x == 1.0));
        }
    }

    #[test]
    fn memory_that_is_not_there_is_an_error() {
        for len in [usize::MAX, usize::MAX / 8, 1 << 59] {
            assert!(Aligned::zeroed(len).is_err());
        }
        assert_eq!(Aligned::zeroed(1 << 59).unwrap_err().to_string().split(" (").nth(1), Some("2305843009213 MB)"));
    }
}
