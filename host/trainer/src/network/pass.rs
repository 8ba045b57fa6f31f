//! Passes over a batch. They call core's layers, one stage after the other.

use selvedge::{
    Activation, Engine,
    architecture::{Stage, StageKind},
    layers::{
        Draws, Pass,
        batch_norm::{self, Feature},
        dropout, gelu, log_softmax,
    },
    loss::Loss,
    optimizer::Optimizer,
    training::{self, StepError, check_batch},
    with_activation,
};

use super::{Network, View};
use crate::aligned::{Aligned, MemoryError};

/// The number of gradients that a plain engine has on its stack at a time.
const ROW: usize = 1024;

/// Samples that are computed together: their inputs are `[batch][inputs]`.
pub type Batch<'a, Target> = training::Batch<'a, f32, Target>;

/// The memory of a pass, without the network. It has the *tape*: the outputs of every stage for each sample. For training it also has the
/// gradients of the sums before each activation.
#[derive(Debug)]
pub struct Workspace {
    batch: usize,
    tape: Aligned,
    grad_tape: Aligned,
    /// The numbers of the widest batch normalisation.
    features: Vec<Feature>,
    parameter_grads: Vec<f32>,
}

impl Workspace {
    /// Returns the memory to train on batches of at most `batch` samples.
    ///
    /// # Errors
    ///
    /// [`MemoryError`] if there is not enough memory.
    pub fn for_training(network: View<'_>, batch: usize) -> Result<Self, MemoryError> {
        let mut workspace = Self::for_prediction(network, batch)?;
        workspace.grad_tape = Aligned::zeroed(workspace.tape.len())?;
        workspace.parameter_grads = vec![0.0; 2 * workspace.features.len()];
        Ok(workspace)
    }

    /// Returns the memory to predict batches of at most `batch` samples.
    ///
    /// # Errors
    ///
    /// [`MemoryError`] if there is not enough memory.
    pub fn for_prediction(network: View<'_>, batch: usize) -> Result<Self, MemoryError> {
        let normalized = network.layers.stages.iter().filter(|stage| stage.kind == StageKind::BatchNorm1d);
        let widest = normalized.map(|stage| stage.outputs).max().unwrap_or(0);
        Ok(Self {
            batch,
            tape: Aligned::zeroed(batch.saturating_mul(network.layers.tape_len))?,
            grad_tape: Aligned::zeroed(0)?,
            features: vec![Feature::default(); widest],
            parameter_grads: Vec::new(),
        })
    }

    /// Computes the outputs of a batch, `[batch][outputs]`.
    ///
    /// # Panics
    ///
    /// If the batch is larger than the workspace's.
    pub fn predict<E: Engine>(&mut self, engine: &E, network: View<'_>, input: &[f32]) -> &[f32] {
        self.run(engine, network, Pass::Evaluation, input);
        self.outputs(network, input)
    }

    /// Returns the largest number of samples in a batch.
    pub(super) fn batch(&self) -> usize {
        self.batch
    }

    /// Returns the outputs of the last batch.
    pub(super) fn outputs(&self, network: View<'_>, input: &[f32]) -> &[f32] {
        &self.tape[network.last().tape(input.len() / network.inputs())]
    }

    /// Computes a batch's activations, its loss, and the gradient of the loss at the last layer's sums (its results before the activation).
    ///
    /// `total_weight` is `None` for a whole batch. If this batch is a part of a larger one, it is the [`Loss::total_weight`] of the larger one.
    ///
    /// # Errors
    ///
    /// [`StepError`] for a batch that is empty or too large, and for targets that the loss cannot compare with the outputs.
    ///
    /// # Panics
    ///
    /// If the workspace is not [for training](Self::for_training).
    pub fn forward<E: Engine, L: Loss>(
        &mut self,
        engine: &E,
        network: View<'_>,
        loss: &L,
        batch: Batch<'_, L::Target>,
        total_weight: Option<f32>,
    ) -> Result<f32, StepError> {
        let (samples, width) = (self.check(network, loss, &batch)?, network.outputs());
        let total_weight = total_weight.map_or_else(|| loss.total_weight(width, batch.targets), Ok)?;
        self.run(engine, network, Pass::Training(batch.draws), batch.input);
        let last = network.last();
        let (outputs, grads) = (&self.tape[last.tape(samples)], &mut self.grad_tape[last.tape(samples)]);
        let loss = loss.value_and_grad(width, outputs, batch.targets, total_weight, grads)?;
        with_activation!(last.activation, A => {
            grads.iter_mut().zip(outputs).for_each(|(grad, &output)| *grad = A::grad(output, *grad));
        });
        Ok(loss)
    }

