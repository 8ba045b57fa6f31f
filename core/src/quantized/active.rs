//! The inputs that are not zero, with the places of their weights: what a layer's kernel goes through, once for each block of rows.

#[cfg(has_dsp)]
use super::layout::Block;
use super::layout::{PAIR_BYTES, WEIGHTS};

/// Entries that a kernel takes at a time.
const GROUP: usize = 4;

/// A pair of inputs: what a prediction's memory is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(C)]
pub struct Entry {
    /// The even input in the lower half, the odd one in the upper half.
    inputs: u32,
    /// Where in a block the pair's weights are, in bytes.
    offset: u32,
}

impl Entry {
    /// No inputs.
    pub const EMPTY: Self = Self { inputs: 0, offset: 0 };

    /// How many of them a layer can need.
    pub(super) const fn most(inputs: usize) -> usize {
        inputs.div_ceil(2).next_multiple_of(GROUP) + 1
    }
}

/// The pairs in which an input is not zero: whole groups, filled up with empty entries, and an empty one that ends them.
#[derive(Clone, Copy)]
pub struct Active<'a> {
    entries: &'a [Entry],
    #[cfg(has_dsp)]
    pairs: usize,
}

impl<'a> Active<'a> {
    /// Lists a layer's inputs, if the entries suffice.
    pub fn list(inputs: &[u8], entries: &'a mut [Entry]) -> Option<Self> {
        let entries = entries.get_mut(..Entry::most(inputs.len()))?;
        let (pairs, last) = inputs.as_chunks::<2>();
        let last = last.first().map(|&input| [input, 0]);
        let mut len = 0;
        for (pair, [even, odd]) in pairs.iter().copied().chain(last).enumerate() {
            if even | odd != 0 {
                let inputs = u32::from(even) | u32::from(odd) << 16;
                *entries.get_mut(len)? = Entry { inputs, offset: (WEIGHTS + pair * PAIR_BYTES) as u32 };
                len += 1;
            }
        }
        let end = len.next_multiple_of(GROUP) + 1;
        entries.get_mut(len..end)?.fill(Entry::EMPTY);
        Some(Self {
            entries: entries.get(..end)?,
            #[cfg(has_dsp)]
            pairs: inputs.len().div_ceil(2),
        })
    }

    /// Whether the block is one of the layer.
    #[cfg(has_dsp)]
    pub fn is_of(&self, block: Block<'_>) -> bool {
        self.pairs == block.weights().len()
    }

    /// The first entry, for a kernel that reads to the end of the last group.
    #[cfg(has_dsp)]
    pub fn as_ptr(&self) -> *const Entry {
        self.entries.as_ptr()
    }

    /// The pairs and their places.
    #[cfg(not(has_dsp))]
    pub fn iter(&self) -> impl Iterator<Item = ([i32; 2], usize)> + '_ {
        let entries = self.entries.iter().take_while(|entry| entry.inputs != 0);
        entries.map(|&Entry { inputs, offset }| {
            ([(inputs & 0xffff) as i32, (inputs >> 16) as i32], (offset as usize - WEIGHTS) / PAIR_BYTES)
        })
    }
}
