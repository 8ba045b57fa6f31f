//! The complete state of a run at one moment, as a checkpoint stores it.

use selvedge::architecture::Architecture;

use super::{Length, TrainingOptions};
use crate::{
    aligned::{Aligned, MemoryError},
    network::{Network, NetworkError, View},
};

/// A network in training, with everything that decides the next step.
#[derive(Debug)]
pub struct State {
    /// The place in the run.
    pub progress: Progress,
    /// The network that learns.
    pub network: Network,
    /// The numbers that the optimizer keeps, as flat models.
    pub(super) optimizer: Vec<Aligned>,
    /// The moving average of the weights.
    pub(super) average: Option<Aligned>,
    /// The weights of the best epoch.
    pub(super) best: Option<Aligned>,
}

/// The place in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// The number of whole epochs done.
    pub epochs: u32,
    /// The number of samples seen in the epoch that has begun.
    pub seen: u64,
    /// The number of steps taken.
    pub steps: u64,
    /// The number of batches computed.
    pub batches: u64,
    /// The smallest loss on the validation samples.
    pub best_loss: Option<f64>,
    /// The number of epochs since the smallest loss on the validation samples.
    pub epochs_since_best: u32,
}

impl Progress {
    /// Returns true if a run with these options ends here.
    pub fn is_end(&self, options: &TrainingOptions) -> bool {
        let is_long_enough = match options.length {
            Length::Epochs(epochs) => self.epochs >= epochs,
            Length::Steps(steps) => self.steps >= steps,
        };
        is_long_enough || options.early_stop.is_some_and(|patience| self.epochs_since_best >= patience)
    }

    /// Returns true if this place (epochs, steps, samples seen) is possible in a run with these options and this number of training samples.
    /// `has_validation` is true if some samples are held out for validation.
    pub fn is_of(&self, samples: usize, has_validation: bool, options: &TrainingOptions) -> bool {
        let samples = samples as u64;
        let counts = |size: u64| {
            let whole = u128::from(self.epochs) * u128::from(samples.div_ceil(size));
            whole + u128::from(self.seen.div_ceil(size))
        };
        let batch = options.batch_size as u64;
        let step = batch.saturating_mul(options.accumulate as u64);
        let is_in_time = match options.length {
            // The step that ends an epoch may be done before its test.
            Length::Epochs(epochs) => self.epochs < epochs || self.epochs == epochs && self.seen == 0,
            Length::Steps(steps) => self.steps <= steps,
        };
        is_in_time
            && self.epochs < u32::MAX
            && samples > 0
            && (self.seen == samples || self.seen < samples && self.seen.is_multiple_of(step))
            && (counts(step), counts(batch)) == (self.steps.into(), self.batches.into())
            && self.is_judged(has_validation)
    }

    /// Returns true if the best loss is possible for a run: each whole epoch is judged by validation samples.
    fn is_judged(&self, has_validation: bool) -> bool {
        match self.best_loss {
            Some(loss) => has_validation && loss.is_finite() && self.epochs_since_best < self.epochs,
            None => (self.epochs == 0 || !has_validation) && self.epochs_since_best == 0,
        }
    }
}

impl State {
    /// Returns the state at the start of a run from this network.
    ///
    /// # Errors
    ///
    /// [`MemoryError`] if there is not enough memory.
    pub fn new(network: Network, options: &TrainingOptions) -> Result<Self, MemoryError> {
        let zeroed = || Aligned::zeroed(network.parameters().len());
        let kept = |is_kept: bool| is_kept.then(zeroed).transpose();
        Ok(Self {
            progress: Progress::default(),
            optimizer: (0..options.optimizer.states()).map(|_| zeroed()).collect::<Result<_, _>>()?,
            average: kept(options.ema.is_some())?,
            best: kept(options.early_stop.is_some())?,
            network,
        })
    }

    /// Returns the state at the start of a run, with the seed's initial weights.
    ///
    /// # Errors
    ///
    /// [`NetworkError`] if the network cannot be made.
    pub fn initialized(architecture: &Architecture, options: &TrainingOptions) -> Result<Self, NetworkError> {
        Ok(Self::new(Network::initialized(architecture, options.seed)?, options)?)
    }

