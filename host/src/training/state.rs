//! All that a run is at one moment: what a checkpoint keeps.

use selvedge::random;
use serde::{Deserialize, Serialize};

use super::{Length, Options};
use crate::models::{Boxed, Model};

/// A model in training, with everything that decides the next step.
#[derive(Debug)]
pub struct State<M> {
    /// How far the run is.
    pub progress: Progress,
    /// The model that learns.
    pub model: Boxed<M>,
    /// What the optimizer keeps.
    pub(super) optimizer: Vec<Boxed<M>>,
    /// The moving average of the weights.
    pub(super) average: Option<Boxed<M>>,
    /// The weights of the best epoch.
    pub(super) best: Option<Boxed<M>>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Whole epochs done.
    pub epochs: u32,
    /// Samples seen of the epoch that has begun.
    pub seen: u64,
    /// Steps taken.
    pub steps: u64,
    /// Batches computed.
    pub batches: u64,
    /// The least loss on the validation images.
    pub best_loss: Option<f64>,
    /// Epochs since then.
    pub epochs_since_best: u32,
}

impl Progress {
    /// Whether a run with these options, of so many training images, comes by here.
    pub fn is_of(&self, samples: usize, options: &Options) -> bool {
        let samples = samples as u64;
        let counts = |size: u64| {
            let whole = u128::from(self.epochs) * u128::from(samples.div_ceil(size));
            whole + u128::from(self.seen.div_ceil(size))
        };
        let batch = options.batch_size as u64;
        let step = batch.saturating_mul(options.accumulate as u64);
        let is_in_time = match options.length {
            Length::Epochs(epochs) => self.epochs <= epochs,
            Length::Steps(steps) => self.steps <= steps,
        };
        is_in_time
            && self.epochs < u32::MAX
            && samples > 0
            && (self.seen == samples || self.seen < samples && self.seen.is_multiple_of(step))
            && (counts(step), counts(batch)) == (self.steps.into(), self.batches.into())
    }
}

impl<M: Model> State<M> {
    /// The first moment of a run that starts from this model.
    pub fn new(model: Boxed<M>, options: &Options) -> Self {
        let kept = |is_kept: bool| is_kept.then(Boxed::zeroed);
        Self {
            progress: Progress::default(),
            model,
            optimizer: (0..options.optimizer.states()).map(|_| Boxed::zeroed()).collect(),
            average: kept(options.ema.is_some()),
            best: kept(options.early_stop.is_some()),
        }
    }

    /// [`new`](Self::new) from the seed's initial weights.
    pub fn initialized(options: &Options) -> Self {
        let mut model = Boxed::<M>::zeroed();
        random::initialize(&mut *model, options.seed);
        Self::new(model, options)
    }

    /// The weights to be tested: the average where there is one.
    pub fn tested(&self) -> &M {
        match &self.average {
            Some(average) if self.tests_average() => average,
            _ => &self.model,
        }
    }

    /// Whether the weights to be tested are the average.
    pub(super) fn tests_average(&self) -> bool {
        self.average.is_some() && self.progress.steps > 0
    }

    /// The weights that the run gives: the best epoch's where it looks for one.
    pub fn result(&self) -> &M {
        match &self.best {
            Some(best) if self.progress.best_loss.is_some() => best,
            _ => self.tested(),
        }
    }

    fn is_best(&self, loss: f64) -> bool {
        self.progress.best_loss.is_none_or(|best| loss < best)
    }

    /// Whether [`judge`](Self::judge) keeps the weights of an epoch with this loss.
    pub(super) fn keeps(&self, loss: f64) -> bool {
        self.best.is_some() && self.is_best(loss)
    }

    /// Notes an epoch's loss on the validation images; where it is the least, its weights are kept.
    pub(super) fn judge(&mut self, loss: f64) {
        if self.is_best(loss) {
            self.progress.best_loss = Some(loss);
            self.progress.epochs_since_best = 0;
            let Some(mut best) = self.best.take() else { return };
            best.as_flat_mut().copy_from_slice(self.tested().as_flat());
            self.best = Some(best);
        } else {
            self.progress.epochs_since_best += 1;
        }
    }

    /// Everything that is kept, in the order of a checkpoint.
    pub fn parts(&self) -> impl Iterator<Item = &M> {
        let parts = std::iter::once(&self.model).chain(&self.optimizer).chain(&self.average).chain(&self.best);
        parts.map(|part| &**part)
    }

    /// Everything that is kept, to be filled from a checkpoint.
    pub fn parts_mut(&mut self) -> impl Iterator<Item = &mut M> {
        let parts = std::iter::once(&mut self.model).chain(&mut self.optimizer).chain(&mut self.average);
        parts.chain(&mut self.best).map(|part| &mut **part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runs_places_are_known_and_others_are_not() {
        // 7 batches in an epoch, the last of 4 samples; 3 steps, the last of one batch.
        let options = Options { length: Length::Epochs(5), batch_size: 16, accumulate: 3, ..Options::QUICKSTART };
        let place = |epochs, seen, steps, batches| Progress { epochs, seen, steps, batches, ..Progress::default() };
        for known in
            [place(0, 0, 0, 0), place(0, 48, 1, 3), place(1, 0, 3, 7), place(4, 100, 15, 35), place(5, 0, 15, 35)]
        {
            assert!(known.is_of(100, &options), "{known:?}");
        }
        for unknown in [
            place(0, 0, u64::MAX, 0),
            place(0, 0, 0, 1),
            place(0, 16, 1, 1),
            place(0, 144, 3, 9),
            place(1, 0, 3, 8),
            place(6, 0, 18, 42),
            place(u32::MAX, 0, 3 * u64::from(u32::MAX), 7 * u64::from(u32::MAX)),
        ] {
            assert!(!unknown.is_of(100, &options), "{unknown:?}");
            assert!(!unknown.is_of(0, &options), "{unknown:?}");
        }
    }
}
