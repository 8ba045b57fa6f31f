//! The time of each epoch of a training.

use anyhow::Result;
use host::training::{Epoch, Observer};

/// Each epoch's seconds, without its test.
#[derive(Default)]
pub struct EpochSeconds(pub Vec<f64>);

impl Observer for EpochSeconds {
    type Error = anyhow::Error;

    fn epoch_ends(&mut self, epoch: &Epoch) -> Result<()> {
        self.0.push(epoch.training.as_secs_f64());
        Ok(())
    }
}
