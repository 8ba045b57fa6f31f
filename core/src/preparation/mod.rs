//! A sample's raw values, and how they become a network's inputs.
//!
//! A sample is bytes: its values one after the other, each little-endian, all of one [`Element`]. A floating-point network takes the numbers
//! that [`Preparation::write`] writes. An integer network takes the bytes that [`Preparation::write_codes`] writes. Both belong to the
//! arithmetic's contract: a host and a device compute the same bits.
//!
//! ```
//! use selvedge::preparation::{Element, Preparation, Scaled};
//!
//! // One scale and shift for both features: input = value / 2 - 1.
//! let bytes = [0.5_f32.to_le_bytes(), (-1.0_f32).to_le_bytes()].concat();
//! let preparation = Preparation::Scaled(Scaled::parse(Element::I16, &bytes, 2).unwrap());
//! let sample = [300_i16.to_le_bytes(), (-4_i16).to_le_bytes()].concat();
//! let mut input = [0.0; 2];
//! preparation.write(&sample, &mut input);
//! assert_eq!(input, [149.0, -3.0]);
//! ```

mod coded;
mod element;
mod scaled;
#[cfg(test)]
mod tests;
mod value;

pub use coded::{CodeRange, Coded};
pub use element::Element;
pub use scaled::Scaled;
pub use value::{Value, ValueError};

use crate::arithmetic::normalize;

/// The conversion of a sample's raw values into a network's inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Preparation<'a> {
    /// The values are bytes. In a floating-point network, an input is `byte / 255`. In an integer network, it is the byte.
    #[default]
    Bytes,
    /// For a floating-point network: a scale and a shift for each feature.
    Scaled(Scaled<'a>),
    /// For an integer network: a range for each feature.
    Coded(Coded<'a>),
}

impl Preparation<'_> {
    /// Returns the number type of a sample's values.
    pub const fn element(self) -> Element {
        match self {
            Self::Bytes => Element::U8,
            Self::Scaled(scaled) => scaled.element,
            Self::Coded(coded) => coded.element,
        }
    }

    /// Returns the number of bytes of a sample with this number of features.
    pub const fn sample_len(self, features: usize) -> usize {
        features * self.element().size()
    }

    /// Writes a sample as the inputs of a network in floating point. A [`Coded`](Self::Coded) preparation counts as [`Bytes`](Self::Bytes) here.
    /// If the lengths differ, the shorter one decides.
    #[inline]
    pub fn write(self, sample: &[u8], input: &mut [f32]) {
        match self {
            Self::Scaled(scaled) => scaled.write(sample, input),
            _ => sample.iter().zip(input).for_each(|(&byte, x)| *x = normalize(byte)),
        }
    }

    /// Writes a sample as the inputs of a network of integers. A [`Scaled`](Self::Scaled) preparation counts as [`Bytes`](Self::Bytes) here. If
    /// the lengths differ, the shorter one decides.
    #[inline]
    pub fn write_codes(self, sample: &[u8], codes: &mut [u8]) {
        match self {
            Self::Coded(coded) => coded.write(sample, codes),
            _ => sample.iter().zip(codes).for_each(|(&byte, code)| *code = byte),
        }
    }
}

/// The kinds of a [`Preparation`] in a file. The kind is a byte before the element and the table.
const SCALED: u8 = 0;
const CODED: u8 = 1;

impl<'a> Preparation<'a> {
    /// Reads a preparation from its field in a weight file (docs/formats.md). The field has a kind, an element, and a table of the right length. A
    /// network of integers has codes, any other network has scales. Returns `None` for an unknown kind or element, for a kind that does not belong to
    /// such a network, and for a table of another length.
    ///
    /// The table's numbers are not checked; [`is_sound`](Self::is_sound) does that. Numbers that are not sound give wrong inputs, but do no
    /// other harm.
    pub fn parse(field: &'a [u8], features: usize, is_integers: bool) -> Option<Self> {
        let (&head, table) = field.split_first_chunk()?;
        Self::of_parts(head, table, features, is_integers)
    }

    pub(crate) fn of_parts(
        [kind, element]: [u8; 2],
        table: &'a [u8],
        features: usize,
        is_integers: bool,
    ) -> Option<Self> {
        let element = Element::of_number(element)?;
        match (kind, is_integers) {
            (SCALED, false) => Scaled::of_table(element, table, features).map(Self::Scaled),
            (CODED, true) => Coded::of_table(element, table, features).map(Self::Coded),
            _ => None,
        }
    }

    /// Returns true if the table's numbers keep to the rules of [`Scaled`] and [`Coded`].
    ///
    /// The loaders do not check this: the check needs floating point, and a prediction in integers does not. A host checks a file before a
    /// board gets it.
    pub fn is_sound(self) -> bool {
        match self {
            Self::Bytes => true,
            Self::Scaled(scaled) => scaled.is_sound(),
            Self::Coded(coded) => coded.is_sound(),
        }
    }

    /// Returns the field for a file: two bytes (kind and element) and the table. Returns `None` if a file needs no field.
    pub const fn field(self) -> Option<([u8; 2], &'a [u8])> {
        match self {
            Self::Bytes => None,
            Self::Scaled(Scaled { element, bytes }) => Some(([SCALED, element as u8], bytes)),
            Self::Coded(Coded { element, bytes }) => Some(([CODED, element as u8], bytes)),
        }
    }
}

/// Returns true if the value is finite. It looks at the bits, so a chip without floating point needs no routine for it.
fn is_finite(value: f32) -> bool {
    value.to_bits() & 0x7f80_0000 != 0x7f80_0000
}
