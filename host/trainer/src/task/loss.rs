//! The loss of each task: cross-entropy for classes, binary cross-entropy for labels, the squared error for numbers.

use selvedge::{
    Engine,
    layers::Draws,
    loss::{BceWithLogits, CrossEntropy, Loss, LossError, Mse},
    training::StepError,
};

use super::TargetsPart;
use crate::network::{Batch, View, Workspace};

/// A batch of any task.
#[derive(Clone, Copy, Debug)]
pub struct TaskBatch<'a> {
    /// The inputs, `[batch][inputs]`.
    pub input: &'a [f32],
    /// The targets. Numbers are standardised.
    pub targets: TargetsPart<'a>,
    /// The loss for classes.
    pub cross_entropy: CrossEntropy<'a>,
}

/// Evaluates an expression with the targets' loss and the targets.
macro_rules! with_loss {
    ($targets:expr, $cross_entropy:expr, ($loss:ident, $part:ident) => $value:expr) => {
        match $targets {
            TargetsPart::Classes($part) => {
                let $loss = &$cross_entropy;
                $value
            }
            TargetsPart::Labels($part) => {
                let $loss = &BceWithLogits;
                $value
            }
            TargetsPart::Values($part) => {
                let $loss = &Mse;
                $value
            }
        }
    };
}

/// Returns the divisor of the sum of these targets' losses: see [`Loss::total_weight`].
///
/// # Errors
///
/// [`LossError`] for a class that the loss does not know.
pub fn total_weight(
    targets: TargetsPart<'_>,
    cross_entropy: CrossEntropy<'_>,
    outputs: usize,
) -> Result<f32, LossError> {
    with_loss!(targets, cross_entropy, (loss, targets) => loss.total_weight(outputs, targets))
}

/// Returns the mean loss of outputs, by the task's loss, without label smoothing and class weights.
///
/// # Errors
///
/// [`LossError`] for a class that is not below the number of outputs.
pub fn value(targets: TargetsPart<'_>, outputs: &[f32]) -> Result<f32, LossError> {
    let width = match targets {
        TargetsPart::Classes(classes) => outputs.len() / classes.len().max(1),
        TargetsPart::Labels(_) | TargetsPart::Values(_) => outputs.len(),
    };
    with_loss!(targets, CrossEntropy::default(), (loss, targets) => {
        loss.value(width, outputs, targets, loss.total_weight(width, targets)?)
    })
}

impl TaskBatch<'_> {
    /// Does the same as [`Workspace::forward`], with the task's loss.
    ///
    /// # Errors
    ///
    /// [`StepError`] as for [`Workspace::forward`].
    pub fn forward<E: Engine>(
        self,
        workspace: &mut Workspace,
        engine: &E,
        network: View<'_>,
        draws: Draws,
        total_weight: f32,
    ) -> Result<f32, StepError> {
        let Self { input, targets, cross_entropy } = self;
        with_loss!(targets, cross_entropy, (loss, targets) => {
            workspace.forward(engine, network, loss, Batch { input, targets, draws }, Some(total_weight))
        })
    }

    /// Does the same as [`Workspace::evaluate`], with the task's loss.
    ///
    /// # Errors
    ///
    /// [`StepError`] as for [`Workspace::evaluate`].
    pub fn evaluate<'w, E: Engine>(
        self,
        workspace: &'w mut Workspace,
        engine: &E,
        network: View<'_>,
    ) -> Result<(&'w [f32], f32), StepError> {
        let (Self { input, targets, cross_entropy }, draws) = (self, Draws::NONE);
        with_loss!(targets, cross_entropy, (loss, targets) => {
            workspace.evaluate(engine, network, loss, Batch { input, targets, draws })
        })
    }
}
