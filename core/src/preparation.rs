//! A sample's raw values, and how they become a network's inputs.
//!
//! A sample is bytes: its values one after the other, each little-endian, all of one [`Element`]. A network in floating point takes
//! [`Preparation::write`]'s numbers, a network of integers [`Preparation::write_codes`]'s bytes. Both are a part of the arithmetic's
//! contract: a host and a device compute the same bits.
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

use core::fmt;

use crate::arithmetic::{fma, normalize};

/// The numbers that a sample's values are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Element {
    /// Integers from 0 to 255: pixels.
    #[default]
    U8,
    /// Integers from −128 to 127.
    I8,
    /// Integers from −32,768 to 32,767.
    I16,
    /// Integers from 0 to 65,535.
    U16,
    /// Floating-point numbers of 32 bits.
    F32,
}

crate::wire::numbered! { Element { 0 => U8, 1 => I8, 2 => I16, 3 => U16, 4 => F32 } }

impl Element {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::U8, Self::I8, Self::I16, Self::U16, Self::F32];

    /// The bytes of a value.
    pub const fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::F32 => 4,
        }
    }

    /// Its name: `u8`, `i8`, `i16`, `u16` or `f32`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::U16 => "u16",
            Self::F32 => "f32",
        }
    }

    /// The least and the greatest integer; `None` of [`Element::F32`].
    pub const fn range(self) -> Option<(i32, i32)> {
        match self {
            Self::U8 => Some((0, 255)),
            Self::I8 => Some((-128, 127)),
            Self::I16 => Some((-32_768, 32_767)),
            Self::U16 => Some((0, 65_535)),
            Self::F32 => None,
        }
    }

    /// Reads the values of a sample as numbers, each of which is exact. A rest shorter than a value is left out.
    pub fn values(self, sample: &[u8]) -> impl Iterator<Item = f32> + Clone + '_ {
        sample.chunks_exact(self.size()).map(move |bytes| self.value(bytes))
    }

    #[inline(always)]
    fn value(self, bytes: &[u8]) -> f32 {
        match (self, bytes) {
            (Self::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
            _ => self.integer(bytes) as f32,
        }
    }

    #[inline(always)]
    fn integer(self, bytes: &[u8]) -> i32 {
        match (self, bytes) {
            (Self::I8, &[a]) => i32::from(a as i8),
            (Self::I16, &[a, b]) => i16::from_le_bytes([a, b]).into(),
            (Self::U16, &[a, b]) => u16::from_le_bytes([a, b]).into(),
            (_, &[a, ..]) => a.into(),
            _ => 0,
        }
    }

    pub(crate) fn of_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The way from a sample's raw values to a network's inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Preparation<'a> {
    /// Values are bytes. In floating point an input is `byte / 255`, in integers it is the byte.
    #[default]
    Bytes,
    /// In floating point: a scale and a shift for each feature.
    Scaled(Scaled<'a>),
    /// In integers: a range for each feature.
    Coded(Coded<'a>),
}

impl Preparation<'_> {
    /// The numbers that a sample's values are.
    pub const fn element(self) -> Element {
        match self {
            Self::Bytes => Element::U8,
            Self::Scaled(scaled) => scaled.element,
            Self::Coded(coded) => coded.element,
        }
    }

    /// The bytes of a sample of so many features.
    pub const fn sample_len(self, features: usize) -> usize {
        features * self.element().size()
    }

    /// Writes a sample as the inputs of a network in floating point. Of different lengths, the shorter of the two decides.
    #[inline]
    pub fn write(self, sample: &[u8], input: &mut [f32]) {
        match self {
            Self::Scaled(scaled) => scaled.write(sample, input),
            _ => sample.iter().zip(input).for_each(|(&byte, x)| *x = normalize(byte)),
        }
    }

    /// Writes a sample as the inputs of a network of integers. Of different lengths, the shorter of the two decides.
    #[inline]
    pub fn write_codes(self, sample: &[u8], codes: &mut [u8]) {
        match self {
            Self::Coded(coded) => coded.write(sample, codes),
            _ => sample.iter().zip(codes).for_each(|(&byte, code)| *code = byte),
        }
    }
}

/// A scale and a shift for each feature: `input = fma(value, scale, shift)`, rounded once.
///
/// Standardisation by mean μ and standard deviation σ is scale `1 / σ` and shift `−μ / σ`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Scaled<'a> {
    element: Element,
    bytes: &'a [u8],
}

impl<'a> Scaled<'a> {
    /// Checks a table: for each feature, or once for all, a scale and a shift, each an f32, little-endian. `None` unless all are finite.
    pub fn parse(element: Element, bytes: &'a [u8], features: usize) -> Option<Self> {
        Self::of_table(element, bytes, features).filter(|scaled| scaled.is_sound())
    }

