use half::{bf16, f16};

use crate::npy::Number;

/// A type of elements in other programs' files of weights, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    F16,
    Bf16,
    F32,
    F64,
}

impl Element {
    /// Returns the element for a NumPy array's type, or `None` if weights cannot be such numbers.
    pub(super) fn of_number(number: Number) -> Option<Self> {
        match number {
            Number::F16 => Some(Self::F16),
            Number::F32 => Some(Self::F32),
            Number::F64 => Some(Self::F64),
            _ => None,
        }
    }

    pub(super) const fn size(self) -> usize {
        match self {
            Self::F16 | Self::Bf16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Returns the first element as the nearest `f32`, or 0 if there is no element.
    pub(super) fn decode_one(self, bytes: &[u8]) -> f32 {
        let value = match self {
            Self::F16 => bytes.first_chunk().map(|&b| f16::from_le_bytes(b).to_f32()),
            Self::Bf16 => bytes.first_chunk().map(|&b| bf16::from_le_bytes(b).to_f32()),
            Self::F32 => bytes.first_chunk().map(|&b| f32::from_le_bytes(b)),
            Self::F64 => bytes.first_chunk().map(|&b| f64::from_le_bytes(b) as f32),
        };
        value.unwrap_or_default()
    }

    /// Returns the elements without rounding. Bytes at the end that are not a whole element are left out.
    pub(super) fn decode_wide(self, bytes: &[u8]) -> Vec<f64> {
        match self {
            Self::F64 => bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b)).collect(),
            _ => self.decode(bytes).into_iter().map(f64::from).collect(),
        }
    }

    /// Returns the elements as the nearest `f32`s. Bytes at the end that are not a whole element are left out.
    pub(super) fn decode(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::F16 => bytes.as_chunks().0.iter().map(|&b| f16::from_le_bytes(b).to_f32()).collect(),
            Self::Bf16 => bytes.as_chunks().0.iter().map(|&b| bf16::from_le_bytes(b).to_f32()).collect(),
            Self::F32 => bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect(),
            Self::F64 => bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b) as f32).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_gives_its_numbers() {
        assert_eq!(Element::F16.decode(&[0x00, 0x3e, 0x00, 0xfc]), [1.5, f32::NEG_INFINITY]);
        assert_eq!(Element::Bf16.decode(&[0xc0, 0x3f]), [1.5]);
        assert_eq!(Element::F32.decode(&(-0.1_f32).to_le_bytes()), [-0.1]);
        assert_eq!(Element::F64.decode(&0.1_f64.to_le_bytes()), [0.1]);
        assert!(Element::F64.decode(&[0; 7]).is_empty());
    }
}
