//! The data: Fashion-MNIST from a folder or from the network, or the built-in set of drawn garments.

pub mod builtin;
pub mod download;
mod error;
mod files;
mod search;

use std::path::Path;

use selvedge::idx::Image;
use sha2::{Digest, Sha256};

pub use self::{error::DataError, search::Search};

/// Images to train on and images to test on.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// `Fashion-MNIST`, `builtin`, or the folder of other images.
    pub name: String,
    /// SHA-256 of the training images, then their labels: [`Split::checksum`].
    pub checksum: [u8; 32],
    /// What a model is trained on.
    pub train: Split,
    /// What it is tested on.
    pub test: Split,
    /// Why this is not the data that was looked for: to be said at the start and at the end.
    pub notice: Option<String>,
}

impl Dataset {
    fn new(name: &str, [train, test]: [Split; 2], notice: Option<String>) -> Self {
        Self { name: name.into(), checksum: train.checksum(), train, test, notice }
    }
}

/// Images and, at the same places, their labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// 28×28 shades each.
    pub images: Vec<Image>,
    /// A class from 0 to 9 each.
    pub labels: Vec<u8>,
}

impl Split {
    /// SHA-256 of the images' bytes, then the labels'.
    pub fn checksum(&self) -> [u8; 32] {
        Sha256::new().chain_update(self.images.as_flattened()).chain_update(&self.labels).finalize().into()
    }
}

/// Loads the chosen data, a folder or the word `builtin` (a folder of that name is `./builtin`), or else what
/// [`Search::from_environment`] finds.
///
/// # Errors
///
/// [`DataError`].
pub fn load(choice: Option<&Path>) -> Result<Dataset, DataError> {
    Search::from_environment().load(choice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_covers_images_and_labels() {
        let split = Split { images: vec![[0; 784]; 2], labels: vec![3, 4] };
        let mut images = split.clone();
        images.images[1][783] = 1;
        let labels = Split { labels: vec![4, 3], ..split.clone() };
        assert_ne!(split.checksum(), images.checksum());
        assert_ne!(split.checksum(), labels.checksum());
    }
}
