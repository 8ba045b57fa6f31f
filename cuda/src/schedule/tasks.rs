//! The tasks of a batch, in an order in which each comes after those on which it depends.

use selvedge::architecture::{Stage, StageKind};

use super::stopped;
use crate::{
    kernel::{Kernel, Tile},
    memory::{Memory, NORM_BLOCK, Scalar, Settings},
    task::{Address, Kind, Loss, THREADS, Task},
};

/// A kernel and a task for it. For the update of a linear layer and the batch's loss, the kernel of either tile can be used.
pub(super) type Planned = (Kernel, Task);

/// Makes the tasks of a network's batch.
pub(super) struct Maker<'a> {
    pub(super) stages: &'a [Stage],
    pub(super) memory: &'a Memory<Address>,
    /// The flat model that the batch reads.
    pub(super) parameters: Address,
    /// The parity of the batch: 0 or 1.
    pub(super) parity: usize,
    pub(super) multiprocessors: u32,
    /// The largest number of samples in the batch.
    pub(super) samples: usize,
    pub(super) loss: Loss,
    /// The run's settings, or `None` for an evaluation.
    pub(super) training: Option<Settings>,
}

/// The number of bytes of a number.
const NUMBER: u64 = 4;
/// The number of elements in a tile of an elementwise task.
const ELEMENTS: u32 = 4 * THREADS;
/// The largest number of outputs of a last layer that is computed with the loss: `kernels/head.cuh` has a thread of one warp for each.
const HEAD_OUTPUTS: usize = 32;
/// The largest number of numbers of such a layer for which a block has room.
const HEAD_NUMBERS: usize = 10_752;

fn at(buffer: Address, elements: usize) -> Address {
    buffer + NUMBER * elements as u64
}

