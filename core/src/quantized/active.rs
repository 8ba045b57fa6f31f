//! The inputs that are not zero, with the places of their weights: what a layer's kernel goes through, once for each block of rows.

use core::marker::PhantomData;

/// Entries that a kernel takes at a time.
pub const GROUP: usize = 4;

/// A pair of inputs: what a prediction's memory is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(C)]
pub struct Entry {
    /// The even input in the lower half, the odd one in the upper half.
    pub(super) inputs: u32,
    /// Where in a block the pair's weights are, in bytes.
    pub(super) offset: u32,
}

impl Entry {
    /// No inputs.
    pub const EMPTY: Self = Self { inputs: 0, offset: 0 };

    #[cfg(not(has_dsp))]
    pub(super) fn inputs(self) -> [i32; 2] {
        [(self.inputs & 0xffff) as i32, (self.inputs >> 16) as i32]
    }
}

/// A layer's inputs, listed for the kernel of a format: whole groups of entries, and an empty one that ends them.
#[derive(Clone, Copy)]
pub struct Active<'a, F> {
    entries: &'a [Entry],
    #[cfg(has_dsp)]
    inputs: usize,
    format: PhantomData<F>,
}

impl<'a, F> Active<'a, F> {
    /// The list of so many inputs.
    #[cfg_attr(not(has_dsp), allow(unused_variables, reason = "only what reads memory unchecked must know"))]
    pub fn new(inputs: usize, entries: &'a [Entry]) -> Self {
        Self {
            entries,
            #[cfg(has_dsp)]
            inputs,
            format: PhantomData,
        }
    }

    /// The layer's inputs, those that are zero too.
    #[cfg(has_dsp)]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The first entry, for a kernel that reads to the end of the last group.
    #[cfg(has_dsp)]
    pub fn as_ptr(&self) -> *const Entry {
        self.entries.as_ptr()
    }

    #[cfg(not(has_dsp))]
    pub fn entries(&self) -> &'a [Entry] {
        self.entries
    }
}

/// Appends an entry for each pair of inputs in which one is not zero, the first at `offset` and each `step` bytes after the one before.
/// Returns how many entries there are then, if they suffice.
pub fn push_pairs(inputs: &[u8], offset: usize, step: usize, entries: &mut [Entry], mut len: usize) -> Option<usize> {
    let (pairs, last) = inputs.as_chunks::<2>();
    let last = last.first().map(|&input| [input, 0]);
    for (pair, [even, odd]) in pairs.iter().copied().chain(last).enumerate() {
        if even | odd != 0 {
            let inputs = u32::from(even) | u32::from(odd) << 16;
            *entries.get_mut(len)? = Entry { inputs, offset: (offset + pair * step) as u32 };
            len += 1;
        }
    }
    Some(len)
}
