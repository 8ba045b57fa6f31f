use serde::{Deserialize, Serialize};

use crate::{arithmetic::softmax, classification::argmax, models::CLASSES, quantized, weights};

/// A network's output, in the numbers that it computes in.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Logits {
    /// A floating-point network's. A message has their bits.
    Float32([f32; CLASSES]),
    /// An integer network's.
    Int32 {
        /// Each class's sum.
        values: [i32; CLASSES],
        /// What a sum of 1 is worth as a logit.
        scale: f32,
    },
}

impl Logits {
    /// The class: the largest logit's, the first of equals.
    pub fn class(&self) -> usize {
        match self {
            Self::Float32(values) => argmax(values),
            Self::Int32 { values, .. } => argmax(values),
        }
    }

    /// The classes' probabilities: softmax.
    pub fn probabilities(&self) -> [f32; CLASSES] {
        let mut probabilities = [0.0; CLASSES];
        softmax(&self.values(), &mut probabilities);
        probabilities
    }

    /// What they are worth.
    pub fn values(&self) -> [f32; CLASSES] {
        match self {
            Self::Float32(values) => *values,
            Self::Int32 { values, scale } => values.map(|value| value as f32 * scale),
        }
    }

    /// SHA-256 of the numbers as they are computed, little-endian.
    pub fn hash(&self) -> [u8; 32] {
        match self {
            Self::Float32(values) => weights::hash(values),
            Self::Int32 { values, .. } => quantized::hash(values),
        }
    }

    /// Whether both are the same bits: no tolerance, and a NaN equals itself.
    pub fn has_bits_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Float32(a), Self::Float32(b)) => a.map(f32::to_bits) == b.map(f32::to_bits),
            (Self::Int32 { values: a, scale: s }, Self::Int32 { values: b, scale: t }) => {
                a == b && s.to_bits() == t.to_bits()
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn float(first: [f32; 3]) -> Logits {
        let mut values = [-1.0; CLASSES];
        values[..3].copy_from_slice(&first);
        Logits::Float32(values)
    }

    fn int(first: [i32; 3], scale: f32) -> Logits {
        let mut values = [-1; CLASSES];
        values[..3].copy_from_slice(&first);
        Logits::Int32 { values, scale }
    }

    #[test]
    fn the_first_of_the_largest_is_the_class() {
        assert_eq!(float([0.5, 2.0, 2.0]).class(), 1);
        assert_eq!(int([i32::MIN, 7, 7], 0.1).class(), 1);
        assert_eq!(int([-1, -1, -1], 0.1).class(), 0);
    }

    #[test]
    fn integers_are_worth_their_scale() {
        let mut values = [-1.0; CLASSES];
        values[..3].copy_from_slice(&[0.5, 2.0, -3.0]);
        let integers = Logits::Int32 { values: values.map(|value| (4.0 * value) as i32), scale: 0.25 };
        assert_eq!(integers.probabilities(), Logits::Float32(values).probabilities());
    }

    #[test]
    fn bits_are_compared_and_not_values() {
        let nan = float([f32::NAN, 0.0, 1.0]);
        assert!(nan.has_bits_of(&nan));
        assert!(!float([0.0; 3]).has_bits_of(&float([-0.0, 0.0, 0.0])));
        assert!(int([1, 2, 3], 1.0).has_bits_of(&int([1, 2, 3], 1.0)));
        assert!(!int([1, 2, 3], 1.0).has_bits_of(&int([1, 2, 4], 1.0)));
        assert!(!int([1, 2, 3], 1.0).has_bits_of(&int([1, 2, 3], 2.0)));
        assert!(!int([1, 2, 3], 1.0).has_bits_of(&float([1.0, 2.0, 3.0])));
    }
}
