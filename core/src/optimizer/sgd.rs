use super::{Optimizer, decayed, without_subnormals};
use crate::arithmetic::Operations;

/// Stochastic gradient descent, PyTorch's `torch.optim.SGD`: `p ← fma(−learning_rate, g, p)`. p is the parameter.
/// `g = fma(weight_decay, p, grad)`, or `g = grad` if `weight_decay` is 0.
///
/// With a learning rate of 0, a finite gradient changes no parameter, except that −0 may become +0.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sgd {
    /// The learning rate.
    pub learning_rate: f32,
    /// The factor of L2 regularisation.
    pub weight_decay: f32,
}

impl Sgd {
    /// The number of values that SGD keeps for each parameter: `STATE` of a [`Trainer`](crate::training::Trainer).
    pub const STATE: usize = 0;

    /// Returns a step without weight decay.
    pub const fn new(learning_rate: f32) -> Self {
        Self { learning_rate, weight_decay: 0.0 }
    }
}

impl Optimizer<{ Sgd::STATE }> for Sgd {
    #[inline(always)]
    fn update<Op: Operations>(&self, parameter: &mut f32, grad: f32, []: [&mut f32; 0]) {
        let grad = decayed::<Op>(self.weight_decay, *parameter, grad);
        *parameter = Op::fma(-self.learning_rate, grad, *parameter);
    }
}

/// SGD with momentum, PyTorch's `torch.optim.SGD(momentum=…)`: `v ← z(fma(momentum, v, g))` and `p ← fma(−learning_rate, v, p)`. With Nesterov's
/// momentum, the last formula has `fma(momentum, v, g)` instead of v.
///
/// p is the parameter, v the velocity, and z(x) is +0 if x is subnormal or −0, and x otherwise. `g = fma(weight_decay, p, grad)`, or `g = grad` if
/// `weight_decay` is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Momentum {
    /// The learning rate.
    pub learning_rate: f32,
    /// The factor of the velocity in each step.
    pub momentum: f32,
    /// True for Nesterov's momentum.
    pub nesterov: bool,
    /// The factor of L2 regularisation.
    pub weight_decay: f32,
}

impl Momentum {
    /// The number of values that SGD with momentum keeps for each parameter: `STATE` of a [`Trainer`](crate::training::Trainer).
    pub const STATE: usize = 1;
}

impl Optimizer<{ Momentum::STATE }> for Momentum {
    #[inline(always)]
    fn update<Op: Operations>(&self, parameter: &mut f32, grad: f32, [velocity]: [&mut f32; 1]) {
        let grad = decayed::<Op>(self.weight_decay, *parameter, grad);
        *velocity = without_subnormals(Op::fma(self.momentum, *velocity, grad));
        let direction = if self.nesterov { Op::fma(self.momentum, *velocity, grad) } else { *velocity };
        *parameter = Op::fma(-self.learning_rate, direction, *parameter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::Scalar;

    fn updated(learning_rate: f32, mut parameter: f32, grad: f32) -> f32 {
        Sgd::new(learning_rate).update::<Scalar>(&mut parameter, grad, []);
        parameter
    }

    #[test]
    fn goes_against_the_gradient() {
        assert_eq!(updated(0.5, 1.0, 4.0), -1.0);
        assert_eq!(updated(0.5, 2.0, -2.0), 3.0);
    }

    #[test]
    fn learning_rate_zero_changes_no_bit_but_the_sign_of_zero() {
        let cases = [(1.0, 4.0), (0.0, 2.0), (0.0, -1.0), (f32::from_bits(1), 1e30), (-3.5, -0.0), (-f32::MAX, -1e-40)];
        for (parameter, grad) in cases {
            assert_eq!(updated(0.0, parameter, grad).to_bits(), parameter.to_bits());
        }
        assert_eq!(updated(0.0, -0.0, 2.0).to_bits(), (-0.0f32).to_bits());
        assert_eq!(updated(0.0, -0.0, -2.0).to_bits(), 0);
    }

    #[test]
    fn weight_decay_pulls_towards_zero() {
        let mut parameter = 8.0;
        Sgd { learning_rate: 0.5, weight_decay: 0.25 }.update::<Scalar>(&mut parameter, 0.0, []);
        assert_eq!(parameter, 7.0);
    }

    #[test]
    fn velocity_adds_up() {
        for (nesterov, expected) in [(false, [-1.0, -2.5]), (true, [-1.5, -3.25])] {
            let rule = Momentum { learning_rate: 1.0, momentum: 0.5, nesterov, weight_decay: 0.0 };
            let (mut parameter, mut velocity) = (0.0, 0.0);
            let path = [(); 2].map(|()| {
                rule.update::<Scalar>(&mut parameter, 1.0, [&mut velocity]);
                parameter
            });
            assert_eq!(path, expected);
        }
    }
}
