//! The parts of a launch that change from batch to batch.

use selvedge::optimizer::{self, RmsProp};

/// The optimizers of core for which there are kernels, in the order of `kernels/optimizer.cuh`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Optimizer {
    /// Stochastic gradient descent.
    #[default]
    Sgd,
    /// Stochastic gradient descent with momentum.
    Momentum,
    /// Stochastic gradient descent with Nesterov's momentum.
    Nesterov,
    /// Adam and AdamW.
    Adam,
    /// RMSprop.
    RmsProp,
    /// RMSprop with momentum.
    RmsPropMomentum,
}

impl Optimizer {
    /// All variants, in their order.
    pub const ALL: [Self; 6] =
        [Self::Sgd, Self::Momentum, Self::Nesterov, Self::Adam, Self::RmsProp, Self::RmsPropMomentum];

    /// Returns the number of values that the optimizer keeps for each parameter: 0, 1 or 2.
    pub const fn states(self) -> usize {
        match self {
            Self::Sgd => 0,
            Self::Momentum | Self::Nesterov | Self::RmsProp => 1,
            Self::Adam | Self::RmsPropMomentum => 2,
        }
    }

    /// Returns the optimizer's part of the kernels' names.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sgd => "sgd",
            Self::Momentum => "momentum",
            Self::Nesterov => "nesterov",
            Self::Adam => "adam",
            Self::RmsProp => "rms_prop",
            Self::RmsPropMomentum => "rms_prop_momentum",
        }
    }
}

impl From<&optimizer::Rule> for Optimizer {
    fn from(rule: &optimizer::Rule) -> Self {
        match rule {
            optimizer::Rule::Sgd(_) => Self::Sgd,
            optimizer::Rule::Momentum(rule) if rule.nesterov => Self::Nesterov,
            optimizer::Rule::Momentum(_) => Self::Momentum,
            optimizer::Rule::Adam(_) => Self::Adam,
            optimizer::Rule::RmsProp(_) => Self::RmsProp,
            optimizer::Rule::RmsPropMomentum(_) => Self::RmsPropMomentum,
        }
    }
}

/// One step of an optimizer: the optimizer, and its coefficients in the order of `kernels/optimizer.cuh`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub struct Rule {
    optimizer: Optimizer,
    weight_decay: f32,
    coefficients: [f32; 7],
}

impl Rule {
    /// A step that changes nothing.
    pub const NONE: Self = Self { optimizer: Optimizer::Sgd, weight_decay: 0.0, coefficients: [0.0; 7] };

    fn new<const COUNT: usize>(optimizer: Optimizer, weight_decay: f32, coefficients: [f32; COUNT]) -> Self {
        let mut rule = Self { optimizer, weight_decay, ..Self::default() };
        rule.coefficients[..COUNT].copy_from_slice(&coefficients);
        rule
    }

    fn rms_prop(optimizer: Optimizer, rule: &RmsProp, momentum: f32) -> Self {
        let [alpha, rest] = rule.smoothing;
        Self::new(optimizer, rule.weight_decay, [rule.learning_rate, alpha, rest, rule.epsilon, momentum])
    }

    /// Returns the optimizer that takes the step.
    pub fn optimizer(&self) -> Optimizer {
        self.optimizer
    }
}

impl From<&optimizer::Rule> for Rule {
    fn from(rule: &optimizer::Rule) -> Self {
        let optimizer = Optimizer::from(rule);
        match rule {
            optimizer::Rule::Sgd(rule) => Self::new(optimizer, rule.weight_decay, [rule.learning_rate]),
            optimizer::Rule::Momentum(rule) => {
                Self::new(optimizer, rule.weight_decay, [rule.learning_rate, rule.momentum])
            }
            optimizer::Rule::Adam(rule) => {
                let [second, rest] = rule.second;
                let coefficients =
                    [rule.step_size, rule.first, second, rest, rule.second_correction, rule.epsilon, rule.shrink];
                Self::new(optimizer, rule.weight_decay, coefficients)
            }
            optimizer::Rule::RmsProp(rule) => Self::rms_prop(optimizer, rule, 0.0),
            optimizer::Rule::RmsPropMomentum(rule) => Self::rms_prop(optimizer, &rule.rule, rule.momentum),
        }
    }
}

/// The data of one batch that the host provides.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub struct Batch {
    /// The batch's number in the run. Dropout's random numbers depend on it.
    pub number: u64,
    /// The epoch. The random numbers of augmentation depend on it.
    pub epoch: u64,
    /// The place of the batch's first sample in the order.
    pub first: u32,
    /// The number of the batch's samples.
    pub samples: u32,
    /// 1 if the batch is the first of its step, else 0.
    pub is_first: u32,
    /// 1 if the batch is the last of its step, else 0.
    pub is_last: u32,
    /// The number by which the sum of the losses is divided.
    pub total_weight: f32,
    /// The average of the weights moves this fraction of the way to the new weights: 1 − decay.
    pub average: f32,
    /// 1 if the average starts from these weights, else 0.
    pub starts_average: u32,
    /// The optimizer's step.
    pub rule: Rule,
}