    /// Returns the weights to be tested. After the first step, they are the average, if the run keeps one. Otherwise they are the network's.
    pub fn tested(&self) -> View<'_> {
        match &self.average {
            Some(average) if self.tests_average() => self.network.view_with(average),
            _ => self.network.view(),
        }
    }

    /// Returns the number of flat models that the optimizer keeps.
    pub fn optimizer_models(&self) -> usize {
        self.optimizer.len()
    }

    /// Returns true if the run keeps an average of the weights.
    pub fn has_average(&self) -> bool {
        self.average.is_some()
    }

    /// Returns true if the weights to be tested are the average.
    pub fn tests_average(&self) -> bool {
        self.average.is_some() && self.progress.steps > 0
    }

    /// Returns the weights that are the result of the run: those of the best epoch if there is one, else those to be
    /// [tested](Self::tested).
    pub fn result(&self) -> View<'_> {
        self.best().unwrap_or_else(|| self.tested())
    }

    /// Returns the weights of the best epoch, if the run looks for one and has found it.
    pub fn best(&self) -> Option<View<'_>> {
        let best = self.best.as_ref().filter(|_| self.progress.best_loss.is_some());
        best.map(|best| self.network.view_with(best))
    }

    fn is_best(&self, loss: f64) -> bool {
        self.progress.best_loss.is_none_or(|best| loss < best)
    }

    /// Returns true if [`judge`](Self::judge) keeps the weights of an epoch with this loss.
    pub(super) fn keeps(&self, loss: f64) -> bool {
        self.best.is_some() && self.is_best(loss)
    }

    /// Notes an epoch's loss on the validation samples. If it is the smallest so far, the epoch's weights are stored.
    pub(super) fn judge(&mut self, loss: f64) {
        if self.is_best(loss) {
            self.progress.best_loss = Some(loss);
            self.progress.epochs_since_best = 0;
            let Some(mut best) = self.best.take() else { return };
            best.copy_from_slice(self.tested().parameters());
            self.best = Some(best);
        } else {
            self.progress.epochs_since_best += 1;
        }
    }

    /// Returns true if all weights that the run may give in the end are finite.
    pub fn is_finite(&self) -> bool {
        let kept = self.average.iter().chain(&self.best).map(|part| &**part);
        std::iter::once(self.network.parameters()).chain(kept).flatten().all(|weight| weight.is_finite())
    }

    /// Returns the flat models that the backend changes, in the order of a checkpoint: the network, the optimizer's models, and the average if
    /// the run keeps one.
    pub fn trained(&self) -> impl Iterator<Item = &[f32]> {
        let kept = self.optimizer.iter().chain(&self.average).map(|part| &**part);
        std::iter::once(self.network.parameters()).chain(kept)
    }

    /// Returns the flat models of [`trained`](Self::trained), mutable, to be updated.
    pub fn trained_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        let kept = self.optimizer.iter_mut().chain(&mut self.average).map(|part| &mut **part);
        std::iter::once(self.network.parameters_mut()).chain(kept)
    }

    /// Returns every flat model that is stored, in the order of a checkpoint.
    pub fn parts(&self) -> impl Iterator<Item = &[f32]> {
        self.trained().chain(self.best.as_deref())
    }

    /// Returns every flat model that is stored, mutable, to be filled from a checkpoint.
    pub fn parts_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        let kept = self.optimizer.iter_mut().chain(&mut self.average).chain(&mut self.best).map(|part| &mut **part);
        std::iter::once(self.network.parameters_mut()).chain(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runs_places_are_known_and_others_are_not() {
        // 7 batches in an epoch, the last of 4 samples; 3 steps, the last of one batch.
        let options =
            TrainingOptions { length: Length::Epochs(5), batch_size: 16, accumulate: 3, ..TrainingOptions::QUICKSTART };
        let place = |epochs, seen, steps, batches| Progress { epochs, seen, steps, batches, ..Progress::default() };
        for known in
            [place(0, 0, 0, 0), place(0, 48, 1, 3), place(1, 0, 3, 7), place(4, 100, 15, 35), place(5, 0, 15, 35)]
        {
            assert!(known.is_of(100, false, &options), "{known:?}");
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
            assert!(!unknown.is_of(100, false, &options), "{unknown:?}");
            assert!(!unknown.is_of(0, false, &options), "{unknown:?}");
        }
    }

    #[test]
    fn a_runs_best_loss_is_one_of_its_epochs() {
        let options = TrainingOptions { batch_size: 16, ..TrainingOptions::QUICKSTART };
        let is_of = |epochs, best_loss, epochs_since_best, has_validation| {
            let steps = 7 * u64::from(epochs);
            let progress = Progress { epochs, seen: 0, steps, batches: steps, best_loss, epochs_since_best };
            progress.is_of(100, has_validation, &options)
        };
        for (epochs, best_loss, since, has_validation, expected) in [
            (0, None, 0, true, true),
            (2, None, 0, false, true),
            (2, Some(0.5), 0, true, true),
            (2, Some(0.5), 1, true, true),
            (2, None, 0, true, false),
            (2, Some(0.5), 0, false, false),
            (0, Some(0.5), 0, true, false),
            (2, Some(0.5), 2, true, false),
            (2, None, 1, false, false),
            (2, Some(f64::NAN), 0, true, false),
            (2, Some(f64::INFINITY), 0, true, false),
        ] {
            assert_eq!(is_of(epochs, best_loss, since, has_validation), expected, "{best_loss:?} {since}");
        }
    }
}
