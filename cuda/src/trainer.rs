//! A training run on the GPU: its memory, and the launches that take its steps.

use std::collections::HashMap;

use selvedge::{architecture::Architecture, augment::Augmentation, layers::DropoutRate, shape::InputShape};

use crate::{
    driver::{Buffer, CudaError, Gpu, Graph, Kernel},
    memory::{EVALUATED, Memory, SCALARS, Settings},
    schedule::{self, Launches, Machine, Training},
    task::{Address, Batch, Changes, Context, Phase, THREADS},
};

/// Batches in a launch at most: a graph is made once for each number of them.
pub const MAX_BATCHES: usize = 128;

/// What a run is made of.
#[derive(Clone, Debug)]
pub struct Run {
    /// The layers, dropout too.
    pub architecture: Architecture,
    /// How much is kept.
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

/// What came of some batches.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trained {
    /// Each batch's part of its step's loss. From the first step on whose loss is no number nothing was changed.
    pub losses: Vec<f32>,
    /// The gradient's norm at each batch that ends a step, where it is clipped; at others anything.
    pub norms: Vec<f32>,
}

/// What a model made of some samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evaluated {
    /// The mean loss of each [`EVALUATED`] samples, and of the rest.
    pub losses: Vec<f32>,
    /// Each sample's class.
    pub classes: Vec<u16>,
}

/// Samples on the GPU.
struct Resident {
    values: Buffer<u8>,
    labels: Buffer<u16>,
    len: usize,
}

impl Resident {
    fn new(gpu: &Gpu, samples: Samples<'_>, classes: usize) -> Result<Self, CudaError> {
        let mut labels = samples.labels.iter().enumerate();
        if let Some((sample, &label)) = labels.find(|&(_, &label)| usize::from(label) >= classes) {
            return Err(CudaError::Label { sample, label, classes });
        }
        let mut values = Buffer::allocate(gpu, samples.values.len(), "the samples")?;
        let mut labels = Buffer::allocate(gpu, samples.labels.len(), "the labels")?;
        values.upload(samples.values)?;
        labels.upload(samples.labels)?;
        Ok(Self { values, labels, len: samples.labels.len() })
    }
}

/// Samples to evaluate, and where the answers go.
struct Test {
    samples: Resident,
    classes: Buffer<u16>,
    batches: Buffer<Batch>,
    losses: Buffer<f32>,
    context: Context,
}

/// A run on the GPU.
pub struct Trainer {
    gpu: Gpu,
    machine: Machine,
    /// The network as it predicts.
    predicting: Architecture,
    memory: Memory<Buffer<f32>>,
    #[expect(dead_code, reason = "the kernels read it")]
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
}

/// What the one launch of many batches takes.
struct Persistent {
    phases: Buffer<Phase>,
    arrivals: Buffer<u32>,
    blocks: u32,
}

/// What [`Memory::scalars`] starts from: nothing clips and nothing has stopped, in training and in an evaluation.
const SCALARS_AT_FIRST: [f32; SCALARS] = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];

