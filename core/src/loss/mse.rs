use super::{Loss, LossError};
use crate::{arithmetic::fma, layers::Features};

/// Mean squared error over all elements of a batch: PyTorch's `MSELoss`.
///
/// With d = output − target, it is `Σ d · d`, an fma chain over samples and elements, divided by how many elements there are. The
/// gradient is `(d + d) / elements`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Mse;

impl<L: Features + Copy> Loss<L> for Mse {
    type Target = L;

    const GRAD_FN: &'static str = "MseLossBackward0";

    fn total_weight(&self, targets: &[L]) -> Result<f32, LossError> {
        Ok((targets.len() * L::LEN) as f32)
    }

    fn value(&self, outputs: &[L], targets: &[L], total_weight: f32) -> Result<f32, LossError> {
        let elements =
            outputs.iter().zip(targets).flat_map(|(output, target)| output.as_ref().iter().zip(target.as_ref()));
        let sum = elements.fold(0.0, |sum, (output, target)| fma(output - target, output - target, sum));
        Ok(sum / total_weight)
    }

    fn value_and_grad(
        &self,
        outputs: &[L],
        targets: &[L],
        total_weight: f32,
        grads: &mut [L],
    ) -> Result<f32, LossError> {
        for ((output, target), grad) in outputs.iter().zip(targets).zip(grads) {
            for ((output, target), grad) in output.as_ref().iter().zip(target.as_ref()).zip(grad.as_mut()) {
                let difference = output - target;
                *grad = (difference + difference) / total_weight;
            }
        }
        self.value(outputs, targets, total_weight)
    }
}
