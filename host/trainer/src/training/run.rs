//! The training loop, which is the same on every backend.

use std::{
    mem,
    time::{Duration, Instant},
};

use selvedge::{loss::CrossEntropy, schedule::Schedule};

use super::{
    Backend, Epoch, Evaluations, Observer, Progress, State, Step, StepInput, StepOutput, Steps, TrainingError,
    TrainingOptions, order::Order, steps_in_epoch, steps_in_run,
};
use crate::{
    data::Dataset,
    evaluation::Evaluation,
    task::{self, Targets, standardized},
};

/// A state, and the means to continue it.
pub(super) struct Run<'a, B: ?Sized> {
    backend: &'a mut B,
    state: &'a mut State,
    data: &'a Dataset,
    options: &'a TrainingOptions,
    schedule: Schedule,
    cross_entropy: CrossEntropy<'a>,
    /// The training samples' targets, in the order of the data. Numbers are standardised.
    targets: Targets,
    /// The order of this epoch. The second field is the order of the next epoch, if it was drawn ahead.
    pub(super) order: Order,
    pub(super) next_order: Order,
    /// The steps that were begun and are not finished, and the number of starts.
    inputs: Vec<StepInput>,
    started: usize,
    /// True if the observer wants the state after the last of these steps.
    is_state_wanted: bool,
    /// The outputs of the start that was finished last.
    outputs: Vec<StepOutput>,
}

impl<'a, B: Backend + ?Sized> Run<'a, B> {
    pub(super) fn new(
        backend: &'a mut B,
        state: &'a mut State,
        data: &'a Dataset,
        options: &'a TrainingOptions,
    ) -> Self {
        let samples = data.train.len();
        let in_epoch = steps_in_epoch(samples, options);
        let at_once = backend.max_steps().min(in_epoch as usize);
        let max_started = backend.max_started();
        Self {
            backend,
            state,
            data,
            options,
            schedule: options.schedule.schedule(in_epoch, steps_in_run(samples, options)),
            cross_entropy: options.loss(),
            targets: standardized(data.task.get(), data.train.targets()),
            order: Order::new(),
            next_order: Order::new(),
            inputs: Vec::with_capacity(at_once * max_started),
            started: 0,
            is_state_wanted: false,
            outputs: Vec::with_capacity(at_once),
        }
    }

    /// Trains to the end. The state is then complete on the host, also after an error.
    pub(super) fn finish<O: Observer>(mut self, observer: &mut O) -> Result<Epoch, O::Error> {
        let last = self.epochs(observer);
        let settled = self.settle();
        let fetched = self.backend.fetch(self.state);
        let last = last?;
        settled?;
        fetched?;
        Ok(last)
    }

    pub(super) fn epochs<O: Observer>(&mut self, observer: &mut O) -> Result<Epoch, O::Error> {
        let progress = &self.state.progress;
        if progress.is_end(self.options) && progress.seen == 0 {
            return Ok(self.end()?);
        }
        loop {
            observer.epoch_begins(self.state.progress.epochs)?;
            let epoch = self.epoch(observer)?;
            observer.epoch_ends(&epoch)?;
            if self.state.progress.is_end(self.options) {
                return Ok(epoch);
            }
        }
    }

    /// Returns the last epoch of a run that was done before. The observer has already seen its test.
    fn end(&mut self) -> Result<Epoch, TrainingError> {
        let Progress { epochs, steps, .. } = self.state.progress;
        let number = epochs.saturating_sub(1);
        let Evaluations { validation, test } = self.evaluate()?;
        Ok(Epoch { number, steps, samples: 0, training: Duration::ZERO, validation, test })
    }

    /// Returns true if the epoch goes on.
    fn has_step(&self, progress: &Progress) -> bool {
        progress.seen < self.data.train.len() as u64 && !progress.is_end(self.options)
    }

    /// Runs the rest of the epoch that has begun, or a whole one, and the test.
    fn epoch<O: Observer>(&mut self, observer: &mut O) -> Result<Epoch, O::Error> {
        let started = Instant::now();
        let Progress { epochs: number, seen: first, .. } = self.state.progress;
        if self.next_order.is_of(number) {
            mem::swap(&mut self.order, &mut self.next_order);
        }
        self.order.draw(number, &self.targets, self.options);
        self.steps(observer)?;
        let samples = (self.state.progress.seen - first) as usize;
        let training = started.elapsed();
        let Evaluations { validation, test } = self.evaluate()?;
        if self.state.progress.seen == self.data.train.len() as u64 {
            self.state.progress.seen = 0;
            self.state.progress.epochs += 1;
            if let Some(validation) = &validation {
                self.judge(validation)?;
            }
        }
        Ok(Epoch { number, steps: self.state.progress.steps, samples, training, validation, test })
    }

