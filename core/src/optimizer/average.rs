use super::Optimizer;
use crate::arithmetic::Operations;

/// The exponential moving average of a model, PyTorch's `get_ema_multi_avg_fn`: `a ← fma(1 − decay, p − a, a)` (a is the average, p the model's
/// parameter).
///
/// To use it as an optimizer, give it the average as the parameters, and the model's parameters as the gradients. Begin with a copy of the model. The
/// running means and variances of a batch normalisation are not averaged: copy them from the model.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Average {
    /// 1 − decay.
    weight: f32,
}

impl Average {
    /// Returns the rule of an average. In each step, the average keeps the fraction `decay` of its value. `1 − decay` is
    /// computed in binary64, and rounded to binary32.
    pub fn new(decay: f64) -> Self {
        Self { weight: (1.0 - decay) as f32 }
    }
}

impl Optimizer<0> for Average {
    #[inline(always)]
    fn update<Op: Operations>(&self, average: &mut f32, parameter: f32, []: [&mut f32; 0]) {
        *average = Op::fma(self.weight, parameter - *average, *average);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::Scalar;

    #[test]
    fn goes_a_part_of_the_way() {
        let mut average = 1.0;
        Average::new(0.75).update::<Scalar>(&mut average, 5.0, []);
        assert_eq!(average, 2.0);
    }
}
