use super::{Loss, LossError, class_weights};
use crate::{
    arithmetic::fma,
    engine::{rows, rows_mut},
};

/// Negative log-likelihood of log-probabilities x with a class y for each sample: PyTorch's `NLLLoss`.
///
/// With class weights w (1 each where none are given), the batch's loss is `Σₛ −w_y · x_y`, an fma chain, divided by Σₛ w_y. The gradient
/// at x_y is `−w_y / Σₛ w_y`. At the other classes it is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Nll<'a> {
    /// The weight of the samples of each class; `None` if all count the same.
    pub class_weights: Option<&'a [f32]>,
}

impl Loss for Nll<'_> {
    type Target = u16;

    const GRAD_FN: &'static str = "NllLossBackward0";

    fn targets(_width: usize) -> usize {
        1
    }

    fn total_weight(&self, _width: usize, targets: &[u16]) -> Result<f32, LossError> {
        class_weights::total_weight(self.class_weights, targets)
    }

    fn value(&self, width: usize, outputs: &[f32], targets: &[u16], total_weight: f32) -> Result<f32, LossError> {
        class_weights::check(self.class_weights, targets, width)?;
        let mut sum = 0.0;
        for (sample, (output, &target)) in rows(outputs, width).zip(targets).enumerate() {
            let weight = class_weights::weight(self.class_weights, sample, target)?;
            sum = fma(-weight, class_weights::of_target(output, sample, target)?, sum);
        }
        Ok(sum / total_weight)
    }

    fn value_and_grad(
        &self,
        width: usize,
        outputs: &[f32],
        targets: &[u16],
        total_weight: f32,
        grads: &mut [f32],
    ) -> Result<f32, LossError> {
        let value = self.value(width, outputs, targets, total_weight)?;
        for (sample, (grad, &target)) in rows_mut(grads, width).zip(targets).enumerate() {
            let weight = class_weights::weight(self.class_weights, sample, target)?;
            for (class, grad) in grad.iter_mut().enumerate() {
                *grad = if class == usize::from(target) { -weight / total_weight } else { 0.0 };
            }
        }
        Ok(value)
    }
}
