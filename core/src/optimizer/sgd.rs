use super::Optimizer;

/// Stochastic gradient descent: `p ← fma(−learning_rate, grad, p)`, PyTorch's `torch.optim.SGD`.
///
/// With a learning rate of 0 a finite gradient changes no parameter but the sign of a zero: −0 may become +0.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Sgd {
    /// The step's length.
    pub learning_rate: f32,
}

impl Optimizer for Sgd {
    #[inline(always)]
    fn update(&self, fma: impl Fn(f32, f32, f32) -> f32, parameter: &mut f32, grad: f32) {
        *parameter = fma(-self.learning_rate, grad, *parameter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Engine, Portable};

    #[test]
    fn goes_against_the_gradient() {
        let mut parameters = [1.0, 2.0];
        Portable.update(&Sgd { learning_rate: 0.5 }, &mut parameters, &[4.0, -2.0]);
        assert_eq!(parameters, [-1.0, 3.0]);
    }

    #[test]
    fn learning_rate_zero_changes_no_bit_but_the_sign_of_zero() {
        let mut parameters = [1.0, 0.0, 0.0, f32::from_bits(1), -3.5, -f32::MAX];
        let before = parameters.map(f32::to_bits);
        Portable.update(&Sgd { learning_rate: 0.0 }, &mut parameters, &[4.0, 2.0, -1.0, 1e30, -0.0, -1e-40]);
        assert_eq!(parameters.map(f32::to_bits), before);
        let mut zeros = [-0.0; 2];
        Portable.update(&Sgd { learning_rate: 0.0 }, &mut zeros, &[2.0, -2.0]);
        assert_eq!(zeros.map(f32::to_bits), [(-0.0f32).to_bits(), 0]);
    }
}
