use super::{Element, is_finite};

/// A range for each feature, divided into 256 codes. A feature's [`CodeRange`] has the numbers `low`, `high` and `factor`. With
/// `v = min(max(value, low), high)`, a value's code is:
///
/// - for [`Element::I16`] and [`Element::U16`]: `code = ⌊((v − low) · factor + 2¹⁵) / 2¹⁶⌋`, in 32 bits;
/// - for [`Element::F32`]: `code = ⌊(v − low) · factor + 1/2⌋`, each of the three operations rounded to an f32; a NaN counts as `low`;
/// - for [`Element::I8`]: `code = value + 128`, and for [`Element::U8`] `code = value`, without a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Coded<'a> {
    pub(super) element: Element,
    pub(super) bytes: &'a [u8],
}

/// A feature's range: integers of 32 bits for [`Element::I16`] and [`Element::U16`], f32 for [`Element::F32`]. Elements of one byte have no range.
///
/// These are the rules. `low` is at most `high`. Integers lie within the element's range. Floats are finite, `high − low` is finite, and
/// `factor` is not negative. The code of `high` is at most 255, and for integers `(high − low) · factor + 2¹⁵` fits into 32 bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CodeRange {
    /// A range of integers.
    Integers {
        /// The value of code 0.
        low: i32,
        /// The upper end of the range. A larger value gets the code of this one.
        high: i32,
        /// The number of codes for each unit of the value, times 2¹⁶.
        factor: u32,
    },
    /// A range of floating-point numbers.
    Floats {
        /// The value of code 0.
        low: f32,
        /// The upper end of the range. A larger value gets the code of this one.
        high: f32,
        /// The number of codes for each unit of the value.
        factor: f32,
    },
}

impl CodeRange {
    /// The number of bytes of a range.
    const ROW: usize = 12;

    /// Returns the range's three numbers as bytes, as a table has them.
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

    /// Returns true if each value of this element has a code from 0 to 255, and no operation overflows.
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

    /// Returns the code of a value. `bytes` is the value as a number of this element.
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
    /// Parses a table. For each feature it has `low`, `high` and `factor` of a [`CodeRange`], each 4 bytes, little-endian. For elements of one
    /// byte, the table is empty. Returns `None` for a table of another length, or if a range breaks the rules of [`CodeRange`].
    pub fn parse(element: Element, bytes: &'a [u8], features: usize) -> Option<Self> {
        Self::of_table(element, bytes, features).filter(|coded| coded.is_sound())
    }

    /// Returns a table of the right length, or `None` for another length. The numbers are not checked.
    pub(super) fn of_table(element: Element, bytes: &'a [u8], features: usize) -> Option<Self> {
        let rows = if element.size() == 1 { 0 } else { features };
        (rows.checked_mul(CodeRange::ROW) == Some(bytes.len())).then_some(Self { element, bytes })
    }

    pub(super) fn is_sound(self) -> bool {
        self.ranges().all(|range| range.is_sound(self.element))
    }

    /// Returns the table's bytes.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Returns each feature's range. For elements of one byte, there are none.
    pub fn ranges(self) -> impl Iterator<Item = CodeRange> + Clone + 'a {
        let element = self.element;
        self.bytes.as_chunks().0.iter().map(move |&row| CodeRange::of_bytes(element, row))
    }

    pub(super) fn write(self, sample: &[u8], codes: &mut [u8]) {
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
