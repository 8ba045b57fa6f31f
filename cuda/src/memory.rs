//! The memory of a run on the GPU.

use selvedge::architecture::Architecture;

use crate::task::{Context, Loss, Optimizer};

/// The settings that decide how much memory a run needs, and which tasks it has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The largest number of samples in a batch.
    pub batch: usize,
    /// The loss of the outputs.
    pub loss: Loss,
    /// The optimizer of all steps.
    pub optimizer: Optimizer,
    /// True if a step has several batches.
    pub accumulates: bool,
    /// True if the gradient is clipped.
    pub clips: bool,
    /// True if the weights' moving average is computed.
    pub averages: bool,
}

impl Settings {
    /// Returns true if the gradient is stored until a step's last batch.
    pub fn keeps_grad(&self) -> bool {
        self.accumulates || self.clips
    }
}

/// The largest number of samples that are evaluated together.
pub const EVALUATED: usize = 500;

/// The number of elements of a gradient in one partial sum of its norm.
pub(crate) const NORM_BLOCK: usize = 4096;

/// Numbers that each batch changes. Even batches read the first version and write the second, and odd ones the other way round. Or there is
/// only one version, and all batches change it in place.
#[derive(Clone, Debug)]
pub struct Versions<B> {
    first: B,
    second: Option<B>,
}

impl<B> Versions<B> {
    /// Returns the version that a batch reads. `parity` is 0 for an even batch and 1 for an odd one.
    pub fn read_by(&self, parity: usize) -> &B {
        match &self.second {
            Some(second) if parity % 2 == 1 => second,
            _ => &self.first,
        }
    }

    /// Returns the version that a batch reads, mutable. `parity` is 0 for an even batch and 1 for an odd one.
    pub fn read_by_mut(&mut self, parity: usize) -> &mut B {
        match &mut self.second {
            Some(second) if parity % 2 == 1 => second,
            _ => &mut self.first,
        }
    }

    /// Returns the version that a batch writes. `parity` is 0 for an even batch and 1 for an odd one.
    pub fn written_by(&self, parity: usize) -> &B {
        self.read_by(parity + 1)
    }

    /// Returns all versions, mutable.
    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut B> {
        std::iter::once(&mut self.first).chain(&mut self.second)
    }

    fn map<T>(&self, mut of: impl FnMut(&B) -> T) -> Versions<T> {
        Versions { first: of(&self.first), second: self.second.as_ref().map(of) }
    }
}

/// The buffers of a run, which have elements of 4 bytes, or the buffers' addresses.
#[derive(Clone, Debug)]
pub struct Memory<B> {
    /// The [flat model](selvedge::flat): all numbers of the network in one slice.
    pub parameters: Versions<B>,
    /// The optimizer's state for the flat model.
    pub state: Vec<Versions<B>>,
    /// The moving average of the flat model.
    pub average: Option<B>,
    /// The gradient, if it is stored.
    pub kept: Option<B>,
    /// Two batches' inputs: one is loaded while the other is used.
    pub input: [B; 2],
    /// Every layer's outputs.
    pub tape: B,
    /// The gradients at every layer's sums (its results before the activation).
    pub grad_tape: B,
    /// The terms of a batch's loss.
    pub loss_terms: B,
    /// The sums of squares, each over 4096 numbers of a gradient.
    pub partial_norms: B,
    /// The numbers of [`Scalar`].
    pub scalars: B,
}

/// The places of [`Memory::scalars`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    /// The factor that clips a gradient.
    ClipScale,
    /// The loss of the step so far.
    StepLoss,
    /// The stop word that even batches read. It is not 0 after a step with an infinite or NaN loss. From then on no task changes the model.
    StopsEven,
    /// The stop word that odd batches read, like [`StopsEven`](Self::StopsEven).
    StopsOdd,
    /// The loss of an evaluation's batch.
    TestLoss,
    /// Always 0: nothing stops an evaluation.
    TestStopped,
    /// The stop word that an evaluation writes. Nothing reads it.
    TestStops,
}

