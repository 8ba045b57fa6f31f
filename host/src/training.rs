//! The training loop: epochs of shuffled batches, with an observer that prints, records or draws.

use std::time::{Duration, Instant};

use selvedge::{
    Engine, Flat,
    layers::Features,
    models::PIXELS,
    optimizer::Sgd,
    random,
    training::{StepError, Workspace},
};

use crate::{
    aligned::Aligned,
    data::{Dataset, Split},
    evaluation::{self, Evaluation},
    models::Model,
};

/// What to train with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// When to stop.
    pub length: Length,
    /// Samples in a batch; an epoch's last one may be smaller.
    pub batch_size: usize,
    /// SGD's learning rate.
    pub learning_rate: f32,
    /// The seed of the epochs' orders.
    pub seed: u64,
    /// Whether each epoch has an order of its own; else it is the file's.
    pub shuffle: bool,
}

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// After so many passes over the training images.
    Epochs(u32),
    /// After so many steps.
    Steps(u64),
}

/// Sees a run as it goes.
pub trait Observer {
    /// An error of its own, which ends the run.
    type Error: From<TrainingError>;

    /// An epoch begins.
    fn epoch_begins(&mut self, epoch: u32) -> Result<(), Self::Error>;

    /// A step was taken.
    fn step(&mut self, step: &Step) -> Result<(), Self::Error>;

    /// An epoch, or the last part of one, has ended and the model was tested.
    fn epoch_ends(&mut self, epoch: &Epoch) -> Result<(), Self::Error>;
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Its number in the run, from 1.
    pub number: u64,
    /// Its number in the epoch, from 0.
    pub batch: usize,
    /// Samples seen in this epoch, with this batch.
    pub seen: usize,
    /// The batch's mean loss before the step.
    pub loss: f32,
}

/// One epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Epoch {
    /// Its number, from 0.
    pub number: u32,
    /// Steps in the run so far.
    pub steps: u64,
    /// Samples trained in this epoch.
    pub samples: usize,
    /// How long training took, without the test.
    pub training: Duration,
    /// The model on the test images.
    pub test: Evaluation,
}

/// Why a run ended early; the model is as the last good step left it.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// The loss is no number any more.
    #[error("the loss is {loss} at step {step}: training diverged; try a smaller --lr")]
    Diverged {
        /// The step.
        step: u64,
        /// Its loss.
        loss: f32,
    },
    /// A batch was refused.
    #[error("step {step}: {error}")]
    Step {
        /// The step.
        step: u64,
        /// Why.
        error: StepError,
    },
}

/// Trains a model in place and returns the last epoch.
///
/// Epoch `e` (from 0) takes the training images in the order of [`random::shuffle`] for (seed, e), or in the file's.
///
/// # Errors
///
/// [`TrainingError`], or the observer's own.
pub fn train<M: Model, E: Engine, O: Observer>(
    engine: &E,
    model: &mut M,
    data: &Dataset,
    options: &Options,
    observer: &mut O,
) -> Result<Epoch, O::Error> {
    let mut run = Run::new::<M>(data.train.images.len(), options);
    let mut number = 0;
    loop {
        observer.epoch_begins(number)?;
        let epoch = run.epoch(engine, model, data, number, observer)?;
        observer.epoch_ends(&epoch)?;
        number += 1;
        let ended = match options.length {
            Length::Epochs(epochs) => number >= epochs,
            Length::Steps(steps) => run.steps >= steps,
        };
        if ended {
            return Ok(epoch);
        }
    }
}

/// The memory of a run; nothing is allocated in a step.
struct Run<'a> {
    options: &'a Options,
    steps: u64,
    order: Vec<u32>,
    input: Aligned,
    targets: Vec<u8>,
    tape: Aligned,
    grad_tape: Aligned,
}

impl<'a> Run<'a> {
    fn new<M: Model>(samples: usize, options: &'a Options) -> Self {
        let batch = options.batch_size.min(samples);
        Self {
            options,
            steps: 0,
            order: (0..).take(samples).collect(),
            input: Aligned::zeroed(batch * PIXELS),
            targets: vec![0; batch],
            tape: Aligned::zeroed(batch * M::Tape::LEN),
            grad_tape: Aligned::zeroed(batch * M::Tape::LEN),
        }
    }

    fn epoch<M: Model, E: Engine, O: Observer>(
        &mut self,
        engine: &E,
        model: &mut M,
        data: &Dataset,
        number: u32,
        observer: &mut O,
    ) -> Result<Epoch, O::Error> {
        let started = Instant::now();
        if self.options.shuffle {
            random::shuffle(&mut self.order, self.options.seed, number.into());
        }
        let (mut seen, mut batches) = (0, 0);
        while seen < self.order.len() && !self.is_last_step_taken() {
            let batch = self.load_batch(engine, &data.train, seen);
            let loss = self.step(engine, model, batch)?;
            seen += batch;
            observer.step(&Step { number: self.steps, batch: batches, seen, loss })?;
            batches += 1;
        }
        let training = started.elapsed();
        let test = evaluation::run(engine, model, &data.test, |_, _| {})
            .map_err(|error| TrainingError::Step { step: self.steps, error })?;
        // The last step's update is seen in the test alone.
        let loss = test.loss as f32;
        if !loss.is_finite() {
            return Err(TrainingError::Diverged { step: self.steps, loss }.into());
        }
        Ok(Epoch { number, steps: self.steps, samples: seen, training, test })
    }

    fn is_last_step_taken(&self) -> bool {
        matches!(self.options.length, Length::Steps(steps) if self.steps >= steps)
    }

    /// Gathers the next batch and returns its size.
    fn load_batch<E: Engine>(&mut self, engine: &E, split: &Split, seen: usize) -> usize {
        let order = &self.order[seen..self.order.len().min(seen + self.targets.len())];
        let input = <[f32; PIXELS]>::batch_mut(&mut self.input);
        engine.share_out(&mut input[..order.len()], |first, input| {
            for (&index, input) in order[first..].iter().zip(input) {
                evaluation::load(&split.images[index as usize], input);
            }
        });
        for (&index, target) in order.iter().zip(&mut self.targets) {
            *target = split.labels[index as usize];
        }
        order.len()
    }

    fn step<M: Model, E: Engine>(&mut self, engine: &E, model: &mut M, batch: usize) -> Result<f32, TrainingError> {
        let optimizer = Sgd { learning_rate: self.options.learning_rate };
        let mut workspace = Workspace { tape: &mut self.tape, grad_tape: &mut self.grad_tape };
        let (input, targets) = (&M::Input::batch(&self.input)[..batch], &self.targets[..batch]);
        let step = self.steps + 1;
        let refused = |error| TrainingError::Step { step, error };
        let loss = workspace.forward(engine, model, input, targets).map_err(refused)?;
        if !loss.is_finite() {
            return Err(TrainingError::Diverged { step, loss });
        }
        workspace.backward(engine, &optimizer, [], model, input).map_err(refused)?;
        self.steps = step;
        Ok(loss)
    }
}
