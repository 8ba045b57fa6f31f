use super::Optimizer;
use crate::arithmetic::Operations;

/// Stores the gradient as the optimizer's state and leaves the parameter as it is. Use it to get the gradient itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Gradient;

impl Optimizer<1> for Gradient {
    #[inline(always)]
    fn update<Op: Operations>(&self, _parameter: &mut f32, grad: f32, [kept]: [&mut f32; 1]) {
        *kept = grad;
    }
}

/// Adds the gradient to the optimizer's state, as PyTorch's `backward()` adds to `.grad`, and leaves the parameter as it is. Use it for a
/// step over several batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Accumulate;

impl Optimizer<1> for Accumulate {
    #[inline(always)]
    fn update<Op: Operations>(&self, _parameter: &mut f32, grad: f32, [kept]: [&mut f32; 1]) {
        *kept += grad;
    }
}
