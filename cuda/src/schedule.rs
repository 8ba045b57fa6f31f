//! Which tasks a batch has, and which of them may run side by side.

use std::env;

use selvedge::architecture::{Architecture, Stage, StageKind};

use crate::{
    access::Accesses,
    memory::{Memory, NORM_BLOCK, Settings},
    task::{Address, Context, Kind, MAX_TASKS, Phase, THREADS, Task},
};

/// How tasks become launches; the bits are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Launches {
    /// One for each task, in the plain order.
    Plain,
    /// One for each phase, of all tasks that do not depend on each other: the last layer and the loss are one task, and the next batch is
    /// loaded meanwhile. Many batches are one CUDA graph.
    #[default]
    Graph,
    /// The same phases, with barriers between them, in one launch for many batches.
    Persistent,
}

impl Launches {
    /// The environment variable that names one.
    pub const VARIABLE: &str = "SELVEDGE_CUDA";

    /// All of them.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Graph, Self::Persistent];

    /// That which the environment names, or else the default.
    ///
    /// # Errors
    ///
    /// [`UnknownLaunches`] for any other name.
    pub fn from_environment() -> Result<Self, UnknownLaunches> {
        let Some(name) = env::var_os(Self::VARIABLE).filter(|name| !name.is_empty()) else {
            return Ok(Self::default());
        };
        let found = Self::ALL.into_iter().find(|launches| launches.name() == name);
        found.ok_or_else(|| UnknownLaunches(name.to_string_lossy().into_owned()))
    }

    /// Its name, as [`VARIABLE`](Self::VARIABLE) takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Graph => "graph",
            Self::Persistent => "persistent",
        }
    }

    fn load_ahead(self) -> bool {
        self != Self::Plain
    }
}

/// A name that is none of [`Launches`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("SELVEDGE_CUDA={0}: kernels are started in one of these ways: plain, graph, persistent")]
pub struct UnknownLaunches(String);

/// What decides a schedule beside the network.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// How tasks become launches.
    pub launches: Launches,
    /// Multiprocessors of the GPU, by which tiles are cut.
    pub multiprocessors: u32,
}

/// The phases of training: what runs one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Training {
    /// Before a launch's first batch: its loading, where each batch brings the next one's samples.
    pub first: Vec<Phase>,
    /// Of even and of odd batches, whose samples are in one of the two inputs.
    pub batches: [Vec<Phase>; 2],
}

/// The smallest part of a network and a run that a task is made of.
#[derive(Clone, Copy)]
struct Maker<'a> {
    stages: &'a [Stage],
    /// Numbers in the flat model.
    parameters: usize,
    memory: &'a Memory<Address>,
    context: &'a Context,
    machine: Machine,
    /// Samples at most.
    samples: usize,
    /// The batch's inputs.
    input: Address,
    /// Whether it is for training.
    trains: bool,
}

/// Bytes of a number.
const NUMBER: u64 = 4;
/// Elements in a tile of an elementwise task.
const ELEMENTS: u32 = 4 * THREADS;
/// Classes for which a block that computes the last layer with the loss has room.
const MAX_CLASSES: usize = 1024;

impl Training {
    /// Those of a network.
    pub fn new(
        network: &Architecture,
        settings: &Settings,
        memory: &Memory<Address>,
        context: &Context,
        machine: Machine,
    ) -> Self {
        let stages: Vec<Stage> = network.stages().collect();
        let parameters = network.parameter_count().unwrap_or_default();
        let maker = |parity: usize| {
            let input = memory.input[parity];
            Maker {
                stages: &stages,
                parameters,
                memory,
                context,
                machine,
                samples: settings.batch,
                input,
                trains: true,
            }
        };
        let batch = |parity: usize| {
            let (maker, next) = (maker(parity), maker(1 - parity));
            let mut tasks = Vec::new();
            if !machine.launches.load_ahead() {
                tasks.push(maker.load(0));
            }
            maker.forward_and_loss(&mut tasks);
            maker.backward(&mut tasks);
            if settings.keeps_grad() {
                maker.update_by_kept(settings.clips, &mut tasks);
            }
            tasks.extend(memory.average.map(|average| maker.average(average)));
            if machine.launches.load_ahead() {
                tasks.push(next.load(1));
            }
            maker.phases(&tasks)
        };
        let first = machine.launches.load_ahead().then(|| Phase::new(&[maker(0).load(0)]));
        Self { first: first.into_iter().collect(), batches: [batch(0), batch(1)] }
    }

    /// The phases before batch `index` of a launch, and its own.
    pub fn of_batch(&self, index: usize) -> impl Iterator<Item = &Phase> {
        let first: &[Phase] = if index == 0 { &self.first } else { &[] };
        first.iter().chain(&self.batches[index % 2])
    }

