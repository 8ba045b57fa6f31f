//! The order in which an epoch takes the training samples.

use selvedge::random;

use super::TrainingOptions;
use crate::task::Targets;

/// The order of an epoch. At first, it is not of any epoch.
pub(super) struct Order {
    epoch: Option<u32>,
    /// The samples' indices.
    pub(super) samples: Vec<u32>,
    /// The targets of the samples.
    pub(super) targets: Targets,
}

impl Order {
    /// Returns the order of no epoch.
    pub(super) fn new() -> Self {
        Self { epoch: None, samples: Vec::new(), targets: Vec::new().into() }
    }

    /// Returns true if the order is that of this epoch.
    pub(super) fn is_of(&self, epoch: u32) -> bool {
        self.epoch == Some(epoch)
    }

    /// Draws the order of this epoch, if it is not drawn yet. The order depends only on the seed and the epoch, not on the time of the draw.
    pub(super) fn draw(&mut self, epoch: u32, targets: &Targets, options: &TrainingOptions) {
        if self.is_of(epoch) {
            return;
        }
        self.epoch = Some(epoch);
        self.samples.clear();
        self.samples.extend((0..).take(targets.len()));
        if options.shuffle {
            random::shuffle(&mut self.samples, options.seed, epoch.into());
        }
        self.targets = targets.chosen(&self.samples);
    }
}
