//! The interface between the training loop, which decides every step, and the backend, which computes the steps.

use std::ops::Range;

use super::{Progress, Rule, State, TrainingError};
use crate::{evaluation::Evaluation, task::Targets};

/// Computes the steps of one run and tests its network, on the CPU or on a device with its own memory.
///
/// A backend is made for a state, from which it takes what it needs. The host decides everything but the arithmetic ([`StepInput`]), so a run
/// has the same bits on every backend.
pub trait Backend {
    /// Returns the largest number of steps that one call of [`start`](Self::start) takes.
    fn max_steps(&self) -> usize;

    /// Returns the largest number of calls of [`start`](Self::start) that may wait for their [`finish`](Self::finish). With 1, nothing is computed
    /// ahead.
    fn max_started(&self) -> usize {
        1
    }

    /// Begins these steps. They are taken one after the other, after all steps that were begun before. The call may return before they are
    /// taken, so the backend keeps what it needs of `steps`.
    ///
    /// A step whose loss is infinite or NaN changes no weight. A step that was begun after it changes no weight either.
    ///
    /// `state.progress` is the state's place before the first step that is not finished. The caller moves it on.
    ///
    /// # Errors
    ///
    /// [`TrainingError::Step`] and [`TrainingError::Backend`]; then these steps are not begun.
    fn start(&mut self, state: &mut State, steps: &Steps<'_>) -> Result<(), TrainingError>;

    /// Waits for the steps of the oldest [`start`](Self::start) that is not finished. Appends the result of each step to `outputs`, which
    /// is empty before. A step whose loss is infinite or NaN is the last one there, and the results of later starts then mean nothing.
    ///
    /// # Errors
    ///
    /// [`TrainingError::Backend`]. The start is then finished too.
    fn finish(&mut self, outputs: &mut Vec<StepOutput>) -> Result<(), TrainingError>;

    /// Updates the state with all steps that were taken: the network, the optimizer's numbers and the average. The
    /// caller has finished every start.
    ///
    /// # Errors
    ///
    /// [`TrainingError::Backend`].
    fn fetch(&mut self, state: &mut State) -> Result<(), TrainingError>;

    /// Tests the weights that [`State::tested`] names, as they are after all steps that were taken. The caller has finished every start.
    ///
    /// # Errors
    ///
    /// [`TrainingError::Step`] and [`TrainingError::Backend`].
    fn evaluate(&mut self, state: &State) -> Result<Evaluations, TrainingError>;
}

/// Steps of one epoch to be taken one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Steps<'a> {
    /// The epoch's number, from 0.
    pub epoch: u32,
    /// The indices of all training samples, in the order in which the epoch takes them.
    pub order: &'a [u32],
    /// The targets of the samples, in the same order. Numbers are standardised.
    pub targets: &'a Targets,
    /// The steps, at least one.
    pub inputs: &'a [StepInput],
}

/// Everything that the host decides about a step.
#[derive(Clone, Debug)]
pub struct StepInput {
    /// The step's number in the run, from 1. The average of the weights starts after the first.
    pub number: u64,
    /// The places of the step's samples in the epoch's order.
    pub samples: Range<usize>,
    /// The number of samples in each of the step's batches. The last batch may have fewer.
    pub batch_size: usize,
    /// The number of the step's first batch in the run, from 0.
    pub first_batch: u64,
    /// The divisor of the sum of the samples' losses.
    pub total_weight: f32,
    /// The learning rate of the step.
    pub learning_rate: f64,
    /// The optimizer's rule for the step's gradient.
    pub rule: Rule,
}

impl StepInput {
    /// Returns the step's batches, whose gradients are added up.
    pub fn batches(&self) -> impl Iterator<Item = BatchInput> {
        let Range { start, end } = self.samples;
        let size = self.batch_size;
        (start..end).step_by(size).zip(self.first_batch..).map(move |(first, number)| {
            let last = end.min(first.saturating_add(size));
            BatchInput { number, samples: first..last, is_first: first == start, is_last: last == end }
        })
    }

    /// Moves a run's place from before the step to after it.
    pub(super) fn advance(&self, progress: &mut Progress) {
        progress.seen = self.samples.end as u64;
        progress.steps = self.number;
        progress.batches += self.samples.len().div_ceil(self.batch_size) as u64;
    }
}

/// One of a step's batches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchInput {
    /// The batch's number in the run, from 0. Dropout's draws are addressed by it.
    pub number: u64,
    /// The places of the batch's samples in the epoch's order.
    pub samples: Range<usize>,
    /// True if the batch is the first of the step: the gradient starts from it.
    pub is_first: bool,
    /// True if the batch is the last of the step: then the parameters change.
    pub is_last: bool,
}

/// The result of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepOutput {
    /// The loss of the step's samples before the step: the sum of their losses, divided by [`StepInput::total_weight`]. It is added up batch by
    /// batch. If it becomes infinite or NaN, the step's further batches are left out.
    pub loss: f32,
    /// The norm of the gradient, if it is to be clipped.
    pub grad_norm: Option<f32>,
}

/// The evaluations of a network in a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluations {
    /// The evaluation on the validation samples, if samples are held out.
    pub validation: Option<Evaluation>,
    /// The evaluation on the test samples.
    pub test: Evaluation,
}

#[cfg(test)]
mod tests {
    use selvedge::optimizer::Sgd;

    use super::*;

    #[test]
    fn a_steps_batches_are_its_samples() {
        let input = |samples, batch_size| StepInput {
            number: 3,
            samples,
            batch_size,
            first_batch: 7,
            total_weight: 1.0,
            learning_rate: 1.0,
            rule: Rule::Sgd(Sgd::new(1.0)),
        };
        let batch = |number, samples, is_first, is_last| BatchInput { number, samples, is_first, is_last };
        let batches: Vec<_> = input(20..45, 10).batches().collect();
        let expected = [batch(7, 20..30, true, false), batch(8, 30..40, false, false), batch(9, 40..45, false, true)];
        assert_eq!(batches, expected);
        let whole = input(20..45, usize::MAX);
        assert_eq!(whole.batches().collect::<Vec<_>>(), [batch(7, 20..45, true, true)]);

        let mut progress = Progress { seen: 20, steps: 2, batches: 7, ..Progress::default() };
        input(20..45, 10).advance(&mut progress);
        assert_eq!(progress, Progress { seen: 45, steps: 3, batches: 10, ..Progress::default() });
    }
}
