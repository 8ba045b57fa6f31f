//! The order in which an epoch takes the training samples.

use selvedge::random;

use super::TrainingOptions;
use crate::task::Targets;

/// An epoch's order; none at first.
pub(super) struct Order {
    epoch: Option<u32>,
    /// The samples' indices.
    pub(super) samples: Vec<u32>,
    /// Their targets.
    pub(super) targets: Targets,
}

impl Order {
    /// No epoch's.
    pub(super) fn new() -> Self {
        Self { epoch: None, samples: Vec::new(), targets: Vec::new().into() }
    }

    /// Returns true if it is this epoch's.
    pub(super) fn is_of(&self, epoch: u32) -> bool {
        self.epoch == Some(epoch)
    }

    /// Becomes this epoch's, where it is not yet: it is a function of the seed and the epoch, whenever it is drawn.
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
