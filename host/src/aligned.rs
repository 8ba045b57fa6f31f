//! Memory for numbers that vector registers are filled from.

#![allow(unsafe_code)]

use std::ops::{Deref, DerefMut};

/// The bytes of a huge page where pages are 4 KB. Numbers start with one: then a vector lies in one cache line, and lines that are
/// side by side do not fall into the same set of the second-level cache by a bad draw of small pages.
const HUGE_PAGE: usize = 2 << 20;

/// Numbers on the heap, on huge pages where the system has them.
#[derive(Debug)]
pub struct Aligned {
    buffer: Vec<f32>,
    start: usize,
    len: usize,
}

impl Aligned {
    /// So many zeros.
    pub fn zeroed(len: usize) -> Self {
        let whole = len.next_multiple_of(HUGE_PAGE / size_of::<f32>());
        let mut buffer = vec![0.0f32; whole + HUGE_PAGE / size_of::<f32>() - 1];
        // Where the offset cannot be told, nothing but speed is lost.
        let start = buffer.as_ptr().align_offset(HUGE_PAGE).min(buffer.len() - whole);
        ask_for_huge_pages(&mut buffer[start..][..whole]);
        Self { buffer, start, len }
    }
}

/// Asks the system; what it makes of it changes nothing but speed.
#[cfg(target_os = "linux")]
fn ask_for_huge_pages(numbers: &mut [f32]) {
    // SAFETY: the advice is for memory that is borrowed here, and changes no contents.
    unsafe { libc::madvise(numbers.as_mut_ptr().cast(), size_of_val(numbers), libc::MADV_HUGEPAGE) };
}

#[cfg(not(target_os = "linux"))]
fn ask_for_huge_pages(_numbers: &mut [f32]) {}

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
            let mut aligned = Aligned::zeroed(len);
            assert_eq!((aligned.len(), aligned.as_ptr() as usize % HUGE_PAGE), (len, 0));
            aligned.fill(1.0);
            assert!(aligned.iter().all(|&x| x == 1.0));
        }
    }
}
