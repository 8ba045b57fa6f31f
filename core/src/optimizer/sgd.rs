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

impl Optimizer<0> for Sgd {
    #[inline(always)]
    fn update(&self, fma: impl Fn(f32, f32, f32) -> f32, parameter: &mut f32, grad: f32, []: [&mut f32; 0]) {
        *parameter = fma(-self.learning_rate, grad, *parameter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::fma;

    fn updated(learning_rate: f32, mut parameter: f32, grad: f32) -> f32 {
        Sgd { learning_rate }.update(fma, &mut parameter, grad, []);
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
}
