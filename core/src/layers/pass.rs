/// The purpose of a pass over a batch. It is PyTorch's `model.eval()` and `model.train()`, as a value instead of a mode.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Pass {
    /// The outputs are those of prediction: dropout is off, and batch normalisation uses the running mean and variance.
    Evaluation,
    /// A training step: dropout is on, and batch normalisation uses the batch's own mean and variance.
    Training(Draws),
}

impl Pass {
    /// Returns the same pass for the layer at this place of the chain, from 0. Activations and dropout are counted.
    pub const fn at(self, place: u32) -> Self {
        match self {
            Self::Evaluation => self,
            Self::Training(draws) => Self::Training(Draws { layer: place, ..draws }),
        }
    }

    /// Returns the same pass for the layers that follow the next `layers` layers.
    pub(super) const fn after(self, layers: usize) -> Self {
        match self {
            Self::Evaluation => self,
            Self::Training(draws) => self.at(draws.layer + layers as u32),
        }
    }
}

/// The numbers that decide the random draws of a training pass. Every batch of a run has its own `step`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Draws {
    /// The run's seed.
    pub seed: u64,
    /// The batch's number in the run, from 0. If a step has several batches, each has its own number.
    pub step: u64,
    /// The probability with which each [`Dropout`](super::Dropout) drops an activation, from 0 to below 1.
    pub dropout: f32,
    /// The place of the layer in the chain.
    pub(super) layer: u32,
}

impl Draws {
    /// Returns the draws of batch `step` in a run with this seed.
    pub const fn new(seed: u64, step: u64, dropout: f32) -> Self {
        Self { seed, step, dropout, layer: 0 }
    }

    /// No draws: for models without [`Dropout`](super::Dropout).
    pub const NONE: Self = Self::new(0, 0, 0.0);
}
