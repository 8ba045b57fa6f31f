use super::{Optimizer, decayed, without_subnormals};
use crate::arithmetic::Operations;

/// RMSprop (Tieleman, Hinton 2012), PyTorch's `torch.optim.RMSprop`: `v ← fma((1 − α) · g, g, α · v)` and
/// `p ← fma(−learning_rate, g / (√v + ε), p)`.
///
/// p is the parameter, v the mean of squared gradients. `g = fma(weight_decay, p, grad)`, or `g = grad` if `weight_decay` is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RmsProp {
    /// The learning rate.
    pub learning_rate: f32,
    /// α and 1 − α.
    pub smoothing: [f32; 2],
    /// ε.
    pub epsilon: f32,
    /// The factor of L2 regularisation.
    pub weight_decay: f32,
}

impl RmsProp {
    /// The number of values that RMSprop keeps for each parameter: `STATE` of a [`Trainer`](crate::training::Trainer).
    pub const STATE: usize = 1;

    /// PyTorch's default for α.
    pub const ALPHA: f64 = 0.99;
    /// PyTorch's default for ε.
    pub const EPSILON: f64 = 1e-8;

    /// Returns a step of RMSprop. α is the factor of the old mean of squares. `1 − α` is computed in binary64, and rounded to binary32.
    pub fn new(learning_rate: f64, alpha: f64, epsilon: f64, weight_decay: f64) -> Self {
        Self {
            learning_rate: learning_rate as f32,
            smoothing: [alpha as f32, (1.0 - alpha) as f32],
            epsilon: epsilon as f32,
            weight_decay: weight_decay as f32,
        }
    }

    /// Returns `g / (√v + ε)`, and moves the mean of squares.
    #[inline(always)]
    fn direction<Op: Operations>(&self, parameter: f32, grad: f32, square: &mut f32) -> f32 {
        let grad = decayed::<Op>(self.weight_decay, parameter, grad);
        *square = Op::fma(self.smoothing[1] * grad, grad, self.smoothing[0] * *square);
        grad / (Op::sqrt(*square) + self.epsilon)
    }
}

impl Optimizer<{ RmsProp::STATE }> for RmsProp {
    #[inline(always)]
    fn update<Op: Operations>(&self, parameter: &mut f32, grad: f32, [square]: [&mut f32; 1]) {
        let direction = self.direction::<Op>(*parameter, grad, square);
        *parameter = Op::fma(-self.learning_rate, direction, *parameter);
    }
}

/// RMSprop with momentum: `b ← z(fma(momentum, b, g / (√v + ε)))` and `p ← fma(−learning_rate, b, p)`.
///
/// p, g and v are those of [`RmsProp`], b is the velocity, and z(x) is +0 if x is subnormal or −0, and x otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RmsPropMomentum {
    /// RMSprop's other settings.
    pub rule: RmsProp,
    /// The factor of the velocity in each step.
    pub momentum: f32,
}

impl RmsPropMomentum {
    /// The number of values that RMSprop with momentum keeps for each parameter: `STATE` of a [`Trainer`](crate::training::Trainer).
    pub const STATE: usize = 2;
}

impl Optimizer<{ RmsPropMomentum::STATE }> for RmsPropMomentum {
    #[inline(always)]
    fn update<Op: Operations>(&self, parameter: &mut f32, grad: f32, [square, velocity]: [&mut f32; 2]) {
        let direction = self.rule.direction::<Op>(*parameter, grad, square);
        *velocity = without_subnormals(Op::fma(self.momentum, *velocity, direction));
        *parameter = Op::fma(-self.rule.learning_rate, *velocity, *parameter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::Scalar;

    #[test]
    fn a_steps_length_does_not_depend_on_the_gradients() {
        for grad in [1e-3, 1.0, -50.0_f32] {
            let (mut parameter, mut square) = (1.0, 0.0);
            RmsProp::new(0.25, 0.75, 0.0, 0.0).update::<Scalar>(&mut parameter, grad, [&mut square]);
            // √v = |g| / 2.
            assert!((parameter - (1.0 - 0.5_f32.copysign(grad))).abs() < 1e-5, "{grad}: {parameter}");
        }
    }

    #[test]
    fn velocity_adds_up() {
        let rule = RmsPropMomentum { rule: RmsProp::new(0.25, 0.0, 0.0, 0.0), momentum: 0.5 };
        let (mut parameter, mut square, mut velocity) = (0.0, 0.0, 0.0);
        let path = [(); 2].map(|()| {
            rule.update::<Scalar>(&mut parameter, 3.0, [&mut square, &mut velocity]);
            parameter
        });
        assert_eq!(path, [-0.25, -0.625]);
    }
}
