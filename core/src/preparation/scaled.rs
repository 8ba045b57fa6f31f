use super::{Element, is_finite};
use crate::arithmetic::fma;

/// A scale and a shift for each feature: `input = fma(value, scale, shift)`, rounded once.
///
/// To standardise by mean μ and standard deviation σ, use scale `1 / σ` and shift `−μ / σ`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Scaled<'a> {
    pub(super) element: Element,
    pub(super) bytes: &'a [u8],
}

impl<'a> Scaled<'a> {
    /// Parses a table. It has a scale and a shift, each an f32, little-endian, for each feature or once for all features. Returns `None` for a
    /// table of another length, or if a number is not finite.
    pub fn parse(element: Element, bytes: &'a [u8], features: usize) -> Option<Self> {
        Self::of_table(element, bytes, features).filter(|scaled| scaled.is_sound())
    }

    /// Returns a table of the right length, or `None` for another length. The numbers are not checked.
    pub(crate) fn of_table(element: Element, bytes: &'a [u8], features: usize) -> Option<Self> {
        let is_whole = bytes.len() == Self::ROW || features.checked_mul(Self::ROW) == Some(bytes.len());
        (is_whole && !bytes.is_empty()).then_some(Self { element, bytes })
    }

    pub(crate) fn is_sound(self) -> bool {
        self.rows().all(|(scale, shift)| is_finite(scale) && is_finite(shift))
    }

    /// The number of bytes of a feature's row.
    pub(crate) const ROW: usize = 8;

    /// Returns the table's bytes.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Returns the scale and the shift of each feature, or one pair for all features.
    pub fn rows(self) -> impl Iterator<Item = (f32, f32)> + Clone + 'a {
        self.bytes
            .as_chunks::<{ Scaled::ROW }>()
            .0
            .iter()
            .map(|&[a, b, c, d, e, f, g, h]| (f32::from_le_bytes([a, b, c, d]), f32::from_le_bytes([e, f, g, h])))
    }

    pub(super) fn write(self, sample: &[u8], input: &mut [f32]) {
        let values = self.element.values(sample).zip(input);
        let mut rows = self.rows();
        match (self.bytes.len(), rows.next()) {
            (Self::ROW, Some((scale, shift))) => values.for_each(|(value, x)| *x = fma(value, scale, shift)),
            _ => values.zip(self.rows()).for_each(|((value, x), (scale, shift))| *x = fma(value, scale, shift)),
        }
    }
}
