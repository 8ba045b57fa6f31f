//! One training step: forward, loss, backward with each parameter's update.

use core::fmt;

use crate::{
    Engine, Flat, Identity, Layer,
    layers::Tapes,
    loss::{TargetError, cross_entropy, cross_entropy_grad},
    optimizer::Optimizer,
};

/// The memory of a step beside the model: two tapes.
///
/// A tape holds `batch · M::Tape::LEN` elements; a longer one serves smaller batches too.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Workspace<'a> {
    /// The activations, overwritten.
    pub tape: &'a mut [f32],
    /// The gradients at the sums before the activations, overwritten.
    pub grad_tape: &'a mut [f32],
}

impl Workspace<'_> {
    /// Computes the batch's activations, its mean loss and the loss's gradient at the last sums.
    ///
    /// # Errors
    ///
    /// [`StepError`].
    pub fn forward<M: Layer, E: Engine>(
        &mut self,
        engine: &E,
        model: &M,
        input: &[M::Input],
        targets: &[u8],
    ) -> Result<f32, StepError> {
        let batch = check_batch(input.len(), targets.len())?;
        let tape = tape_of::<M>(self.tape, batch)?;
        let grad_tape = tape_of::<M>(self.grad_tape, batch)?;
        model.forward(engine, input, tape);
        let loss = cross_entropy_grad(M::output(tape), targets, M::output_mut(grad_tape))?;
        Tapes { activations: tape, grads: grad_tape }.pass_activation::<M>();
        Ok(loss)
    }

    /// Hands the gradient of each parameter to the optimizer, after [`forward`](Self::forward) with the same model and input.
    ///
    /// The gradient itself is [`Gradient`](crate::optimizer::Gradient)'s state.
    ///
    /// # Errors
    ///
    /// [`StepError`]; the model is then as it was.
    pub fn backward<M: Layer, E: Engine, O: Optimizer<STATE>, const STATE: usize>(
        &mut self,
        engine: &E,
        optimizer: &O,
        state: [&mut M; STATE],
        model: &mut M,
        input: &[M::Input],
    ) -> Result<(), StepError> {
        let activations = tape_of::<M>(self.tape, input.len())?;
        let grads = tape_of::<M>(self.grad_tape, input.len())?;
        model.backward::<Identity, _, _, _>(engine, optimizer, state, input, Tapes { activations, grads }, None);
        Ok(())
    }

    /// One step of training; returns the loss before it.
    ///
    /// # Errors
    ///
    /// [`StepError`]; the model is then as it was.
    pub fn step<M: Layer, E: Engine, O: Optimizer<STATE>, const STATE: usize>(
        &mut self,
        engine: &E,
        optimizer: &O,
        state: [&mut M; STATE],
        model: &mut M,
        input: &[M::Input],
        targets: &[u8],
    ) -> Result<f32, StepError> {
        let loss = self.forward(engine, model, input, targets)?;
        self.backward(engine, optimizer, state, model, input)?;
        Ok(loss)
    }
}

/// The logits of a batch, at the end of `tape`, and the batch's mean loss.
///
/// # Errors
///
/// [`StepError`] for an empty batch, one too large for `tape`, or targets that are not one class for each input.
pub fn evaluate<'a, M: Layer, E: Engine>(
    engine: &E,
    model: &M,
    input: &[M::Input],
    targets: &[u8],
    tape: &'a mut [f32],
) -> Result<(&'a [M::Output], f32), StepError> {
    let tape = tape_of::<M>(tape, check_batch(input.len(), targets.len())?)?;
    model.forward(engine, input, tape);
    let logits = M::output(tape);
    Ok((logits, cross_entropy(logits, targets)?))
}

fn check_batch(inputs: usize, targets: usize) -> Result<usize, StepError> {
    match inputs {
        0 => Err(StepError::EmptyBatch),
        _ if inputs != targets => Err(StepError::Targets { inputs, targets }),
        _ => Ok(inputs),
    }
}

fn tape_of<M: Layer>(tape: &mut [f32], batch: usize) -> Result<&mut [f32], StepError> {
    let capacity = tape.len() / M::Tape::LEN.max(1);
    tape.get_mut(..batch * M::Tape::LEN).ok_or(StepError::BatchTooLarge { batch, capacity })
}

/// A model and all the memory of its training that grows with it, as one value for a `static`: `size_of` is a device's budget.
///
/// [`ZERO`](Self::ZERO) is all zeros and takes no flash.
#[derive(Debug)]
pub struct Trainer<M: Layer, const BATCH: usize> {
    /// The model.
    pub model: M,
    input: [M::Input; BATCH],
    tape: [M::Tape; BATCH],
    grad_tape: [M::Tape; BATCH],
}

impl<M: Layer, const BATCH: usize> Trainer<M, BATCH> {
    /// A model of zeros, to be initialised.
    pub const ZERO: Self = Self {
        model: M::ZERO,
        input: <[M::Input; BATCH]>::ZERO,
        tape: <[M::Tape; BATCH]>::ZERO,
        grad_tape: <[M::Tape; BATCH]>::ZERO,
    };