    /// Takes the rest of the epoch's steps. While the backend works on some, the next ones are begun.
    fn steps<O: Observer>(&mut self, observer: &mut O) -> Result<(), O::Error> {
        loop {
            while self.may_start() && self.has_step(&self.planned()) {
                self.start(observer)?;
            }
            if self.started == 0 {
                return Ok(());
            }
            self.draw_ahead();
            self.finish_oldest(observer)?;
        }
    }

    /// Returns the place in the run after all steps that were begun.
    fn planned(&self) -> Progress {
        let mut progress = self.state.progress;
        self.inputs.iter().for_each(|input| input.advance(&mut progress));
        progress
    }

    /// Returns true if the backend and the observer let more steps be begun.
    fn may_start(&self) -> bool {
        self.started < self.backend.max_started() && !self.is_state_wanted
    }

    /// Begins the next steps, at least one. It goes to the end of the epoch or of the run, to the first step after which the observer wants
    /// the state, or as far as the backend takes steps at once.
    fn start<O: Observer>(&mut self, observer: &O) -> Result<(), TrainingError> {
        let first = self.inputs.len();
        let mut progress = self.planned();
        loop {
            let input = self.input(&progress)?;
            input.advance(&mut progress);
            self.inputs.push(input);
            self.is_state_wanted = observer.wants_state(progress.steps);
            let is_full = self.inputs.len() - first >= self.backend.max_steps();
            if is_full || self.is_state_wanted || !self.has_step(&progress) {
                break;
            }
        }
        let Order { samples: order, targets, .. } = &self.order;
        let steps = Steps { epoch: progress.epochs, order, targets, inputs: &self.inputs[first..] };
        self.backend.start(self.state, &steps)?;
        self.started += 1;
        Ok(())
    }

    /// Draws the next epoch's order while the backend works on the last steps of this one, if there is a next epoch.
    fn draw_ahead(&mut self) {
        let planned = self.planned();
        let next = Progress { epochs: planned.epochs + 1, ..planned };
        let is_whole = planned.seen == self.data.train.len() as u64;
        if self.backend.max_started() > 1 && is_whole && !next.is_end(self.options) {
            self.next_order.draw(next.epochs, &self.targets, self.options);
        }
    }

    /// Waits for the oldest steps that were begun, and tells the observer.
    fn finish_oldest<O: Observer>(&mut self, observer: &mut O) -> Result<(), O::Error> {
        let taken = self.receive()?;
        for (input, output) in self.inputs.drain(..taken).zip(&self.outputs) {
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
            let error = if step == 0 {
                TrainingError::Start { loss }
            } else {
                TrainingError::Diverged { step: step + 1, loss }
            };
            return Err(error.into());
        }
        self.is_state_wanted |= observer.wants_state(step);
        if self.started == 0 && mem::take(&mut self.is_state_wanted) {
            self.backend.fetch(self.state)?;
            observer.state(self.state)?;
        }
        Ok(())
    }

    /// Waits for the oldest steps that were begun. Moves the run on by those that changed the weights, and returns their number. After a
    /// step that changed nothing, no later step changes anything.
    fn receive(&mut self) -> Result<usize, TrainingError> {
        self.outputs.clear();
        self.started -= 1;
        let finished = self.backend.finish(&mut self.outputs);
        let taken = self.outputs.iter().take_while(|output| output.loss.is_finite()).count();
        if finished.is_err() || taken < self.outputs.len() {
            self.drop_started();
        }
        finished?;
        for input in &self.inputs[..taken] {
            input.advance(&mut self.state.progress);
        }
        Ok(taken)
    }

    /// Waits for all steps that were begun, and ignores their results.
    fn drop_started(&mut self) {
        let mut outputs = Vec::new();
        for _ in 0..mem::take(&mut self.started) {
            outputs.clear();
            // The run ends by what came before.
            let _ = self.backend.finish(&mut outputs);
        }
    }

    /// Waits for all steps that were begun before the run ended, and moves the run on by them. An observer's error does not undo them.
    fn settle(&mut self) -> Result<(), TrainingError> {
        while self.started > 0 {
            let taken = self.receive()?;
            self.inputs.drain(..taken);
        }
        Ok(())
    }

    /// Returns the next step in the epoch.
    fn input(&self, &Progress { seen, steps, batches, .. }: &Progress) -> Result<StepInput, TrainingError> {
        let TrainingOptions { batch_size, accumulate, learning_rate, ref optimizer, .. } = *self.options;
        let number = steps + 1;
        let first = seen as usize;
        let samples = first..self.data.train.len().min(first.saturating_add(batch_size.saturating_mul(accumulate)));
        let width = self.state.network.outputs();
        let total_weight = task::total_weight(self.order.targets.part(samples.clone()), self.cross_entropy, width)
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

    /// Notes the loss on the validation samples. If it is the smallest so far, the weights are stored.
    fn judge(&mut self, validation: &Evaluation) -> Result<(), TrainingError> {
        if self.state.keeps(validation.loss) {
            self.backend.fetch(self.state)?;
        }
        self.state.judge(validation.loss);
        Ok(())
    }
}
