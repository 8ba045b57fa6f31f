//! The CPU as a backend. It takes one step at a time, by a network's passes on one of core's engines.

use std::iter;

use selvedge::{
    Engine,
    augment::Augmentation,
    engine::{RowWork, rows_mut},
    layers::Draws,
    loss::CrossEntropy,
    optimizer::{Accumulate, Average, Gradient},
    preparation::Preparation,
    random::{Generator, Purpose},
    shape::InputShape,
    training::{StepError, clip_grad_norm},
    with_rule,
};

use super::{Backend, BatchInput, Evaluations, State, StepInput, StepOutput, Steps, TrainingError, TrainingOptions};
use crate::{
    aligned::{Aligned, MemoryError},
    data::{Dataset, Split},
    evaluation::Evaluator,
    network::{Network, Workspace},
    task::TaskBatch,
};

/// Rounds weights before a batch is computed, in training that prepares a model for rounded weights.
pub trait Rounding {
    /// Writes the rounded flat model.
    fn round(&self, model: &[f32], rounded: &mut [f32]);
}

/// An engine, and the memory of a step. A step allocates nothing, except for samples in a mapped file.
pub(super) struct Cpu<'a, E> {
    engine: &'a E,
    data: &'a Dataset,
    options: &'a TrainingOptions,
    cross_entropy: CrossEntropy<'a>,
    input: Aligned,
    workspace: Workspace,
    evaluator: Evaluator,
    /// The gradient, if a step needs it as a whole.
    grad: Option<Aligned>,
    /// The rounding of weights, and the network with rounded weights.
    rounded: Option<(&'a dyn Rounding, Network)>,
    /// The outputs of the steps that were taken.
    outputs: Vec<StepOutput>,
}

impl<'a, E: Engine> Cpu<'a, E> {
    pub(super) fn new(
        engine: &'a E,
        state: &State,
        data: &'a Dataset,
        options: &'a TrainingOptions,
        rounding: Option<&'a dyn Rounding>,
    ) -> Result<Self, MemoryError> {
        let network = state.network.view();
        let rounded = |rounding| Ok((rounding, state.network.zeroed_copy()?));
        let batch = options.batch_size.min(data.train.len());
        let keeps_grad = options.accumulate > 1 || options.clip.is_some() || rounding.is_some();
        Ok(Self {
            engine,
            data,
            options,
            cross_entropy: options.loss(),
            input: Aligned::zeroed(batch * network.inputs())?,
            workspace: Workspace::for_training(network, batch)?,
            evaluator: Evaluator::new(network)?,
            grad: keeps_grad.then(|| Aligned::zeroed(network.parameters().len())).transpose()?,
            rounded: rounding.map(rounded).transpose()?,
            outputs: Vec::with_capacity(1),
        })
    }

    fn step(&mut self, state: &mut State, steps: &Steps<'_>, input: &StepInput) -> Result<StepOutput, StepError> {
        if let Some((rounding, rounded)) = &mut self.rounded {
            rounding.round(state.network.parameters(), rounded.parameters_mut());
        }
        let mut loss = 0.0;
        for batch in input.batches() {
            loss += self.batch(state, steps, input, batch)?;
            if !loss.is_finite() {
                return Ok(StepOutput { loss, grad_norm: None });
            }
        }
        let mut grad_norm = None;
        if let Some(grad) = &mut self.grad {
            grad_norm = self.options.clip.map(|clip| clip_grad_norm(self.engine, grad, clip));
            with_rule!(&input.rule, &mut state.optimizer[..], (rule, kept) => {
                state.network.update(self.engine, rule, grad, kept);
            });
        }
        self.average(state, input.number);
        Ok(StepOutput { loss, grad_norm })
    }

