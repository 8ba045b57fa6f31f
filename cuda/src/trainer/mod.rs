//! A training run on the GPU: its memory, and the launches that take its steps.

mod launch;
mod queue;
mod samples;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use selvedge::{
    architecture::Architecture, augment::Augmentation, layers::DropoutRate, preparation::Preparation, shape::InputShape,
};

pub use self::queue::{IN_FLIGHT, MAX_BATCHES};
use self::{
    launch::{Graphs, check},
    queue::{Job, Launched},
    samples::{Answers, Resident, Scales, Test, class_weights},
};
use crate::{
    driver::{Buffer, CudaError, Download, Gpu, Upload},
    memory::{EVALUATED, Memory, Scalar, Settings, Versions},
    schedule::TrainingLaunches,
    task::{Batch, Changes, Context},
};

/// The settings of a run.
#[derive(Clone, Debug)]
pub struct Run<'a> {
    /// The layers that are trained, including those of dropout.
    pub architecture: Architecture,
    /// The sizes of the buffers, and which of them there are.
    pub settings: Settings,
    /// The seed of dropout and augmentation.
    pub seed: u64,
    /// The probability with which an activation is set to 0.
    pub dropout: f32,
    /// The part of a target's probability that is spread evenly over all classes.
    pub label_smoothing: f32,
    /// The weight of each class, or `None` if all count the same.
    pub class_weights: Option<&'a [f32]>,
    /// The largest norm of a gradient.
    pub clip: Option<f32>,
    /// The shape of a sample.
    pub input: InputShape,
    /// The conversion of a sample's values into the network's inputs.
    pub preparation: Preparation<'a>,
    /// The change of images. The values must be plain bytes.
    pub augmentation: Augmentation,
}

/// Samples and their targets.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> {
    /// A value for each feature, sample after sample, each little-endian.
    pub values: &'a [u8],
    /// A target for each sample.
    pub targets: Targets<'a>,
}

/// The targets of samples.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a> {
    /// A class for each sample.
    Classes(&'a [u16]),
    /// A number for each output, sample after sample.
    Numbers(&'a [f32]),
}

/// A [flat model](selvedge::flat) (all numbers of the network in one slice) that a run keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The weights.
    Model,
    /// The optimizer's state with this index, such as one of Adam's two means: a number for each number of the model.
    State(usize),
    /// The weights' moving average.
    Average,
}

/// The result of some batches.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trained {
    /// The loss of each batch, as its part of the step's loss. If the loss of a step is infinite or NaN, that step and all later steps change
    /// nothing.
    pub losses: Vec<f32>,
    /// The norm of the gradient at each batch that ends a step, and any number at the others. Empty if the gradient is not clipped.
    pub norms: Vec<f32>,
}

/// The result of a model on some samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluated {
    /// One mean loss for each group of [`EVALUATED`] samples. The last group may be smaller.
    pub losses: Vec<f32>,
    /// Each sample's class. Empty if targets are numbers.
    pub classes: Vec<u16>,
    /// Each sample's outputs. Empty if targets are classes.
    pub outputs: Vec<f32>,
}

/// A run on the GPU.
pub struct Trainer {
    gpu: Gpu,
    /// The network for prediction.
    predicting: Architecture,
    settings: Settings,
    memory: Memory<Buffer<f32>>,
    scales: Scales,
    class_weights: Option<Buffer<f32>>,
    samples: Resident,
    order: Buffer<u32>,
    batches: Buffer<Batch>,
    /// Each batch's loss, then each batch's norm.
    results: Buffer<f32>,
    context: Context,
    training: TrainingLaunches,
    tests: Vec<Test>,
    graphs: Graphs,
    next_order: Upload<u32>,
    next_batches: [Upload<Batch>; IN_FLIGHT],
    answers: [Download<f32>; IN_FLIGHT],
    /// The launches, the oldest first.
    launched: VecDeque<Launched>,
    /// The jobs, the oldest first.
    jobs: VecDeque<Job>,
    /// The number of batches that were started.
    started: usize,
    /// The loss of the step so far.
    step_loss: f32,
    /// The number of batches that were started before the first one whose step's loss is not a number.
    diverged: Option<usize>,
}