    /// Hands the gradient of each parameter to the optimizer, after [`forward`](Self::forward) with the same network, input and draws. `state` is
    /// as long as the flat model.
    ///
    /// # Panics
    ///
    /// If the batch is larger than the workspace's, or if the workspace is not [for training](Self::for_training).
    pub fn backward<E: Engine, O: Optimizer<STATE>, const STATE: usize>(
        &mut self,
        engine: &E,
        optimizer: &O,
        state: [&mut [f32]; STATE],
        network: &mut Network,
        (input, draws): (&[f32], Draws),
    ) {
        let pass = Pass::Training(draws);
        let samples = input.len() / network.inputs();
        let Network { layers, parameters } = network;
        let mut state = state;
        for (index, stage) in layers.stages.iter().enumerate().rev() {
            let before = index.checked_sub(1).map(|before| &layers.stages[before]);
            let own = stage.tape(samples);
            let (before_own, rest) = self.grad_tape.split_at_mut(own.start);
            let backward = Backward {
                engine,
                pass: pass.at(stage.place),
                stage,
                input: before.map_or(input, |before| &self.tape[before.tape(samples)]),
                output: &self.tape[own.clone()],
                grads: &rest[..own.len()],
            };
            let grad_input = before.map(|before| &mut before_own[before.tape(samples)]);
            let values = &mut parameters[stage.values()];
            let state = state.each_mut().map(|state| &mut state[stage.values()]);
            let scratch = (&mut self.features[..], &mut self.parameter_grads[..]);
            backward.run(optimizer, values, state, grad_input, scratch);
        }
    }

    /// Returns the gradients of the outputs with respect to the inputs, `[batch][inputs]`. For each sample, `outputs` has the index of the
    /// output whose gradient is computed. The pass is an evaluation, as in prediction.
    ///
    /// Karen Simonyan, Andrea Vedaldi, Andrew Zisserman, "Deep Inside Convolutional Networks: Visualising Image Classification Models and Saliency
    /// Maps", 2013.
    ///
    /// # Panics
    ///
    /// If the batch is larger than the workspace's, if the workspace is not [for training](Self::for_training), or if there is no such output.
    pub fn input_grad<E: Engine>(
        &mut self,
        engine: &E,
        network: View<'_>,
        input: &[f32],
        outputs: &[usize],
        grad_input: &mut [f32],
    ) {
        let (samples, width) = (outputs.len(), network.outputs());
        self.run(engine, network, Pass::Evaluation, input);
        let last = network.last();
        let grads = &mut self.grad_tape[last.tape(samples)];
        grads.fill(0.0);
        for ((row, sums), &output) in
            grads.chunks_exact_mut(width).zip(self.tape[last.tape(samples)].chunks(width)).zip(outputs)
        {
            with_activation!(last.activation, A => row[output] = A::grad(sums[output], 1.0));
        }
        for (index, stage) in network.layers.stages.iter().enumerate().rev() {
            let before = index.checked_sub(1).map(|before| &network.layers.stages[before]);
            let own = stage.tape(samples);
            let (before_own, rest) = self.grad_tape.split_at_mut(own.start);
            let backward = Backward {
                engine,
                pass: Pass::Evaluation,
                stage,
                input: before.map_or(input, |before| &self.tape[before.tape(samples)]),
                output: &self.tape[own.clone()],
                grads: &rest[..own.len()],
            };
            let grad_input = match before {
                Some(before) => &mut before_own[before.tape(samples)],
                None => &mut *grad_input,
            };
            let scratch = (&mut self.features[..], &mut self.parameter_grads[..]);
            backward.input_grad(&network.parameters[stage.values()], grad_input, scratch);
        }
    }

    /// Computes the outputs of a batch and its mean loss, without a gradient.
    ///
    /// # Errors
    ///
    /// The errors of [`forward`](Self::forward).
    pub fn evaluate<E: Engine, L: Loss>(
        &mut self,
        engine: &E,
        network: View<'_>,
        loss: &L,
        batch: Batch<'_, L::Target>,
    ) -> Result<(&[f32], f32), StepError> {
        let (samples, width) = (self.check(network, loss, &batch)?, network.outputs());
        self.run(engine, network, Pass::Evaluation, batch.input);
        let outputs = &self.tape[network.last().tape(samples)];
        let total_weight = loss.total_weight(width, batch.targets)?;
        Ok((outputs, loss.value(width, outputs, batch.targets, total_weight)?))
    }

    /// Returns the number of a batch's samples. Checks that each has its targets, and that the workspace is large enough.
    fn check<L: Loss>(&self, network: View<'_>, _loss: &L, batch: &Batch<'_, L::Target>) -> Result<usize, StepError> {
        let samples = batch.input.len() / network.inputs();
        let samples = check_batch::<L>(network.outputs(), samples, batch.targets.len())?;
        match samples <= self.batch {
            true => Ok(samples),
            false => Err(StepError::BatchTooLarge { batch: samples, capacity: self.batch }),
        }
    }

    /// Writes the tape of a batch.
    fn run<E: Engine>(&mut self, engine: &E, network: View<'_>, pass: Pass, input: &[f32]) {
        self.run_with(engine, network, pass, input, |_, stage, values, input, output| {
            with_activation!(stage.activation, A => {
                engine.linear_forward::<A>(stage.widths(), values, input, output);
            });
        });
    }

