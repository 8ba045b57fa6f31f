//! The training loop: epochs of shuffled batches, with an observer that prints, records or saves.

mod backend;
pub mod checkpoint;
mod cpu;
mod gpu;
pub mod metrics;
mod order;
mod run;
mod state;
#[cfg(test)]
mod tests;

use std::{error::Error, time::Duration};

use selvedge::{Engine, training::StepError};

pub use backend::{Backend, BatchInput, Evaluations, StepInput, StepOutput, Steps};
pub use cpu::Rounding;
pub use gpu::{Gpu, OpenGpu};
pub use options::{
    optimizer::Optimizer,
    training::{AugmentationError, EpochSchedule, Length, TrainingOptions},
};
pub use selvedge::optimizer::Rule;
pub use state::{Progress, State};

use crate::{aligned::MemoryError, data::Dataset, engine::Simd, evaluation::Evaluation};
use cpu::Cpu;
use run::Run;

/// Observes a run. By default, each function does nothing.
pub trait Observer {
    /// The observer's error, which ends the run.
    type Error: From<TrainingError>;

    /// Called when an epoch begins.
    fn epoch_begins(&mut self, _epoch: u32) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Called when a step was taken.
    fn step(&mut self, _step: &Step) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Returns true if the observer wants the state after this step.
    ///
    /// The loop asks at two moments. First, it asks before it begins the step. If the answer is true, it begins no later step until the observer has
    /// the state. Second, it asks after the last of several steps that were begun together. The second answer can be true although the first was
    /// false, for example after Ctrl-C. Then later steps may already run. The loop waits for them, and then calls [`state`](Self::state).
    fn wants_state(&self, _step: u64) -> bool {
        false
    }

    /// Takes the state that the observer [wants](Self::wants_state). `state.progress.steps` is the number of steps that were taken. It may be larger than
    /// that of the step that was asked about. The whole state is on the host.
    fn state(&mut self, _state: &State) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Called when an epoch has ended and the network was tested. In a resumed run, the first epoch may be the rest of one.
    fn epoch_ends(&mut self, _epoch: &Epoch) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// The results of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The step's number in the run, from 1.
    pub number: u64,
    /// The number of samples in the step.
    pub samples: usize,
    /// The number of samples seen in this epoch, including this step's.
    pub seen: usize,
    /// The mean loss of the step's samples before the step.
    pub loss: f32,
    /// The learning rate of the step.
    pub learning_rate: f64,
    /// The norm of the gradient, if it is to be clipped.
    pub grad_norm: Option<f32>,
}

/// The results of one epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Epoch {
    /// The epoch's number, from 0.
    pub number: u32,
    /// The number of steps in the run so far.
    pub steps: u64,
    /// The number of samples trained in this epoch, since the run was started or resumed.
    pub samples: usize,
    /// The time of training, without the test.
    pub training: Duration,
    /// The evaluation on the validation samples.
    pub validation: Option<Evaluation>,
    /// The evaluation on the test samples.
    pub test: Evaluation,
}

/// The error of a run that ended early. The model is then as it was after the last step that changed the weights.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// The loss became infinite or NaN.
    #[error("the loss is {loss} at step {step}: training diverged; try a smaller --lr, or --clip")]
    Diverged {
        /// The step. If a test found the problem, it is the last step before the test.
        step: u64,
        /// The loss of this step, or of the test after it.
        loss: f32,
    },
    /// The loss is not finite before the first step.
    #[error(
        "the loss is {loss} before the first update: the starting weights or the inputs are so large that sums leave a float32's range; name \
         other weights by --init, or take smaller or standardised inputs"
    )]
    Start {
        /// The loss of the first step's samples.
        loss: f32,
    },
    /// A batch was refused.
    #[error("step {step}: {error}")]
    Step {
        /// The step.
        step: u64,
        /// The reason.
        error: StepError,
    },
    /// There is not enough memory for the run.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The backend failed.
    #[error(transparent)]
    Backend(Box<dyn Error + Send + Sync>),
}

/// Continues training from a state on the CPU, and returns the last epoch.
///
/// Epoch `e` (from 0) takes the training samples in the order of [`selvedge::random::shuffle`] for (seed, e), or in the file's order. A run
/// can be resumed from a state that was saved after any step: it gives the same result as a run without a stop. A step allocates no
/// memory, except for samples in a mapped file: there each thread needs room for a sample.
///
/// # Errors
///
/// [`TrainingError`], or the observer's own error.
pub fn train<O: Observer>(
    engine: &Simd,
    state: &mut State,
    data: &Dataset,
    options: &TrainingOptions,
    observer: &mut O,
) -> Result<Epoch, O::Error> {
    let mut cpu = on_cpu(engine, state, data, options, None)?;
    train_on(cpu.as_mut(), state, data, options, observer)
}

/// Returns a backend on the CPU. It is not generic, so its loops are compiled in this package.
fn on_cpu<'a>(
    engine: &'a Simd,
    state: &State,
    data: &'a Dataset,
    options: &'a TrainingOptions,
    rounding: Option<&'a dyn Rounding>,
) -> Result<Box<dyn Backend + 'a>, TrainingError> {
    Ok(Box::new(Cpu::new(engine, state, data, options, rounding)?))
}

/// Does the same as [`train`], on any engine, such as one that counts operations. The loops are compiled in the package that calls this function.
///
/// # Errors
///
/// The errors of [`train`].
pub fn train_on_engine<E: Engine, O: Observer>(
    engine: &E,
    state: &mut State,
    data: &Dataset,
    options: &TrainingOptions,
    observer: &mut O,
) -> Result<Epoch, O::Error> {
    let mut cpu = Cpu::new(engine, state, data, options, None).map_err(TrainingError::from)?;
    train_on(&mut cpu, state, data, options, observer)
}

/// Does the same as [`train`], with rounded weights. Every pass and each test use the rounded weights. The gradients change the weights that
/// are not rounded (the straight-through estimator of Bengio, Léonard, Courville, "Estimating or Propagating Gradients Through Stochastic
/// Neurons for Conditional Computation", 2013).
///
/// # Errors
///
/// The errors of [`train`].
pub fn train_rounded<O: Observer>(
    engine: &Simd,
    state: &mut State,
    data: &Dataset,
    options: &TrainingOptions,
    rounding: &dyn Rounding,
    observer: &mut O,
) -> Result<Epoch, O::Error> {
    let mut cpu = on_cpu(engine, state, data, options, Some(rounding))?;
    train_on(cpu.as_mut(), state, data, options, observer)
}

/// Does the same as [`train`], on a backend that was made for this state, these samples and these options.
///
/// # Errors
///
/// The errors of [`train`].
pub fn train_on<B: Backend + ?Sized, O: Observer>(
    backend: &mut B,
    state: &mut State,
    data: &Dataset,
    options: &TrainingOptions,
    observer: &mut O,
) -> Result<Epoch, O::Error> {
    Run::new(backend, state, data, options).finish(observer)
}

/// Returns the number of steps in a whole epoch.
pub fn steps_in_epoch(samples: usize, options: &TrainingOptions) -> u64 {
    samples.div_ceil(options.batch_size.saturating_mul(options.accumulate)) as u64
}

/// Returns the number of steps in a whole run, if nothing stops it early.
pub fn steps_in_run(samples: usize, options: &TrainingOptions) -> u64 {
    match options.length {
        Length::Epochs(epochs) => u64::from(epochs) * steps_in_epoch(samples, options),
        Length::Steps(steps) => steps,
    }
}
