//! All that a run is at one moment: what a checkpoint keeps.

use selvedge::random;
use serde::{Deserialize, Serialize};

use super::Options;
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
            Some(average) if self.progress.steps > 0 => average,
            _ => &self.model,
        }
    }

    /// The weights that the run gives: the best epoch's where it looks for one.
    pub fn result(&self) -> &M {
        match &self.best {
            Some(best) if self.progress.best_loss.is_some() => best,
            _ => self.tested(),
        }
    }

    /// Notes an epoch's loss on the validation images; where it is the least, its weights are kept.
    pub(super) fn judge(&mut self, loss: f64) {
        if self.progress.best_loss.is_none_or(|best| loss < best) {
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
