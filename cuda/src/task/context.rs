//! The parts of a launch that are the same for all launches.

use selvedge::{augment::Augmentation, layers::DropoutRate, preparation::Element, shape::InputShape};

use super::Address;

/// The data that all launches of a run share.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Context {
    /// The address of the samples, with a value for each feature.
    pub samples: Address,
    /// The address of the samples' classes as u16, if the loss is for classes.
    pub labels: Address,
    /// The address of the samples' targets, an f32 for each output, for other losses.
    pub targets: Address,
    /// The address of a scale and a shift for each feature, or one pair for all. 0 if a value is a byte that is divided by 255.
    pub scales: Address,
    /// The address of the classes' weights, each an f32. 0 if all count the same.
    pub class_weights: Address,
    /// The address of the epoch's order of samples as u32. 0 for the order of the file.
    pub order: Address,
    /// The address of the [batches](super::Batch) that are started together.
    pub batches: Address,
    /// The address of the terms of a batch's loss: [`Loss::terms`] for each sample.
    pub loss_terms: Address,
    /// The address of each sample's predicted class, as u16. 0 in training, and if targets are numbers.
    pub classes: Address,
    /// The address of each sample's outputs. 0 in training, and if targets are classes.
    pub outputs: Address,
    /// The address of each batch's loss.
    pub losses: Address,
    /// The address of each batch's norm of the gradient, if the gradient is clipped.
    pub norms: Address,
    /// The address of the sums of squares, each over 4096 numbers of a gradient.
    pub partial_norms: Address,
    /// The address of the factor of a clipped gradient. The factor is 1 if the gradient is not clipped.
    pub clip_scale: Address,
    /// The address of the loss of the step so far.
    pub step_loss: Address,
    /// The run's seed.
    pub seed: u64,
    /// The rate of dropout.
    pub dropout: Dropout,
    /// The part of a target's probability that is spread evenly over all classes.
    pub label_smoothing: f32,
    /// The largest norm of a gradient.
    pub max_norm: f32,
    /// The change of images.
    pub changes: Changes,
    /// The number type of the values.
    pub values: Values,
    /// The loss of the outputs.
    pub loss: Loss,
    /// 1 in an evaluation, else 0.
    pub predicts: u32,
    /// Always 0.
    pub padding: u32,
}

/// A [`DropoutRate`] in the form for the kernels.
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

/// An [`Augmentation`] and an image's sizes, in the form for the kernels.
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
    /// Returns the changes of samples of this shape. Samples that are not images are not changed.
    pub fn new(Augmentation { flip, shift, erase }: Augmentation, input: InputShape) -> Self {
        let (height, width) = match input {
            InputShape::Features(_) => (0, 0),
            InputShape::Image { height, width, .. } => (height, width),
        };
        Self { flip: flip.into(), shift: shift.into(), erase: erase.into(), height, width }
    }
}

/// The number type of samples' values, and the number of their scales, in the form for the kernels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Values {
    element: u32,
    scale_step: u32,
}

impl Values {
    /// Returns values of this element. `scales` is the bytes of their scales and shifts.
    pub fn new(element: Element, scales: &[u8]) -> Self {
        Self { element: element as u32, scale_step: (scales.len() > 2 * size_of::<f32>()).into() }
    }
}

/// The losses of core for which there are kernels.
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
    /// Returns the number of terms that are added up for a sample with this number of outputs.
    pub const fn terms(self, outputs: usize) -> usize {
        match self {
            Self::CrossEntropy => 1,
            Self::BceWithLogits | Self::Mse => outputs,
        }
    }

    /// Returns the divisor of the sum of the losses of `samples` samples. All samples have the same weight.
    pub fn total_weight(self, samples: usize, outputs: usize) -> f32 {
        (samples * self.terms(outputs)) as f32
    }
}

impl Context {
    /// Returns a context that changes no sample and drops nothing. The addresses are to be filled in.
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
