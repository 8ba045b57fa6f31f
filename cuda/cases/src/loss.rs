//! The losses of the cases as one type. So the training of each network's type is compiled once, not once for each loss.

use cuda::task;
use selvedge::loss::{BceWithLogits, CrossEntropy, Loss, LossError, Mse};

use crate::Targets;

/// The loss of a case.
pub enum CaseLoss<'a> {
    CrossEntropy(CrossEntropy<'a>),
    BceWithLogits,
    Mse,
}

impl<'a> CaseLoss<'a> {
    pub fn new(loss: task::Loss, label_smoothing: f32, class_weights: Option<&'a [f32]>) -> Self {
        match loss {
            task::Loss::CrossEntropy => Self::CrossEntropy(CrossEntropy { label_smoothing, class_weights }),
            task::Loss::BceWithLogits => Self::BceWithLogits,
            task::Loss::Mse => Self::Mse,
        }
    }
}

/// The target of one sample.
#[derive(Clone, Copy)]
pub enum Target<'a> {
    Class(u16),
    /// A number for each output.
    Numbers(&'a [f32]),
}

impl<'a> Target<'a> {
    /// Returns the target of each sample, for a network of `width` outputs.
    pub fn of_samples(targets: &'a Targets, width: usize) -> Vec<Self> {
        match targets {
            Targets::Classes(labels) => labels.iter().copied().map(Self::Class).collect(),
            Targets::Numbers(numbers) => numbers.chunks(width).map(Self::Numbers).collect(),
        }
    }
}

fn classes(targets: &[Target<'_>]) -> Vec<u16> {
    let class = |target: &Target<'_>| match target {
        Target::Class(class) => *class,
        Target::Numbers(numbers) => panic!("{numbers:?} is no class"),
    };
    targets.iter().map(class).collect()
}

fn numbers(targets: &[Target<'_>]) -> Vec<f32> {
    let numbers = |target: &Target<'_>| match target {
        Target::Class(class) => panic!("class {class} is no number for each output"),
        Target::Numbers(numbers) => numbers.to_vec(),
    };
    targets.iter().flat_map(numbers).collect()
}

impl<'a> Loss for CaseLoss<'a> {
    type Target = Target<'a>;

    // No test shows this name.
    const GRAD_FN: &'static str = "";

    fn targets(_width: usize) -> usize {
        1
    }

    fn total_weight(&self, width: usize, targets: &[Target<'_>]) -> Result<f32, LossError> {
        match self {
            Self::CrossEntropy(loss) => loss.total_weight(width, &classes(targets)),
            Self::BceWithLogits => BceWithLogits.total_weight(width, &numbers(targets)),
            Self::Mse => Mse.total_weight(width, &numbers(targets)),
        }
    }

    fn value(
        &self,
        width: usize,
        outputs: &[f32],
        targets: &[Target<'_>],
        total_weight: f32,
    ) -> Result<f32, LossError> {
        match self {
            Self::CrossEntropy(loss) => loss.value(width, outputs, &classes(targets), total_weight),
            Self::BceWithLogits => BceWithLogits.value(width, outputs, &numbers(targets), total_weight),
            Self::Mse => Mse.value(width, outputs, &numbers(targets), total_weight),
        }
    }

    fn value_and_grad(
        &self,
        width: usize,
        outputs: &[f32],
        targets: &[Target<'_>],
        total_weight: f32,
        grads: &mut [f32],
    ) -> Result<f32, LossError> {
        match self {
            Self::CrossEntropy(loss) => loss.value_and_grad(width, outputs, &classes(targets), total_weight, grads),
            Self::BceWithLogits => BceWithLogits.value_and_grad(width, outputs, &numbers(targets), total_weight, grads),
            Self::Mse => Mse.value_and_grad(width, outputs, &numbers(targets), total_weight, grads),
        }
    }
}
