//! The order in which an epoch takes the training samples.

use selvedge::random;

use super::Options;
use crate::data::Split;

/// An epoch's order; none at first.
#[derive(Debug, Default)]
pub(super) struct Order {
    epoch: Option<u32>,
    /// The samples' indices.
    pub(super) samples: Vec<u32>,
    /// Their labels.
    pub(super) targets: Vec<u16>,
}

impl Order {
    /// Tells whether it is this epoch's.
    pub(super) fn is_of(&self, epoch: u32) -> bool {
        self.epoch == Some(epoch)
    }

    /// Becomes this epoch's, where it is not yet: it is a function of the seed and the epoch, whenever it is drawn.
    pub(super) fn draw(&mut self, epoch: u32, train: &Split, options: &Options) {
        if self.is_of(epoch) {
            return;
        }
        self.epoch = Some(epoch);
        self.samples.clear();
        self.samples.extend((0..).take(train.len()));
        if options.shuffle {
            random::shuffle(&mut self.samples, options.seed, epoch.into());
        }
        self.targets.clear();
        self.targets.extend(self.samples.iter().map(|&index| train.labels()[index as usize]));
    }
}
