//! What the kernels are handed: `kernels/task.cuh` has the same structures, field by field.

use selvedge::{
    activation::ActivationKind,
    augment::Augmentation,
    layers::DropoutRate,
    optimizer::{self, RmsProp},
    shape::InputShape,
};

/// Threads in every block.
pub const THREADS: u32 = 256;

/// An address in the GPU's memory; 0 is none.
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
    /// Each sample's loss, and its gradient.
    Loss,
    /// The last linear layer, the loss, and the gradient before that layer, sample by sample.
    Head,
    /// The samples' losses as one number.
    BatchLoss,
    /// The squares of a gradient that was kept, block by block.
    NormBlocks,
    /// Its norm, and what clips it.
    NormTotal,
    /// Parameters, by a gradient that was kept.
    Update,
    /// The moving average of the weights.
    Average,
}

/// One task. Features are `[samples][width]`, weights `[outputs][inputs]`, row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Task {
    /// What is done.
    pub kind: Kind,
    /// Blocks that it takes.
    pub tiles: u32,
    /// Result elements in a row of each thread's square part of a tile: 1, 2 or 4.
    pub side: u32,
    /// Which batch, counted from the launch's own: 1 for what is loaded ahead.
    pub ahead: u32,
    /// What the outputs went through.
    pub activation: ActivationKind,
    /// What the inputs went through.
    pub input_activation: ActivationKind,
    /// Features in.
    pub inputs: u32,
    /// Features out; of a task over a flat slice, its length.
    pub outputs: u32,
    /// Its place in the chain.
    pub layer: u32,
    /// 0.
    pub padding: u32,
    /// The features going in.
    pub input: Address,
    /// Those coming out.
    pub output: Address,
    /// The gradient at the sums before the activation.
    pub grad_output: Address,
    /// The gradient at the sums that the inputs were made from.
    pub grad_input: Address,
    /// The layer's own numbers, in the flat model's order.
    pub parameters: Address,
    /// What the optimizer keeps for them.
    pub state: [Address; 2],
    /// Where the gradient is kept, or 0.
    pub kept: Address,
}

impl Task {
    /// A task of one block that touches nothing.
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            tiles: 1,
            side: 1,
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
            kept: 0,
        }
    }
}

/// Tasks for which a phase has room.
pub const MAX_TASKS: usize = 8;

/// Tasks that may run side by side: one launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Phase {
    count: u32,
    padding: u32,
    tasks: [Task; MAX_TASKS],
}

impl Phase {
    /// The phase of these tasks; of more than [`MAX_TASKS`] the first.
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

/// One step of an optimizer: which one, and its coefficients in the order that `kernels/optimizer.cuh` names.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub struct Rule {
    optimizer: u32,
    weight_decay: f32,
    coefficients: [f32; 7],
}

impl Rule {
    fn new<const COUNT: usize>(optimizer: u32, weight_decay: f32, coefficients: [f32; COUNT]) -> Self {
        let mut rule = Self { optimizer, weight_decay, ..Self::default() };
        rule.coefficients[..COUNT].copy_from_slice(&coefficients);
        rule
    }

    fn rms_prop(optimizer: u32, rule: &RmsProp, momentum: f32) -> Self {
        let [alpha, rest] = rule.smoothing;
        Self::new(optimizer, rule.weight_decay, [rule.learning_rate, alpha, rest, rule.epsilon, momentum])
    }
}

impl Rule {
    /// A step that changes nothing.
    pub const NONE: Self = Self { optimizer: 0, weight_decay: 0.0, coefficients: [0.0; 7] };

    /// Numbers that the optimizer keeps for each parameter: 0, 1 or 2.
    pub fn states(&self) -> usize {
        match self.optimizer {
            0 => 0,
            3 | 5 => 2,
            _ => 1,
        }
    }
}

