//! What a run keeps on the GPU.

use selvedge::architecture::Architecture;

/// What decides how much memory a run takes, and which tasks it has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Samples in a batch at most.
    pub batch: usize,
    /// Numbers that the optimizer keeps for each parameter: 0, 1 or 2.
    pub states: usize,
    /// Whether a step has several batches.
    pub accumulates: bool,
    /// Whether a gradient is clipped.
    pub clips: bool,
    /// Whether the weights' moving average is kept.
    pub averages: bool,
}

impl Settings {
    /// Whether the gradient is kept until a step's last batch.
    pub fn keeps_grad(&self) -> bool {
        self.accumulates || self.clips
    }
}

/// Samples that are evaluated together at most.
pub const EVALUATED: usize = 500;

/// Elements of one block of a norm.
pub(crate) const NORM_BLOCK: usize = 4096;

/// The buffers of a run, of 4-byte elements, or their addresses.
#[derive(Clone, Debug)]
pub struct Memory<B> {
    /// The flat model.
    pub parameters: B,
    /// What the optimizer keeps for it.
    pub state: Vec<B>,
    /// Its moving average.
    pub average: Option<B>,
    /// The gradient, where it is kept.
    pub kept: Option<B>,
    /// Two batches' inputs: one is loaded while the other is used.
    pub input: [B; 2],
    /// Every layer's outputs.
    pub tape: B,
    /// The gradients at the sums before them.
    pub grad_tape: B,
    /// One for each sample of a batch.
    pub sample_losses: B,
    /// One for each block of a norm.
    pub partial_norms: B,
    /// The factor that clips, the loss of the step so far, whether training has stopped, and the same of an evaluation.
    pub scalars: B,
}

/// Elements of [`Memory::scalars`].
pub const SCALARS: usize = 6;

impl<B> Memory<B> {
    /// The memory of a run, each buffer by `allocate(what for, elements)`.
    ///
    /// # Errors
    ///
    /// That of `allocate`.
    pub fn allocate<E>(
        network: &Architecture,
        settings: &Settings,
        mut allocate: impl FnMut(&'static str, usize) -> Result<B, E>,
    ) -> Result<Self, E> {
        let samples = settings.batch.max(EVALUATED);
        let len = network.parameter_count().unwrap_or_default();
        // What nobody can count, nobody has.
        let of_samples = |samples: usize, width: usize| samples.saturating_mul(width);
        Ok(Self {
            parameters: allocate("the model", len)?,
            state: (0..settings.states).map(|_| allocate("the optimizer's state", len)).collect::<Result<_, _>>()?,
            average: settings.averages.then(|| allocate("the average of the weights", len)).transpose()?,
            kept: settings.keeps_grad().then(|| allocate("the gradient", len)).transpose()?,
            input: [
                allocate("a batch of samples", of_samples(samples, network.inputs()))?,
                allocate("a batch of samples", of_samples(samples, network.inputs()))?,
            ],
            tape: allocate("a batch's activations", of_samples(samples, network.tape_len()))?,
            grad_tape: allocate("a batch's gradients", of_samples(settings.batch, network.tape_len()))?,
            sample_losses: allocate("a batch's losses", samples)?,
            partial_norms: allocate("a gradient's norm", len.div_ceil(NORM_BLOCK))?,
            scalars: allocate("a step's numbers", SCALARS)?,
        })
    }

    /// The same of each buffer, such as its address.
    pub fn map<T>(&self, mut of: impl FnMut(&B) -> T) -> Memory<T> {
        Memory {
            parameters: of(&self.parameters),
            state: self.state.iter().map(&mut of).collect(),
            average: self.average.as_ref().map(&mut of),
            kept: self.kept.as_ref().map(&mut of),
            input: [of(&self.input[0]), of(&self.input[1])],
            tape: of(&self.tape),
            grad_tape: of(&self.grad_tape),
            sample_losses: of(&self.sample_losses),
            partial_norms: of(&self.partial_norms),
            scalars: of(&self.scalars),
        }
    }
}
