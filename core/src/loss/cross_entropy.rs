use super::{Loss, LossError, class_weights};
use crate::{
    arithmetic::{fma, log_sum_exp, softmax_and_log_sum_exp},
    engine::{rows, rows_mut},
};

/// Cross-entropy of logits z with a class y for each sample: PyTorch's `CrossEntropyLoss`. `CrossEntropy::default()` has no class weights
/// and no label smoothing.
///
/// There are C classes with weights w (1 each where none are given). ε is the label smoothing, and L = ln Σⱼ exp(zⱼ). `[j = y]` is 1 for
/// the sample's class and 0 for the others.
///
/// A sample's loss is `(1 − ε) · w_y · (L − z_y) + ε/C · Σⱼ wⱼ · (L − zⱼ)`. It starts as `l = ((1 − ε) · w_y) · (L − z_y)`. If ε is not 0,
/// then `l = fma(ε/C · wⱼ, L − zⱼ, l)` for j ascending. The samples' losses are summed and divided by Σ w_y.
///
/// The gradient at zⱼ is `(softmax(z)ⱼ · T − ε/C · wⱼ − [j = y] · (1 − ε) · w_y) / Σ w_y`, with `T = (1 − ε) · w_y + Σⱼ ε/C · wⱼ`. The sum T
/// starts with `(1 − ε) · w_y`, and then the terms are added, j ascending. If ε is not 0, `softmax(z)ⱼ · T − ε/C · wⱼ` is one fma. If ε is 0,
/// `softmax(z)ⱼ · w_y` stands in its place.
///
/// Without weights and smoothing, the loss is the batch's mean of `L − z_y`, and the gradient is `(softmax(z)ⱼ − [j = y]) / batch`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CrossEntropy<'a> {
    /// The weight of the samples of each class; `None` if all count the same.
    pub class_weights: Option<&'a [f32]>,
    /// The part of a target that is spread over all classes, 0 to 1.
    pub label_smoothing: f32,
}

impl CrossEntropy<'_> {
    /// Returns the part of a sample's weight that belongs to its own class: `(1 − ε) · w_y`.
    fn confidence(&self, sample: usize, target: u16) -> Result<f32, LossError> {
        Ok((1.0 - self.label_smoothing) * class_weights::weight(self.class_weights, sample, target)?)
    }

    /// Returns the weight that each class has in every sample: `ε/C · wⱼ`. Without smoothing, there are none.
    fn smooth_weights(&self, classes: usize) -> impl Iterator<Item = f32> {
        let smoothed = if self.label_smoothing == 0.0 { 0 } else { classes };
        let share = self.label_smoothing / classes as f32;
        (0..smoothed)
            .map(move |class| share * self.class_weights.and_then(|weights| weights.get(class)).copied().unwrap_or(1.0))
    }

    fn sample(&self, logits: &[f32], log_sum_exp: f32, confidence: f32, logit: f32) -> f32 {
        let smooth = self.smooth_weights(logits.len()).zip(logits);
        smooth.fold(confidence * (log_sum_exp - logit), |loss, (weight, &z)| fma(weight, log_sum_exp - z, loss))
    }
}

impl Loss for CrossEntropy<'_> {
    type Target = u16;

    const GRAD_FN: &'static str = "NllLossBackward0";

    fn targets(_width: usize) -> usize {
        1
    }

    fn total_weight(&self, _width: usize, targets: &[u16]) -> Result<f32, LossError> {
        class_weights::total_weight(self.class_weights, targets)
    }

    fn value(&self, width: usize, logits: &[f32], targets: &[u16], total_weight: f32) -> Result<f32, LossError> {
        class_weights::check(self.class_weights, targets, width)?;
        let mut sum = 0.0;
        for (sample, (logits, &target)) in rows(logits, width).zip(targets).enumerate() {
            let (confidence, logit) =
                (self.confidence(sample, target)?, class_weights::of_target(logits, sample, target)?);
            sum += self.sample(logits, log_sum_exp(logits), confidence, logit);
        }
        Ok(sum / total_weight)
    }

    fn value_and_grad(
        &self,
        width: usize,
        logits: &[f32],
        targets: &[u16],
        total_weight: f32,
        grads: &mut [f32],
    ) -> Result<f32, LossError> {
        class_weights::check(self.class_weights, targets, width)?;
        let mut sum = 0.0;
        let samples = rows(logits, width).zip(targets).zip(rows_mut(grads, width));
        for (sample, ((logits, &target), grad)) in samples.enumerate() {
            let (confidence, logit) =
                (self.confidence(sample, target)?, class_weights::of_target(logits, sample, target)?);
            let log_sum_exp = softmax_and_log_sum_exp(logits, grad);
            sum += self.sample(logits, log_sum_exp, confidence, logit);
            if self.label_smoothing == 0.0 {
                // What the fma below gives without its addend.
                grad.iter_mut().for_each(|grad| *grad *= confidence);
            } else {
                let weight = self.smooth_weights(width).fold(confidence, |sum, weight| sum + weight);
                for (grad, smooth) in grad.iter_mut().zip(self.smooth_weights(width)) {
                    *grad = fma(*grad, weight, -smooth);
                }
            }
            if let Some(grad) = grad.get_mut(usize::from(target)) {
                *grad -= confidence;
            }
            grad.iter_mut().for_each(|grad| *grad /= total_weight);
        }
        Ok(sum / total_weight)
    }
}
