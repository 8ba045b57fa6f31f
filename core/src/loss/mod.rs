//! Losses: a value for the batch and its gradient at the network's output.
//!
//! Each loss is one of PyTorch's, with the mean as its reduction. The documentation of a loss gives the formula and the order of the operations, and
//! every engine keeps this order. `exp` and `ln` are the functions of [`arithmetic`](crate::arithmetic). Sums ascend from +0: over the samples, and
//! within a sample over the elements. A product and a sum are one [`fma`](crate::arithmetic::fma) only where the loss says so.
//!
//! ```
//! use selvedge::loss::{Loss, Mse};
//!
//! let (outputs, targets) = ([1.0, 2.0], [0.0, 4.0]);
//! let total_weight = Mse.total_weight(1, &targets)?;
//! assert_eq!(Mse.value(1, &outputs, &targets, total_weight)?, 2.5);
//! # Ok::<(), selvedge::loss::LossError>(())
//! ```

mod bce_with_logits;
mod class_weights;
mod cross_entropy;
mod mse;
mod nll;
mod soft_cross_entropy;

pub use bce_with_logits::BceWithLogits;
pub use cross_entropy::CrossEntropy;
pub use mse::Mse;
pub use nll::Nll;
pub use soft_cross_entropy::SoftCrossEntropy;

use core::fmt;

/// A loss of a network's outputs: a mean over a batch.
///
/// `outputs` and `grads` are `[batch][width]`. `targets` has [`targets(width)`](Self::targets) values for each sample. All slices should
/// have the same number of samples. If not, samples that one of the slices does not have may be left out; nothing panics.
pub trait Loss: Sync {
    /// One value of a target: a class, or a number for an output.
    type Target: Copy + Send + Sync;

    /// PyTorch's name of the function that gives the gradient, as `loss.grad_fn` shows it.
    const GRAD_FN: &'static str;

    /// Returns the number of target values of a sample, for a network of `width` outputs: 1 for a class, else one for each output.
    fn targets(width: usize) -> usize;

    /// Returns the number by which the sum of these samples' losses is divided. Each loss defines it: the number of samples, the sum of the
    /// weights of their classes, or the number of their elements.
    ///
    /// A batch may be computed in parts (gradient accumulation). Then every part is divided by the total weight of the whole batch. So the
    /// losses of the parts add up to the batch's loss, and their gradients to its gradient.
    ///
    /// # Errors
    ///
    /// [`LossError`] for a target without a class weight. Without class weights, the targets are not checked here, but by
    /// [`value`](Self::value).
    fn total_weight(&self, width: usize, targets: &[Self::Target]) -> Result<f32, LossError>;

    /// Returns the sum of the samples' losses, divided by the batch's [`total_weight`](Self::total_weight).
    ///
    /// # Errors
    ///
    /// [`LossError`] for a target that names no class, or if the number of class weights is not the number of classes.
    fn value(
        &self,
        width: usize,
        outputs: &[f32],
        targets: &[Self::Target],
        total_weight: f32,
    ) -> Result<f32, LossError>;

    /// Returns [`value`](Self::value), and writes the gradient at the outputs into `grads`.
    ///
    /// # Errors
    ///
    /// The errors of [`value`](Self::value). `grads` is then unchanged.
    fn value_and_grad(
        &self,
        width: usize,
        outputs: &[f32],
        targets: &[Self::Target],
        total_weight: f32,
        grads: &mut [f32],
    ) -> Result<f32, LossError>;
}

/// The error of a batch whose loss cannot be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum LossError {
    /// A target that names no class.
    Target {
        /// The sample's place in the batch.
        sample: usize,
        /// The sample's target.
        target: u16,
        /// The number of classes.
        classes: usize,
    },
    /// The number of class weights is not the number of classes.
    ClassWeights {
        /// The number of weights given.
        weights: usize,
        /// The number of classes.
        classes: usize,
    },
}

impl fmt::Display for LossError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target { sample, target, classes } => {
                write!(f, "sample {sample} of the batch has the target {target}, but there are {classes} classes")
            }
            Self::ClassWeights { weights, classes } => {
                write!(f, "the loss has {weights} class weights, but there are {classes} classes: give one for each")
            }
        }
    }
}

impl core::error::Error for LossError {}
