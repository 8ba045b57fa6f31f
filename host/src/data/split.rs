//! A part of the data: samples, and a label for each.

use std::slice::ChunksExact;

use sha2::{Digest, Sha256};

/// Samples, a byte for each feature, and their labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    features: usize,
    values: Vec<u8>,
    labels: Vec<u16>,
}

impl Split {
    /// Samples of so many features, one after the other, and a class of each.
    ///
    /// # Panics
    ///
    /// If there is not one label for each sample.
    pub fn new(features: usize, values: Vec<u8>, labels: Vec<u16>) -> Self {
        assert_eq!(values.len(), features * labels.len(), "each sample has a label");
        Self { features, values, labels }
    }

    /// The number of samples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The features of a sample.
    pub fn features(&self) -> usize {
        self.features
    }

    /// All values, sample after sample.
    pub fn values(&self) -> &[u8] {
        &self.values
    }

    /// A class for each sample.
    pub fn labels(&self) -> &[u16] {
        &self.labels
    }

    /// One sample's values.
    pub fn sample(&self, index: usize) -> &[u8] {
        &self.values[index * self.features..][..self.features]
    }

    /// Every sample's values.
    pub fn samples(&self) -> ChunksExact<'_, u8> {
        self.values.chunks_exact(self.features.max(1))
    }

    /// Keeps the first samples alone.
    pub fn truncate(&mut self, count: usize) {
        self.labels.truncate(count);
        self.values.truncate(count * self.features);
    }

    /// SHA-256 of the values, then the labels: a byte for each, or where one is above 255 two, little-endian.
    pub fn checksum(&self) -> [u8; 32] {
        let are_bytes = self.labels.iter().all(|&label| label <= u8::MAX.into());
        let bytes = |&label: &u16| label.to_le_bytes().into_iter().take(if are_bytes { 1 } else { 2 });
        let labels: Vec<u8> = self.labels.iter().flat_map(bytes).collect();
        Sha256::new().chain_update(&self.values).chain_update(labels).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_covers_values_and_labels() {
        let split = Split::new(2, vec![0; 4], vec![3, 4]);
        let values = Split::new(2, vec![0, 0, 0, 1], vec![3, 4]);
        let labels = Split::new(2, vec![0; 4], vec![4, 3]);
        let large = Split::new(2, vec![0; 4], vec![3, 256 + 4]);
        for other in [values, labels, large] {
            assert_ne!(split.checksum(), other.checksum());
        }
        assert_eq!(split.checksum()[..], Sha256::digest([0, 0, 0, 0, 3, 4])[..]);
    }
}
