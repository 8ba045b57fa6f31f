use core::fmt;

/// The number type of a sample's raw values.
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
    /// All variants, in their order.
    pub const ALL: [Self; 5] = [Self::U8, Self::I8, Self::I16, Self::U16, Self::F32];

    /// Returns the number of bytes of a value.
    pub const fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::F32 => 4,
        }
    }

    /// Returns the element's name: `u8`, `i8`, `i16`, `u16` or `f32`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::U8 => "u8",
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::U16 => "u16",
            Self::F32 => "f32",
        }
    }

    /// Returns the smallest and the largest integer, or `None` for [`Element::F32`].
    pub const fn range(self) -> Option<(i32, i32)> {
        match self {
            Self::U8 => Some((0, 255)),
            Self::I8 => Some((-128, 127)),
            Self::I16 => Some((-32_768, 32_767)),
            Self::U16 => Some((0, 65_535)),
            Self::F32 => None,
        }
    }

    /// Reads the values of a sample as numbers, without rounding. Bytes at the end that are less than a value are left out.
    pub fn values(self, sample: &[u8]) -> impl Iterator<Item = f32> + Clone + '_ {
        sample.chunks_exact(self.size()).map(move |bytes| self.value(bytes))
    }

    #[inline(always)]
    pub(super) fn value(self, bytes: &[u8]) -> f32 {
        match (self, bytes) {
            (Self::F32, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
            _ => self.integer(bytes) as f32,
        }
    }

    #[inline(always)]
    pub(super) fn integer(self, bytes: &[u8]) -> i32 {
        match (self, bytes) {
            (Self::I8, &[a]) => i32::from(a as i8),
            (Self::I16, &[a, b]) => i16::from_le_bytes([a, b]).into(),
            (Self::U16, &[a, b]) => u16::from_le_bytes([a, b]).into(),
            (_, &[a, ..]) => a.into(),
            _ => 0,
        }
    }

    pub(super) fn of_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