    /// A table of the right length.
    fn of_table(element: Element, bytes: &'a [u8], features: usize) -> Option<Self> {
        let is_whole = bytes.len() == Self::ROW || features.checked_mul(Self::ROW) == Some(bytes.len());
        (is_whole && !bytes.is_empty()).then_some(Self { element, bytes })
    }

    fn is_sound(self) -> bool {
        self.rows().all(|(scale, shift)| is_finite(scale) && is_finite(shift))
    }

    /// Bytes of a feature's row.
    const ROW: usize = 8;

    /// The table.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The scale and the shift of each feature, or one pair for all.
    pub fn rows(self) -> impl Iterator<Item = (f32, f32)> + Clone + 'a {
        self.bytes
            .as_chunks::<{ Scaled::ROW }>()
            .0
            .iter()
            .map(|&[a, b, c, d, e, f, g, h]| (f32::from_le_bytes([a, b, c, d]), f32::from_le_bytes([e, f, g, h])))
    }

    fn write(self, sample: &[u8], input: &mut [f32]) {
        let values = self.element.values(sample).zip(input);
        let mut rows = self.rows();
        match (self.bytes.len(), rows.next()) {
            (Self::ROW, Some((scale, shift))) => values.for_each(|(value, x)| *x = fma(value, scale, shift)),
            _ => values.zip(self.rows()).for_each(|((value, x), (scale, shift))| *x = fma(value, scale, shift)),
        }
    }
}

/// A range for each feature, cut into 256 codes: `v = min(max(value, low), high)`, and for
///
/// - [`Element::I16`] and [`Element::U16`]: `code = ⌊((v − low) · factor + 2¹⁵) / 2¹⁶⌋`, in 32 bits;
/// - [`Element::F32`]: `code = ⌊(v − low) · factor + 1/2⌋`, each of the three operations rounded to an f32; a NaN is `low`;
/// - [`Element::I8`]: `code = value + 128`, and for [`Element::U8`] `code = value`, without a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Coded<'a> {
    element: Element,
    bytes: &'a [u8],
}

/// A feature's range: integers of 32 bits in a table of [`Element::I16`] and [`Element::U16`], else f32.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CodeRange {
    /// Of integers.
    Integers {
        /// The value of code 0.
        low: i32,
        /// The greatest value that has a code of its own.
        high: i32,
        /// Codes for each unit, times 2¹⁶.
        factor: u32,
    },
    /// Of floating-point numbers.
    Floats {
        /// The value of code 0.
        low: f32,
        /// The greatest value that has a code of its own.
        high: f32,
        /// Codes for each unit.
        factor: f32,
    },
}

impl CodeRange {
    /// Bytes of a range.
    const ROW: usize = 12;

    /// The range's three numbers, as a table has them.
    pub fn to_bytes(self) -> [u8; 12] {
        let words = match self {
            Self::Integers { low, high, factor } => [low as u32, high as u32, factor],
            Self::Floats { low, high, factor } => [low, high, factor].map(f32::to_bits),
        };
        let mut bytes = [0; Self::ROW];
        bytes.as_chunks_mut().0.iter_mut().zip(words).for_each(|(place, word)| *place = word.to_le_bytes());
        bytes
    }

    #[inline(always)]
    fn of_bytes(element: Element, bytes: [u8; 12]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = bytes;
        let [low, high, factor] = [[a, b, c, d], [e, f, g, h], [i, j, k, l]].map(u32::from_le_bytes);
        match element {
            Element::F32 => {
                let [low, high, factor] = [low, high, factor].map(f32::from_bits);
                Self::Floats { low, high, factor }
            }
            _ => Self::Integers { low: low as i32, high: high as i32, factor },
        }
    }

    /// Tells whether each value of this element has a code from 0 to 255, and no operation overflows.
    fn is_sound(self, element: Element) -> bool {
        match self {
            Self::Integers { low, high, factor } => {
                let Some((least, most)) = element.range() else { return false };
                let is_within = least <= low && low <= high && high <= most;
                let largest = (high.wrapping_sub(low) as u32).checked_mul(factor);
                is_within && largest.and_then(|largest| largest.checked_add(1 << 15)).is_some_and(|top| top < 256 << 16)
            }
            Self::Floats { low, high, factor } => {
                let top = (high - low) * factor + 0.5;
                [low, high, factor, high - low].into_iter().all(is_finite)
                    && low <= high
                    && factor >= 0.0
                    && top < 256.0
            }
        }
    }

