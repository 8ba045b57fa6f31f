use heapless::Vec;

use super::{Batch, StepError, StepWorkspace};
use crate::{Engine, Flat, Layer, loss::Loss, optimizer::Optimizer};

/// A model, the optimizer's state, and the inputs, activations and gradients of a batch, in one value for a `static`. Its `size_of` is the
/// static RAM that they take.
///
/// A step also needs stack, which grows with the model: 4 bytes for each input of the linear layer with the most inputs, 28 bytes for each feature of
/// a batch normalisation, and the batch's target values.
///
/// `BATCH` is the largest number of samples in a step. `STATE` is the number of values that the optimizer keeps for each parameter,
/// [`Adam::STATE`](crate::optimizer::Adam::STATE) for example. These values take as much memory as `STATE` further models. The default is 0, for
/// [`Sgd`](crate::optimizer::Sgd). [`ZERO`](Self::ZERO) is all zeros and takes no flash.
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
    /// The optimizer's state. It is zero before the first step.
    pub state: [M; STATE],
    input: [M::Input; BATCH],
    tape: [M::Tape; BATCH],
    grad_tape: [M::Tape; BATCH],
}

impl<M: Layer, const BATCH: usize, const STATE: usize> Trainer<M, BATCH, STATE> {
    /// A trainer whose model is all zeros. Initialise the model before the first step.
    pub const ZERO: Self = Self {
        model: M::ZERO,
        state: <[M; STATE]>::ZERO,
        input: <[M::Input; BATCH]>::ZERO,
        tape: <[M::Tape; BATCH]>::ZERO,
        grad_tape: <[M::Tape; BATCH]>::ZERO,
    };

    /// Takes one step on at most `BATCH` samples, and returns the loss before the step. It calls `load` once for each sample. `load` writes the
    /// sample's features and returns its target values: one class, or a number for each output.
    ///
    /// Dropout is off. A model with dropout needs [`StepWorkspace`](super::StepWorkspace) and its own [`Draws`](crate::layers::Draws).
    ///
    /// # Errors
    ///
    /// [`StepError`]. The model is then unchanged.
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
        let mut workspace = StepWorkspace { tape: self.tape.as_flat_mut(), grad_tape: self.grad_tape.as_flat_mut() };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Portable, layers,
        loss::{CrossEntropy, LossError, Mse},
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
    #[cfg_attr(miri, ignore = "takes hundreds of steps, in code without `unsafe`")]
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
    #[cfg_attr(miri, ignore = "takes hundreds of steps, in code without `unsafe`")]
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
