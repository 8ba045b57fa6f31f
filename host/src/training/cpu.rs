//! The CPU as a backend: a step at a time, by core's layers on one of its engines.

use selvedge::{
    Engine, Flat,
    augment::Augmentation,
    layers::{Draws, Features},
    loss::CrossEntropy,
    models::PIXELS,
    optimizer::{Accumulate, Average, Gradient, clip_grad_norm},
    random::{Generator, Purpose},
    training::{Batch, StepError, Workspace},
};

use super::{Backend, BatchInput, Evaluations, Options, Rule, State, StepInput, StepOutput, Steps, TrainingError};
use crate::{
    aligned::Aligned,
    data::{Dataset, Split},
    evaluation,
    models::{Boxed, Model},
};

/// What the weights become before a batch sees them, where training is to get used to that.
pub trait Rounding {
    /// Writes the flat model as it will be used.
    fn round(&self, model: &[f32], rounded: &mut [f32]);
}

/// An engine, and the memory of a step. Nothing is allocated in one.
pub(super) struct Cpu<'a, M, E> {
    engine: &'a E,
    data: &'a Dataset,
    options: &'a Options,
    loss: CrossEntropy<'static>,
    input: Aligned,
    tape: Aligned,
    grad_tape: Aligned,
    /// The gradient, where a step needs it whole.
    grad: Option<Boxed<M>>,
    /// How weights are rounded, and the model with those that are.
    rounded: Option<(&'a dyn Rounding, Boxed<M>)>,
}

impl<'a, M: Model, E: Engine> Cpu<'a, M, E> {
    pub(super) fn new(
        engine: &'a E,
        data: &'a Dataset,
        options: &'a Options,
        rounding: Option<&'a dyn Rounding>,
    ) -> Self {
        let batch = options.batch_size.min(data.train.images.len());
        let is_kept = options.accumulate > 1 || options.clip.is_some() || rounding.is_some();
        Self {
            engine,
            data,
            options,
            loss: options.loss(),
            input: Aligned::zeroed(batch * PIXELS),
            tape: Aligned::zeroed(batch * M::Tape::LEN),
            grad_tape: Aligned::zeroed(batch * M::Tape::LEN),
            grad: is_kept.then(Boxed::zeroed),
            rounded: rounding.map(|rounding| (rounding, Boxed::zeroed())),
        }
    }

    fn step(&mut self, state: &mut State<M>, steps: &Steps<'_>, input: &StepInput) -> Result<StepOutput, StepError> {
        if let Some((rounding, rounded)) = &mut self.rounded {
            rounding.round(state.model.as_flat(), rounded.as_flat_mut());
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
            grad_norm = self.options.clip.map(|clip| clip_grad_norm(self.engine, &mut **grad, clip));
            let (engine, model, grad) = (self.engine, &mut *state.model, &**grad);
            match (&input.rule, &mut state.optimizer[..]) {
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
        self.average(state, input.number);
        Ok(StepOutput { loss, grad_norm })
    }

    /// Computes a part of a step's samples; returns its part of the loss.
    fn batch(
        &mut self,
        state: &mut State<M>,
        steps: &Steps<'_>,
        input: &StepInput,
        BatchInput { number, samples, is_first, .. }: BatchInput,
    ) -> Result<f32, StepError> {
        self.load(steps.epoch, &steps.order[samples.clone()]);
        let batch = Batch {
            input: &M::Input::batch(&self.input)[..samples.len()],
            targets: &steps.targets[samples],
            draws: Draws::new(self.options.seed, number, self.options.dropout),
        };
        let mut workspace = Workspace { tape: &mut self.tape, grad_tape: &mut self.grad_tape };
        let model = self.rounded.as_mut().map_or(&mut *state.model, |(_, rounded)| rounded);
        let engine = self.engine;
        let loss = workspace.forward(engine, model, &self.loss, batch, Some(input.total_weight))?;
        // A gradient of a loss that is no number would spoil the weights.
        if !loss.is_finite() {
            return Ok(loss);
        }
        match (&mut self.grad, &input.rule, &mut state.optimizer[..]) {
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
    fn load(&mut self, epoch: u32, order: &[u32]) {
        let input = &mut <[f32; PIXELS]>::batch_mut(&mut self.input)[..order.len()];
        let (images, augmentation) = (&self.data.train.images, self.options.augmentation);
        let generator = Generator::new(self.options.seed, Purpose::Augmentation, epoch.into());
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

    /// Moves the average of the weights after a step.
    fn average(&self, state: &mut State<M>, step: u64) {
        let (Some(decay), Some(average)) = (self.options.ema, &mut state.average) else { return };
        if step == 1 {
            average.as_flat_mut().copy_from_slice(state.model.as_flat());
        } else {
            self.engine.update(&Average::new(decay), average.as_flat_mut(), state.model.as_flat(), []);
        }
    }
}

impl<M: Model, E: Engine> Backend<M> for Cpu<'_, M, E> {
    fn max_steps(&self) -> usize {
        1
    }

    fn train(
        &mut self,
        state: &mut State<M>,
        steps: &Steps<'_>,
        outputs: &mut Vec<StepOutput>,
    ) -> Result<(), TrainingError> {
        for input in steps.inputs {
            let output = self.step(state, steps, input);
            let output = output.map_err(|error| TrainingError::Step { step: input.number, error })?;
            outputs.push(output);
            if !output.loss.is_finite() {
                break;
            }
        }
        Ok(())
    }

    fn fetch(&mut self, _state: &mut State<M>) -> Result<(), TrainingError> {
        Ok(())
    }

    fn evaluate(&mut self, state: &State<M>) -> Result<Evaluations, TrainingError> {
        let mut tested = state.tested();
        if let Some((rounding, rounded)) = &mut self.rounded {
            rounding.round(tested.as_flat(), rounded.as_flat_mut());
            tested = rounded;
        }
        let evaluate = |split: &Split| {
            evaluation::run(self.engine, tested, split, |_, _| {})
                .map_err(|error| TrainingError::Step { step: state.progress.steps, error })
        };
        Ok(Evaluations {
            test: evaluate(&self.data.test)?,
            validation: self.data.validation.as_ref().map(evaluate).transpose()?,
        })
    }
}
