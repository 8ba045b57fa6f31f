//! Eight rows of a layer of integers.
//!
//! | part of a block | bytes | meaning |
//! |---|---|---|
//! | biases | 8 × i32 | of rows 8k to 8k + 7 |
//! | multipliers | 8 × i32 | of the same rows |
//! | weights | | see each format |
//!
//! Rows and columns that a layer does not have are zeros. All is little-endian.

/// The number of rows in a block.
pub const ROWS: usize = 8;
/// The number of bytes of a block's biases, and also of its multipliers.
pub const VECTOR_BYTES: usize = 4 * ROWS;
/// The place in a block where the weights begin.
pub const WEIGHTS: usize = 2 * VECTOR_BYTES;

/// A block, read in place.
#[derive(Clone, Copy)]
pub struct Block<'a> {
    bytes: &'a [u8],
}

impl<'a> Block<'a> {
    /// Returns the block of these bytes.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    #[cfg(has_dsp)]
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    pub fn biases(self) -> impl Iterator<Item = i32> {
        integers(self.bytes).take(ROWS)
    }

    pub fn multipliers(self) -> impl Iterator<Item = i32> {
        integers(self.bytes).skip(ROWS).take(ROWS)
    }

    /// Returns the weights of the block, in the format's own encoding.
    pub fn weights(self) -> &'a [u8] {
        self.bytes.get(WEIGHTS..).unwrap_or_default()
    }

    /// Returns the biases as the first values of the accumulators. One check of the length serves all eight.
    #[cfg(not(has_dsp))]
    pub fn start(self) -> [i32; ROWS] {
        self.vector(0)
    }

    #[cfg(not(has_dsp))]
    fn vector(self, at: usize) -> [i32; ROWS] {
        let bytes = self.bytes.get(at..).and_then(<[u8]>::first_chunk::<VECTOR_BYTES>).unwrap_or(&[0; VECTOR_BYTES]);
        let mut vector = [0; ROWS];
        for (number, bytes) in vector.iter_mut().zip(bytes.as_chunks().0) {
            *number = i32::from_le_bytes(*bytes);
        }
        vector
    }

    /// Multiplies each accumulator by its row's multiplier: `⌊(a · m + 2³¹) / 2³²⌋`.
    #[cfg(not(has_dsp))]
    pub fn rescale(self, rows: &mut [i32; ROWS]) {
        for (row, multiplier) in rows.iter_mut().zip(self.vector(VECTOR_BYTES)) {
            *row = ((i64::from(*row) * i64::from(multiplier) + (1 << 31)) >> 32) as i32;
        }
    }
}

fn integers(bytes: &[u8]) -> impl Iterator<Item = i32> {
    bytes.as_chunks().0.iter().map(|bytes| i32::from_le_bytes(*bytes))
}
