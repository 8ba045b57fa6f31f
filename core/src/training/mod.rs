//! One training step: forward, loss, backward with each parameter's update.
//!
//! [`Trainer`] has the model and the memory of a step in one value, which may lie in a static. This one learns "exclusive or":
//!
//! ```
//! use selvedge::{Flat, Layer, Portable, layers, loss::CrossEntropy, mlp, optimizer::Sgd, training::Trainer};
//!
//! let inputs = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
//! let mut trainer = Trainer::<mlp!(2 => 8 Tanh => 2), 4>::ZERO;
//! layers::initialize(&mut trainer.model, 1);
//! let mut loss = f32::MAX;
//! for _ in 0..500 {
//!     loss = trainer.step(&Portable, &Sgd::new(0.5), &CrossEntropy::default(), &[0, 1, 2, 3], |&sample, input| {
//!         input.copy_from_slice(&inputs[sample]);
//!         [u16::from(sample == 1 || sample == 2)]
//!     })?;
//! }
//! assert!(loss < 0.05, "{loss}");
//! # Ok::<(), selvedge::training::StepError>(())
//! ```

mod clip;
mod trainer;

pub use clip::clip_grad_norm;
pub use trainer::Trainer;

use core::fmt;

use crate::{
    Engine, Flat, Identity, Layer,
    architecture::Described,
    layers::{Draws, Features, Pass, Tapes},
    loss::{Loss, LossError},
    optimizer::Optimizer,
};

/// Samples that are computed together: an input and a target for each.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Batch<'a, Input, Target> {
    /// The inputs of the network, one for each sample.
    pub input: &'a [Input],
    /// The target values, sample after sample: one class for each sample, or one number for each output.
    pub targets: &'a [Target],
    /// The numbers that decide a training step's random draws; [`Draws::NONE`] for a model without dropout.
    pub draws: Draws,
}

impl<Input, Target> Clone for Batch<'_, Input, Target> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Input, Target> Copy for Batch<'_, Input, Target> {}

impl<'a, Input, Target> Batch<'a, Input, Target> {
    /// Returns a batch without random draws.
    pub const fn new(input: &'a [Input], targets: &'a [Target]) -> Self {
        Self { input, targets, draws: Draws::NONE }
    }

    /// Returns the number of samples. It is at least one, and each sample has its targets for outputs of this width.
    fn len<L: Loss<Target = Target>>(&self, width: usize) -> Result<usize, StepError> {
        check_batch::<L>(width, self.input.len(), self.targets.len())
    }
}

/// Checks that a batch has samples and that each has its target values; returns the number of samples. `width` is the number of outputs, `inputs`
/// the number of samples, and `targets` the number of target values.
///
/// # Errors
///
/// [`StepError::EmptyBatch`] and [`StepError::Targets`].
pub fn check_batch<L: Loss>(width: usize, inputs: usize, targets: usize) -> Result<usize, StepError> {
    match inputs {
        0 => Err(StepError::EmptyBatch),
        _ if targets != inputs * L::targets(width) => Err(StepError::Targets { inputs, targets }),
        _ => Ok(inputs),
    }
}

/// The memory of a training step, without the model: two tapes.
///
/// A tape holds `batch · M::Tape::LEN` elements. A tape may be longer than the batch needs.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StepWorkspace<'a> {
    /// The activations. Every step overwrites them.
    pub tape: &'a mut [f32],
    /// The gradients at the sums before the activations. Every step overwrites them.
    pub grad_tape: &'a mut [f32],
}