impl Trainer {
    /// Returns a run with its samples on the GPU. [Upload](Self::upload) the weights before the first step. The optimizer's state is zeros.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    ///
    /// # Panics
    ///
    /// If the run does not fit together:
    ///
    /// - the architecture is no network, or its inputs are not a sample's features;
    /// - there is not a sample for each target, or the loss takes other targets;
    /// - scales are not one for each feature or one for all, or scaled values are to be augmented;
    /// - class weights are not one for each output.
    pub fn new(gpu: Gpu, run: &Run<'_>, samples: Samples<'_>) -> Result<Self, CudaError> {
        let network = &run.architecture;
        assert!(network.parameter_count().is_some(), "{network} is no network");
        assert_eq!(run.input.features(), network.inputs(), "features of a sample, and inputs of {network}");
        let mut memory = Memory::allocate(network, &run.settings, |what, len| Buffer::allocate(&gpu, len, what))?;
        memory.scalars.upload(&Scalar::AT_FIRST)?;
        // Of a layer's running moments the optimizer keeps nothing: no step writes there.
        for buffer in memory.state.iter_mut().flat_map(Versions::all_mut).chain(&mut memory.kept) {
            buffer.zero()?;
        }
        let scales = Scales::new(&gpu, run)?;
        let class_weights = run.class_weights.map(|weights| class_weights(&gpu, weights, network)).transpose()?;
        let samples = Resident::new(&gpu, samples, &scales, run.settings.loss, network)?;
        let mut order = Buffer::allocate(&gpu, samples.len, "the order of the samples")?;
        // Until an order is set, each place has a sample that is there.
        order.zero()?;
        let batches = Buffer::allocate(&gpu, MAX_BATCHES, "what the batches are")?;
        let mut results = Buffer::allocate(&gpu, 2 * MAX_BATCHES, "losses and norms")?;
        // A step's last batch alone has a norm.
        results.zero()?;
        let context = Context {
            samples: samples.values.address(),
            labels: samples.targets.labels(),
            targets: samples.targets.numbers(),
            scales: scales.address(),
            class_weights: class_weights.as_ref().map_or(0, Buffer::address),
            order: order.address(),
            batches: batches.address(),
            losses: results.address(),
            norms: results.address_of(MAX_BATCHES),
            dropout: DropoutRate::new(run.dropout).into(),
            label_smoothing: run.label_smoothing,
            max_norm: run.clip.unwrap_or(f32::INFINITY),
            changes: Changes::new(run.augmentation, run.input),
            values: scales.values,
            loss: run.settings.loss,
            ..memory.map(Buffer::address).training_context(run.seed)
        };
        let addresses = memory.map(Buffer::address);
        let training = TrainingLaunches::new(network, &run.settings, &addresses, &context, gpu.multiprocessors());
        check(training.all(), &context, run.settings.batch, &memory);
        Ok(Self {
            predicting: network.for_prediction(),
            settings: run.settings,
            memory,
            context,
            training,
            tests: Vec::new(),
            graphs: Graphs::default(),
            next_order: Upload::new(&gpu, samples.len)?,
            next_batches: [Upload::new(&gpu, MAX_BATCHES)?, Upload::new(&gpu, MAX_BATCHES)?],
            answers: [Download::new(&gpu, 2 * MAX_BATCHES)?, Download::new(&gpu, 2 * MAX_BATCHES)?],
            launched: VecDeque::new(),
            jobs: VecDeque::new(),
            started: 0,
            step_loss: 0.0,
            diverged: None,
            gpu,
            scales,
            class_weights,
            samples,
            order,
            batches,
            results,
        })
    }

    /// Copies a set of test samples to the GPU. The sets are numbered from 0, in the order in which they are added.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    ///
    /// # Panics
    ///
    /// If there is not a sample for each target, or if the loss takes other targets.
    pub fn add_test(&mut self, samples: Samples<'_>) -> Result<(), CudaError> {
        let (gpu, network) = (&self.gpu, &self.predicting);
        let loss = self.settings.loss;
        let samples = Resident::new(gpu, samples, &self.scales, loss, network)?;
        self.tests.push(Test::new(gpu, samples, loss, network.outputs())?);
        Ok(())
    }

    /// Sets the order of an epoch's samples, for the batches that are started later. It does not wait for those that were started before.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    ///
    /// # Panics
    ///
    /// If the order names a sample that does not exist.
    pub fn set_order(&mut self, order: &[u32]) -> Result<(), CudaError> {
        let samples = self.samples.len;
        let wrong = order.iter().find(|&&sample| sample as usize >= samples);
        assert_eq!(wrong, None, "there are {samples} samples");
        self.next_order.send(order, &mut self.order)
    }

    /// Returns the parity of the next batch. The batch reads the model as the last good step left it.
    fn parity(&self) -> usize {
        self.diverged.unwrap_or(self.started) % 2
    }

    fn part(&mut self, part: Part) -> Option<&mut Buffer<f32>> {
        let parity = self.parity();
        match part {
            Part::Model => Some(self.memory.parameters.read_by_mut(parity)),
            Part::State(index) => self.memory.state.get_mut(index).map(|state| state.read_by_mut(parity)),
            Part::Average => self.memory.average.as_mut(),
        }
    }

    /// Copies a flat model to the GPU. A model that the run does not have is ignored.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub fn upload(&mut self, part: Part, flat: &[f32]) -> Result<(), CudaError> {
        self.collect_all()?;
        self.part(part).map_or(Ok(()), |buffer| buffer.upload(flat))
    }

    /// Waits for all batches that were started, and then copies a flat model from the GPU. If the run does not have this model, `flat` is not
    /// changed.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub fn download(&mut self, part: Part, flat: &mut [f32]) -> Result<(), CudaError> {
        self.collect_all()?;
        self.part(part).map_or(Ok(()), |buffer| buffer.download(flat))
    }

    /// Evaluates the model or its average, as it is after all batches that were started, on the test samples with number `test`. If there is no
    /// such test or model, the result is empty.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub fn evaluate(&mut self, test: usize, tested: Part) -> Result<Evaluated, CudaError> {
        self.collect_all()?;
        let parameters = self.part(tested).map(|buffer| buffer.address());
        let (Some(test), Some(parameters)) = (self.tests.get(test), parameters) else {
            return Ok(Evaluated::default());
        };
        self.start_test(test, parameters)?;
        let mut evaluated = Evaluated { losses: vec![0.0; test.batches.len()], ..Evaluated::default() };
        test.losses.download(&mut evaluated.losses)?;
        match &test.answers {
            Answers::Classes(classes) => {
                evaluated.classes = vec![0; classes.len()];
                classes.download(&mut evaluated.classes)?;
            }
            Answers::Outputs(outputs) => {
                evaluated.outputs = vec![0.0; outputs.len()];
                outputs.download(&mut evaluated.outputs)?;
            }
        }
        Ok(evaluated)
    }
}
