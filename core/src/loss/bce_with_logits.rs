use super::{Loss, LossError};
use crate::arithmetic::{exp, fma, ln};

/// Binary cross-entropy of logits z with a probability t for each, as a mean over all elements of a batch: PyTorch's `BCEWithLogitsLoss`.
///
/// An element's loss is `−t · ln σ(z) − (1 − t) · ln(1 − σ(z))`. It is computed as `fma(1 − t, z, max(−z, 0)) + ln(1 + e)` with e =
/// exp(−|z|), so that nothing overflows.
///
/// Let u be 1 + e, rounded. Then `ln(1 + e)` is computed as `ln(u) · e / (u − 1)`, or as e where u is 1. This keeps the relative precision
/// where e is small (HP-15C Advanced Functions Handbook, 1982).
///
/// The gradient is `(σ(z) − t) / elements`. σ(z) is `1 / (1 + e)`, or `e / (1 + e)` for z below 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BceWithLogits;

/// Returns an element's loss, and σ(z).
#[inline]
fn element(z: f32, target: f32) -> (f32, f32) {
    let e = exp(-z.abs());
    let u = 1.0 + e;
    let ln_u = if u == 1.0 { e } else { ln(u) * e / (u - 1.0) };
    let (hinge, numerator) = if z < 0.0 { (-z, e) } else { (0.0, 1.0) };
    (fma(1.0 - target, z, hinge) + ln_u, numerator / u)
}

impl Loss for BceWithLogits {
    type Target = f32;

    const GRAD_FN: &'static str = "BinaryCrossEntropyWithLogitsBackward0";

    fn targets(width: usize) -> usize {
        width
    }

    fn total_weight(&self, _width: usize, targets: &[f32]) -> Result<f32, LossError> {
        Ok(targets.len() as f32)
    }

    fn value(&self, _width: usize, logits: &[f32], targets: &[f32], total_weight: f32) -> Result<f32, LossError> {
        let elements = logits.iter().zip(targets);
        Ok(elements.fold(0.0, |sum, (&z, &target)| sum + element(z, target).0) / total_weight)
    }

    fn value_and_grad(
        &self,
        _width: usize,
        logits: &[f32],
        targets: &[f32],
        total_weight: f32,
        grads: &mut [f32],
    ) -> Result<f32, LossError> {
        let mut sum = 0.0;
        for ((&z, &target), grad) in logits.iter().zip(targets).zip(grads) {
            let (loss, sigmoid) = element(z, target);
            sum += loss;
            *grad = (sigmoid - target) / total_weight;
        }
        Ok(sum / total_weight)
    }
}
