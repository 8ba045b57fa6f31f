use super::{Loss, LossError};
use crate::{
    arithmetic::{fma, log_sum_exp, softmax_and_log_sum_exp},
    engine::{rows, rows_mut},
};

/// Cross-entropy of logits z with a probability tⱼ for each class: PyTorch's `CrossEntropyLoss` on class probabilities.
///
/// With L = ln Σⱼ exp(zⱼ), a sample's loss is `Σⱼ tⱼ · (L − zⱼ)`, an fma chain. The batch's loss is the mean over samples. The gradient at
/// zⱼ is `(softmax(z)ⱼ · Σₖ tₖ − tⱼ) / batch`; the product and the difference are one fma. If all L − zⱼ are finite, a target with one 1 and
/// zeros gives the bits of [`CrossEntropy::default()`](super::CrossEntropy).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SoftCrossEntropy;

fn sample(logits: &[f32], target: &[f32], log_sum_exp: f32) -> f32 {
    logits.iter().zip(target).fold(0.0, |loss, (&z, &t)| fma(t, log_sum_exp - z, loss))
}

impl Loss for SoftCrossEntropy {
    type Target = f32;

    const GRAD_FN: &'static str = "DivBackward1";

    fn targets(width: usize) -> usize {
        width
    }

    fn total_weight(&self, width: usize, targets: &[f32]) -> Result<f32, LossError> {
        Ok((targets.len() / width.max(1)) as f32)
    }

    fn value(&self, width: usize, logits: &[f32], targets: &[f32], total_weight: f32) -> Result<f32, LossError> {
        let samples = rows(logits, width).zip(rows(targets, width));
        let sum = samples.fold(0.0, |sum, (logits, target)| sum + sample(logits, target, log_sum_exp(logits)));
        Ok(sum / total_weight)
    }

    fn value_and_grad(
        &self,
        width: usize,
        logits: &[f32],
        targets: &[f32],
        total_weight: f32,
        grads: &mut [f32],
    ) -> Result<f32, LossError> {
        let mut sum = 0.0;
        let samples = rows(logits, width).zip(rows(targets, width));
        for ((logits, target), grad) in samples.zip(rows_mut(grads, width)) {
            let log_sum_exp = softmax_and_log_sum_exp(logits, grad);
            sum += sample(logits, target, log_sum_exp);
            let weight = target.iter().fold(0.0, |sum, t| sum + t);
            for (grad, &t) in grad.iter_mut().zip(target) {
                *grad = fma(*grad, weight, -t) / total_weight;
            }
        }
        Ok(sum / total_weight)
    }
}
