use crate::{
    Engine,
    arithmetic::{sqrt, sum_of_squares},
};

/// Scales a gradient so that its 2-norm is at most `max_norm`, and returns the norm before: PyTorch's `clip_grad_norm_`.
///
/// The gradient becomes `grad · (max_norm / (norm + 10⁻⁶))` if that factor is below 1. The norm is the root of [`sum_of_squares`].
pub fn clip_grad_norm<E: Engine>(engine: &E, grad: &mut [f32], max_norm: f32) -> f32 {
    let norm = sqrt(sum_of_squares(grad));
    let scale = max_norm / (norm + 1e-6);
    if scale < 1.0 {
        engine.share_out(1, grad, |_, grads| {
            for grad in grads {
                *grad *= scale;
            }
        });
    }
    norm
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Portable;

    #[test]
    fn only_a_long_gradient_is_shortened() {
        let mut grad = [3.0, 0.0, -4.0];
        assert_eq!(clip_grad_norm(&Portable, &mut grad, 6.0), 5.0);
        assert_eq!(grad, [3.0, 0.0, -4.0]);
        assert_eq!(clip_grad_norm(&Portable, &mut grad, 1.0), 5.0);
        assert!((grad[0] - 0.6).abs() < 1e-6 && (grad[2] + 0.8).abs() < 1e-6);
        assert_eq!(clip_grad_norm(&Portable, &mut [0.0; 3], 1.0), 0.0);
    }

    #[test]
    fn a_gradient_that_is_no_number_stays_visible() {
        let mut grad = [1.0, f32::NAN];
        assert!(clip_grad_norm(&Portable, &mut grad, 1.0).is_nan());
        assert!(grad[1].is_nan());
    }
}
