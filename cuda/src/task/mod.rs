//! The kernels' parameters: `kernels/task.cuh` has the same structures, field by field.

mod batch;
mod context;

use selvedge::activation::ActivationKind;

pub use self::{
    batch::{Batch, Optimizer, Rule},
    context::{Changes, Context, Dropout, Loss, Values},
};

/// Threads in every block.
pub const THREADS: u32 = 256;

/// An address in the GPU's memory. 0 means no address.
pub type Address = u64;

/// Work that blocks share out among each other by tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// A batch's samples, changed and normalised.
    Load,
    /// A linear layer's outputs.
    LinearForward,
    /// The gradient at the sums before it.
    LinearInputGrad,
    /// Its parameters.
    LinearUpdate,
    /// Batch normalisation's outputs.
    BatchNormForward,
    /// The gradient before it, its parameters and its running moments.
    BatchNormBackward,
    /// GELU's outputs.
    GeluForward,
    /// The gradient before it.
    GeluBackward,
    /// Dropout's outputs.
    DropoutForward,
    /// The gradient before it.
    DropoutBackward,
    /// Logarithms of softmax.
    LogSoftmaxForward,
    /// The gradient before them.
    LogSoftmaxBackward,
    /// Each sample's part of the loss, and its gradient.
    Loss,
    /// A last linear layer of a few outputs, the loss, and the gradient before that layer, sample by sample.
    Head,
    /// The terms of a batch's loss as one number; a sample has `outputs` terms.
    BatchLoss,
    /// The squares of a gradient that was kept, block by block.
    NormBlocks,
    /// The norm of that gradient, and the factor that clips it.
    NormTotal,
    /// Parameters, by a gradient that was kept.
    Update,
    /// The moving average of the weights.
    Average,
}

/// Bits of [`Task::settled`].
pub mod settled {
    /// The input.
    pub const INPUT: u32 = 1;
    /// The gradient at the outputs.
    pub const GRAD_OUTPUT: u32 = 2;
    /// The parameters.
    pub const PARAMETERS: u32 = 4;
}

/// One task. Features are `[samples][width]`, weights `[outputs][inputs]`, row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Task {
    /// The work.
    pub kind: Kind,
    /// Blocks that it takes.
    pub tiles: u32,
    /// The operands that the launch before does not write, as bits of [`settled`]: they are brought while it still runs.
    pub settled: u32,
    /// The batch, counted from the launch's own: 1 for what is loaded ahead.
    pub ahead: u32,
    /// The activation of the outputs.
    pub activation: ActivationKind,
    /// The activation that the inputs went through.
    pub input_activation: ActivationKind,
    /// The number of inputs of a sample.
    pub inputs: u32,
    /// Features out; of a task over a flat slice, its length.
    pub outputs: u32,
    /// Its place in the chain.
    pub layer: u32,
    /// 0.
    pub padding: u32,
    /// The address of the inputs.
    pub input: Address,
    /// The address of the outputs.
    pub output: Address,
    /// The gradient at the sums before the activation.
    pub grad_output: Address,
    /// The gradient at the sums that the inputs were made from.
    pub grad_input: Address,
    /// The layer's own numbers, in the flat model's order.
    pub parameters: Address,
    /// The optimizer's state for them.
    pub state: [Address; 2],
    /// The numbers as they are after the step; they may lie where they were.
    pub updated: Address,
    /// The same of what the optimizer keeps.
    pub updated_state: [Address; 2],
    /// Where the gradient is kept, or 0.
    pub kept: Address,
    /// A word that is not 0 where nothing may change any more.
    pub stopped: Address,
    /// The word that the batch's loss sets for what comes after it.
    pub stops: Address,
}

impl Task {
    /// Returns a task of one block that touches nothing.
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

/// Tasks for which a launch has room.
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
    /// Returns the phase of these tasks; of more than [`MAX_TASKS`] the first.
    pub fn new(tasks: &[Task]) -> Self {
        // A task of no tiles is none.
        let mut phase = Self { count: 0, padding: 0, tasks: [Task { tiles: 0, ..Task::new(Kind::Load) }; MAX_TASKS] };
        for (place, &task) in phase.tasks.iter_mut().zip(tasks) {
            *place = task;
            phase.count += 1;
        }
        phase
    }

    /// Its tasks.
    pub fn tasks(&self) -> &[Task] {
        &self.tasks[..self.count as usize]
    }

    /// Blocks that it takes.
    pub fn blocks(&self) -> u32 {
        self.tasks().iter().map(|task| task.tiles).sum()
    }
}
