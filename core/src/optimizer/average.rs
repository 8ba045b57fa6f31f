use super::Optimizer;
use crate::arithmetic::Operations;

/// The exponential moving average of a model, PyTorch's `get_ema_multi_avg_fn`: `a ← fma(1 − decay, p − a, a)`.
///
/// The average takes the parameter's place, and the model's parameter that of the gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Average {
    /// 1 − decay.
    weight: f32,
}

impl Average {
    /// An average of which `decay` stays in a step.
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
