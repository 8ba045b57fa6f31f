//! Memory for numbers that vector registers are filled from.

use std::ops::{Deref, DerefMut};

/// The bytes of a cache line: a vector that starts at a multiple of it lies in one line.
const LINE: usize = 64;

/// Numbers on the heap, from the beginning of a cache line on.
#[derive(Debug)]
pub struct Aligned {
    buffer: Vec<f32>,
    start: usize,
    len: usize,
}

impl Aligned {
    /// So many zeros.
    pub fn zeroed(len: usize) -> Self {
        let buffer = vec![0.0f32; len + LINE / size_of::<f32>() - 1];
        // Where the offset cannot be told, nothing but speed is lost.
        let start = buffer.as_ptr().align_offset(LINE).min(buffer.len() - len);
        Self { buffer, start, len }
    }
}

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
    fn starts_with_a_line_and_has_its_length() {
        for len in [0, 1, 15, 16, 1000] {
            let mut aligned = Aligned::zeroed(len);
            assert_eq!((aligned.len(), aligned.as_ptr() as usize % LINE), (len, 0));
            aligned.fill(1.0);
            assert!(aligned.iter().all(|&x| x == 1.0));
        }
    }
}