    /// Writes the tape of a batch. `linear(index of the stage, stage, its values, input, output)` computes the linear layers.
    pub(super) fn run_with<E: Engine>(
        &mut self,
        engine: &E,
        network: View<'_>,
        pass: Pass,
        input: &[f32],
        linear: impl Fn(usize, &Stage, &[f32], &[f32], &mut [f32]),
    ) {
        let samples = input.len() / network.inputs();
        let mut before: Option<&Stage> = None;
        for (index, stage) in network.layers.stages.iter().enumerate() {
            let own = stage.tape(samples);
            let (before_own, rest) = self.tape.split_at_mut(own.start);
            let input = before.map_or(input, |before| &before_own[before.tape(samples)]);
            let output = &mut rest[..own.len()];
            let values = &network.parameters[stage.values()];
            match stage.kind {
                StageKind::Linear => linear(index, stage, values, input, output),
                StageKind::BatchNorm1d => with_activation!(stage.activation, A => {
                    let features = &mut self.features[..stage.outputs];
                    batch_norm::forward::<A, _>(engine, pass, values, input, output, features);
                }),
                StageKind::Gelu => gelu::forward(engine, input, output),
                StageKind::Dropout => dropout::forward(engine, pass.at(stage.place), input, output),
                StageKind::LogSoftmax => log_softmax::forward(engine, stage.outputs, input, output),
            }
            before = Some(stage);
        }
    }
}

/// One stage's backward pass.
struct Backward<'a, E> {
    engine: &'a E,
    pass: Pass,
    stage: &'a Stage,
    input: &'a [f32],
    output: &'a [f32],
    /// The gradients at the sums before the activation.
    grads: &'a [f32],
}

impl<E: Engine> Backward<'_, E> {
    /// Computes the input's gradient first, because it needs the parameters before the update.
    fn run<O: Optimizer<STATE>, const STATE: usize>(
        &self,
        optimizer: &O,
        values: &mut [f32],
        state: [&mut [f32]; STATE],
        grad_input: Option<&mut [f32]>,
        (features, parameter_grads): (&mut [Feature], &mut [f32]),
    ) {
        let Self { engine, pass, stage, input, grads, .. } = *self;
        if let Some(grad_input) = grad_input {
            self.input_grad(values, grad_input, (features, parameter_grads));
        } else if stage.kind == StageKind::BatchNorm1d {
            self.find_grads(values, (features, parameter_grads));
        }
        match stage.kind {
            StageKind::Linear => {
                engine.linear_update::<O, STATE, ROW>(optimizer, stage.widths(), input, grads, values, state);
            }
            StageKind::BatchNorm1d => {
                let (features, parameter_grads) = self.own(features, parameter_grads);
                batch_norm::Backward { pass, input, grads }.update(
                    engine,
                    optimizer,
                    values,
                    state,
                    features,
                    parameter_grads,
                );
            }
            StageKind::Gelu | StageKind::Dropout | StageKind::LogSoftmax => {}
        }
    }

    /// Writes the gradients at the sums before the input's activation. For a batch normalisation, also those of its parameters.
    fn input_grad(
        &self,
        values: &[f32],
        grad_input: &mut [f32],
        (features, parameter_grads): (&mut [Feature], &mut [f32]),
    ) {
        let Self { engine, pass, stage, input, output, grads } = *self;
        if stage.kind == StageKind::BatchNorm1d {
            self.find_grads(values, (features, parameter_grads));
        }
        with_activation!(stage.input_activation, P => match stage.kind {
            StageKind::Linear => engine.linear_input_grad::<P>(stage.widths(), values, grads, input, grad_input),
            StageKind::BatchNorm1d => {
                let features = &features[..stage.outputs];
                batch_norm::Backward { pass, input, grads }.input_grad::<P, _>(engine, values, features, grad_input);
            }
            StageKind::Gelu => gelu::backward::<P, _>(engine, input, grads, grad_input),
            StageKind::Dropout => dropout::backward::<P, _>(engine, pass, input, grads, grad_input),
            StageKind::LogSoftmax => {
                log_softmax::backward::<P, _>(engine, stage.outputs, input, output, grads, grad_input);
            }
        });
    }

    fn find_grads(&self, values: &[f32], (features, parameter_grads): (&mut [Feature], &mut [f32])) {
        let Self { engine, pass, input, grads, .. } = *self;
        let (features, parameter_grads) = self.own(features, parameter_grads);
        batch_norm::Backward { pass, input, grads }.find_grads(engine, values, features, parameter_grads);
    }

    /// Returns the part of the memory for a batch normalisation of this width.
    fn own<'m>(&self, features: &'m mut [Feature], grads: &'m mut [f32]) -> (&'m mut [Feature], &'m mut [f32]) {
        (&mut features[..self.stage.outputs], &mut grads[..2 * self.stage.outputs])
    }
}