    /// All phases, as the kernel takes them that runs all batches in one launch.
    pub fn all(&self) -> Vec<Phase> {
        [&self.first[..], &self.batches[0], &self.batches[1]].concat()
    }
}

/// The phases of a batch of an evaluation of these parameters, which gives losses and classes. The network is the one that predicts.
pub fn evaluation(
    network: &Architecture,
    samples: usize,
    memory: &Memory<Address>,
    context: &Context,
    machine: Machine,
    parameters: Address,
) -> Vec<Phase> {
    let memory = Memory { parameters, kept: None, ..memory.clone() };
    let input = memory.input[0];
    let stages: Vec<Stage> = network.stages().collect();
    let maker =
        Maker { stages: &stages, parameters: 0, memory: &memory, context, machine, samples, input, trains: false };
    let mut tasks = vec![maker.load(0)];
    maker.forward_and_loss(&mut tasks);
    maker.phases(&tasks)
}

impl Maker<'_> {
    fn at(&self, buffer: Address, elements: usize) -> Address {
        buffer + NUMBER * elements as u64
    }

    /// A stage's outputs on the tape.
    fn output(&self, stage: &Stage) -> Address {
        self.at(self.memory.tape, self.samples * stage.tape_offset)
    }

    fn grad_output(&self, stage: &Stage) -> Address {
        if self.trains { self.at(self.memory.grad_tape, self.samples * stage.tape_offset) } else { 0 }
    }

    /// A task with the fields that all tasks of a stage share.
    fn task(&self, kind: Kind, index: usize) -> Task {
        let stage = &self.stages[index];
        let before = index.checked_sub(1).map(|before| &self.stages[before]);
        let of_state = |state: &Address| self.at(*state, stage.offset);
        let mut state = self.memory.state.iter().map(of_state);
        Task {
            activation: stage.activation,
            input_activation: stage.input_activation,
            inputs: stage.inputs as u32,
            outputs: stage.outputs as u32,
            layer: stage.place,
            input: before.map_or(self.input, |before| self.output(before)),
            output: self.output(stage),
            grad_output: self.grad_output(stage),
            grad_input: before.map_or(0, |before| self.grad_output(before)),
            parameters: self.at(self.memory.parameters, stage.offset),
            state: [(); 2].map(|()| state.next().unwrap_or_default()),
            kept: self.memory.kept.map_or(0, |kept| self.at(kept, stage.offset)),
            ..Task::new(kind)
        }
    }

    /// Brings the samples of the launch's batch, or of one ahead of it.
    fn load(&self, ahead: u32) -> Task {
        let outputs = self.stages.first().map_or(0, |stage| stage.inputs as u32);
        Task { tiles: self.samples as u32, ahead, outputs, output: self.input, ..Task::new(Kind::Load) }
    }

    /// Tiles over a result of so many rows and columns, as many as keep the multiprocessors busy for the shortest time.
    fn tiled(&self, rows: u32, columns: u32, task: Task) -> Task {
        let tiles = |side: u32| rows.div_ceil(16 * side) * columns.div_ceil(16 * side);
        // A small tile has more to read for each result.
        let time = |side: u32| tiles(side).div_ceil(self.machine.multiprocessors.max(1)) * side * (side + 1);
        let side = [4, 2, 1].into_iter().min_by_key(|&side| time(side)).unwrap_or(1);
        Task { side, tiles: tiles(side), ..task }
    }

    fn elementwise(&self, task: Task) -> Task {
        let elements = self.samples as u64 * u64::from(task.outputs);
        Task { tiles: elements.div_ceil(ELEMENTS.into()) as u32, ..task }
    }

    fn forward(&self, index: usize) -> Task {
        let samples = self.samples as u32;
        let task = |kind| self.task(kind, index);
        let outputs = self.stages[index].outputs as u32;
        match self.stages[index].kind {
            StageKind::Linear => self.tiled(samples, outputs, task(Kind::LinearForward)),
            StageKind::BatchNorm1d => Task { tiles: outputs.div_ceil(THREADS), ..task(Kind::BatchNormForward) },
            StageKind::Gelu => self.elementwise(task(Kind::GeluForward)),
            StageKind::LogSoftmax => Task { tiles: samples.div_ceil(THREADS), ..task(Kind::LogSoftmaxForward) },
            StageKind::Dropout => self.elementwise(task(Kind::DropoutForward)),
        }
    }

    /// Tells whether the last layer is computed with the loss.
    fn has_head(&self) -> bool {
        let fits = |stage: &Stage| stage.kind == StageKind::Linear && stage.outputs <= MAX_CLASSES;
        self.stages.last().is_some_and(fits) && self.machine.launches != Launches::Plain
    }

    fn forward_and_loss(&self, tasks: &mut Vec<Task>) {
        let last = self.stages.len() - 1;
        let (layers, kind) = if self.has_head() { (last, Kind::Head) } else { (last + 1, Kind::Loss) };
        tasks.extend((0..layers).map(|index| self.forward(index)));
        tasks.push(Task { tiles: self.samples as u32, ..self.task(kind, last) });
        tasks.push(Task::new(Kind::BatchLoss));
    }

    /// From the last layer to the first. The gradients before a layer are those of its parameters before the update.
    fn backward(&self, tasks: &mut Vec<Task>) {
        let samples = self.samples as u32;
        for (index, stage) in self.stages.iter().enumerate().rev() {
            let task = |kind| self.task(kind, index);
            let is_done = index + 1 == self.stages.len() && self.has_head();
            let (inputs, outputs) = (stage.inputs as u32, stage.outputs as u32);
            match stage.kind {
                StageKind::Linear => {
                    if index > 0 && !is_done {
                        tasks.push(self.tiled(samples, inputs, task(Kind::LinearInputGrad)));
                    }
                    tasks.push(self.tiled(outputs, inputs, task(Kind::LinearUpdate)));
                }
                StageKind::BatchNorm1d => {
                    tasks.push(Task { tiles: outputs.div_ceil(THREADS), ..task(Kind::BatchNormBackward) });
                }
                _ if index == 0 => {}
                StageKind::Gelu => tasks.push(self.elementwise(task(Kind::GeluBackward))),
                StageKind::LogSoftmax => {
                    tasks.push(Task { tiles: samples.div_ceil(THREADS), ..task(Kind::LogSoftmaxBackward) });
                }
                StageKind::Dropout => tasks.push(self.elementwise(task(Kind::DropoutBackward))),
            }
        }
    }

    fn update_by_kept(&self, clips: bool, tasks: &mut Vec<Task>) {
        if clips {
            let kept = self.memory.kept.unwrap_or_default();
            let norm = |kind| Task { kept, outputs: self.parameters as u32, ..Task::new(kind) };
            tasks.push(Task { tiles: self.parameters.div_ceil(NORM_BLOCK) as u32, ..norm(Kind::NormBlocks) });
            tasks.push(norm(Kind::NormTotal));
        }
        for (index, stage) in self.stages.iter().enumerate().filter(|(_, stage)| stage.parameters > 0) {
            let outputs = stage.parameters as u32;
            tasks.push(Task { outputs, tiles: outputs.div_ceil(ELEMENTS), ..self.task(Kind::Update, index) });
        }
    }

    fn average(&self, average: Address) -> Task {
        let outputs = self.parameters as u32;
        let tiles = outputs.div_ceil(ELEMENTS);
        Task { outputs, tiles, output: average, parameters: self.memory.parameters, ..Task::new(Kind::Average) }
    }

    /// Each task in the first phase after all that it depends on, in the order given; what nothing depends on goes where there are fewest
    /// blocks.
    fn phases(&self, tasks: &[Task]) -> Vec<Phase> {
        if self.machine.launches == Launches::Plain {
            return tasks.iter().map(|task| Phase::new(&[*task])).collect();
        }
        let accesses: Vec<_> = tasks.iter().map(|task| Accesses::of(task, self.context, self.samples)).collect();
        let mut place = vec![0_usize; tasks.len()];
        let mut phases: Vec<Vec<Task>> = Vec::new();
        for (index, task) in tasks.iter().enumerate() {
            let conflicts = |other: usize| accesses[other].conflict_with(&accesses[index]);
            let earliest = (0..index).filter(|&other| conflicts(other)).map(|other| place[other] + 1).max();
            let has_room = |phase: &usize| phases.get(*phase).is_none_or(|tasks| tasks.len() < MAX_TASKS);
            let mut candidates = (earliest.unwrap_or(0)..).filter(has_room);
            let is_last_use = !(index + 1..tasks.len()).any(conflicts);
            let blocks = |phase: &usize| -> u32 {
                phases.get(*phase).map_or(u32::MAX, |tasks| tasks.iter().map(|task| task.tiles).sum())
            };
            let chosen = if is_last_use {
                candidates.take_while(|&phase| phase <= phases.len()).min_by_key(blocks)
            } else {
                candidates.next()
            };
            place[index] = chosen.unwrap_or(phases.len());
            if place[index] >= phases.len() {
                phases.resize(place[index] + 1, Vec::new());
            }
            phases[place[index]].push(*task);
        }
        phases.iter().map(|tasks| Phase::new(tasks)).collect()
    }
}

