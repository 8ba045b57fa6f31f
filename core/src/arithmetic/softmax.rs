//! Softmax, its logarithm and log-sum-exp over one sample's logits, shifted by the maximum so that neither overflows.

use super::{exp, fma, ln};

/// Returns the largest logit, by an ascending scan. A NaN is left out.
fn maximum(logits: impl Iterator<Item = f32>) -> f32 {
    logits.fold(f32::NEG_INFINITY, |max, z| if z > max { z } else { max })
}

/// Returns ln Σ exp(zᵢ), computed as m + ln Σ exp(zᵢ − m), where m is the largest logit. The sum is by addition, ascending from 0.
pub fn log_sum_exp(logits: &[f32]) -> f32 {
    let max = maximum(logits.iter().copied());
    max + ln(logits.iter().fold(0.0, |sum, &z| sum + exp(z - max)))
}

/// Writes pᵢ = exp(zᵢ − m) / Σⱼ exp(zⱼ − m), where m is the largest logit. The sum is by addition, ascending from 0.
///
/// `logits` and `probabilities` have one element for each class. If `probabilities` is longer, the elements past `logits` are left as they are. If it
/// is shorter, the sum has only as many terms as it has elements.
pub fn softmax(logits: &[f32], probabilities: &mut [f32]) {
    softmax_by(exp, logits, probabilities);
}

/// Returns the [`softmax`] of logits that are not in a slice, with the same bits. It computes each exponential twice and stores none of them.
pub fn probabilities(logits: impl Iterator<Item = f32> + Clone) -> impl Iterator<Item = f32> {
    let max = maximum(logits.clone());
    let sum = logits.clone().fold(0.0, |sum, z| sum + exp(z - max));
    logits.map(move |z| exp(z - max) / sum)
}

/// Computes [`softmax`], and returns [`log_sum_exp`] from the same exponentials.
pub fn softmax_and_log_sum_exp(logits: &[f32], probabilities: &mut [f32]) -> f32 {
    let (max, sum) = softmax_by(exp, logits, probabilities);
    max + ln(sum)
}

/// Writes ln pᵢ = (zᵢ − m) − ln Σⱼ exp(zⱼ − m), where m is the largest logit. The sum is by addition, ascending from 0.
///
/// `logits` and `log_probabilities` have one element for each class; elements past the shorter of the two are left as they are.
pub fn log_softmax(logits: &[f32], log_probabilities: &mut [f32]) {
    let max = maximum(logits.iter().copied());
    let ln_sum = ln(logits.iter().fold(0.0, |sum, &z| sum + exp(z - max)));
    for (log_p, &z) in log_probabilities.iter_mut().zip(logits) {
        *log_p = (z - max) - ln_sum;
    }
}

/// Turns the gradient g at the outputs of [`log_softmax`] into the gradient at the logits, in place: `gᵢ − pᵢ · Σⱼ gⱼ`. Each element is
/// one fma, with `pᵢ = exp(log_probabilities[i])`. The sum is by addition, ascending from 0.
pub fn log_softmax_grad(log_probabilities: &[f32], grad: &mut [f32]) {
    let sum = grad.iter().fold(0.0, |sum, g| sum + g);
    for (grad, &log_p) in grad.iter_mut().zip(log_probabilities) {
        *grad = fma(-exp(log_p), sum, *grad);
    }
}

/// Writes [`softmax`] by the caller's exponential function. Returns the largest logit and the sum of the exponentials.
pub fn softmax_by(exp: impl Fn(f32) -> f32, logits: &[f32], probabilities: &mut [f32]) -> (f32, f32) {
    let max = maximum(logits.iter().copied());
    let mut sum = 0.0;
    for (p, &z) in probabilities.iter_mut().zip(logits) {
        *p = exp(z - max);
        sum += *p;
    }
    for p in probabilities.iter_mut().take(logits.len()) {
        *p /= sum;
    }
    (max, sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_of_large_logits_stays_finite() {
        let mut p = [0.0; 3];
        softmax(&[1000.0, 1000.0, -1000.0], &mut p);
        assert_eq!(p, [0.5, 0.5, 0.0]);
        assert_eq!(log_sum_exp(&[1000.0, 1000.0]), 1000.0 + core::f32::consts::LN_2);
        assert_eq!(softmax_and_log_sum_exp(&[1000.0, 1000.0], &mut p), 1000.0 + core::f32::consts::LN_2);
    }

    #[test]
    fn probabilities_without_a_slice_have_softmaxs_bits() {
        let logits = [0.3, -2.0, 5.0, 1.0, 0.0, -0.5, 2.5, 4.9, -7.0, 3.0];
        let mut p = [0.0; 10];
        softmax(&logits, &mut p);
        assert!(probabilities(logits.into_iter()).eq(p));
    }

    #[test]
    fn log_softmax_is_softmaxs_logarithm_and_stays_finite() {
        let logits = [0.3, -2.0, 5.0, 1.0];
        let (mut p, mut log_p) = ([0.0; 4], [0.0; 4]);
        softmax(&logits, &mut p);
        log_softmax(&logits, &mut log_p);
        for (p, log_p) in p.iter().zip(log_p) {
            assert!((exp(log_p) / p - 1.0).abs() < 1e-6);
        }
        log_softmax(&[1000.0, 1000.0, -1000.0], &mut p);
        assert_eq!(p[..3], [-core::f32::consts::LN_2, -core::f32::consts::LN_2, -2000.0 - core::f32::consts::LN_2]);
    }

    /// At the outputs' gradient of −1 for one class, the logits' is cross-entropy's: softmax, less 1 at the class.
    #[test]
    fn log_softmaxs_gradient_of_one_class_is_cross_entropys() {
        let logits = [0.3, -2.0, 5.0, 1.0];
        let (mut p, mut log_p, mut grad) = ([0.0; 4], [0.0; 4], [0.0, 0.0, 0.0, -1.0]);
        softmax(&logits, &mut p);
        log_softmax(&logits, &mut log_p);
        log_softmax_grad(&log_p, &mut grad);
        p[3] -= 1.0;
        for (p, grad) in p.iter().zip(grad) {
            assert!((p - grad).abs() < 1e-6, "{p} and {grad}");
        }
    }

    #[test]
    fn probabilities_add_up_to_one() {
        let mut p = [0.0; 10];
        softmax(&[0.3, -2.0, 5.0, 1.0, 0.0, -0.5, 2.5, 4.9, -7.0, 3.0], &mut p);
        assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }
}
