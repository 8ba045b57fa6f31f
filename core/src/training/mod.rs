//! One training step: forward, loss, backward with each parameter's update.

mod clip;

pub use clip::clip_grad_norm;

use core::fmt;

use heapless::Vec;

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
    /// What goes into the network.
    pub input: &'a [Input],
    /// What its output is compared with.
    pub targets: &'a [Target],
    /// What a training step draws from; [`Draws::NONE`] for a model without dropout.
    pub draws: Draws,
}

impl<Input, Target> Clone for Batch<'_, Input, Target> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Input, Target> Copy for Batch<'_, Input, Target> {}

impl<'a, Input, Target> Batch<'a, Input, Target> {
    /// A batch with nothing to draw.
    pub const fn new(input: &'a [Input], targets: &'a [Target]) -> Self {
        Self { input, targets, draws: Draws::NONE }
    }

    /// The number of samples, at least one, each with its target for outputs of this width.
    fn len<L: Loss<Target = Target>>(&self, width: usize) -> Result<usize, StepError> {
        check_batch::<L>(width, self.input.len(), self.targets.len())
    }
}

/// Checks that a batch has samples and that each has its target values; returns the number of samples.
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
    /// Computes the batch's activations, its loss and the loss's gradient at the last sums.
    ///
    /// `total_weight` is that of the larger batch of which this one is a part, see [`Loss::total_weight`]; `None` where it is whole.
    ///
    /// # Errors
    ///
    /// [`StepError`].
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
    /// The gradient itself is [`Gradient`](crate::optimizer::Gradient)'s state.
    ///
    /// # Errors
    ///
    /// [`StepError`]; the model is then as it was.
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
        model.backward::<Identity, _, _, _>(engine, optimizer, state, batch.input, tapes, None);
        Ok(())
    }

    /// One step of training; returns the loss before it.
    ///
    /// # Errors
    ///
    /// [`StepError`]; the model is then as it was.
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

/// Hands each parameter and its gradient, which was kept, to the optimizer; buffers stay as they are.
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

/// The outputs of a batch, at the end of `tape`, and the batch's mean loss.
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

/// A model and all the memory of its training that grows with it, as one value for a `static`: `size_of` is a device's budget.
///
/// `STATE` is the optimizer's, [`Adam::STATE`](crate::optimizer::Adam::STATE) for example: so many models are its memory. Without one it is 0,
/// that of [`Sgd`](crate::optimizer::Sgd). [`ZERO`](Self::ZERO) is all zeros and takes no flash.
///
/// ```
/// use selvedge::{Flat, Portable, layers, loss::CrossEntropy, mlp, optimizer::Adam, training::Trainer};
///
/// type Model = mlp!(2 => 8 Tanh => 2);
/// // On a device it is a `static`.
/// let mut trainer = Trainer::<Model, 4, { Adam::STATE }>::ZERO;
/// layers::initialize(&mut trainer.model, 1);
///
/// let samples = [([0.0, 0.0], 0), ([0.0, 1.0], 1), ([1.0, 0.0], 1), ([1.0, 1.0], 0)];
/// let mut loss = 0.0;
/// for step in 1..=200 {
///     let optimizer = Adam::new(step, 0.05, Adam::BETAS, Adam::EPSILON, 0.0);
///     loss = trainer.step(&Portable, &optimizer, &CrossEntropy::default(), &samples, |(point, class), input| {
///         input.copy_from_slice(point);
///         [*class]
///     })?;
/// }
/// assert!(loss < 0.01);
/// # Ok::<(), selvedge::training::StepError>(())
/// ```
#[derive(Debug)]
pub struct Trainer<M: Layer, const BATCH: usize, const STATE: usize = 0> {
    /// The model.
    pub model: M,
    /// What the optimizer keeps: zeros before the first step.
    pub state: [M; STATE],
    input: [M::Input; BATCH],
    tape: [M::Tape; BATCH],
    grad_tape: [M::Tape; BATCH],
}

