//! Epochs of training, timed.

use anyhow::Result;
use host::{
    data::Dataset,
    training::{self, Length, Observer, Progress, State, TrainingOptions},
};
use selvedge::{Engine, architecture::Architecture};

use super::shared::EpochSeconds;

/// Steps before the first that is measured, at most an epoch: caches, page tables and the clock settle.
const WARM_UP: u64 = 300;

/// A model in training; the recipe is the quickstart's.
pub struct TimedTraining<'a> {
    state: State,
    data: &'a Dataset,
    batch_size: usize,
}

impl<'a> TimedTraining<'a> {
    /// Returns a fresh model.
    pub fn new(network: &Architecture, data: &'a Dataset, batch_size: usize) -> Result<Self> {
        Ok(Self { state: State::initialized(network, &TrainingOptions::QUICKSTART)?, data, batch_size })
    }

    pub fn warm_up(&mut self, engine: &impl Engine) -> Result<()> {
        let steps = self.data.train.len().div_ceil(self.batch_size) as u64;
        self.train(engine, Length::Steps(steps.min(WARM_UP)), &mut EpochSeconds::default())
    }

    /// Trains on, and returns each epoch's seconds.
    pub fn epochs(&mut self, engine: &impl Engine, epochs: u32) -> Result<Vec<f64>> {
        let mut seconds = EpochSeconds::default();
        self.train(engine, Length::Epochs(epochs), &mut seconds)?;
        Ok(seconds.0)
    }

    /// Trains on under an observer of the caller's.
    pub fn train(
        &mut self,
        engine: &impl Engine,
        length: Length,
        observer: &mut impl Observer<Error = anyhow::Error>,
    ) -> Result<()> {
        let options = TrainingOptions { length, batch_size: self.batch_size, ..TrainingOptions::QUICKSTART };
        self.state.progress = Progress::default();
        training::train_on_engine(engine, &mut self.state, self.data, &options, observer).map(drop)
    }
}
