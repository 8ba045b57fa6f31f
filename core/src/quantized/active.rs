//! The list of inputs that are not zero, with the places of their weights. A layer's kernel goes through it once for each block of rows.

use core::marker::PhantomData;

/// The number of entries that a kernel takes at a time.
pub const GROUP: usize = 4;

/// A pair of inputs: the even one in the lower half of a word, the odd one in the upper half. The second word is the place of the pair's
/// weights in a block, in bytes.
pub type Entry = [u32; 2];

/// An entry without inputs.
pub const EMPTY: Entry = [0; 2];

/// Returns the inputs of an entry's first word, the even one first.
#[cfg(not(has_dsp))]
pub fn unpacked(inputs: u32) -> [i32; 2] {
    [(inputs & 0xffff) as i32, (inputs >> 16) as i32]
}

/// A layer's inputs, listed for the kernel of a format: whole groups of entries, and then an empty entry as the end.
#[derive(Clone, Copy)]
pub struct Active<'a, F> {
    entries: &'a [Entry],
    #[cfg(has_dsp)]
    inputs: usize,
    format: PhantomData<F>,
}

impl<'a, F> Active<'a, F> {
    /// Returns the list of this number of inputs.
    #[cfg_attr(not(has_dsp), allow(unused_variables, reason = "only what reads memory unchecked must know"))]
    pub fn new(inputs: usize, entries: &'a [Entry]) -> Self {
        Self {
            entries,
            #[cfg(has_dsp)]
            inputs,
            format: PhantomData,
        }
    }

    /// Returns all inputs of the layer, those that are zero too.
    #[cfg(has_dsp)]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Returns the first entry, for a kernel that reads to the end of the last group.
    #[cfg(has_dsp)]
    pub fn as_ptr(&self) -> *const Entry {
        self.entries.as_ptr()
    }

    #[cfg(not(has_dsp))]
    pub fn entries(&self) -> &'a [Entry] {
        self.entries
    }
}

/// Appends an entry for each pair of inputs that are not both zero. The first pair's weights are at `offset`, and each further pair's `step`
/// bytes later. Returns the number of entries then, or `None` if there is not enough room.
pub fn push_pairs(inputs: &[u8], offset: usize, step: usize, entries: &mut [Entry], mut len: usize) -> Option<usize> {
    let (pairs, last) = inputs.as_chunks::<2>();
    let last = last.first().map(|&input| [input, 0]);
    for (pair, [even, odd]) in pairs.iter().copied().chain(last).enumerate() {
        if even | odd != 0 {
            let inputs = u32::from(even) | u32::from(odd) << 16;
            *entries.get_mut(len)? = [inputs, (offset + pair * step) as u32];
            len += 1;
        }
    }
    Some(len)
}