impl Maker<'_> {
    /// Returns a training batch's tasks, except the loading of its samples.
    pub(super) fn training(&self) -> Vec<Planned> {
        let mut tasks = self.forward_and_loss();
        self.backward(&mut tasks);
        let Some(settings) = self.training else { return tasks };
        if settings.keeps_grad() {
            self.update_by_kept(settings.clips, &mut tasks);
        }
        tasks.extend(self.memory.average.map(|average| self.average(average)));
        tasks
    }

    /// Returns the tasks of a batch of an evaluation, with the loading of its samples.
    pub(super) fn evaluation(&self) -> Vec<Planned> {
        [vec![self.load(0)], self.forward_and_loss()].concat()
    }

    /// Returns the task that loads the samples of the launch's batch, or of one ahead of it.
    pub(super) fn load(&self, ahead: u32) -> Planned {
        let outputs = self.stages.first().map_or(0, |stage| stage.inputs as u32);
        let output = self.memory.input[self.parity];
        (Kernel::LoadSamples, Task { tiles: self.samples as u32, ahead, outputs, output, ..Task::new(Kind::Load) })
    }

    /// Returns the address of a stage's outputs on the tape.
    fn output(&self, stage: &Stage) -> Address {
        at(self.memory.tape, self.samples * stage.tape_offset)
    }

    fn grad_output(&self, stage: &Stage) -> Address {
        if self.training.is_some() { at(self.memory.grad_tape, self.samples * stage.tape_offset) } else { 0 }
    }

    /// Returns the address of the word that says whether nothing may change any more. If the numbers are changed in place, the word must include
    /// this batch's loss. Otherwise this batch's step is written elsewhere, and only later steps must not follow.
    fn stopped(&self) -> Address {
        let is_in_place = self.training.is_some_and(|settings| settings.keeps_grad());
        stopped(self.memory, self.parity + usize::from(is_in_place))
    }

    /// Returns a task with the fields that all tasks of a stage share.
    fn task(&self, kind: Kind, index: usize) -> Task {
        let stage = &self.stages[index];
        let before = index.checked_sub(1).map(|before| &self.stages[before]);
        let Memory { parameters, state, kept, .. } = self.memory;
        let mut task = Task {
            activation: stage.activation,
            input_activation: stage.input_activation,
            inputs: stage.inputs as u32,
            outputs: stage.outputs as u32,
            layer: stage.place,
            input: before.map_or(self.memory.input[self.parity], |before| self.output(before)),
            output: self.output(stage),
            grad_output: self.grad_output(stage),
            grad_input: before.map_or(0, |before| self.grad_output(before)),
            parameters: at(self.parameters, stage.offset),
            updated: at(*parameters.written_by(self.parity), stage.offset),
            kept: kept.map_or(0, |kept| at(kept, stage.offset)),
            stopped: self.stopped(),
            ..Task::new(kind)
        };
        for (place, versions) in state.iter().enumerate() {
            task.state[place] = at(*versions.read_by(self.parity), stage.offset);
            task.updated_state[place] = at(*versions.written_by(self.parity), stage.offset);
        }
        task
    }

    /// Returns the tile for a product with this number of rows and columns: the large one if it keeps half of the multiprocessors busy.
    fn tile(&self, rows: u32, columns: u32) -> Tile {
        let is_large = 2 * Tile::Throughput.count(rows, columns) >= self.multiprocessors;
        if is_large { Tile::Throughput } else { Tile::Latency }
    }

    fn elementwise(&self, kernel: Kernel, task: Task) -> Planned {
        let elements = self.samples as u64 * u64::from(task.outputs);
        (kernel, Task { tiles: elements.div_ceil(ELEMENTS.into()) as u32, ..task })
    }

    fn forward(&self, index: usize) -> Planned {
        let samples = self.samples as u32;
        let task = |kind| self.task(kind, index);
        let outputs = self.stages[index].outputs as u32;
        let threads = |kernel, kind, count: u32| (kernel, Task { tiles: count.div_ceil(THREADS), ..task(kind) });
        match self.stages[index].kind {
            StageKind::Linear => {
                let tile = self.tile(samples, outputs);
                let tiles = tile.count(samples, outputs);
                (Kernel::LinearForward(tile), Task { tiles, ..task(Kind::LinearForward) })
            }
            StageKind::BatchNorm1d => threads(Kernel::BatchNormForward, Kind::BatchNormForward, outputs),
            StageKind::Gelu => self.elementwise(Kernel::GeluForward, task(Kind::GeluForward)),
            StageKind::LogSoftmax => threads(Kernel::LogSoftmaxForward, Kind::LogSoftmaxForward, samples),
            StageKind::Dropout => self.elementwise(Kernel::DropoutForward, task(Kind::DropoutForward)),
        }
    }

    /// Returns true if the last layer is computed with the loss.
    fn has_head(&self) -> bool {
        self.loss == Loss::CrossEntropy
            && self.stages.last().is_some_and(|stage| {
                // The same as `head_stride` of `kernels/head.cuh`.
                let stride = 4 * (stage.inputs.div_ceil(4) | 1);
                stage.kind == StageKind::Linear
                    && stage.outputs <= HEAD_OUTPUTS
                    && (stage.outputs + 1) * stride <= HEAD_NUMBERS
            })
    }

    fn forward_and_loss(&self) -> Vec<Planned> {
        let last = self.stages.len() - 1;
        let (layers, kernel, kind) = if self.has_head() {
            (last, Kernel::LinearHead, Kind::Head)
        } else {
            (last + 1, Kernel::SampleLosses, Kind::Loss)
        };
        let mut tasks: Vec<_> = (0..layers).map(|index| self.forward(index)).collect();
        tasks.push((kernel, Task { tiles: self.samples as u32, ..self.task(kind, last) }));
        tasks.push((self.linear_backward(Tile::Throughput), self.batch_loss()));
        tasks
    }

    fn batch_loss(&self) -> Task {
        let (stopped, stops) = match self.training {
            Some(_) => (stopped(self.memory, self.parity), stopped(self.memory, self.parity + 1)),
            None => (Scalar::TestStopped.at(self.memory), Scalar::TestStops.at(self.memory)),
        };
        let outputs = self.stages.last().map_or(0, |stage| self.loss.terms(stage.outputs) as u32);
        Task { outputs, stopped, stops, ..Task::new(Kind::BatchLoss) }
    }

    fn linear_backward(&self, tile: Tile) -> Kernel {
        let optimizer = self.training.filter(|settings| !settings.keeps_grad()).map(|settings| settings.optimizer);
        Kernel::LinearBackward(tile, optimizer)
    }

    /// Adds the tasks of the backward pass, from the last layer to the first. The gradients before a layer use its parameters before the update.
    fn backward(&self, tasks: &mut Vec<Planned>) {
        let samples = self.samples as u32;
        for (index, stage) in self.stages.iter().enumerate().rev() {
            let task = |kind| self.task(kind, index);
            let is_done = index + 1 == self.stages.len() && self.has_head();
            let (inputs, outputs) = (stage.inputs as u32, stage.outputs as u32);
            match stage.kind {
                StageKind::Linear => {
                    if index > 0 && !is_done {
                        let tile = self.tile(samples, inputs);
                        let tiles = tile.count(samples, inputs);
                        let kernel = self.linear_backward(tile);
                        tasks.push((kernel, Task { tiles, ..task(Kind::LinearInputGrad) }));
                    }
                    let tiles = Tile::Throughput.count(outputs, inputs);
                    tasks.push((self.linear_backward(Tile::Throughput), Task { tiles, ..task(Kind::LinearUpdate) }));
                }
                StageKind::BatchNorm1d => {
                    let tiles = outputs.div_ceil(THREADS);
                    tasks.push((Kernel::BatchNormBackward, Task { tiles, ..task(Kind::BatchNormBackward) }));
                }
                _ if index == 0 => {}
                StageKind::Gelu => tasks.push(self.elementwise(Kernel::GeluBackward, task(Kind::GeluBackward))),
                StageKind::LogSoftmax => {
                    let tiles = samples.div_ceil(THREADS);
                    tasks.push((Kernel::LogSoftmaxBackward, Task { tiles, ..task(Kind::LogSoftmaxBackward) }));
                }
                StageKind::Dropout => {
                    tasks.push(self.elementwise(Kernel::DropoutBackward, task(Kind::DropoutBackward)));
                }
            }
        }
    }

    /// Returns the number of numbers in the flat model.
    fn len(&self) -> usize {
        self.stages.last().map_or(0, |stage| stage.values().end)
    }

    fn update_by_kept(&self, clips: bool, tasks: &mut Vec<Planned>) {
        if clips {
            let kept = self.memory.kept.unwrap_or_default();
            let norm = |kind| Task { kept, outputs: self.len() as u32, ..Task::new(kind) };
            let tiles = self.len().div_ceil(NORM_BLOCK) as u32;
            tasks.push((Kernel::NormBlocks, Task { tiles, ..norm(Kind::NormBlocks) }));
            tasks.push((Kernel::NormTotal, norm(Kind::NormTotal)));
        }
        for (index, stage) in self.stages.iter().enumerate().filter(|(_, stage)| stage.parameters > 0) {
            let outputs = stage.parameters as u32;
            let tiles = outputs.div_ceil(ELEMENTS);
            tasks.push((Kernel::Update, Task { outputs, tiles, ..self.task(Kind::Update, index) }));
        }
    }

    /// Returns the task of the weights' average, which uses the weights after the step.
    fn average(&self, average: Address) -> Planned {
        let outputs = self.len() as u32;
        let task = Task {
            outputs,
            tiles: outputs.div_ceil(ELEMENTS),
            output: average,
            parameters: *self.memory.parameters.written_by(self.parity),
            stopped: stopped(self.memory, self.parity + 1),
            ..Task::new(Kind::Average)
        };
        (Kernel::Average, task)
    }
}
