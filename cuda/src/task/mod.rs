//! The kernels' parameters. `kernels/task.cuh` has the same structures, field by field.
//!
//! A layer's *sums* are its results before the activation.

mod batch;
mod context;

use selvedge::activation::ActivationKind;

pub use self::{
    batch::{Batch, Optimizer, Rule},
    context::{Changes, Context, Dropout, Loss, Values},
};

/// The number of threads in every block.
pub const THREADS: u32 = 256;

/// An address in the GPU's memory. 0 means no address.
pub type Address = u64;

/// The work of a task. Blocks share it among each other by tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// Loads a batch's samples: augments them, and converts them to inputs.
    Load,
    /// A linear layer's outputs.
    LinearForward,
    /// The gradient at the sums of the layer before a linear layer.
    LinearInputGrad,
    /// The update of a linear layer's parameters.
    LinearUpdate,
    /// Batch normalisation's outputs.
    BatchNormForward,
    /// The gradient at the sums of the layer before batch normalisation, and the layer's parameters and running moments.
    BatchNormBackward,
    /// GELU's outputs.
    GeluForward,
    /// The gradient at the sums of the layer before GELU.
    GeluBackward,
    /// Dropout's outputs.
    DropoutForward,
    /// The gradient at the sums of the layer before dropout.
    DropoutBackward,
    /// Logarithms of softmax.
    LogSoftmaxForward,
    /// The gradient at the sums of the layer before the logarithms of softmax.
    LogSoftmaxBackward,
    /// Each sample's part of the loss, and the gradient.
    Loss,
    /// A last linear layer with few outputs, the loss, and the gradient before that layer, sample by sample.
    Head,
    /// The sum of the terms of a batch's loss. A sample has `outputs` terms.
    BatchLoss,
    /// The sums of squares of a stored gradient, each over 4096 of its numbers.
    NormBlocks,
    /// The norm of a stored gradient, and the factor that clips the gradient.
    NormTotal,
    /// The update of parameters by a stored gradient.
    Update,
    /// The moving average of the weights.
    Average,
}

/// Bits of [`Task::settled`].
pub mod settled {
    /// The input.
    pub const INPUT: u32 = 1;
    /// The gradient at the sums.
    pub const GRAD_OUTPUT: u32 = 2;
    /// The parameters.
    pub const PARAMETERS: u32 = 4;
}

/// One task. A layer's inputs and outputs are `[samples][width]`, weights `[outputs][inputs]`, row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Task {
    /// The work.
    pub kind: Kind,
    /// The number of blocks that the task takes.
    pub tiles: u32,
    /// The operands that the launch before does not write, as bits of [`settled`]. A block may read them while that launch still runs.
    pub settled: u32,
    /// The number of batches that the task is ahead of its launch: 1 for loading the next batch, else 0.
    pub ahead: u32,
    /// The activation of the outputs.
    pub activation: ActivationKind,
    /// The activation that the inputs went through.
    pub input_activation: ActivationKind,
    /// The number of inputs of a sample.
    pub inputs: u32,
    /// The number of outputs of a sample. For a task over a flat slice, the slice's length.
    pub outputs: u32,
    /// The layer's place in the chain.
    pub layer: u32,
    /// Always 0.
    pub padding: u32,
    /// The address of the inputs.
    pub input: Address,
    /// The address of the outputs.
    pub output: Address,
    /// The address of the gradient at this layer's sums.
    pub grad_output: Address,
    /// The address of the gradient at the sums of the layer before.
    pub grad_input: Address,
    /// The address of the layer's own numbers, in the flat model's order.
    pub parameters: Address,
    /// The addresses of the optimizer's state for these numbers.
    pub state: [Address; 2],
    /// The address of the numbers after the step. It may be the address of the numbers before it.
    pub updated: Address,
    /// The addresses of the optimizer's state after the step.
    pub updated_state: [Address; 2],
    /// The address where the gradient is stored, or 0.
    pub kept: Address,
    /// The address of a word that is not 0 if nothing may change any more.
    pub stopped: Address,
    /// The address of the stop word that this batch writes. It becomes 1 if the step's loss is infinite or NaN.
    pub stops: Address,
}

impl Task {
    /// Returns a task of one block that reads and writes nothing.
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            tiles: 1,
            settled: 0,
            ahead: 0,
            activation: ActivationKind::Identity,
            input_activation: ActivationKind::Identity,
            inputs: 0,
            outputs: 0,
            layer: 0,
            padding: 0,
            input: 0,
            output: 0,
            grad_output: 0,
            grad_input: 0,
            parameters: 0,
            state: [0; 2],
            updated: 0,
            updated_state: [0; 2],
            kept: 0,
            stopped: 0,
            stops: 0,
        }
    }
}

/// The largest number of tasks in a launch.
pub const MAX_TASKS: usize = 4;

/// Tasks that run side by side in one launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Phase {
    count: u32,
    padding: u32,
    tasks: [Task; MAX_TASKS],
}

impl Phase {
    /// Returns the phase of these tasks. Of more than [`MAX_TASKS`], only the first are taken.
    pub fn new(tasks: &[Task]) -> Self {
        // A task of no tiles is none.
        let mut phase = Self { count: 0, padding: 0, tasks: [Task { tiles: 0, ..Task::new(Kind::Load) }; MAX_TASKS] };
        for (place, &task) in phase.tasks.iter_mut().zip(tasks) {
            *place = task;
            phase.count += 1;
        }
        phase
    }

    /// Returns the tasks of the phase.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks[..self.count as usize]
    }

    /// Returns the number of blocks that the phase takes.
    pub fn blocks(&self) -> u32 {
        self.tasks().iter().map(|task| task.tiles).sum()
    }
}