    /// The code of a value, as the element's numbers are.
    #[inline(always)]
    fn code(self, element: Element, bytes: &[u8]) -> u8 {
        match self {
            Self::Integers { low, high, factor } => {
                // Checked: low ≤ high, and the sum is below 2²⁴.
                let value = element.integer(bytes).min(high).max(low);
                (((value.wrapping_sub(low) as u32).wrapping_mul(factor).wrapping_add(1 << 15)) >> 16) as u8
            }
            Self::Floats { low, high, factor } => {
                let value = element.value(bytes);
                let value = if value > high { high } else { value };
                let value = if value > low { value } else { low };
                ((value - low) * factor + 0.5) as u8
            }
        }
    }
}

impl<'a> Coded<'a> {
    /// Checks a table: for each feature the three numbers of a [`CodeRange`], each 4 bytes, little-endian; none for elements of one byte.
    pub fn parse(element: Element, bytes: &'a [u8], features: usize) -> Option<Self> {
        Self::of_table(element, bytes, features).filter(|coded| coded.is_sound())
    }

    /// A table of the right length.
    fn of_table(element: Element, bytes: &'a [u8], features: usize) -> Option<Self> {
        let rows = if element.size() == 1 { 0 } else { features };
        (rows.checked_mul(CodeRange::ROW) == Some(bytes.len())).then_some(Self { element, bytes })
    }

    fn is_sound(self) -> bool {
        self.ranges().all(|range| range.is_sound(self.element))
    }

    /// The table.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Each feature's range; none for elements of one byte.
    pub fn ranges(self) -> impl Iterator<Item = CodeRange> + Clone + 'a {
        let element = self.element;
        self.bytes.as_chunks().0.iter().map(move |&row| CodeRange::of_bytes(element, row))
    }

    fn write(self, sample: &[u8], codes: &mut [u8]) {
        let values = sample.chunks_exact(self.element.size()).zip(codes);
        match self.element {
            Element::U8 | Element::I8 => {
                let flip = if self.element == Element::I8 { 0x80 } else { 0 };
                sample.iter().zip(values).for_each(|(&byte, (_, code))| *code = byte ^ flip);
            }
            element => values.zip(self.ranges()).for_each(|((bytes, code), range)| *code = range.code(element, bytes)),
        }
    }
}

/// By the bits: a chip without floating point needs no routine for it.
fn is_finite(value: f32) -> bool {
    value.to_bits() & 0x7f80_0000 != 0x7f80_0000
}

/// The kinds of a [`Preparation`] in a file: a byte before the element and the table.
pub(crate) const SCALED: u8 = 0;
pub(crate) const CODED: u8 = 1;

impl<'a> Preparation<'a> {
    /// Reads the preparation of a file's field: a kind, an element, a table of the right length. Networks of integers have codes, others
    /// scales.
    ///
    /// The table's numbers may be any: [`is_sound`](Self::is_sound) checks them. Numbers that are not sound give wrong inputs, and nothing else.
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

    /// Tells whether the table's numbers keep to the rules of [`Scaled`] and [`Coded`]. The loaders leave it to a host, which has checked a file
    /// before a board gets it: it takes floating point, of which a prediction in integers has no need.
    pub fn is_sound(self) -> bool {
        match self {
            Self::Bytes => true,
            Self::Scaled(scaled) => scaled.is_sound(),
            Self::Coded(coded) => coded.is_sound(),
        }
    }