impl StepWorkspace<'_> {
    /// Computes the batch's activations in a training pass, its loss and the loss's gradient at the last sums.
    ///
    /// `total_weight` is `None` for a whole batch. If this batch is a part of a larger one, it is the [`Loss::total_weight`] of the larger one.
    ///
    /// # Errors
    ///
    /// [`StepError`] for an empty batch, one too large for the workspace, or targets that the loss cannot compare with the outputs.
    pub fn forward<M: Layer, E: Engine, L: Loss>(
        &mut self,
        engine: &E,
        model: &M,
        loss: &L,
        batch: Batch<'_, M::Input, L::Target>,
        total_weight: Option<f32>,
    ) -> Result<f32, StepError> {
        let width = M::Output::LEN;
        let len = batch.len::<L>(width)?;
        let tape = tape_of::<M>(self.tape, len)?;
        let grad_tape = tape_of::<M>(self.grad_tape, len)?;
        let total_weight = total_weight.map_or_else(|| loss.total_weight(width, batch.targets), Ok)?;
        let pass = Pass::Training(batch.draws);
        model.forward(engine, pass, batch.input, tape);
        let (outputs, grads) = (M::output(tape), M::output_mut(grad_tape));
        let (outputs, grads) = (M::Output::flat(outputs), M::Output::flat_mut(grads));
        let loss = loss.value_and_grad(width, outputs, batch.targets, total_weight, grads)?;
        Tapes { pass, activations: tape, grads: grad_tape }.pass_activation::<M>();
        Ok(loss)
    }

    /// Hands the gradient of each parameter to the optimizer, after [`forward`](Self::forward) with the same model and batch.
    ///
    /// To get the gradient itself, use [`Gradient`](crate::optimizer::Gradient) as the optimizer. The gradient is then the optimizer's state.
    ///
    /// # Errors
    ///
    /// [`StepError`]. The model is then unchanged.
    pub fn backward<M: Layer, E: Engine, O: Optimizer<STATE>, T, const STATE: usize>(
        &mut self,
        engine: &E,
        optimizer: &O,
        state: [&mut M; STATE],
        model: &mut M,
        batch: Batch<'_, M::Input, T>,
    ) -> Result<(), StepError> {
        let activations = tape_of::<M>(self.tape, batch.input.len())?;
        let grads = tape_of::<M>(self.grad_tape, batch.input.len())?;
        let tapes = Tapes { pass: Pass::Training(batch.draws), activations, grads };
        model.backward::<Identity, _, _, STATE>(engine, optimizer, state, batch.input, tapes, None);
        Ok(())
    }

    /// Takes one step of training. Returns the loss before the step.
    ///
    /// # Errors
    ///
    /// [`StepError`]. The model is then unchanged.
    pub fn step<M: Layer, E: Engine, O: Optimizer<STATE>, L: Loss, const STATE: usize>(
        &mut self,
        engine: &E,
        optimizer: &O,
        state: [&mut M; STATE],
        model: &mut M,
        loss: &L,
        batch: Batch<'_, M::Input, L::Target>,
    ) -> Result<f32, StepError> {
        let value = self.forward(engine, model, loss, batch, None)?;
        self.backward(engine, optimizer, state, model, batch)?;
        Ok(value)
    }
}

/// Changes a model by a gradient that was stored: hands each parameter and its gradient to the optimizer. The running means and variances of
/// batch normalisation stay as they are.
pub fn update<M: Layer, E: Engine, O: Optimizer<STATE>, const STATE: usize>(
    engine: &E,
    optimizer: &O,
    model: &mut M,
    grad: &M,
    mut state: [&mut M; STATE],
) {
    let mut end = 0;
    for layer in M::LAYERS {
        // A type's numbers can be counted.
        let [parameters, buffers] = layer.lens().unwrap_or_default();
        let own = end..end + parameters;
        end = own.end + buffers;
        let state = state.each_mut().map(|state| &mut state.as_flat_mut()[own.clone()]);
        engine.update(optimizer, &mut model.as_flat_mut()[own.clone()], &grad.as_flat()[own], state);
    }
}

/// Returns the outputs of a batch, and the batch's mean loss. The outputs lie in `tape`, at the end of the batch's `batch · M::Tape::LEN`
/// elements.
///
/// # Errors
///
/// [`StepError`] for an empty batch, one too large for `tape`, or targets that the loss cannot compare with the outputs.
pub fn evaluate<'a, M: Layer, E: Engine, L: Loss>(
    engine: &E,
    model: &M,
    loss: &L,
    batch: Batch<'_, M::Input, L::Target>,
    tape: &'a mut [f32],
) -> Result<(&'a [M::Output], f32), StepError> {
    let width = M::Output::LEN;
    let tape = tape_of::<M>(tape, batch.len::<L>(width)?)?;
    model.forward(engine, Pass::Evaluation, batch.input, tape);
    let outputs = M::output(tape);
    let total_weight = loss.total_weight(width, batch.targets)?;
    Ok((outputs, loss.value(width, M::Output::flat(outputs), batch.targets, total_weight)?))
}

fn tape_of<M: Layer>(tape: &mut [f32], batch: usize) -> Result<&mut [f32], StepError> {
    let capacity = tape.len() / M::Tape::LEN.max(1);
    tape.get_mut(..batch * M::Tape::LEN).ok_or(StepError::BatchTooLarge { batch, capacity })
}

/// The error of a step that cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StepError {
    /// The batch has no samples.
    EmptyBatch,
    /// The batch has more samples than the workspace holds.
    BatchTooLarge {
        /// The number of samples given.
        batch: usize,
        /// The number of samples that fit.
        capacity: usize,
    },
    /// The number of target values is wrong. Each sample needs one class, or one number for each output.
    Targets {
        /// The number of samples given.
        inputs: usize,
        /// The number of target values given.
        targets: usize,
    },
    /// The loss cannot compare the outputs with the targets.
    Loss(LossError),
}

impl From<LossError> for StepError {
    fn from(error: LossError) -> Self {
        Self::Loss(error)
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyBatch => write!(f, "the batch has no samples"),
            Self::BatchTooLarge { batch, capacity } => {
                write!(f, "the batch has {batch} samples, the workspace holds {capacity}")
            }
            Self::Targets { inputs, targets } => {
                write!(
                    f,
                    "the batch has {inputs} samples, but {targets} target values: a sample needs one class, or one number for each output"
                )
            }
            Self::Loss(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for StepError {}