impl<M: Layer, const BATCH: usize, const STATE: usize> Trainer<M, BATCH, STATE> {
    /// A model of zeros, to be initialised.
    pub const ZERO: Self = Self {
        model: M::ZERO,
        state: <[M; STATE]>::ZERO,
        input: <[M::Input; BATCH]>::ZERO,
        tape: <[M::Tape; BATCH]>::ZERO,
        grad_tape: <[M::Tape; BATCH]>::ZERO,
    };

    /// One step on at most `BATCH` samples. Each is asked for once: `load` writes its features and returns its target values, one class
    /// or a number for each output.
    ///
    /// # Errors
    ///
    /// [`StepError`]; the model is then as it was.
    pub fn step<E: Engine, O: Optimizer<STATE>, L: Loss, S, const TARGETS: usize>(
        &mut self,
        engine: &E,
        optimizer: &O,
        loss: &L,
        samples: &[S],
        mut load: impl FnMut(&S, &mut [f32]) -> [L::Target; TARGETS],
    ) -> Result<f32, StepError> {
        let batch = samples.len();
        let Some(input) = self.input.get_mut(..batch) else {
            return Err(StepError::BatchTooLarge { batch, capacity: BATCH });
        };
        let mut targets = Vec::<[L::Target; TARGETS], BATCH>::new();
        for (sample, input) in samples.iter().zip(input.iter_mut()) {
            // There is room: the batch is no larger than `BATCH`.
            let _ = targets.push(load(sample, input.as_mut()));
        }
        let mut workspace = Workspace { tape: self.tape.as_flat_mut(), grad_tape: self.grad_tape.as_flat_mut() };
        let batch = Batch::new(input, targets.as_flattened());
        workspace.step(engine, optimizer, self.state.each_mut(), &mut self.model, loss, batch)
    }
}

#[cfg(feature = "defmt")]
impl<M: Layer + defmt::Format, const BATCH: usize, const STATE: usize> defmt::Format for Trainer<M, BATCH, STATE> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Trainer {{ model: {}, batch: {=usize} }}", self.model, BATCH);
    }
}

