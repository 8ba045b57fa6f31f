use super::Layer;
use crate::{Engine, architecture::LayerKind, optimizer::Optimizer, random::Generator};

/// The rectifier: `output = 0 where input < 0, else input` (so NaN and −0 pass), and
/// `grad_input = 0 where output ≤ 0, else grad_output`.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(C)]
pub struct Relu<const WIDTH: usize>;

impl<const WIDTH: usize> Layer for Relu<WIDTH> {
    type Input = [f32; WIDTH];
    type Output = [f32; WIDTH];
    type Tape = [f32; WIDTH];

    const DEPTH: usize = 1;

    fn describe(tell: &mut impl FnMut(LayerKind)) {
        tell(LayerKind::Relu { width: WIDTH as u32 });
    }

    fn initialize(&mut self, _generator: &Generator, _first: u64) {}

    #[inline]
    fn predict<E: Engine>(&self, _engine: &E, input: &Self::Input, output: &mut Self::Output) {
        rectify(input, output);
    }

    fn forward<E: Engine>(&self, engine: &E, input: &[Self::Input], tape: &mut [f32]) {
        engine.share_out(Self::output_mut(tape), |first, output| {
            for (output, input) in output.iter_mut().zip(&input[first..]) {
                rectify(input, output);
            }
        });
    }

    fn backward<E: Engine, O: Optimizer<STATE>, const STATE: usize>(
        &mut self,
        engine: &E,
        _optimizer: &O,
        _state: [&mut Self; STATE],
        _input: &[Self::Input],
        tape: &[f32],
        grad_tape: &mut [f32],
        grad_input: Option<&mut [Self::Input]>,
    ) {
        let Some(grad_input) = grad_input else { return };
        let grad_tape = &*grad_tape;
        engine.share_out(grad_input, |first, grad_input| {
            let outputs = tape.iter().zip(grad_tape).skip(first * WIDTH);
            for (grad_input, (&output, &grad_output)) in grad_input.as_flattened_mut().iter_mut().zip(outputs) {
                *grad_input = if output <= 0.0 { 0.0 } else { grad_output };
            }
        });
    }
}

#[inline]
fn rectify<const WIDTH: usize>(input: &[f32; WIDTH], output: &mut [f32; WIDTH]) {
    for (output, &x) in output.iter_mut().zip(input) {
        *output = if x < 0.0 { 0.0 } else { x };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Portable, optimizer::Gradient};

    #[test]
    fn a_diverged_activation_stays_visible() {
        let mut output = [0.0; 4];
        Relu::<4>.predict(&Portable, &[-1.0, 2.0, f32::NAN, f32::NEG_INFINITY], &mut output);
        assert_eq!(output[..2], [0.0, 2.0]);
        assert!(output[2].is_nan());
        assert_eq!(output[3], 0.0);
    }

    #[test]
    fn the_gradient_passes_where_the_output_is_positive() {
        let mut grad_input = [[9.0; 3]];
        let (tape, mut grad_tape) = ([0.0, 2.0, f32::NAN], [5.0, 6.0, 7.0]);
        let state = [&mut Relu];
        Relu::<3>.backward(&Portable, &Gradient, state, &[], &tape, &mut grad_tape, Some(&mut grad_input));
        assert_eq!(grad_input, [[0.0, 6.0, 7.0]]);
    }
}
