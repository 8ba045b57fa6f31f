//! Dropout.

use core::marker::PhantomData;

use super::{Draws, Layer, Pass, Tapes};
use crate::{
    Activation, Engine, Identity,
    architecture::{LayerDescription, LayerKind},
    engine::RowWork,
    optimizer::Optimizer,
    random::{Generator, Purpose},
};

/// Dropout (Srivastava et al. 2014), PyTorch's `Dropout`: a training pass sets each feature to zero with a probability p and
/// multiplies the others by 1 / (1 − p); prediction changes nothing.
///
/// The pass gives p ([`Draws::dropout`]), which is rounded to the nearest 1/65536, but at most 65535/65536. All `Dropout` layers of a model have the
/// same p.
///
/// A feature is dropped if its random number of 16 bits is below 65536 · p. The number is found as follows. For feature f of sample s, let i = layer
/// · 2³² + s · `WIDTH` + f, where layer is the layer's place in the chain, from 0, with activations and dropout counted. The stream is that of (seed,
/// [`Purpose::Dropout`], [`Draws::step`]): the batch's number stands in the place of the epoch. The feature's number is 16 bits of the stream's draw
/// ⌊i / 4⌋, from bit 16 · (i mod 4) on.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Dropout<const WIDTH: usize>;

/// The number of features' numbers in one draw of the generator.
const LANES: usize = 4;

/// A probability, rounded to the nearest 1/65536, and the factor of the features that stay.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct DropoutRate {
    /// A feature is dropped if its number of 16 bits (see [`Dropout`]) is below this number.
    pub threshold: u32,
    /// 1 / (1 − p), the factor of the features that stay.
    pub scale: f32,
}

impl DropoutRate {
    /// Returns the rate of a probability p, 0 ≤ p < 1.
    pub fn new(probability: f32) -> Self {
        const RANGE: f32 = 65_536.0;
        // A rate of 1 would leave nothing to scale; NaN drops nothing.
        let threshold = ((probability * RANGE + 0.5) as u32).min(u16::MAX.into());
        Self { threshold, scale: RANGE / (RANGE - threshold as f32) }
    }
}

/// A training pass's masks of one layer.
#[derive(Clone, Copy)]
struct Mask {
    generator: Generator,
    first: u64,
    rate: DropoutRate,
}

impl Mask {
    fn new(draws: Draws) -> Self {
        Self {
            generator: Generator::new(draws.seed, Purpose::Dropout, draws.step),
            first: u64::from(draws.layer) << 32,
            rate: DropoutRate::new(draws.dropout),
        }
    }

    /// Multiplies each number by its feature's factor, from feature `start` of the batch on.
    #[inline(always)]
    fn apply(&self, start: usize, from: &[f32], to: &mut [f32]) {
        let factor = |draw: u64, lane: usize| {
            let is_dropped = ((draw >> (16 * lane)) & 0xffff) < u64::from(self.rate.threshold);
            if is_dropped { 0.0 } else { self.rate.scale }
        };
        let mut index = self.first + start as u64;
        let unaligned = start.next_multiple_of(LANES) - start;
        let (first, from) = from.split_at_checked(unaligned).unwrap_or((from, &[]));
        let (first_to, to) = to.split_at_mut(first.len());
        for (to, &x) in first_to.iter_mut().zip(first) {
            *to = drop_or_scale(x, factor(self.generator.bits(index / LANES as u64), (index % LANES as u64) as usize));
            index += 1;
        }
        let index = index / LANES as u64;
        let (whole, rest) = from.as_chunks::<LANES>();
        let (whole_to, rest_to) = to.as_chunks_mut::<LANES>();
        for (index, (to, from)) in (index..).zip(whole_to.iter_mut().zip(whole)) {
            let draw = self.generator.bits(index);
            *to = core::array::from_fn(|lane| drop_or_scale(from[lane], factor(draw, lane)));
        }
        let draw = self.generator.bits(index + whole.len() as u64);
        for (lane, (to, &x)) in rest_to.iter_mut().zip(rest).enumerate() {
            *to = drop_or_scale(x, factor(draw, lane));
        }
    }
}

/// Returns the scaled number, or +0 for a dropped one, whatever it was.
#[inline(always)]
fn drop_or_scale(x: f32, factor: f32) -> f32 {
    if factor == 0.0 { 0.0 } else { x * factor }
}

/// Writes each number as the pass's mask leaves it. An evaluation drops nothing. It is a type and not a closure, because a closure would
/// not be compiled for the engine's vector registers ([`RowWork`]).
struct Masking<'a, P> {
    mask: Option<Mask>,
    from: &'a [f32],
    /// The inputs of a backward pass, whose results go through `P::grad`.
    input: Option<&'a [f32]>,
    activation: PhantomData<P>,
}

impl<'a, P: Activation> Masking<'a, P> {
    fn new(pass: Pass, from: &'a [f32], input: Option<&'a [f32]>) -> Self {
        let mask = match pass {
            Pass::Evaluation => None,
            Pass::Training(draws) => Some(Mask::new(draws)),
        };
        Self { mask, from, input, activation: PhantomData }
    }

    fn write<E: Engine>(self, engine: &E, to: &mut [f32]) {
        let len = self.from.len().min(to.len());
        engine.share_out_work(1, &mut to[..len], self);
    }
}

impl<P: Activation> RowWork<f32> for Masking<'_, P> {
    #[inline(always)]
    fn run(&self, first: usize, to: &mut [f32]) {
        let from = &self.from[first..][..to.len()];
        match &self.mask {
            Some(mask) => mask.apply(first, from, to),
            None => to.copy_from_slice(from),
        }
        if let Some(input) = self.input {
            for (grad, &x) in to.iter_mut().zip(&input[first..]) {
                *grad = P::grad(x, *grad);
            }
        }
    }
}