/// The error of a step that was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
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
    /// Not the target values that the inputs need: of each a class, or a number for each output.
    Targets {
        /// Samples given.
        inputs: usize,
        /// Target values given.
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
                write!(f, "the batch has {inputs} samples, and {targets} target values do not belong to so many")
            }
            Self::Loss(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for StepError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Portable, layers,
        loss::{CrossEntropy, Mse},
        mlp,
        optimizer::{Adam, Momentum, RmsProp, RmsPropMomentum, Sgd},
    };

    type Model = mlp!(2 => 16 Relu => 2);
    const LOSS: CrossEntropy<'_> = CrossEntropy { class_weights: None, label_smoothing: 0.0 };
    const SAMPLES: [([f32; 2], u16); 4] = [([0.0, 0.0], 0), ([0.0, 1.0], 1), ([1.0, 0.0], 1), ([1.0, 1.0], 0)];

    fn load(sample: &([f32; 2], u16), input: &mut [f32]) -> [u16; 1] {
        input.copy_from_slice(&sample.0);
        [sample.1]
    }

    #[test]
    fn learns_exclusive_or() {
        let mut trainer = Trainer::<Model, 4>::ZERO;
        layers::initialize(&mut trainer.model, 3);
        let optimizer = Sgd::new(0.5);
        let first = trainer.step(&Portable, &optimizer, &LOSS, &SAMPLES, load).unwrap();
        let mut last = first;
        for _ in 0..500 {
            last = trainer.step(&Portable, &optimizer, &LOSS, &SAMPLES, load).unwrap();
        }
        assert!(first > 0.5 && last < 0.02, "{first} → {last}");
    }

    #[test]
    fn every_optimizer_takes_steps_with_its_state_in_the_trainer() {
        fn last_loss<O: Optimizer<STATE>, const STATE: usize>(optimizer: impl Fn(u64) -> O) -> f32 {
            let mut trainer = Trainer::<Model, 4, STATE>::ZERO;
            layers::initialize(&mut trainer.model, 3);
            let step = |step| trainer.step(&Portable, &optimizer(step), &LOSS, &SAMPLES, load).unwrap();
            let loss = (1..=300).map(step).last().unwrap();
            assert!(trainer.state.iter().all(|state| state.as_flat().iter().any(|&x| x != 0.0)));
            loss
        }
        let momentum = Momentum { learning_rate: 0.1, momentum: 0.9, nesterov: true, weight_decay: 0.0 };
        let rms_prop = RmsProp::new(0.01, RmsProp::ALPHA, RmsProp::EPSILON, 0.0);
        let losses = [
            last_loss(|_| Sgd::new(0.5)),
            last_loss(|_| momentum),
            last_loss(|step| Adam::new(step, 0.05, Adam::BETAS, Adam::EPSILON, 0.0)),
            last_loss(|step| Adam::decoupled(step, 0.05, Adam::BETAS, Adam::EPSILON, 0.001)),
            last_loss(|_| rms_prop),
            last_loss(|_| RmsPropMomentum { rule: rms_prop, momentum: 0.5 }),
        ];
        assert!(losses.iter().all(|loss| *loss < 0.05), "{losses:?}");
    }

    #[test]
    fn a_batch_of_one_is_a_single_sample() {
        let optimizer = Sgd::new(0.1);
        let (mut one, mut four) = (Trainer::<Model, 1>::ZERO, Trainer::<Model, 4>::ZERO);
        layers::initialize(&mut one.model, 3);
        layers::initialize(&mut four.model, 3);
        for sample in &SAMPLES {
            let losses = [
                one.step(&Portable, &optimizer, &LOSS, core::slice::from_ref(sample), load),
                four.step(&Portable, &optimizer, &LOSS, core::slice::from_ref(sample), load),
            ];
            assert_eq!(losses[0], losses[1]);
        }
        assert_eq!(one.model.as_flat(), four.model.as_flat());
    }

    #[test]
    fn a_refused_step_leaves_the_model() {
        let mut trainer = Trainer::<Model, 2>::ZERO;
        layers::initialize(&mut trainer.model, 3);
        let mut before = [0.0; Model::LEN];
        before.copy_from_slice(trainer.model.as_flat());
        let optimizer = Sgd::new(0.1);
        let too_large = StepError::BatchTooLarge { batch: 4, capacity: 2 };
        assert_eq!(trainer.step(&Portable, &optimizer, &LOSS, &SAMPLES, load), Err(too_large));
        assert_eq!(trainer.step(&Portable, &optimizer, &LOSS, &SAMPLES[..0], load), Err(StepError::EmptyBatch));
        let target = LossError::Target { sample: 0, target: 2, classes: 2 };
        assert_eq!(trainer.step(&Portable, &optimizer, &LOSS, &[([0.0; 2], 2)], load), Err(StepError::Loss(target)));
        let targets = StepError::Targets { inputs: 4, targets: 8 };
        let mut trainer = Trainer::<Model, 4>::ZERO;
        trainer.model.as_flat_mut().copy_from_slice(&before);
        let two = |sample: &([f32; 2], u16), input: &mut [f32]| [load(sample, input)[0]; 2];
        assert_eq!(trainer.step(&Portable, &optimizer, &LOSS, &SAMPLES, two), Err(targets));
        assert_eq!(trainer.model.as_flat(), before);
    }

    #[test]
    fn numbers_are_targets_too() {
        let mut trainer = Trainer::<Model, 4>::ZERO;
        layers::initialize(&mut trainer.model, 3);
        let one_hot = |sample: &([f32; 2], u16), input: &mut [f32]| {
            input.copy_from_slice(&sample.0);
            [1.0 - f32::from(sample.1), f32::from(sample.1)]
        };
        let losses = [(); 300].map(|()| trainer.step(&Portable, &Sgd::new(0.2), &Mse, &SAMPLES, one_hot).unwrap());
        assert!(losses[299] < 0.1 * losses[0], "{losses:?}");
    }
}
