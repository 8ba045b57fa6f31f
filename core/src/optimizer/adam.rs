use super::{Optimizer, decayed, without_subnormals};
use crate::arithmetic::{Operations, power};

/// One step of Adam (Kingma, Ba 2015) or AdamW (Loshchilov, Hutter 2019), PyTorch's `torch.optim.Adam` and `AdamW`.
///
/// t is the step's number from 1 and α = learning rate / (1 − β₁ᵗ). p is the parameter, m the mean of gradients, v the mean of squared
/// gradients, and z(x) is +0 if x is subnormal or −0, and x otherwise.
///
/// - Adam: `g = fma(weight_decay, p, grad)`, or `g = grad` if `weight_decay` is 0.
/// - AdamW: `p ← p · (1 − learning_rate · weight_decay)` and `g = grad`.
/// - `m ← z(fma(1 − β₁, g − m, m))`, `v ← fma((1 − β₂) · g, g, β₂ · v)`.
/// - `p ← fma(−α, m / (√v / √(1 − β₂ᵗ) + ε), p)`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Adam {
    /// α.
    pub step_size: f32,
    /// 1 − β₁.
    pub first: f32,
    /// β₂ and 1 − β₂.
    pub second: [f32; 2],
    /// √(1 − β₂ᵗ).
    pub second_correction: f32,
    /// ε.
    pub epsilon: f32,
    /// The factor of L2 regularisation, for Adam.
    pub weight_decay: f32,
    /// The factor of a parameter before the step, `1 − learning_rate · weight_decay`, for AdamW.
    pub shrink: f32,
}

impl Adam {
    /// The number of values that Adam keeps for each parameter: `STATE` of a [`Trainer`](crate::training::Trainer).
    pub const STATE: usize = 2;

    /// PyTorch's default for β₁ and β₂.
    pub const BETAS: [f64; 2] = [0.9, 0.999];
    /// PyTorch's default for ε.
    pub const EPSILON: f64 = 1e-8;

    /// Returns step `number` (from 1) of Adam. `1 − β₁`, `1 − β₂` and the corrections are computed in binary64, and each is rounded to binary32.
    pub fn new(number: u64, learning_rate: f64, betas: [f64; 2], epsilon: f64, weight_decay: f64) -> Self {
        let [first, second] = betas.map(|beta| 1.0 - power(beta, number));
        Self {
            step_size: (learning_rate / first) as f32,
            first: (1.0 - betas[0]) as f32,
            second: [betas[1] as f32, (1.0 - betas[1]) as f32],
            second_correction: libm::sqrt(second) as f32,
            epsilon: epsilon as f32,
            weight_decay: weight_decay as f32,
            shrink: 1.0,
        }
    }

    /// Returns step `number` (from 1) of AdamW.
    pub fn decoupled(number: u64, learning_rate: f64, betas: [f64; 2], epsilon: f64, weight_decay: f64) -> Self {
        let shrink = (1.0 - learning_rate * weight_decay) as f32;
        Self { shrink, ..Self::new(number, learning_rate, betas, epsilon, 0.0) }
    }
}

impl Optimizer<{ Adam::STATE }> for Adam {
    #[inline(always)]
    fn update<Op: Operations>(&self, parameter: &mut f32, grad: f32, [mean, square]: [&mut f32; 2]) {
        let grad = decayed::<Op>(self.weight_decay, *parameter, grad);
        *mean = without_subnormals(Op::fma(self.first, grad - *mean, *mean));
        *square = Op::fma(self.second[1] * grad, grad, self.second[0] * *square);
        let denominator = Op::sqrt(*square) / self.second_correction + self.epsilon;
        *parameter = Op::fma(-self.step_size, *mean / denominator, *parameter * self.shrink);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::Scalar;

    #[test]
    fn the_first_step_has_the_learning_rates_length() {
        for grad in [1e-3, 1.0, -50.0_f32] {
            let (mut parameter, mut mean, mut square) = (1.0, 0.0, 0.0);
            let rule = Adam::new(1, 0.125, Adam::BETAS, 0.0, 0.0);
            rule.update::<Scalar>(&mut parameter, grad, [&mut mean, &mut square]);
            assert!((parameter - (1.0 - 0.125_f32.copysign(grad))).abs() < 1e-5, "{grad}: {parameter}");
        }
    }

    #[test]
    fn decay_is_in_the_gradient_or_beside_it() {
        let updated = |rule: Adam| {
            let (mut parameter, mut mean, mut square) = (2.0, 0.0, 0.0);
            rule.update::<Scalar>(&mut parameter, 0.0, [&mut mean, &mut square]);
            parameter
        };
        let (rate, decay) = (0.125, 0.5);
        assert!((updated(Adam::new(1, rate, Adam::BETAS, Adam::EPSILON, decay)) - 1.875_f32).abs() < 1e-6);
        assert_eq!(updated(Adam::decoupled(1, rate, Adam::BETAS, Adam::EPSILON, decay)), 1.875);
    }
}
