//! The training loop: epochs of shuffled batches, with an observer that prints, records or saves.

pub mod checkpoint;
mod options;
mod state;

use std::time::{Duration, Instant};

use selvedge::{
    Engine, Flat,
    augment::Augmentation,
    layers::{Draws, Features},
    loss::{CrossEntropy, Loss},
    models::PIXELS,
    optimizer::{Accumulate, Average, Gradient, clip_grad_norm},
    random::{self, Generator, Purpose},
    schedule::Schedule,
    training::{Batch, StepError, Workspace},
};

pub use options::{Length, Optimizer, Options, Plan};
pub use state::{Progress, State};

use crate::{
    aligned::Aligned,
    data::{Dataset, Split},
    evaluation::{self, Evaluation},
    models::{Boxed, Model},
};
use options::Rule;

/// Sees a run as it goes.
pub trait Observer<M> {
    /// An error of its own, which ends the run.
    type Error: From<TrainingError>;

    /// An epoch begins.
    fn epoch_begins(&mut self, epoch: u32) -> Result<(), Self::Error>;

    /// A step was taken, to this state.
    fn step(&mut self, step: &Step, state: &State<M>) -> Result<(), Self::Error>;

    /// An epoch, or the last part of one, has ended and the model was tested.
    fn epoch_ends(&mut self, epoch: &Epoch, state: &State<M>) -> Result<(), Self::Error>;
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Its number in the run, from 1.
    pub number: u64,
    /// Samples in it.
    pub samples: usize,
    /// Samples seen in this epoch, with this step's.
    pub seen: usize,
    /// The mean loss of its samples before the step.
    pub loss: f32,
    /// Its learning rate.
    pub learning_rate: f64,
    /// The gradient's norm, where it is to be clipped.
    pub grad_norm: Option<f32>,
}

/// One epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Epoch {
    /// Its number, from 0.
    pub number: u32,
    /// Steps in the run so far.
    pub steps: u64,
    /// Samples trained in this epoch, since the run was started or resumed.
    pub samples: usize,
    /// How long training took, without the test.
    pub training: Duration,
    /// The model on the validation images.
    pub validation: Option<Evaluation>,
    /// The model on the test images.
    pub test: Evaluation,
}

/// Why a run ended early; the model is as the last good step left it.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// The loss is no number any more.
    #[error("the loss is {loss} at step {step}: training diverged; try a smaller --lr, or --clip")]
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

/// What the weights become before a batch sees them, where training is to get used to that.
pub trait Rounding {
    /// Writes the flat model as it will be used.
    fn round(&self, model: &[f32], rounded: &mut [f32]);
}

/// Trains on from a state, and returns the last epoch.
///
/// Epoch `e` (from 0) takes the training images in the order of [`random::shuffle`] for (seed, e), or in the file's. A state that was
/// saved after any step gives the same run as one that went on. Nothing is allocated in a step.
///
/// # Errors
///
/// [`TrainingError`], or the observer's own.
pub fn train<M: Model, E: Engine, O: Observer<M>>(
    engine: &E,
    state: &mut State<M>,
    data: &Dataset,
    options: &Options,
    observer: &mut O,
) -> Result<Epoch, O::Error> {
    run(Run::new(engine, state, data, options, None), observer)
}

/// [`train`] with weights that are rounded in every pass, forward and backward, and in each test; the gradient there moves the weights that are
/// not (the straight-through estimator of Bengio, Léonard, Courville, "Estimating or Propagating Gradients Through Stochastic Neurons
/// for Conditional Computation", 2013).
///
/// # Errors
///
/// As [`train`].
pub fn train_rounded<M: Model, E: Engine, O: Observer<M>>(
    engine: &E,
    state: &mut State<M>,
    data: &Dataset,
    options: &Options,
    rounding: &dyn Rounding,
    observer: &mut O,
) -> Result<Epoch, O::Error> {
    run(Run::new(engine, state, data, options, Some(rounding)), observer)
}

fn run<M: Model, E: Engine, O: Observer<M>>(mut run: Run<'_, M, E>, observer: &mut O) -> Result<Epoch, O::Error> {
    loop {
        observer.epoch_begins(run.state.progress.epochs)?;
        let epoch = run.epoch(observer)?;
        observer.epoch_ends(&epoch, run.state)?;
        if run.is_over() {
            return Ok(epoch);
        }
    }
}

/// Steps of a whole epoch.
pub fn steps_in_epoch(samples: usize, options: &Options) -> u64 {
    samples.div_ceil(options.batch_size.saturating_mul(options.accumulate)) as u64
}

/// Steps of a whole run, if nothing stops it early.
pub fn steps_in_run(samples: usize, options: &Options) -> u64 {
    match options.length {
        Length::Epochs(epochs) => u64::from(epochs) * steps_in_epoch(samples, options),
        Length::Steps(steps) => steps,
    }
}

