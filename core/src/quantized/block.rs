//! Eight rows of a layer of integers.
//!
//! | part of a block | bytes | meaning |
//! |---|---|---|
//! | biases | 8 × i32 | of rows 8k to 8k + 7 |
//! | multipliers | 8 × i32 | of the same |
//! | weights | | as the format has them |
//!
//! Rows and columns that a layer does not have are zeros. All is little-endian.

/// Rows in a block.
pub const ROWS: usize = 8;
/// Bytes of a block's biases, and of its multipliers.
pub const VECTOR_BYTES: usize = 4 * ROWS;
/// Where a block's weights begin.
pub const WEIGHTS: usize = 2 * VECTOR_BYTES;

/// A block, in place.
#[derive(Clone, Copy)]
pub struct Block<'a> {
    bytes: &'a [u8],
}

impl<'a> Block<'a> {
    /// The block of these bytes.
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

    /// The format's own part.
    pub fn weights(self) -> &'a [u8] {
        self.bytes.get(WEIGHTS..).unwrap_or_default()
    }

    /// Each accumulator times its row's multiplier, `⌊(a · m + 2³¹) / 2³²⌋`.
    #[cfg(not(has_dsp))]
    pub fn rescale(self, rows: &mut [i32; ROWS]) {
        for (row, multiplier) in rows.iter_mut().zip(self.multipliers()) {
            *row = ((i64::from(*row) * i64::from(multiplier) + (1 << 31)) >> 32) as i32;
        }
    }
}

fn integers(bytes: &[u8]) -> impl Iterator<Item = i32> {
    bytes.as_chunks().0.iter().map(|bytes| i32::from_le_bytes(*bytes))
}
