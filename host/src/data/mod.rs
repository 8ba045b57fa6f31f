//! The data: Fashion-MNIST from a folder or from the network, or the built-in set of drawn garments.

pub mod builtin;
pub mod download;
mod error;
mod files;
mod search;

use std::path::Path;

use selvedge::{
    idx::Image,
    random::{Generator, Purpose},
};
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
    /// What is held out of that, to judge epochs by.
    pub validation: Option<Split>,
    /// What it is tested on.
    pub test: Split,
    /// Why this is not the data that was looked for: to be said at the start and at the end.
    pub notice: Option<String>,
}

impl Dataset {
    fn new(name: &str, [train, test]: [Split; 2], notice: Option<String>) -> Self {
        Self { name: name.into(), checksum: train.checksum(), train, validation: None, test, notice }
    }

    /// Takes the first images alone for training.
    pub fn truncate(&mut self, count: usize) {
        self.train.images.truncate(count);
        self.train.labels.truncate(count);
        self.checksum = self.train.checksum();
    }

    /// Holds out so many training images for validation: those that come first in a shuffled order of the seed's. Both parts keep
    /// the file's order.
    pub fn hold_out(&mut self, count: usize, seed: u64) {
        let samples = self.train.images.len();
        let generator = Generator::new(seed, Purpose::Split, 0);
        let mut keys: Vec<(u64, usize)> = (0..samples).map(|i| (generator.bits(i as u64), i)).collect();
        keys.sort_unstable();
        let mut is_held_out = vec![false; samples];
        keys.iter().take(count).for_each(|&(_, index)| is_held_out[index] = true);
        let part = |wanted: bool| {
            let indices = || (0..samples).filter(|&index| is_held_out[index] == wanted);
            Split {
                images: indices().map(|index| self.train.images[index]).collect(),
                labels: indices().map(|index| self.train.labels[index]).collect(),
            }
        };
        (self.validation, self.train) = (Some(part(true)), part(false));
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
    fn holding_out_parts_the_images() {
        let images: Vec<Image> = (0..200).map(|i| [i; 784]).collect();
        let train = Split { labels: images.iter().map(|image| image[0]).collect(), images };
        let data = |seed| {
            let mut data = Dataset::new("test", [train.clone(), train.clone()], None);
            data.hold_out(50, seed);
            (data.validation.unwrap(), data.train)
        };
        let (validation, rest) = data(1);
        assert_eq!((validation.images.len(), rest.images.len()), (50, 150));
        for part in [&validation, &rest] {
            assert!(part.labels.is_sorted());
            assert!(part.images.iter().zip(&part.labels).all(|(image, &label)| image[0] == label));
        }
        let mut all = [validation.labels.clone(), rest.labels].concat();
        all.sort_unstable();
        assert_eq!(all, train.labels);
        assert_eq!(data(1).0, validation);
        assert_ne!(data(2).0, validation);
    }

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