    /// A file's field: its first two bytes, kind and element, and the table; `None` where a file needs no field.
    pub const fn field(self) -> Option<([u8; 2], &'a [u8])> {
        match self {
            Self::Bytes => None,
            Self::Scaled(Scaled { element, bytes }) => Some(([SCALED, element as u8], bytes)),
            Self::Coded(Coded { element, bytes }) => Some(([CODED, element as u8], bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn table(rows: &[CodeRange]) -> Vec<u8> {
        rows.iter().flat_map(|row| row.to_bytes()).collect()
    }

    #[test]
    fn values_of_every_element_are_read() {
        assert_eq!(Element::U8.values(&[0, 255]).collect::<Vec<_>>(), [0.0, 255.0]);
        assert_eq!(Element::I8.values(&[0x80, 127]).collect::<Vec<_>>(), [-128.0, 127.0]);
        assert_eq!(Element::I16.values(&[0, 0x80, 1, 2]).collect::<Vec<_>>(), [-32768.0, 513.0]);
        assert_eq!(Element::U16.values(&[0xff, 0xff, 7]).collect::<Vec<_>>(), [65535.0]);
        assert_eq!(Element::F32.values(&1.5_f32.to_le_bytes()).collect::<Vec<_>>(), [1.5]);
    }

    #[test]
    fn scales_are_one_for_each_feature_or_one_for_all() {
        let rows: Vec<u8> = [2.0_f32, 1.0, -1.0, 0.5].into_iter().flat_map(f32::to_le_bytes).collect();
        let each = Preparation::Scaled(Scaled::parse(Element::I8, &rows, 2).unwrap());
        let all = Preparation::Scaled(Scaled::parse(Element::I8, &rows[..8], 2).unwrap());
        let mut input = [0.0; 2];
        each.write(&[3, 0xff], &mut input);
        assert_eq!(input, [7.0, 1.5]);
        all.write(&[3, 0xff], &mut input);
        assert_eq!(input, [7.0, -1.0]);
        for (bytes, features) in [(&rows[..], 3), (&rows[..12], 2), (&[][..], 1), (&[][..], 0)] {
            assert_eq!(Scaled::parse(Element::I8, bytes, features), None);
        }
        let infinite: Vec<u8> = [f32::INFINITY, 0.0].into_iter().flat_map(f32::to_le_bytes).collect();
        assert_eq!(Scaled::parse(Element::F32, &infinite, 1), None);
    }

    #[test]
    fn codes_of_bytes_need_no_table() {
        let mut codes = [9; 3];
        for (element, expected) in [(Element::U8, [0, 127, 255]), (Element::I8, [128, 255, 127])] {
            Preparation::Coded(Coded::parse(element, &[], 3).unwrap()).write_codes(&[0, 127, 255], &mut codes);
            assert_eq!(codes, expected);
            assert_eq!(Coded::parse(element, &[0; 12], 1), None);
        }
        Preparation::Bytes.write_codes(&[1, 2, 3], &mut codes);
        assert_eq!(codes, [1, 2, 3]);
    }

    #[test]
    fn a_range_has_256_codes_and_its_ends_hold_what_is_outside() {
        let integers = CodeRange::Integers { low: -1000, high: 1550, factor: (255 << 16) / 2550 };
        let floats = CodeRange::Floats { low: -1.0, high: 1.0, factor: 127.5 };
        let code = |range: CodeRange, element, bytes: &[u8]| {
            let (table, mut codes) = (table(&[range]), [0]);
            Preparation::Coded(Coded::parse(element, &table, 1).unwrap()).write_codes(bytes, &mut codes);
            codes[0]
        };
        for (value, expected) in [(-32768, 0), (-1000, 0), (-996, 0), (-994, 1), (275, 127), (1550, 255), (32767, 255)]
        {
            assert_eq!(code(integers, Element::I16, &i16::to_le_bytes(value)), expected, "{value}");
        }
        for (value, expected) in
            [(f32::NEG_INFINITY, 0), (-1.0, 0), (0.0, 128), (1.0, 255), (1e30, 255), (f32::NAN, 0), (-0.997, 0)]
        {
            assert_eq!(code(floats, Element::F32, &f32::to_le_bytes(value)), expected, "{value}");
        }
    }

    #[test]
    fn a_range_that_could_overflow_is_none() {
        let integers = |low, high, factor| CodeRange::Integers { low, high, factor };
        let floats = |low, high, factor| CodeRange::Floats { low, high, factor };
        for (element, range) in [
            (Element::I16, integers(1, 0, 0)),
            (Element::I16, integers(-32769, 0, 0)),
            (Element::U16, integers(-1, 0, 0)),
            (Element::U16, integers(0, 65535, 257)),
            (Element::U16, integers(0, 1, 256 << 16)),
            (Element::U16, integers(0, 65535, u32::MAX)),
            (Element::F32, floats(1.0, 0.0, 1.0)),
            (Element::F32, floats(0.0, 1.0, -1.0)),
            (Element::F32, floats(0.0, 1.0, 256.0)),
            (Element::F32, floats(0.0, f32::INFINITY, 0.0)),
            (Element::F32, floats(-3e38, 3e38, 0.0)),
            (Element::F32, floats(f32::NAN, 1.0, 1.0)),
        ] {
            assert_eq!(Coded::parse(element, &table(&[range]), 1), None, "{range:?}");
        }
        assert!(Coded::parse(Element::U16, &table(&[integers(0, 65535, 255)]), 1).is_some());
        assert_eq!(Coded::parse(Element::U16, &table(&[integers(0, 1, 1)]), 2), None);
    }

    proptest! {
        /// Whatever a table says that is taken, its formula holds in wide arithmetic.
        #[test]
        fn integers_are_coded_as_the_formula_says(low: i16, length in 0..=65_535_i32, factor: u32, value: i16) {
            let (low, high) = (i32::from(low), (i32::from(low) + length).min(32_767));
            let factor = factor % ((255 << 16) / (high - low).max(1) as u32 + 2);
            let range = CodeRange::Integers { low, high, factor };
            let bytes = table(&[range]);
            if let Some(coded) = Coded::parse(Element::I16, &bytes, 1) {
                let mut codes = [0];
                coded.write(&value.to_le_bytes(), &mut codes);
                let exact = (i64::from(i32::from(value).clamp(low, high) - low) * i64::from(factor) + (1 << 15)) >> 16;
                prop_assert_eq!(i64::from(codes[0]), exact);
            }
        }
    }
}
