use super::{Loss, LossError};
use crate::arithmetic::fma;

/// Mean squared error over all elements of a batch: PyTorch's `MSELoss`.
///
/// With d = output − target, the loss is `Σ d · d`, an fma chain over samples and elements, divided by the number of elements. The gradient
/// is `(d + d) / elements`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Mse;

impl Loss for Mse {
    type Target = f32;

    const GRAD_FN: &'static str = "MseLossBackward0";

    fn targets(width: usize) -> usize {
        width
    }

    fn total_weight(&self, _width: usize, targets: &[f32]) -> Result<f32, LossError> {
        Ok(targets.len() as f32)
    }

    fn value(&self, _width: usize, outputs: &[f32], targets: &[f32], total_weight: f32) -> Result<f32, LossError> {
        let elements = outputs.iter().zip(targets);
        let sum = elements.fold(0.0, |sum, (output, target)| fma(output - target, output - target, sum));
        Ok(sum / total_weight)
    }

    fn value_and_grad(
        &self,
        width: usize,
        outputs: &[f32],
        targets: &[f32],
        total_weight: f32,
        grads: &mut [f32],
    ) -> Result<f32, LossError> {
        for ((output, target), grad) in outputs.iter().zip(targets).zip(grads) {
            let difference = output - target;
            *grad = (difference + difference) / total_weight;
        }
        self.value(width, outputs, targets, total_weight)
    }
}