/// A state, what moves it on, and the memory that takes.
struct Run<'a, M, E> {
    engine: &'a E,
    state: &'a mut State<M>,
    data: &'a Dataset,
    options: &'a Options,
    schedule: Schedule,
    loss: CrossEntropy<'static>,
    order: Vec<u32>,
    input: Aligned,
    /// A whole step's.
    targets: Vec<u8>,
    tape: Aligned,
    grad_tape: Aligned,
    /// The gradient, where a step needs it whole.
    grad: Option<Boxed<M>>,
    /// How weights are rounded, and the model with those that are.
    rounded: Option<(&'a dyn Rounding, Boxed<M>)>,
}

impl<'a, M: Model, E: Engine> Run<'a, M, E> {
    fn new(
        engine: &'a E,
        state: &'a mut State<M>,
        data: &'a Dataset,
        options: &'a Options,
        rounding: Option<&'a dyn Rounding>,
    ) -> Self {
        let samples = data.train.images.len();
        let batch = options.batch_size.min(samples);
        let is_kept = options.accumulate > 1 || options.clip.is_some() || rounding.is_some();
        let steps = steps_in_run(samples, options);
        Self {
            engine,
            state,
            data,
            options,
            schedule: options.schedule.schedule(steps_in_epoch(samples, options), steps),
            loss: CrossEntropy { label_smoothing: options.label_smoothing, ..CrossEntropy::default() },
            order: (0..).take(samples).collect(),
            input: Aligned::zeroed(batch * PIXELS),
            targets: Vec::with_capacity(batch.saturating_mul(options.accumulate).min(samples)),
            tape: Aligned::zeroed(batch * M::Tape::LEN),
            grad_tape: Aligned::zeroed(batch * M::Tape::LEN),
            grad: is_kept.then(Boxed::zeroed),
            rounded: rounding.map(|rounding| (rounding, Boxed::zeroed())),
        }
    }

    /// Whether the last step was taken.
    fn is_over(&self) -> bool {
        let progress = &self.state.progress;
        let is_long_enough = match self.options.length {
            Length::Epochs(epochs) => progress.epochs >= epochs,
            Length::Steps(steps) => progress.steps >= steps,
        };
        is_long_enough || self.options.early_stop.is_some_and(|patience| progress.epochs_since_best >= patience)
    }

    /// The rest of the epoch that has begun, or a whole one, and the test.
    fn epoch<O: Observer<M>>(&mut self, observer: &mut O) -> Result<Epoch, O::Error> {
        let started = Instant::now();
        let number = self.state.progress.epochs;
        if self.options.shuffle {
            random::shuffle(&mut self.order, self.options.seed, number.into());
        }
        let samples = self.order.len() as u64;
        let first = self.state.progress.seen;
        while self.state.progress.seen < samples && !self.is_over() {
            let step = self.step()?;
            observer.step(&step, self.state)?;
        }
        let trained = (self.state.progress.seen - first) as usize;
        let training = started.elapsed();
        let test = self.evaluate(&self.data.test)?;
        let validation = self.data.validation.as_ref().map(|split| self.evaluate(split)).transpose()?;
        if self.state.progress.seen == samples {
            self.state.progress.seen = 0;
            self.state.progress.epochs += 1;
            if let Some(validation) = &validation {
                self.state.judge(validation.loss);
            }
        }
        Ok(Epoch { number, steps: self.state.progress.steps, samples: trained, training, validation, test })
    }

    fn evaluate(&mut self, split: &Split) -> Result<Evaluation, TrainingError> {
        let step = self.state.progress.steps;
        let mut tested = self.state.tested();
        if let Some((rounding, rounded)) = &mut self.rounded {
            rounding.round(tested.as_flat(), rounded.as_flat_mut());
            tested = rounded;
        }
        let evaluation = evaluation::run(self.engine, tested, split, |_, _| {})
            .map_err(|error| TrainingError::Step { step, error })?;
        // The last step's update is seen in the test alone.
        match evaluation.loss as f32 {
            loss if loss.is_finite() => Ok(evaluation),
            loss => Err(TrainingError::Diverged { step, loss }),
        }
    }

