//! A training run on the GPU: its memory, and the launches that take its steps.

mod launch;
mod samples;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};

use selvedge::{architecture::Architecture, augment::Augmentation, layers::DropoutRate, shape::InputShape};

use self::{
    launch::{Persistent, check},
    samples::{Resident, Test},
};
use crate::{
    driver::{Buffer, CudaError, Gpu, Graph},
    memory::{EVALUATED, Memory, SCALARS, Settings},
    schedule::{Launches, Machine, Training},
    task::{Address, Batch, Changes, Context},
};

/// Batches in a launch at most: a graph is made once for each number of them.
pub const MAX_BATCHES: usize = 128;

/// The parts of a run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The layers, dropout too.
    pub architecture: Architecture,
    /// The buffers that are kept, and their sizes.
    pub settings: Settings,
    /// Of dropout and augmentation.
    pub seed: u64,
    /// The part of the activations that is dropped.
    pub dropout: f32,
    /// The part of a target that is spread over all classes.
    pub label_smoothing: f32,
    /// The longest gradient.
    pub clip: Option<f32>,
    /// The shape of a sample.
    pub input: InputShape,
    /// The change of images.
    pub augmentation: Augmentation,
}

/// Samples and their classes.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> {
    /// A byte for each feature, sample after sample.
    pub values: &'a [u8],
    /// A class for each sample.
    pub labels: &'a [u16],
}

/// A flat model that a run keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The weights.
    Model,
    /// One of the optimizer's.
    State(usize),
    /// The weights' moving average.
    Average,
}

/// The result of some batches.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trained {
    /// Each batch's part of its step's loss. From the first step on whose loss is no number nothing was changed.
    pub losses: Vec<f32>,
    /// The gradient's norm at each batch that ends a step, where it is clipped; at others anything.
    pub norms: Vec<f32>,
}

/// The result of a model on some samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluated {
    /// The mean loss of each [`EVALUATED`] samples, and of the rest.
    pub losses: Vec<f32>,
    /// Each sample's class.
    pub classes: Vec<u16>,
}

/// A run on the GPU.
pub struct Trainer {
    gpu: Gpu,
    machine: Machine,
    /// The network as it predicts.
    predicting: Architecture,
    settings: Settings,
    memory: Memory<Buffer<f32>>,
    samples: Resident,
    order: Buffer<u32>,
    batches: Buffer<Batch>,
    losses: Buffer<f32>,
    norms: Buffer<f32>,
    context: Context,
    training: Training,
    tests: Vec<Test>,
    graphs: HashMap<usize, Graph>,
    persistent: Option<Persistent>,
    results: VecDeque<Trained>,
}

/// The first values of [`Memory::scalars`]: nothing clips and nothing has stopped, in training and in an evaluation.
const SCALARS_AT_FIRST: [f32; SCALARS] = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];

impl Trainer {
    /// A run with its samples on the GPU. Its weights are to be [uploaded](Self::upload); what the optimizer keeps is zeros.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    ///
    /// # Panics
    ///
    /// Where the architecture is no network, where its inputs are not a sample's features, and where the values are not those of a sample for
    /// each label.
    pub fn new(gpu: Gpu, launches: Launches, run: &Run, samples: Samples<'_>) -> Result<Self, CudaError> {
        let network = &run.architecture;
        assert!(network.parameter_count().is_some(), "{network} is no network");
        assert_eq!(run.input.features(), network.inputs(), "features of a sample, and inputs of {network}");
        let machine = Machine { launches, multiprocessors: gpu.multiprocessors() };
        let mut memory = Memory::allocate(network, &run.settings, |what, len| Buffer::allocate(&gpu, len, what))?;
        memory.scalars.upload(&SCALARS_AT_FIRST)?;
        for buffer in memory.state.iter_mut().chain(&mut memory.kept) {
            buffer.zero()?;
        }
        let samples = Resident::new(&gpu, samples, network.inputs(), network.outputs())?;
        let mut order = Buffer::allocate(&gpu, samples.len, "the order of the samples")?;
        // Until an order is set, each place has a sample that is there.
        order.zero()?;
        let batches = Buffer::allocate(&gpu, MAX_BATCHES, "what the batches are")?;
        let losses = Buffer::allocate(&gpu, MAX_BATCHES, "the losses")?;
        let norms = Buffer::allocate(&gpu, MAX_BATCHES, "the gradients' norms")?;
        let addresses = memory.map(Buffer::address);
        let context = Context {
            samples: samples.values.address(),
            labels: samples.labels.address(),
            order: order.address(),
            batches: batches.address(),
            sample_losses: addresses.sample_losses,
            losses: losses.address(),
            norms: norms.address(),
            partial_norms: addresses.partial_norms,
            clip_scale: scalar(&addresses, 0),
            step_loss: scalar(&addresses, 1),
            stopped: scalar(&addresses, 2),
            dropout: DropoutRate::new(run.dropout).into(),
            label_smoothing: run.label_smoothing,
            max_norm: run.clip.unwrap_or(f32::INFINITY),
            changes: Changes::new(run.augmentation, run.input),
            ..Context::new(run.seed)
        };
        let training = Training::new(network, &run.settings, &addresses, &context, machine);
        check(&training.all(), &context, run.settings.batch, &memory);
        let persistent = match launches {
            Launches::Persistent => Some(Persistent::new(&gpu, &training)?),
            Launches::Plain | Launches::Graph => None,
        };
        Ok(Self {
            gpu,
            machine,
            predicting: network.for_prediction(),
            settings: run.settings,
            memory,
            samples,
            order,
            batches,
            losses,
            norms,
            context,
            training,
            tests: Vec::new(),
            graphs: HashMap::new(),
            persistent,
            results: VecDeque::new(),
        })
    }