/// Writes the outputs of a batch. The masks are those of the layer at the place in the chain that `pass` has. An evaluation drops nothing.
pub fn forward<E: Engine>(engine: &E, pass: Pass, input: &[f32], output: &mut [f32]) {
    Masking::<Identity>::new(pass, input, None).write(engine, output);
}

/// Writes the gradients of a batch's inputs, each through `P::grad`: `P` is the activation that made the input.
pub fn backward<P: Activation, E: Engine>(
    engine: &E,
    pass: Pass,
    input: &[f32],
    grads: &[f32],
    grad_input: &mut [f32],
) {
    Masking::<P>::new(pass, grads, Some(input)).write(engine, grad_input);
}

impl<const WIDTH: usize> Layer for Dropout<WIDTH> {
    type Input = [f32; WIDTH];
    type Output = [f32; WIDTH];
    type Activation = Identity;
    type Tape = [f32; WIDTH];

    const LAYERS: &'static [LayerDescription] = &[LayerDescription::Known(LayerKind::Dropout { width: WIDTH as u32 })];

    fn initialize(&mut self, _generator: &Generator, _first: u64) {}

    #[inline]
    fn predict<E: Engine>(&self, _engine: &E, input: &Self::Input, output: &mut Self::Output) {
        *output = *input;
    }

    fn forward<E: Engine>(&self, engine: &E, pass: Pass, input: &[Self::Input], tape: &mut [f32]) {
        forward(engine, pass, input.as_flattened(), Self::output_mut(tape).as_flattened_mut());
    }

    fn backward<P: Activation, E: Engine, O: Optimizer<STATE>, const STATE: usize>(
        &mut self,
        engine: &E,
        _optimizer: &O,
        _state: [&mut Self; STATE],
        input: &[Self::Input],
        tapes: Tapes<'_>,
        grad_input: Option<&mut [Self::Input]>,
    ) {
        if let Some(grad_input) = grad_input {
            let grads = Self::output(tapes.grads).as_flattened();
            backward::<P, _>(engine, tapes.pass, input.as_flattened(), grads, grad_input.as_flattened_mut());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Portable, optimizer::Gradient};

    const WIDTH: usize = 997;

    fn dropped(pass: Pass) -> [[f32; WIDTH]; 3] {
        let mut output = [[9.0; WIDTH]; 3];
        Dropout::<WIDTH>.forward(&Portable, pass, &[[2.0; WIDTH]; 3], output.as_flattened_mut());
        output
    }

    #[test]
    fn a_training_pass_drops_its_part_and_keeps_the_mean() {
        for rate in [0.0, 0.1, 0.5, 0.75] {
            let outputs = dropped(Pass::Training(Draws::new(1, 2, rate)));
            let outputs = outputs.as_flattened();
            let scaled = 2.0 / (1.0 - (rate * 65_536.0_f32).round() / 65_536.0);
            assert!(outputs.iter().all(|&x| x == 0.0 || (x - scaled).abs() < 1e-6));
            let part = outputs.iter().filter(|&&x| x == 0.0).count() as f32 / outputs.len() as f32;
            // Binomial of 2,991: a standard deviation of 0.009 at the most.
            assert!((part - rate).abs() < 0.04, "{rate}: {part}");
        }
    }

    #[test]
    fn masks_differ_by_seed_step_and_layer_and_evaluation_has_none() {
        let draws = Draws::new(1, 2, 0.5);
        let first = dropped(Pass::Training(draws));
        for other in [Draws { seed: 2, ..draws }, Draws { step: 3, ..draws }, Draws { layer: 1, ..draws }] {
            assert_ne!(first, dropped(Pass::Training(other)));
        }
        assert_eq!(first, dropped(Pass::Training(draws)));
        assert_ne!(first[0], first[1]);
        assert_eq!(dropped(Pass::Evaluation), [[2.0; WIDTH]; 3]);
    }

    #[test]
    fn the_mask_does_not_depend_on_where_a_part_begins() {
        let mask = Mask::new(Draws { layer: 3, ..Draws::new(1, 2, 0.5) });
        let (from, mut whole) = ([1.0; 50], [0.0; 50]);
        mask.apply(0, &from, &mut whole);
        for start in 0..50 {
            for end in start..=50 {
                let mut part = [9.0; 50];
                mask.apply(start, &from[start..end], &mut part[start..end]);
                assert_eq!(part[start..end], whole[start..end], "{start}..{end}");
            }
        }
    }

    #[test]
    fn the_gradient_goes_where_the_feature_went() {
        let pass = Pass::Training(Draws::new(1, 2, 0.5));
        let outputs = dropped(pass);
        let (mut grads, mut grad_input) = ([[2.0; WIDTH]; 3], [[9.0; WIDTH]; 3]);
        let tapes = Tapes { pass, activations: outputs.as_flattened(), grads: grads.as_flattened_mut() };
        let input = [[2.0; WIDTH]; 3];
        let mut layer = Dropout::<WIDTH>;
        layer.backward::<Identity, _, _, _>(&Portable, &Gradient, [&mut Dropout], &input, tapes, Some(&mut grad_input));
        assert_eq!(grad_input, outputs);
    }

    #[test]
    fn no_rate_divides_by_zero() {
        for rate in [1.0, 2.0, f32::INFINITY, f32::NAN, -1.0] {
            assert!(dropped(Pass::Training(Draws::new(1, 2, rate))).as_flattened().iter().all(|x| x.is_finite()));
        }
    }
}
