//! The recipes of `selvedge train` that the page offers.

use selvedge::{
    optimizer::{Adam, Optimizer, Sgd},
    schedule::Schedule,
};

/// A recipe: the optimizer, the schedule of the learning rate, and the label smoothing. `STATE` is the number of values that the optimizer keeps.
pub trait Recipe<const STATE: usize> {
    /// The optimizer.
    type Rule: Optimizer<STATE>;
    /// The part of a target's probability that is spread evenly over all classes.
    const LABEL_SMOOTHING: f32;

    /// Returns the schedule of a run with this number of steps.
    fn schedule(total: u64) -> Schedule;

    /// Returns the optimizer's step with this number, from 1.
    fn rule(number: u64, learning_rate: f64) -> Self::Rule;
}

/// Stochastic gradient descent with a constant learning rate.
#[derive(Debug)]
pub struct Quickstart;

impl Recipe<0> for Quickstart {
    type Rule = Sgd;
    const LABEL_SMOOTHING: f32 = 0.0;

    fn schedule(_: u64) -> Schedule {
        Schedule::Constant
    }

    fn rule(_: u64, learning_rate: f64) -> Sgd {
        Sgd::new(learning_rate as f32)
    }
}

/// AdamW with one cycle of the learning rate, and label smoothing.
#[derive(Debug)]
pub struct Fast;

impl Recipe<{ Adam::STATE }> for Fast {
    type Rule = Adam;
    const LABEL_SMOOTHING: f32 = 0.1;

    fn schedule(total: u64) -> Schedule {
        Schedule::one_cycle(total)
    }

    fn rule(number: u64, learning_rate: f64) -> Adam {
        Adam::decoupled(number, learning_rate, [0.9, 0.95], Adam::EPSILON, 1e-2)
    }
}