#[cfg(test)]
mod tests {
    use selvedge::{
        fashion_mnist::{Quickstart, Tiny},
        mlp,
    };

    use super::*;

    const SETTINGS: Settings = Settings { batch: 64, states: 0, accumulates: false, clips: false, averages: false };

    /// Buffers one after the other, as addresses.
    fn memory(network: &Architecture, settings: &Settings) -> Memory<Address> {
        let mut end = 1 << 20;
        let Ok(memory) = Memory::allocate(network, settings, |_, len| {
            let start = end;
            end += 4 * len as Address;
            Ok::<_, std::convert::Infallible>(start)
        });
        memory
    }

    fn context(memory: &Memory<Address>) -> Context {
        let scalar = |index: u64| memory.scalars + 4 * index;
        Context {
            sample_losses: memory.sample_losses,
            partial_norms: memory.partial_norms,
            clip_scale: scalar(0),
            step_loss: scalar(1),
            stopped: scalar(2),
            ..Context::new(0)
        }
    }

    fn training<M: selvedge::Layer>(settings: &Settings, launches: Launches) -> Training {
        let network = Architecture::of::<M>();
        let memory = memory(&network, settings);
        Training::new(&network, settings, &memory, &context(&memory), Machine { launches, multiprocessors: 132 })
    }