impl Scalar {
    /// The number of scalars.
    pub const COUNT: usize = 7;
    /// The first values of the scalars: nothing is clipped, and nothing is stopped.
    pub const AT_FIRST: [f32; Self::COUNT] = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];

    /// Returns the word that batches of a parity read.
    pub fn stops(parity: usize) -> Self {
        if parity.is_multiple_of(2) { Self::StopsEven } else { Self::StopsOdd }
    }

    /// Returns the address of the scalar.
    pub fn at(self, memory: &Memory<u64>) -> u64 {
        memory.scalars + size_of::<f32>() as u64 * self as u64
    }
}

impl<B> Memory<B> {
    /// Returns the memory of a run. `allocate(purpose, elements)` makes each buffer.
    ///
    /// # Errors
    ///
    /// The error of `allocate`.
    pub fn allocate<E>(
        network: &Architecture,
        settings: &Settings,
        mut allocate: impl FnMut(&'static str, usize) -> Result<B, E>,
    ) -> Result<Self, E> {
        let samples = settings.batch.max(EVALUATED);
        let len = network.parameter_count().unwrap_or_default();
        // What nobody can count, nobody has.
        let of_samples = |samples: usize, width: usize| samples.saturating_mul(width);
        // A gradient that was kept changes the parameters where they lie.
        let has_two = !settings.keeps_grad();
        let mut versions = |what: &'static str| -> Result<_, E> {
            let first = allocate(what, len)?;
            Ok(Versions { first, second: has_two.then(|| allocate(what, len)).transpose()? })
        };
        let parameters = versions("the model")?;
        let state = (0..settings.optimizer.states()).map(|_| versions("the optimizer's state"));
        Ok(Self {
            parameters,
            state: state.collect::<Result<_, _>>()?,
            average: settings.averages.then(|| allocate("the average of the weights", len)).transpose()?,
            kept: settings.keeps_grad().then(|| allocate("the gradient", len)).transpose()?,
            input: [
                allocate("a batch of samples", of_samples(samples, network.inputs()))?,
                allocate("a batch of samples", of_samples(samples, network.inputs()))?,
            ],
            tape: allocate("a batch's activations", of_samples(samples, network.tape_len()))?,
            grad_tape: allocate("a batch's gradients", of_samples(settings.batch, network.tape_len()))?,
            loss_terms: allocate("a batch's losses", of_samples(samples, settings.loss.terms(network.outputs())))?,
            partial_norms: allocate("a gradient's norm", len.div_ceil(NORM_BLOCK))?,
            scalars: allocate("a step's numbers", Scalar::COUNT)?,
        })
    }

    /// Returns the memory with each buffer replaced by the result of `of`, such as its address.
    pub fn map<T>(&self, mut of: impl FnMut(&B) -> T) -> Memory<T> {
        Memory {
            parameters: self.parameters.map(&mut of),
            state: self.state.iter().map(|versions| versions.map(&mut of)).collect(),
            average: self.average.as_ref().map(&mut of),
            kept: self.kept.as_ref().map(&mut of),
            input: [of(&self.input[0]), of(&self.input[1])],
            tape: of(&self.tape),
            grad_tape: of(&self.grad_tape),
            loss_terms: of(&self.loss_terms),
            partial_norms: of(&self.partial_norms),
            scalars: of(&self.scalars),
        }
    }
}

impl Memory<u64> {
    /// Returns the addresses that all launches of training share, in a context with this seed.
    pub fn training_context(&self, seed: u64) -> Context {
        Context {
            loss_terms: self.loss_terms,
            partial_norms: self.partial_norms,
            clip_scale: Scalar::ClipScale.at(self),
            step_loss: Scalar::StepLoss.at(self),
            ..Context::new(seed)
        }
    }

    /// Returns the addresses that all launches of an evaluation share.
    pub fn evaluation_context(&self) -> Context {
        Context { loss_terms: self.loss_terms, step_loss: Scalar::TestLoss.at(self), predicts: 1, ..Context::new(0) }
    }
}
