//! Losses: a value for the batch and its gradient at the network's output.

mod cross_entropy;

pub use cross_entropy::{cross_entropy, cross_entropy_grad};

use core::fmt;

/// A target that names no class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TargetError {
    /// Which sample of the batch.
    pub sample: usize,
    /// Its target.
    pub target: u8,
    /// How many classes there are.
    pub classes: usize,
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sample, target, classes } = self;
        write!(f, "sample {sample} of the batch has the target {target}, but there are {classes} classes")
    }
}

impl core::error::Error for TargetError {}
