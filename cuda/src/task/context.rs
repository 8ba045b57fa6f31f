//! The parts of a launch that stay the same.

use selvedge::{augment::Augmentation, layers::DropoutRate, preparation::Element, shape::InputShape};

use super::Address;

/// The part that all launches of a run share.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Context {
    /// Samples, a value for each feature.
    pub samples: Address,
    /// Their classes as u16, where the loss is that of classes.
    pub labels: Address,
    /// Else their targets, an f32 for each output.
    pub targets: Address,
    /// A scale and a shift for each feature, or once for all; 0 where a value is a byte that is divided by 255.
    pub scales: Address,
    /// The address of the classes' weights, each an f32; 0 if all count the same.
    pub class_weights: Address,
    /// The epoch's order of samples as u32, or 0 for that of the file.
    pub order: Address,
    /// A launch's [batches](super::Batch).
    pub batches: Address,
    /// The terms of a batch's loss: [`Loss::terms`] for each sample.
    pub loss_terms: Address,
    /// Each sample's class as predicted, as u16; 0 in training, and where targets are numbers.
    pub classes: Address,
    /// Each sample's outputs; 0 in training, and where targets are classes.
    pub outputs: Address,
    /// Each batch's loss.
    pub losses: Address,
    /// Each batch's norm of the gradient, where it is clipped.
    pub norms: Address,
    /// One for each block of a norm.
    pub partial_norms: Address,
    /// The factor of a clipped gradient; 1 where none is clipped.
    pub clip_scale: Address,
    /// The loss of the step so far.
    pub step_loss: Address,
    /// The run's seed.
    pub seed: u64,
    /// The rate of dropout.
    pub dropout: Dropout,
    /// The part of a target's probability that is spread evenly over all classes.
    pub label_smoothing: f32,
    /// The longest gradient.
    pub max_norm: f32,
    /// The change of images.
    pub changes: Changes,
    /// The numbers that values are.
    pub values: Values,
    /// The loss of the outputs.
    pub loss: Loss,
    /// 1 in an evaluation, else 0.
    pub predicts: u32,
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
    /// Returns the changes of samples of this shape; those that are no images are not changed.
    pub fn new(Augmentation { flip, shift, erase }: Augmentation, input: InputShape) -> Self {
        let (height, width) = match input {
            InputShape::Features(_) => (0, 0),
            InputShape::Image { height, width, .. } => (height, width),
        };
        Self { flip: flip.into(), shift: shift.into(), erase: erase.into(), height, width }
    }
}

/// The numbers that samples' values are, and how many scales they have, as the kernels have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Values {
    element: u32,
    scale_step: u32,
}

impl Values {
    /// Values of an element, whose scales and shifts are this number of bytes.
    pub fn new(element: Element, scales: &[u8]) -> Self {
        Self { element: element as u32, scale_step: (scales.len() > 2 * size_of::<f32>()).into() }
    }
}

/// The losses of core that the kernels have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum Loss {
    /// [`CrossEntropy`](selvedge::loss::CrossEntropy): the targets are classes.
    #[default]
    CrossEntropy,
    /// [`BceWithLogits`](selvedge::loss::BceWithLogits): the targets are numbers.
    BceWithLogits,
    /// [`Mse`](selvedge::loss::Mse): the targets are numbers.
    Mse,
}

impl Loss {
    /// Returns the numbers that are added up for a sample of this number of outputs.
    pub const fn terms(self, outputs: usize) -> usize {
        match self {
            Self::CrossEntropy => 1,
            Self::BceWithLogits | Self::Mse => outputs,
        }
    }

    /// Returns the number that the losses of this number of samples, all of the same weight, are divided by.
    pub fn total_weight(self, samples: usize, outputs: usize) -> f32 {
        (samples * self.terms(outputs)) as f32
    }
}

impl Context {
    /// Returns a run with these addresses to be filled in, that changes no sample and drops nothing.
    pub fn new(seed: u64) -> Self {
        Self {
            samples: 0,
            labels: 0,
            targets: 0,
            scales: 0,
            class_weights: 0,
            order: 0,
            batches: 0,
            loss_terms: 0,
            classes: 0,
            outputs: 0,
            losses: 0,
            norms: 0,
            partial_norms: 0,
            clip_scale: 0,
            step_loss: 0,
            seed,
            dropout: DropoutRate::new(0.0).into(),
            label_smoothing: 0.0,
            max_norm: f32::INFINITY,
            changes: Changes::default(),
            values: Values::default(),
            loss: Loss::default(),
            predicts: 0,
            padding: 0,
        }
    }
}
