//! A model in training, of any type.

use alloc::{
    string::{String, ToString},
    vec,
    vec::Vec,
};
use core::marker::PhantomData;

use selvedge::{
    Flat, Layer,
    architecture::Architecture,
    fashion_mnist::PIXELS,
    layers::{self, Draws},
    loss::CrossEntropy,
    preparation::Preparation,
    schedule::Schedule,
    training::{Batch, StepWorkspace},
};

use super::recipe::Recipe;
use crate::{engine::Wide, samples::Samples};

/// The data that decide a step, besides the weights.
pub struct Place<'a> {
    /// The run's seed.
    pub seed: u64,
    /// The number of steps before this one.
    pub steps: u64,
    /// The base learning rate of the schedule.
    pub learning_rate: f64,
    /// The indices of the batch's samples.
    pub batch: &'a [u32],
}

/// A model that takes steps.
pub trait Step {
    /// Takes a step. Returns the mean loss of its samples before the step.
    ///
    /// # Errors
    ///
    /// A valid run has no errors.
    fn step(&mut self, samples: &Samples, place: Place<'_>) -> Result<f32, String>;

    /// Returns the weights as a flat slice.
    fn parameters(&self) -> &[f32];

    /// Returns the network.
    fn architecture(&self) -> Architecture;
}

/// A model, with the memory of the optimizer and of a step.
pub struct Trainer<M: Layer, R, const STATE: usize> {
    parameters: Vec<f32>,
    state: Vec<f32>,
    schedule: Schedule,
    input: Vec<M::Input>,
    targets: Vec<u16>,
    tape: Vec<f32>,
    grad_tape: Vec<f32>,
    recipe: PhantomData<R>,
}

impl<M: Layer<Input = [f32; PIXELS]>, R: Recipe<STATE>, const STATE: usize> Trainer<M, R, STATE> {
    /// Returns a model with the seed's initial weights, for a run with this number of steps.
    pub fn new(seed: u64, batch_size: usize, total: u64) -> Self {
        let mut parameters = vec![0.0; M::LEN];
        layers::initialize_flat(&Architecture::of::<M>(), &mut parameters, seed);
        let tape = vec![0.0; batch_size * M::Tape::LEN];
        Self {
            parameters,
            state: vec![0.0; STATE * M::LEN],
            schedule: R::schedule(total),
            input: vec![[0.0; PIXELS]; batch_size],
            targets: Vec::with_capacity(batch_size),
            grad_tape: tape.clone(),
            tape,
            recipe: PhantomData,
        }
    }
}

impl<M: Layer<Input = [f32; PIXELS]>, R: Recipe<STATE>, const STATE: usize> Step for Trainer<M, R, STATE> {
    fn step(&mut self, samples: &Samples, place: Place<'_>) -> Result<f32, String> {
        let Place { seed, steps, learning_rate, batch } = place;
        self.targets.clear();
        for (&index, input) in batch.iter().zip(&mut self.input) {
            Preparation::Bytes.write(samples.bytes(index as usize), input);
            self.targets.push(samples.label(index as usize).into());
        }
        let draws = Draws::new(seed, steps, 0.0);
        let batch = Batch { input: &self.input[..batch.len()], targets: &self.targets[..], draws };
        let rule = R::rule(steps + 1, self.schedule.learning_rate(learning_rate, steps));
        let mut workspace = StepWorkspace { tape: &mut self.tape, grad_tape: &mut self.grad_tape };
        let model = M::from_flat_mut(&mut self.parameters).map_err(|error| error.to_string())?;
        let loss = &CrossEntropy { label_smoothing: R::LABEL_SMOOTHING, ..CrossEntropy::default() };
        let value = workspace.forward(&Wide, model, loss, batch, None).map_err(|error| error.to_string())?;
        // The gradient of a loss that is no number would spoil the weights.
        if value.is_finite() {
            let state = <[M; STATE]>::from_flat_mut(&mut self.state).map_err(|error| error.to_string())?;
            workspace.backward(&Wide, &rule, state.each_mut(), model, batch).map_err(|error| error.to_string())?;
        }
        Ok(value)
    }

    fn parameters(&self) -> &[f32] {
        &self.parameters
    }

    fn architecture(&self) -> Architecture {
        Architecture::of::<M>()
    }
}