impl From<&optimizer::Rule> for Rule {
    fn from(rule: &optimizer::Rule) -> Self {
        match rule {
            optimizer::Rule::Sgd(rule) => Self::new(0, rule.weight_decay, [rule.learning_rate]),
            optimizer::Rule::Momentum(rule) => {
                let optimizer = if rule.nesterov { 2 } else { 1 };
                Self::new(optimizer, rule.weight_decay, [rule.learning_rate, rule.momentum])
            }
            optimizer::Rule::Adam(rule) => {
                let [second, rest] = rule.second;
                let coefficients =
                    [rule.step_size, rule.first, second, rest, rule.second_correction, rule.epsilon, rule.shrink];
                Self::new(3, rule.weight_decay, coefficients)
            }
            optimizer::Rule::RmsProp(rule) => Self::rms_prop(4, rule, 0.0),
            optimizer::Rule::RmsPropMomentum(rule) => Self::rms_prop(5, &rule.rule, rule.momentum),
        }
    }
}

/// What the host says of one batch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub struct Batch {
    /// Its number in the run: dropout's stream.
    pub number: u64,
    /// The epoch: augmentation's stream.
    pub epoch: u64,
    /// Its first sample's place in the order.
    pub first: u32,
    /// How many there are.
    pub samples: u32,
    /// 1 where it is its step's first, else 0.
    pub is_first: u32,
    /// 1 where it is its step's last, else 0.
    pub is_last: u32,
    /// What its sum of losses is divided by.
    pub total_weight: f32,
    /// How far the average of the weights moves: 1 − decay.
    pub average: f32,
    /// 1 where the average starts from these weights, else 0.
    pub starts_average: u32,
    /// What becomes of a gradient.
    pub rule: Rule,
}

/// What stays the same in all launches of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Context {
    /// Samples, a byte for each feature.
    pub samples: Address,
    /// Their classes as u16.
    pub labels: Address,
    /// The epoch's order of samples as u32, or 0 for that of the file.
    pub order: Address,
    /// A launch's [`Batch`]es.
    pub batches: Address,
    /// A batch's losses, one for each sample.
    pub sample_losses: Address,
    /// Each sample's class as predicted, as u16; 0 in training.
    pub classes: Address,
    /// Each batch's loss.
    pub losses: Address,
    /// Each batch's norm of the gradient, where it is clipped.
    pub norms: Address,
    /// One for each block of a norm.
    pub partial_norms: Address,
    /// What a clipped gradient is multiplied by; 1 where none is clipped.
    pub clip_scale: Address,
    /// The loss of the step so far.
    pub step_loss: Address,
    /// Not 0 from the first loss on that is no number: nothing is changed any more.
    pub stopped: Address,
    /// The run's seed.
    pub seed: u64,
    /// What dropout drops.
    pub dropout: Dropout,
    /// The part of a target that is spread over all classes.
    pub label_smoothing: f32,
    /// The longest gradient.
    pub max_norm: f32,
    /// The change of images.
    pub changes: Changes,
    /// 0.
    pub padding: u32,
}

/// [`DropoutRate`], as the kernels have it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Dropout {
    threshold: u32,
    scale: f32,
}

impl From<DropoutRate> for Dropout {
    fn from(rate: DropoutRate) -> Self {
        Self { threshold: rate.threshold, scale: rate.scale }
    }
}

/// [`Augmentation`] and an image's sizes, as the kernels have them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Changes {
    flip: u32,
    shift: u32,
    erase: u32,
    height: u32,
    width: u32,
}

impl Changes {
    /// The changes of samples of this shape; those that are no images are not changed.
    pub fn new(Augmentation { flip, shift, erase }: Augmentation, input: InputShape) -> Self {
        let (height, width) = match input {
            InputShape::Features(_) => (0, 0),
            InputShape::Image { height, width, .. } => (height, width),
        };
        Self { flip: flip.into(), shift: shift.into(), erase: erase.into(), height, width }
    }
}

impl Context {
    /// A run with these addresses to be filled in, that changes no sample and drops nothing.
    pub fn new(seed: u64) -> Self {
        Self {
            samples: 0,
            labels: 0,
            order: 0,
            batches: 0,
            sample_losses: 0,
            classes: 0,
            losses: 0,
            norms: 0,
            partial_norms: 0,
            clip_scale: 0,
            step_loss: 0,
            stopped: 0,
            seed,
            dropout: DropoutRate::new(0.0).into(),
            label_smoothing: 0.0,
            max_norm: f32::INFINITY,
            changes: Changes::default(),
            padding: 0,
        }
    }
}