    /// Brings samples to evaluate to the GPU; they are known by how many were brought before.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    ///
    /// # Panics
    ///
    /// Where the values are not those of a sample for each label.
    pub fn add_test(&mut self, samples: Samples<'_>) -> Result<(), CudaError> {
        let (gpu, network) = (&self.gpu, &self.predicting);
        let samples = Resident::new(gpu, samples, network.inputs(), network.outputs())?;
        self.tests.push(Test::new(gpu, samples)?);
        Ok(())
    }

    /// Sets the order of an epoch's samples.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    ///
    /// # Panics
    ///
    /// Where it names a sample that is not there.
    pub fn set_order(&mut self, order: &[u32]) -> Result<(), CudaError> {
        let samples = self.samples.len;
        let wrong = order.iter().find(|&&sample| sample as usize >= samples);
        assert_eq!(wrong, None, "there are {samples} samples");
        self.order.upload(order)
    }

    fn part(&mut self, part: Part) -> Option<&mut Buffer<f32>> {
        match part {
            Part::Model => Some(&mut self.memory.parameters),
            Part::State(index) => self.memory.state.get_mut(index),
            Part::Average => self.memory.average.as_mut(),
        }
    }

    /// Brings a flat model to the GPU; one that the run does not keep stays where it is.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub fn upload(&mut self, part: Part, flat: &[f32]) -> Result<(), CudaError> {
        self.part(part).map_or(Ok(()), |buffer| buffer.upload(flat))
    }

    /// Brings a flat model from the GPU.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub fn download(&mut self, part: Part, flat: &mut [f32]) -> Result<(), CudaError> {
        self.part(part).map_or(Ok(()), |buffer| buffer.download(flat))
    }

    /// Computes these batches, [`MAX_BATCHES`] in a launch.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    ///
    /// # Panics
    ///
    /// Where a batch has no sample, more than the run's [`Settings`] say or one that is not there, and where its rule keeps more numbers for
    /// a parameter than those say.
    pub fn train(&mut self, batches: &[Batch]) -> Result<Trained, CudaError> {
        batches.iter().for_each(|batch| self.check_batch(batch));
        let mut trained = Trained::default();
        for batches in batches.chunks(MAX_BATCHES) {
            self.batches.upload(batches)?;
            self.launch(batches.len())?;
            for (all, buffer) in [(&mut trained.losses, &self.losses), (&mut trained.norms, &self.norms)] {
                let start = all.len();
                all.resize(start + batches.len(), 0.0);
                buffer.download(&mut all[start..])?;
            }
        }
        Ok(trained)
    }

    /// Begins these batches, after those that were begun before.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    ///
    /// # Panics
    ///
    /// As [`train`](Self::train).
    pub fn start(&mut self, batches: &[Batch]) -> Result<(), CudaError> {
        let trained = self.train(batches)?;
        self.results.push_back(trained);
        Ok(())
    }

    /// Waits for the oldest batches that were begun.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub fn finish(&mut self) -> Result<Trained, CudaError> {
        Ok(self.results.pop_front().unwrap_or_default())
    }

    fn check_batch(&self, batch: &Batch) {
        let (first, samples) = (batch.first as usize, batch.samples as usize);
        assert!((1..=self.settings.batch).contains(&samples), "a batch of {samples} samples");
        let (end, all) = (first.saturating_add(samples), self.samples.len);
        assert!(end <= all, "a batch of the samples from {first} to {end}, of {all}");
        let (kept, states) = (batch.rule.states(), self.settings.states);
        assert!(kept <= states, "a rule that keeps {kept} numbers, where there is room for {states}");
    }

    /// Evaluates the model or its average on the test that was brought as number `test`; of what is not there nothing comes.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub fn evaluate(&mut self, test: usize, tested: Part) -> Result<Evaluated, CudaError> {
        let parameters = self.part(tested).map(|buffer| buffer.address());
        let (Some(test), Some(parameters)) = (self.tests.get(test), parameters) else {
            return Ok(Evaluated::default());
        };
        self.start_test(test, parameters)?;
        let mut evaluated = Evaluated { losses: vec![0.0; test.batches.len()], classes: vec![0; test.samples.len] };
        test.losses.download(&mut evaluated.losses)?;
        test.classes.download(&mut evaluated.classes)?;
        Ok(evaluated)
    }
}

/// What all evaluations have; a test [adds](Test::context) its own.
fn evaluation_context(addresses: &Memory<Address>) -> Context {
    Context {
        sample_losses: addresses.sample_losses,
        step_loss: scalar(addresses, 4),
        stopped: scalar(addresses, 5),
        ..Context::new(0)
    }
}

fn scalar(addresses: &Memory<Address>, index: u64) -> Address {
    addresses.scalars + 4 * index
}
