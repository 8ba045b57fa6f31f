//! The loop, the same on every backend.

use std::time::Instant;

use selvedge::{
    loss::{CrossEntropy, Loss},
    random,
    schedule::Schedule,
};

use super::{
    Backend, Epoch, Evaluations, Length, Observer, Options, Progress, State, Step, StepInput, StepOutput, Steps,
    TrainingError, steps_in_epoch, steps_in_run,
};
use crate::{data::Dataset, evaluation::Evaluation};

/// A state, and what moves it on.
pub(super) struct Run<'a, B> {
    backend: &'a mut B,
    state: &'a mut State,
    data: &'a Dataset,
    options: &'a Options,
    schedule: Schedule,
    loss: CrossEntropy<'static>,
    /// The epoch's, and the labels in it.
    order: Vec<u32>,
    targets: Vec<u16>,
    /// Of the steps that are taken at once.
    inputs: Vec<StepInput>,
    outputs: Vec<StepOutput>,
}

impl<'a, B: Backend> Run<'a, B> {
    pub(super) fn new(backend: &'a mut B, state: &'a mut State, data: &'a Dataset, options: &'a Options) -> Self {
        let samples = data.train.len();
        let in_epoch = steps_in_epoch(samples, options);
        let at_once = backend.max_steps().min(in_epoch as usize);
        Self {
            backend,
            state,
            data,
            options,
            schedule: options.schedule.schedule(in_epoch, steps_in_run(samples, options)),
            loss: options.loss(),
            order: (0..).take(samples).collect(),
            targets: Vec::with_capacity(samples),
            inputs: Vec::with_capacity(at_once),
            outputs: Vec::with_capacity(at_once),
        }
    }

    /// Trains to the end; the state is then whole on the host, after an error too.
    pub(super) fn finish<O: Observer>(mut self, observer: &mut O) -> Result<Epoch, O::Error> {
        let last = self.epochs(observer);
        let fetched = self.backend.fetch(self.state);
        let last = last?;
        fetched?;
        Ok(last)
    }

    fn epochs<O: Observer>(&mut self, observer: &mut O) -> Result<Epoch, O::Error> {
        loop {
            observer.epoch_begins(self.state.progress.epochs)?;
            let epoch = self.epoch(observer)?;
            observer.epoch_ends(&epoch)?;
            if self.is_over(&self.state.progress) {
                return Ok(epoch);
            }
        }
    }

    /// Whether the last step was taken.
    fn is_over(&self, progress: &Progress) -> bool {
        let is_long_enough = match self.options.length {
            Length::Epochs(epochs) => progress.epochs >= epochs,
            Length::Steps(steps) => progress.steps >= steps,
        };
        is_long_enough || self.options.early_stop.is_some_and(|patience| progress.epochs_since_best >= patience)
    }

    /// Whether the epoch goes on.
    fn has_step(&self, progress: &Progress) -> bool {
        progress.seen < self.order.len() as u64 && !self.is_over(progress)
    }

    /// The rest of the epoch that has begun, or a whole one, and the test.
    fn epoch<O: Observer>(&mut self, observer: &mut O) -> Result<Epoch, O::Error> {
        let started = Instant::now();
        let Progress { epochs: number, seen: first, .. } = self.state.progress;
        if self.options.shuffle {
            random::shuffle(&mut self.order, self.options.seed, number.into());
        }
        self.targets.clear();
        self.targets.extend(self.order.iter().map(|&index| self.data.train.labels()[index as usize]));
        while self.has_step(&self.state.progress) {
            self.steps(observer)?;
        }
        let samples = (self.state.progress.seen - first) as usize;
        let training = started.elapsed();
        let Evaluations { validation, test } = self.evaluate()?;
        if self.state.progress.seen == self.order.len() as u64 {
            self.state.progress.seen = 0;
            self.state.progress.epochs += 1;
            if let Some(validation) = &validation {
                self.judge(validation)?;
            }
        }
        Ok(Epoch { number, steps: self.state.progress.steps, samples, training, validation, test })
    }

    /// Takes as many steps as the backend takes before somebody looks at the state.
    fn steps<O: Observer>(&mut self, observer: &mut O) -> Result<(), O::Error> {
        self.plan(observer)?;
        self.outputs.clear();
        let steps = Steps {
            epoch: self.state.progress.epochs,
            order: &self.order,
            targets: &self.targets,
            inputs: &self.inputs,
        };
        self.backend.train(self.state, &steps, &mut self.outputs)?;
        let taken = self.outputs.iter().take_while(|output| output.loss.is_finite()).count();
        for input in &self.inputs[..taken] {
            input.advance(&mut self.state.progress);
        }
        for (input, output) in self.inputs[..taken].iter().zip(&self.outputs) {
            observer.step(&Step {
                number: input.number,
                samples: input.samples.len(),
                seen: input.samples.end,
                loss: output.loss,
                learning_rate: input.learning_rate,
                grad_norm: output.grad_norm,
            })?;
        }
        let step = self.state.progress.steps;
        if let Some(&StepOutput { loss, .. }) = self.outputs.get(taken) {
            return Err(TrainingError::Diverged { step: step + 1, loss }.into());
        }
        if observer.wants_state(step) {
            self.backend.fetch(self.state)?;
            observer.state(self.state)?;
        }
        Ok(())
    }

    /// Decides the steps that are taken at once: to the end of the epoch or of the run, to the first after which the observer wants the state, or
    /// as many as the backend takes; at least one.
    fn plan<O: Observer>(&mut self, observer: &O) -> Result<(), TrainingError> {
        self.inputs.clear();
        let mut progress = self.state.progress;
        loop {
            let input = self.input(&progress)?;
            input.advance(&mut progress);
            self.inputs.push(input);
            let is_full = self.inputs.len() >= self.backend.max_steps();
            if is_full || !self.has_step(&progress) || observer.wants_state(progress.steps) {
                return Ok(());
            }
        }
    }

    /// The step that follows in the epoch.
    fn input(&self, &Progress { seen, steps, batches, .. }: &Progress) -> Result<StepInput, TrainingError> {
        let Options { batch_size, accumulate, learning_rate, ref optimizer, .. } = *self.options;
        let number = steps + 1;
        let first = seen as usize;
        let samples = first..self.order.len().min(first.saturating_add(batch_size.saturating_mul(accumulate)));
        let width = self.state.network.outputs();
        let total_weight = (self.loss.total_weight(width, &self.targets[samples.clone()]))
            .map_err(|error| TrainingError::Step { step: number, error: error.into() })?;
        let learning_rate = self.schedule.learning_rate(learning_rate, steps);
        let rule = optimizer.step(number, learning_rate);
        Ok(StepInput { number, samples, batch_size, first_batch: batches, total_weight, learning_rate, rule })
    }

    fn evaluate(&mut self) -> Result<Evaluations, TrainingError> {
        let evaluations = self.backend.evaluate(self.state)?;
        // The last step's update is seen in the test alone.
        for Evaluation { loss, .. } in std::iter::once(&evaluations.test).chain(&evaluations.validation) {
            let (step, loss) = (self.state.progress.steps, *loss as f32);
            if !loss.is_finite() {
                return Err(TrainingError::Diverged { step, loss });
            }
        }
        Ok(evaluations)
    }

    /// Notes what the validation samples say; where they never said better, the weights are kept.
    fn judge(&mut self, validation: &Evaluation) -> Result<(), TrainingError> {
        if self.state.keeps(validation.loss) {
            self.backend.fetch(self.state)?;
        }
        self.state.judge(validation.loss);
        Ok(())
    }
}