impl Trainer {
    /// A run with its samples on the GPU. Its weights are to be [uploaded](Self::upload); what the optimizer keeps is zeros.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub fn new(gpu: Gpu, launches: Launches, run: &Run, samples: Samples<'_>) -> Result<Self, CudaError> {
        let network = &run.architecture;
        let machine = Machine { launches, multiprocessors: gpu.multiprocessors() };
        let mut memory = Memory::allocate(network, &run.settings, |what, len| Buffer::allocate(&gpu, len, what))?;
        memory.scalars.upload(&SCALARS_AT_FIRST)?;
        for buffer in memory.state.iter_mut().chain(&mut memory.kept) {
            buffer.zero()?;
        }
        let samples = Resident::new(&gpu, samples, network.outputs())?;
        let order = Buffer::allocate(&gpu, samples.len, "the order of the samples")?;
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
        let persistent = match launches {
            Launches::Persistent => Some(Persistent::new(&gpu, &training)?),
            Launches::Plain | Launches::Graph => None,
        };
        Ok(Self {
            gpu,
            machine,
            predicting: network.for_prediction(),
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
        })
    }

    /// Brings samples to evaluate to the GPU; they are known by how many were brought before.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub fn add_test(&mut self, samples: Samples<'_>) -> Result<(), CudaError> {
        let gpu = &self.gpu;
        let samples = Resident::new(gpu, samples, self.predicting.outputs())?;
        let starts: Vec<usize> = (0..samples.len).step_by(EVALUATED).collect();
        let batch = |&first: &usize| {
            let count = EVALUATED.min(samples.len - first);
            let (first, samples) = (first as u32, count as u32);
            Batch { first, samples, is_first: 1, total_weight: count as f32, ..Batch::default() }
        };
        let records: Vec<_> = starts.iter().map(batch).collect();
        let classes = Buffer::allocate(gpu, samples.len, "the classes")?;
        let mut batches = Buffer::allocate(gpu, records.len(), "what the batches are")?;
        let losses = Buffer::allocate(gpu, records.len(), "the losses")?;
        batches.upload(&records)?;
        let addresses = self.memory.map(Buffer::address);
        let context = Context {
            samples: samples.values.address(),
            labels: samples.labels.address(),
            batches: batches.address(),
            sample_losses: addresses.sample_losses,
            classes: classes.address(),
            losses: losses.address(),
            step_loss: scalar(&addresses, 4),
            stopped: scalar(&addresses, 5),
            ..Context::new(0)
        };
        self.tests.push(Test { samples, classes, batches, losses, context });
        Ok(())
    }

    /// Sets the order of an epoch's samples.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub fn set_order(&mut self, order: &[u32]) -> Result<(), CudaError> {
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
    pub fn train(&mut self, batches: &[Batch]) -> Result<Trained, CudaError> {
        let mut trained = Trained::default();
        for batches in batches.chunks(MAX_BATCHES) {
            self.batches.upload(batches)?;
            match &mut self.persistent {
                Some(persistent) => persistent.launch(&self.gpu, &self.context, &self.training, batches.len())?,
                None if self.machine.launches == Launches::Graph => self.launch_graph(batches.len())?,
                None => launch_phases(&self.gpu, &self.context, &self.training, batches.len())?,
            }
            for (all, buffer) in [(&mut trained.losses, &self.losses), (&mut trained.norms, &self.norms)] {
                let start = all.len();
                all.resize(start + batches.len(), 0.0);
                buffer.download(&mut all[start..])?;
            }
        }
        Ok(trained)
    }

    fn launch_graph(&mut self, batches: usize) -> Result<(), CudaError> {
        if !self.graphs.contains_key(&batches) {
            let (gpu, context, training) = (&self.gpu, &self.context, &self.training);
            let graph = gpu.capture(|| launch_phases(gpu, context, training, batches))?;
            self.graphs.insert(batches, graph);
        }
        self.graphs.get(&batches).map_or(Ok(()), |graph| graph.launch())
    }

    /// Evaluates the model or its average on the test that was brought as number `test`.
    ///
    /// # Errors
    ///
    /// [`CudaError`].
    pub fn evaluate(&mut self, test: usize, tested: Part) -> Result<Evaluated, CudaError> {
        let parameters = self.part(tested).map_or(0, |buffer| buffer.address());
        let addresses = self.memory.map(Buffer::address);
        let Some(test) = self.tests.get(test) else { return Ok(Evaluated::default()) };
        let phases =
            schedule::evaluation(&self.predicting, EVALUATED, &addresses, &test.context, self.machine, parameters);
        let count = test.batches.len() as u32;
        for index in 0..count {
            phases.iter().try_for_each(|phase| launch_phase(&self.gpu, &test.context, phase, index, count))?;
        }
        let mut evaluated = Evaluated { losses: vec![0.0; test.batches.len()], classes: vec![0; test.samples.len] };
        test.losses.download(&mut evaluated.losses)?;
        test.classes.download(&mut evaluated.classes)?;
        Ok(evaluated)
    }
}

impl Persistent {
    fn new(gpu: &Gpu, training: &Training) -> Result<Self, CudaError> {
        let all = training.all();
        let mut phases = Buffer::allocate(gpu, all.len(), "the phases")?;
        phases.upload(&all)?;
        let most = all.iter().map(Phase::blocks).max().unwrap_or(1);
        let blocks = most.min(gpu.resident_blocks(Kernel::RunBatches, THREADS)?);
        Ok(Self { phases, arrivals: Buffer::allocate(gpu, 1, "a barrier")?, blocks })
    }

    fn launch(&mut self, gpu: &Gpu, context: &Context, training: &Training, batches: usize) -> Result<(), CudaError> {
        self.arrivals.zero()?;
        let counts = [training.first.len(), training.batches[0].len(), batches].map(|count| count as u32);
        let [first, count, batches] = &counts;
        let (phases, arrivals) = (self.phases.address(), self.arrivals.address());
        gpu.launch(Kernel::RunBatches, self.blocks, THREADS, &[context, &phases, first, count, batches, &arrivals])
    }
}

fn launch_phases(gpu: &Gpu, context: &Context, training: &Training, batches: usize) -> Result<(), CudaError> {
    for index in 0..batches {
        for phase in training.of_batch(index) {
            launch_phase(gpu, context, phase, index as u32, batches as u32)?;
        }
    }
    Ok(())
}

fn launch_phase(gpu: &Gpu, context: &Context, phase: &Phase, index: u32, batches: u32) -> Result<(), CudaError> {
    gpu.launch(Kernel::RunPhase, phase.blocks(), THREADS, &[context, phase, &index, &batches])
}

fn scalar(addresses: &Memory<Address>, index: u64) -> Address {
    addresses.scalars + 4 * index
}