    /// Takes a step on the next batches.
    fn step(&mut self) -> Result<Step, TrainingError> {
        let Progress { seen, steps, .. } = self.state.progress;
        let number = steps + 1;
        let refused = |error| TrainingError::Step { step: number, error };
        let order = &self.order[seen as usize..];
        let samples = order.len().min(self.options.batch_size.saturating_mul(self.options.accumulate));
        self.targets.clear();
        self.targets.extend(order[..samples].iter().map(|&index| self.data.train.labels[index as usize]));
        let total_weight =
            Loss::<M::Output>::total_weight(&self.loss, &self.targets).map_err(|error| refused(error.into()))?;

        let learning_rate = self.schedule.learning_rate(self.options.learning_rate, steps);
        let rule = self.options.optimizer.step(number, learning_rate);
        if let Some((rounding, rounded)) = &mut self.rounded {
            rounding.round(self.state.model.as_flat(), rounded.as_flat_mut());
        }
        let mut loss = 0.0;
        for first in (0..samples).step_by(self.options.batch_size) {
            let batch = first..samples.min(first + self.options.batch_size);
            loss += self.batch(batch, total_weight, &rule).map_err(refused)?;
            if !loss.is_finite() {
                return Err(TrainingError::Diverged { step: number, loss });
            }
        }
        let mut grad_norm = None;
        if let Some(grad) = &mut self.grad {
            grad_norm = self.options.clip.map(|clip| clip_grad_norm(self.engine, &mut **grad, clip));
            let (engine, model, grad) = (self.engine, &mut *self.state.model, &**grad);
            match (&rule, &mut self.state.optimizer[..]) {
                (Rule::Sgd(rule), []) => model.update(engine, rule, grad, []),
                (Rule::Momentum(rule), [velocity]) => model.update(engine, rule, grad, [velocity]),
                (Rule::Adam(rule), [mean, square]) => model.update(engine, rule, grad, [mean, square]),
                (Rule::RmsProp(rule), [square]) => model.update(engine, rule, grad, [square]),
                (Rule::RmsPropMomentum(rule), [square, velocity]) => {
                    model.update(engine, rule, grad, [square, velocity]);
                }
                _ => unreachable!("a state was made for its optimizer"),
            }
        }
        self.state.progress.seen += samples as u64;
        self.state.progress.steps = number;
        self.average();
        let seen = self.state.progress.seen as usize;
        Ok(Step { number, samples, seen, loss, learning_rate, grad_norm })
    }

    /// Computes a part of a step's samples; returns its part of the loss.
    fn batch(&mut self, part: std::ops::Range<usize>, total_weight: f32, rule: &Rule) -> Result<f32, StepError> {
        let is_first = part.start == 0;
        self.load(&part);
        let progress = &mut self.state.progress;
        let batch = Batch {
            input: &M::Input::batch(&self.input)[..part.len()],
            targets: &self.targets[part],
            draws: Draws::new(self.options.seed, progress.batches, self.options.dropout),
        };
        progress.batches += 1;
        let mut workspace = Workspace { tape: &mut self.tape, grad_tape: &mut self.grad_tape };
        let model = self.rounded.as_mut().map_or(&mut *self.state.model, |(_, rounded)| rounded);
        let engine = self.engine;
        let loss = workspace.forward(engine, model, &self.loss, batch, Some(total_weight))?;
        // A gradient of a loss that is no number would spoil the weights.
        if !loss.is_finite() {
            return Ok(loss);
        }
        match (&mut self.grad, rule, &mut self.state.optimizer[..]) {
            (Some(grad), ..) if is_first => workspace.backward(engine, &Gradient, [&mut **grad], model, batch)?,
            (Some(grad), ..) => workspace.backward(engine, &Accumulate, [&mut **grad], model, batch)?,
            (None, Rule::Sgd(rule), []) => workspace.backward(engine, rule, [], model, batch)?,
            (None, Rule::Momentum(rule), [velocity]) => {
                workspace.backward(engine, rule, [&mut **velocity], model, batch)?;
            }
            (None, Rule::Adam(rule), [mean, square]) => {
                workspace.backward(engine, rule, [&mut **mean, &mut **square], model, batch)?;
            }
            (None, Rule::RmsProp(rule), [square]) => {
                workspace.backward(engine, rule, [&mut **square], model, batch)?;
            }
            (None, Rule::RmsPropMomentum(rule), [square, velocity]) => {
                workspace.backward(engine, rule, [&mut **square, &mut **velocity], model, batch)?;
            }
            _ => unreachable!("a state was made for its optimizer"),
        }
        Ok(loss)
    }

    /// Gathers a batch's images.
    fn load(&mut self, part: &std::ops::Range<usize>) {
        let first = self.state.progress.seen as usize;
        let order = &self.order[first + part.start..first + part.end];
        let input = &mut <[f32; PIXELS]>::batch_mut(&mut self.input)[..order.len()];
        let (images, augmentation) = (&self.data.train.images, self.options.augmentation);
        let generator = Generator::new(self.options.seed, Purpose::Augmentation, self.state.progress.epochs.into());
        self.engine.share_out(input, |first, input| {
            for (&index, input) in order[first..].iter().zip(input) {
                let image = &images[index as usize];
                if augmentation == Augmentation::default() {
                    evaluation::load(image, input);
                } else {
                    augmentation.write(&generator, index.into(), image, input);
                }
            }
        });
    }

    /// Moves the average of the weights.
    fn average(&mut self) {
        let (Some(decay), Some(average)) = (self.options.ema, &mut self.state.average) else { return };
        if self.state.progress.steps == 1 {
            average.as_flat_mut().copy_from_slice(self.state.model.as_flat());
        } else {
            self.engine.update(&Average::new(decay), average.as_flat_mut(), self.state.model.as_flat(), []);
        }
    }
}
