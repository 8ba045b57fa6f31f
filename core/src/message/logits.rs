use heapless::Vec;
use serde::{Deserialize, Serialize};

use crate::{
    classification::{argmax, probabilities, top_k},
    flat::{as_bytes, i32_bytes},
    weights,
};

/// A network's outputs for one sample, floats or integers, as little-endian words of 32 bits.
///
/// ```
/// use selvedge::message::Logits;
///
/// let logits = Logits::float32(&[0.5, 2.0, -1.0]);
/// assert_eq!((logits.len(), logits.class()), (3, 1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Logits<'a> {
    /// Logits of a floating-point network.
    Float32(Words<'a>),
    /// Logits of an integer network.
    Int32 {
        /// The integer that the network gives for each output, as [`QuantizedFile::run`](crate::quantized::QuantizedFile::run) returns it.
        sums: Words<'a>,
        /// The factor from such an integer to its logit.
        scale: f32,
    },
}

crate::wire::numbered! { Logits<'a> { 0 => Float32(words), 1 => Int32 { sums, scale } } }

/// Words of 32 bits, little-endian, at any place in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Words<'a>(&'a [u8]);

impl<'a> Words<'a> {
    /// Returns each word.
    pub fn iter(self) -> impl Iterator<Item = [u8; 4]> + Clone + 'a {
        self.0.as_chunks().0.iter().copied()
    }
}

impl Serialize for Words<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Words<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = <&[u8]>::deserialize(deserializer)?;
        if bytes.len().is_multiple_of(4) { Ok(Self(bytes)) } else { Err(serde::de::Error::custom("")) }
    }
}

impl<'a> Logits<'a> {
    /// Makes logits of a floating-point network's outputs.
    pub fn float32(values: &'a [f32]) -> Self {
        Self::Float32(Words(as_bytes(values)))
    }

    /// Makes logits of an integer network's outputs; `scale` is the factor from an integer to its logit.
    pub fn int32(sums: &'a [i32], scale: f32) -> Self {
        Self::Int32 { sums: Words(i32_bytes(sums)), scale }
    }

    fn words(&self) -> Words<'a> {
        match *self {
            Self::Float32(words) | Self::Int32 { sums: words, .. } => words,
        }
    }

    /// Returns the number of outputs.
    pub fn len(&self) -> usize {
        self.words().0.len() / 4
    }

    /// Returns true if there are no logits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the index of the largest logit, and of several equal ones the lowest index.
    pub fn class(&self) -> usize {
        match self {
            Self::Float32(words) => argmax(words.iter().map(f32::from_le_bytes)),
            Self::Int32 { sums, .. } => argmax(sums.iter().map(i32::from_le_bytes)),
        }
    }

    /// Returns the classes of the `K` largest logits with their probabilities: see [`top_k`].
    pub fn top<const K: usize>(&self) -> Vec<(usize, f32), K> {
        let probabilities = probabilities(self.values());
        match self {
            Self::Float32(words) => top_k(words.iter().map(f32::from_le_bytes), probabilities),
            Self::Int32 { sums, .. } => top_k(sums.iter().map(i32::from_le_bytes), probabilities),
        }
    }

    /// Returns the logits as numbers.
    pub fn values(&self) -> impl Iterator<Item = f32> + Clone + 'a {
        let scale = match *self {
            Self::Float32(_) => None,
            Self::Int32 { scale, .. } => Some(scale),
        };
        self.words().iter().map(move |word| match scale {
            None => f32::from_le_bytes(word),
            Some(scale) => i32::from_le_bytes(word) as f32 * scale,
        })
    }

    /// Returns SHA-256 of the words.
    pub fn hash(&self) -> [u8; 32] {
        weights::hash_bytes(self.words().0)
    }

    /// Returns true if both have the same bits. There is no tolerance. A NaN equals a NaN with the same bits.
    pub fn has_bits_of(&self, other: &Logits<'_>) -> bool {
        match (self, other) {
            (Self::Float32(a), Logits::Float32(b)) => a.0 == b.0,
            (Self::Int32 { sums: a, scale: s }, Logits::Int32 { sums: b, scale: t }) => {
                a.0 == b.0 && s.to_bits() == t.to_bits()
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::classification::probabilities;

    #[test]
    fn the_first_of_the_largest_is_the_class() {
        assert_eq!(Logits::float32(&[0.5, 2.0, 2.0]).class(), 1);
        assert_eq!(Logits::int32(&[i32::MIN, 7, 7], 0.1).class(), 1);
        assert_eq!(Logits::int32(&[-1, -1, -1], 0.1).class(), 0);
        assert_eq!((Logits::float32(&[]).class(), Logits::float32(&[]).is_empty()), (0, true));
    }

    #[test]
    fn integers_are_worth_their_scale() {
        let floats = [0.5, 2.0, -3.0];
        let integers = Logits::int32(&[2, 8, -12], 0.25);
        assert!(integers.values().eq(floats));
        let of_floats: Vec<f32> = probabilities(Logits::float32(&floats).values()).collect();
        assert!(probabilities(integers.values()).eq(of_floats));
    }

    #[test]
    fn bits_are_compared_and_not_values() {
        let (nan, zero, negative) = ([f32::NAN, 0.0], [0.0; 2], [-0.0, 0.0]);
        assert!(Logits::float32(&nan).has_bits_of(&Logits::float32(&nan)));
        assert!(!Logits::float32(&zero).has_bits_of(&Logits::float32(&negative)));
        assert!(!Logits::float32(&zero).has_bits_of(&Logits::float32(&zero[..1])));
        let int = |sums, scale| Logits::int32(sums, scale);
        assert!(int(&[1, 2], 1.0).has_bits_of(&int(&[1, 2], 1.0)));
        assert!(!int(&[1, 2], 1.0).has_bits_of(&int(&[1, 3], 1.0)));
        assert!(!int(&[1, 2], 1.0).has_bits_of(&int(&[1, 2], 2.0)));
        assert!(!int(&[0, 0], 1.0).has_bits_of(&Logits::float32(&zero)));
    }
}
