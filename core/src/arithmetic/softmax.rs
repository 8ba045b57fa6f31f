//! Softmax and log-sum-exp over one sample's logits, shifted by the maximum so that neither overflows.

use super::{exp, ln};

/// The largest logit, by an ascending scan; a NaN is passed over.
fn maximum(logits: &[f32]) -> f32 {
    logits.iter().fold(f32::NEG_INFINITY, |max, &z| if z > max { z } else { max })
}

/// ln Σ exp(zᵢ) = m + ln Σ exp(zᵢ − m), m the largest logit, the sum by addition ascending from 0.
pub fn log_sum_exp(logits: &[f32]) -> f32 {
    let max = maximum(logits);
    max + ln(logits.iter().fold(0.0, |sum, &z| sum + exp(z - max)))
}

/// pᵢ = exp(zᵢ − m) / Σⱼ exp(zⱼ − m), m the largest logit, the sum by addition ascending from 0.
///
/// `logits` and `probabilities` have one element for each class; elements past the shorter of the two are left as they are.
pub fn softmax(logits: &[f32], probabilities: &mut [f32]) {
    softmax_by(exp, logits, probabilities);
}

/// [`softmax`] and, from the same exponentials, [`log_sum_exp`], which is returned.
pub fn softmax_and_log_sum_exp(logits: &[f32], probabilities: &mut [f32]) -> f32 {
    let (max, sum) = softmax_by(exp, logits, probabilities);
    max + ln(sum)
}

/// [`softmax`] with an exponential function of the caller's; returns the largest logit and the exponentials' sum.
pub fn softmax_by(exp: impl Fn(f32) -> f32, logits: &[f32], probabilities: &mut [f32]) -> (f32, f32) {
    let max = maximum(logits);
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
    fn probabilities_add_up_to_one() {
        let mut p = [0.0; 10];
        softmax(&[0.3, -2.0, 5.0, 1.0, 0.0, -0.5, 2.5, 4.9, -7.0, 3.0], &mut p);
        assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }
}
