use super::Optimizer;

/// Keeps the gradient as its state and leaves the parameter as it is: for whoever wants the gradient itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Gradient;

impl Optimizer<1> for Gradient {
    #[inline(always)]
    fn update(&self, _fma: impl Fn(f32, f32, f32) -> f32, _parameter: &mut f32, grad: f32, [kept]: [&mut f32; 1]) {
        *kept = grad;
    }
}
