use super::TargetError;
use crate::{
    arithmetic::{log_sum_exp, softmax_and_log_sum_exp},
    layers::Features,
};

/// Mean over the batch of `ln Σⱼ exp(zⱼ) − z_target`: PyTorch's `CrossEntropyLoss` on logits. The sum is by addition ascending
/// from 0. `logits` and `targets` have one element for each sample; the mean of no samples is NaN.
///
/// # Errors
///
/// [`TargetError`] for a target that names no class.
pub fn cross_entropy<L: Features>(logits: &[L], targets: &[u8]) -> Result<f32, TargetError> {
    debug_assert_eq!(logits.len(), targets.len(), "one target for each sample");
    let mut sum = 0.0;
    for (sample, (logits, &target)) in logits.iter().zip(targets).enumerate() {
        let logits = logits.as_ref();
        let logit = logits.get(usize::from(target)).ok_or(TargetError { sample, target, classes: logits.len() })?;
        sum += log_sum_exp(logits) - logit;
    }
    Ok(sum / logits.len() as f32)
}

/// The gradient of [`cross_entropy`] at the logits, `(softmax(z)ⱼ − [j = target]) / batch`. The loss itself is returned.
///
/// # Errors
///
/// [`TargetError`] for a target that names no class; `grad_logits` is then left as it was.
pub fn cross_entropy_grad<L: Features>(
    logits: &[L],
    targets: &[u8],
    grad_logits: &mut [L],
) -> Result<f32, TargetError> {
    debug_assert_eq!((logits.len(), logits.len()), (targets.len(), grad_logits.len()), "one for each sample");
    for (sample, &target) in targets.iter().enumerate() {
        if usize::from(target) >= L::LEN {
            return Err(TargetError { sample, target, classes: L::LEN });
        }
    }
    let (batch, mut sum) = (logits.len() as f32, 0.0);
    for ((logits, &target), grad) in logits.iter().zip(targets).zip(grad_logits) {
        let (logits, grad) = (logits.as_ref(), grad.as_mut());
        let log_sum_exp = softmax_and_log_sum_exp(logits, grad);
        if let (Some(logit), Some(grad)) = (logits.get(usize::from(target)), grad.get_mut(usize::from(target))) {
            sum += log_sum_exp - logit;
            *grad -= 1.0;
        }
        for grad in grad {
            *grad /= batch;
        }
    }
    Ok(sum / batch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_logits_cost_the_logarithm_of_the_classes() {
        let loss = cross_entropy(&[[0.0; 10]; 3], &[0, 5, 9]).unwrap();
        assert!((loss - core::f32::consts::LN_10).abs() < 1e-6);
    }

    #[test]
    fn gradients_of_a_sample_add_up_to_zero() {
        let mut grad = [[0.0; 4]; 2];
        cross_entropy_grad(&[[1.0, -2.0, 0.5, 3.0], [0.0, 0.0, 9.0, 1.0]], &[3, 0], &mut grad).unwrap();
        for row in grad {
            assert!(row.iter().sum::<f32>().abs() < 1e-6);
        }
        assert!(grad[0][3] < 0.0 && grad[1][0] < 0.0);
    }

    #[test]
    fn a_target_that_names_no_class_is_an_error() {
        let mut grad = [[7.0; 3]; 2];
        let error = cross_entropy_grad(&[[0.0; 3]; 2], &[1, 3], &mut grad);
        assert_eq!(error, Err(TargetError { sample: 1, target: 3, classes: 3 }));
        assert_eq!(grad, [[7.0; 3]; 2]);
    }
}