    /// Computes a part of a step's samples. Returns this part of the loss.
    fn batch(
        &mut self,
        state: &mut State,
        steps: &Steps<'_>,
        input: &StepInput,
        BatchInput { number, samples, is_first, .. }: BatchInput,
    ) -> Result<f32, StepError> {
        self.load(steps.epoch, &steps.order[samples.clone()]);
        let Self { engine, workspace, grad, .. } = self;
        let network = self.rounded.as_mut().map_or(&mut state.network, |(_, rounded)| rounded);
        let draws = Draws::new(self.options.seed, number, self.options.dropout);
        let batch = TaskBatch {
            input: &self.input[..samples.len() * network.inputs()],
            targets: steps.targets.part(samples),
            cross_entropy: self.cross_entropy,
        };
        let loss = batch.forward(workspace, *engine, network.view(), draws, input.total_weight)?;
        let batch = (batch.input, draws);
        // A gradient of a loss that is no number would spoil the weights.
        if !loss.is_finite() {
            return Ok(loss);
        }
        match grad {
            Some(grad) if is_first => workspace.backward(*engine, &Gradient, [&mut **grad], network, batch),
            Some(grad) => workspace.backward(*engine, &Accumulate, [&mut **grad], network, batch),
            None => with_rule!(&input.rule, &mut state.optimizer[..], (rule, kept) => {
                workspace.backward(*engine, rule, kept, network, batch);
            }),
        }
        Ok(loss)
    }

    /// Gathers a batch's samples.
    fn load(&mut self, epoch: u32, order: &[u32]) {
        let Self { engine, data, options, input, .. } = self;
        let generator = Generator::new(options.seed, Purpose::Augmentation, epoch.into());
        let features = data.train.features();
        let Dataset { train, input: shape, .. } = data;
        let (shape, preparation) = (*shape, data.preparation.get());
        let load = Load { train, shape, preparation, order, augmentation: options.augmentation, generator };
        engine.share_out_work(features, &mut input[..order.len() * features], load);
    }

    /// Moves the average of the weights after a step.
    fn average(&self, state: &mut State, step: u64) {
        let (Some(decay), Some(average)) = (self.options.ema, &mut state.average) else { return };
        if step == 1 {
            average.copy_from_slice(state.network.parameters());
        } else {
            self.engine.update(&Average::new(decay), average, state.network.parameters(), []);
        }
    }
}

/// The number of samples that are loaded ahead of the one that is written. In a random order, each would have to be waited for.
const AHEAD: usize = 4;

/// Converts samples to a network's input.
struct Load<'a> {
    train: &'a Split,
    shape: InputShape,
    preparation: Preparation<'a>,
    order: &'a [u32],
    augmentation: Augmentation,
    generator: Generator,
}

impl RowWork<f32> for Load<'_> {
    #[inline(always)]
    fn run(&self, first: usize, rows: &mut [f32]) {
        let Self { train, shape, preparation, order, augmentation, generator } = self;
        // Takes memory only where samples are in a file.
        let mut room = Vec::new();
        let later = order.iter().skip(first + AHEAD).map(Some).chain(iter::repeat(None));
        for ((&index, input), later) in order[first..].iter().zip(rows_mut(rows, train.features())).zip(later) {
            if let Some(&later) = later {
                train.prefetch(later as usize);
            }
            let sample = train.sample_in(index as usize, &mut room);
            if augmentation.is_none() {
                preparation.write(sample, input);
            } else {
                augmentation.write(generator, index.into(), *shape, sample, input);
            }
        }
    }
}

impl<E: Engine> Backend for Cpu<'_, E> {
    fn max_steps(&self) -> usize {
        1
    }

    fn start(&mut self, state: &mut State, steps: &Steps<'_>) -> Result<(), TrainingError> {
        for input in steps.inputs {
            let output = self.step(state, steps, input);
            let output = output.map_err(|error| TrainingError::Step { step: input.number, error })?;
            self.outputs.push(output);
            if !output.loss.is_finite() {
                break;
            }
        }
        Ok(())
    }

    fn finish(&mut self, outputs: &mut Vec<StepOutput>) -> Result<(), TrainingError> {
        outputs.append(&mut self.outputs);
        Ok(())
    }

    fn fetch(&mut self, _state: &mut State) -> Result<(), TrainingError> {
        Ok(())
    }

    fn evaluate(&mut self, state: &State) -> Result<Evaluations, TrainingError> {
        let mut tested = state.tested();
        if let Some((rounding, rounded)) = &mut self.rounded {
            rounding.round(tested.parameters(), rounded.parameters_mut());
            tested = rounded.view();
        }
        let mut evaluate = |split: &Split| {
            self.evaluator
                .run(self.engine, tested, self.data.meaning(), split)
                .map_err(|error| TrainingError::Step { step: state.progress.steps, error })
        };
        Ok(Evaluations {
            test: evaluate(&self.data.test)?,
            validation: self.data.validation.as_ref().map(evaluate).transpose()?,
        })
    }
}