    /// One step on `BATCH` samples at the most: each is asked for once, by writing its features and returning its target.
    ///
    /// # Errors
    ///
    /// [`StepError`]; the model is then as it was.
    pub fn step<E: Engine, O: Optimizer<0>, S>(
        &mut self,
        engine: &E,
        optimizer: &O,
        samples: &[S],
        mut load: impl FnMut(&S, &mut [f32]) -> u8,
    ) -> Result<f32, StepError> {
        let batch = samples.len();
        let mut targets = [0; BATCH];
        let (Some(input), Some(targets)) = (self.input.get_mut(..batch), targets.get_mut(..batch)) else {
            return Err(StepError::BatchTooLarge { batch, capacity: BATCH });
        };
        for ((sample, input), target) in samples.iter().zip(input.iter_mut()).zip(targets.iter_mut()) {
            *target = load(sample, input.as_mut());
        }
        let mut workspace = Workspace { tape: self.tape.as_flat_mut(), grad_tape: self.grad_tape.as_flat_mut() };
        workspace.step(engine, optimizer, [], &mut self.model, input, targets)
    }
}

#[cfg(feature = "defmt")]
impl<M: Layer + defmt::Format, const BATCH: usize> defmt::Format for Trainer<M, BATCH> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Trainer {{ model: {}, batch: {=usize} }}", self.model, BATCH);
    }
}

/// Why a step was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum StepError {
    /// No samples.
    EmptyBatch,
    /// More samples than the workspace holds.
    BatchTooLarge {
        /// Samples given.
        batch: usize,
        /// Samples that fit.
        capacity: usize,
    },
    /// Not one target for each input.
    Targets {
        /// Inputs given.
        inputs: usize,
        /// Targets given.
        targets: usize,
    },
    /// A target that names no class.
    Target(TargetError),
}

impl From<TargetError> for StepError {
    fn from(error: TargetError) -> Self {
        Self::Target(error)
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyBatch => write!(f, "the batch has no samples"),
            Self::BatchTooLarge { batch, capacity } => {
                write!(f, "the batch has {batch} samples, the workspace holds {capacity}")
            }
            Self::Targets { inputs, targets } => write!(f, "the batch has {inputs} inputs and {targets} targets"),
            Self::Target(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for StepError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Portable, mlp, optimizer::Sgd, random};

    type Model = mlp!(2 => 16 Relu => 2);
    const SAMPLES: [([f32; 2], u8); 4] = [([0.0, 0.0], 0), ([0.0, 1.0], 1), ([1.0, 0.0], 1), ([1.0, 1.0], 0)];

    fn load(sample: &([f32; 2], u8), input: &mut [f32]) -> u8 {
        input.copy_from_slice(&sample.0);
        sample.1
    }

    #[test]
    fn learns_exclusive_or() {
        let mut trainer = Trainer::<Model, 4>::ZERO;
        random::initialize(&mut trainer.model, 3);
        let optimizer = Sgd { learning_rate: 0.5 };
        let first = trainer.step(&Portable, &optimizer, &SAMPLES, load).unwrap();
        let mut last = first;
        for _ in 0..500 {
            last = trainer.step(&Portable, &optimizer, &SAMPLES, load).unwrap();
        }
        assert!(first > 0.5 && last < 0.02, "{first} → {last}");
    }

    #[test]
    fn a_batch_of_one_is_a_single_sample() {
        let optimizer = Sgd { learning_rate: 0.1 };
        let (mut one, mut four) = (Trainer::<Model, 1>::ZERO, Trainer::<Model, 4>::ZERO);
        random::initialize(&mut one.model, 3);
        random::initialize(&mut four.model, 3);
        for sample in &SAMPLES {
            let losses = [
                one.step(&Portable, &optimizer, core::slice::from_ref(sample), load),
                four.step(&Portable, &optimizer, core::slice::from_ref(sample), load),
            ];
            assert_eq!(losses[0], losses[1]);
        }
        assert_eq!(one.model.as_flat(), four.model.as_flat());
    }

    #[test]
    fn a_refused_step_leaves_the_model() {
        let mut trainer = Trainer::<Model, 2>::ZERO;
        random::initialize(&mut trainer.model, 3);
        let mut before = [0.0; Model::LEN];
        before.copy_from_slice(trainer.model.as_flat());
        let optimizer = Sgd { learning_rate: 0.1 };
        let too_large = StepError::BatchTooLarge { batch: 4, capacity: 2 };
        assert_eq!(trainer.step(&Portable, &optimizer, &SAMPLES, load), Err(too_large));
        assert_eq!(trainer.step(&Portable, &optimizer, &SAMPLES[..0], load), Err(StepError::EmptyBatch));
        let target = TargetError { sample: 0, target: 2, classes: 2 };
        assert_eq!(trainer.step(&Portable, &optimizer, &[([0.0; 2], 2)], load), Err(StepError::Target(target)));
        assert_eq!(trainer.model.as_flat(), before);
    }
}
