//! A part of a data set: IDX files of samples and of labels, as for Fashion-MNIST.

use alloc::{format, string::String, string::ToString, vec::Vec};

use selvedge::idx;
use wasm_bindgen::prelude::*;

/// Samples of equal length, each with a label.
#[wasm_bindgen]
pub struct Samples {
    values: Vec<u8>,
    labels: Vec<u8>,
    sample_len: usize,
    sizes: Vec<u32>,
}

#[wasm_bindgen]
impl Samples {
    /// Reads two IDX files. Keeps the first `limit` samples, or all if `limit` is 0.
    ///
    /// # Errors
    ///
    /// Files that are not IDX, that do not belong together, or that are empty.
    #[wasm_bindgen(constructor)]
    pub fn new(samples: &[u8], labels: &[u8], limit: u32) -> Result<Samples, JsError> {
        Self::read(samples, labels, limit as usize).map_err(|error| JsError::new(&error))
    }

    /// Returns the number of samples.
    #[wasm_bindgen(getter)]
    pub fn count(&self) -> usize {
        self.labels.len()
    }

    /// Returns the sizes of a sample: features, or channels, height and width.
    #[wasm_bindgen(getter)]
    pub fn sizes(&self) -> Vec<u32> {
        self.sizes.clone()
    }

    /// Returns a sample's bytes. They are empty if there is no such sample.
    pub fn sample(&self, index: usize) -> Vec<u8> {
        self.bytes(index).to_vec()
    }

    /// Returns a sample's label, or 0 if there is no such sample.
    pub fn label(&self, index: usize) -> u8 {
        self.labels.get(index).copied().unwrap_or(0)
    }
}

impl Samples {
    /// Does the same as [`new`](Self::new), with the error as a text.
    ///
    /// # Errors
    ///
    /// The errors of [`new`](Self::new).
    pub fn read(samples: &[u8], labels: &[u8], limit: usize) -> Result<Self, String> {
        let samples = idx::samples(samples).map_err(|error| format!("the file of samples: {error}"))?;
        let labels = idx::labels(labels).map_err(|error| format!("the file of labels: {error}"))?;
        if samples.len() != labels.len() {
            return Err(format!("the files have {} samples and {} labels: take a pair", samples.len(), labels.len()));
        }
        let count = if limit == 0 { labels.len() } else { limit.min(labels.len()) };
        if count == 0 {
            return Err("the files have no samples".to_string());
        }
        let sample_len = samples.shape().features();
        let values = samples.bytes().get(..count * sample_len).unwrap_or_default().to_vec();
        let sizes = samples.shape().sizes().collect();
        Ok(Self { values, labels: labels[..count].to_vec(), sample_len, sizes })
    }

    /// Returns the number of bytes of a sample.
    pub(crate) fn sample_len(&self) -> usize {
        self.sample_len
    }

    pub(crate) fn bytes(&self, index: usize) -> &[u8] {
        self.values.get(index * self.sample_len..).and_then(|rest| rest.get(..self.sample_len)).unwrap_or_default()
    }

    /// Returns each sample with its label.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], u8)> {
        self.values.chunks_exact(self.sample_len.max(1)).zip(self.labels.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(count: u32, labels: u32) -> (Vec<u8>, Vec<u8>) {
        let mut header = [0; idx::MAX_HEADER];
        let shape = selvedge::shape::InputShape::Image { channels: 1, height: 2, width: 2 };
        let samples = [idx::samples_header(count, shape, &mut header), &vec![7; 4 * count as usize]].concat();
        (samples, [&idx::labels_header(labels)[..], &vec![3; labels as usize]].concat())
    }

    #[test]
    fn the_first_samples_are_kept() {
        let (samples, labels) = files(5, 5);
        let read = Samples::read(&samples, &labels, 3).unwrap();
        assert_eq!((read.count(), read.sizes(), read.sample(2), read.label(2)), (3, vec![1, 2, 2], vec![7; 4], 3));
        assert!(read.sample(3).is_empty());
        assert_eq!(Samples::read(&samples, &labels, 0).unwrap().count(), 5);
    }

    #[test]
    fn files_that_are_no_pair_say_so() {
        let error = |(samples, labels): (Vec<u8>, Vec<u8>)| Samples::read(&samples, &labels, 0).err().unwrap();
        assert_eq!(error(files(5, 4)), "the files have 5 samples and 4 labels: take a pair");
        assert_eq!(error(files(0, 0)), "the files have no samples");
        let (samples, labels) = files(1, 1);
        assert!(error((labels.clone(), labels)).starts_with("the file of samples: "));
        assert!(error((samples.clone(), samples)).starts_with("the file of labels: "));
    }
}