    fn kinds(phases: &[Phase]) -> Vec<Vec<Kind>> {
        phases.iter().map(|phase| phase.tasks().iter().map(|task| task.kind).collect()).collect()
    }

    #[test]
    fn the_quickstarts_step_is_five_launches() {
        use Kind::*;
        let training = training::<Quickstart>(&SETTINGS, Launches::Graph);
        assert_eq!(kinds(&training.first), [[Load]]);
        let expected = [
            vec![LinearForward],
            vec![LinearForward],
            vec![Head, Load],
            vec![BatchLoss, LinearInputGrad],
            vec![LinearUpdate, LinearUpdate, LinearUpdate],
        ];
        for phases in &training.batches {
            assert_eq!(kinds(phases), expected);
        }
        let tiles: Vec<_> = training.batches[0].iter().map(Phase::blocks).collect();
        assert_eq!(tiles[..3], [128, 128, 128]);
    }

    #[test]
    fn one_launch_for_each_task_is_the_plain_order() {
        use Kind::*;
        let settings = Settings { clips: true, averages: true, ..SETTINGS };
        let kinds = kinds(&training::<Tiny>(&settings, Launches::Plain).batches[0]).concat();
        assert_eq!(
            kinds,
            [
                Load,
                LinearForward,
                LinearForward,
                Loss,
                BatchLoss,
                LinearInputGrad,
                LinearUpdate,
                LinearUpdate,
                NormBlocks,
                NormTotal,
                Update,
                Update,
                Average
            ]
        );
    }

    /// Tasks of one phase do not depend on each other; those that do keep their order.
    #[test]
    fn phases_keep_what_tasks_depend_on() {
        type Model =
            mlp!(784 => 20 BatchNorm1d Relu Dropout => 19 Gelu => 18 Tanh => 17 Relu => 16 => 15 Relu => 10 LogSoftmax);
        for settings in [
            Settings { states: 2, ..SETTINGS },
            Settings { states: 1, accumulates: true, clips: true, averages: true, ..SETTINGS },
        ] {
            let network = Architecture::of::<Model>();
            let memory = memory(&network, &settings);
            let context = context(&memory);
            let of = |launches| {
                let machine = Machine { launches, multiprocessors: 4 };
                Training::new(&network, &settings, &memory, &context, machine).batches[1].clone()
            };
            let accesses = |task: &Task| Accesses::of(task, &context, settings.batch);
            let (plain, fused) = (of(Launches::Plain), of(Launches::Graph));
            let place = |task: &Task| fused.iter().position(|phase| phase.tasks().contains(task));
            let tasks: Vec<_> =
                plain.iter().flat_map(|phase| phase.tasks()).filter(|task| task.kind != Kind::Load).collect();
            assert!(fused.len() < tasks.len());
            for (index, second) in tasks.iter().enumerate() {
                for first in &tasks[..index] {
                    if accesses(first).conflict_with(&accesses(second)) {
                        assert!(place(first) < place(second), "{first:?} and {second:?}");
                    }
                }
            }
            for phase in &fused {
                for (index, task) in phase.tasks().iter().enumerate() {
                    assert!(!phase.tasks()[..index].iter().any(|other| accesses(other).conflict_with(&accesses(task))));
                }
            }
        }
    }
}
