//! Proves, sample by sample, that the quantised network decides as the floating-point network does.
//!
//! Let `h` be the activations of a layer of the floating-point network, and `ĥ` those of the same layer of the quantised network. `ĥ` has the
//! numbers that the integers stand for. Each layer hands on a bound `e ≥ |ĥ − h|` for each unit. A prime marks the next layer: `W` and `b` are
//! the floating-point weights and biases that lead from `h` to `h'`.
//!
//! ```text
//! z  = W ĥ + b                                   the floating-point layer's sums for the quantised activations: known
//! R  = |W| e + ρ                                 the largest distance of the floating-point network's sums from z
//! h' ∈ [max(z − R, 0), max(z + R, 0)]            the activations after ReLU
//! e' = the distance of ĥ' from the farther end of this interval
//! ```
//!
//! If a unit's sum is below 0 for certain, `h'` is 0, so `e'` is `ĥ'`. The quantised layer has errors of its own: the rounding or fine-tuning of
//! the weights, the rounding of bias and output, and the cut to 0..255. All of them are in the distance of `ĥ'` from max(z, 0). This distance is
//! known and not estimated. Errors of earlier layers are taken at their worst.
//!
//! The last layer has no ReLU. Its outputs are the logits: `l` in the floating-point network, and `l̂` in the quantised one. The index 1 is the
//! predicted class, and 2 is another class; `W₁` is a row of `W`. The bound is that of the difference of the two logits, so an error that both
//! logits have does not count: `|(l₁ − l₂) − (l̂₁ − l̂₂)| ≤ |(z₁ − z₂) − (l̂₁ − l̂₂)| + |W₁ − W₂| e + ρ₁ + ρ₂`. A sample is certified if, for
//! every other class, this bound is below the margin `l₁ − l₂`.
//!
//! `ρ` is a bound of the rounding. A chain of n fused multiply-adds is within `γₙ (|b| + |W| |h|)` of its exact sum, in any order, with
//! `γₙ = n u / (1 − n u)` and u = 2⁻²⁴ (Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 3.1). To this, n times half
//! of the smallest subnormal is added. The computation of the bound itself, in binary64, adds the same with u = 2⁻⁵³. Both networks have
//! the same inputs in the first layer, so e = 0 there.

use selvedge::classification::argmax;

use super::{
    outputs::Values,
    reference::{LinearLayer, Reference},
};

/// The factor of bounds, for the rounding of their own computation: they are sums of some thousand terms that are not negative, each within
/// 2⁻⁵³.
const ROUNDED_UP: f64 = 1.0 + 1e-9;

/// The proof that a sample keeps its class, or the numbers that it lacks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Certificate {
    /// The floating-point network's class.
    pub class: usize,
    /// The logit of `class` minus the logit of one other class. If each difference is above its bound, the other class is the one with the
    /// smallest difference minus bound. Otherwise it is the first class whose difference is not above its bound.
    pub margin: f64,
    /// The largest possible error of `margin` in the quantised network.
    pub bound: f64,
}

impl Certificate {
    /// Returns true if both networks are proved to give the same class.
    pub fn is_certified(&self) -> bool {
        self.bound < self.margin
    }

    /// Returns the certificate of a sample, from the quantised network's activations and the floating-point network's logits.
    pub(super) fn of(reference: &Reference, sample: &[u8], quantized: &Values, logits: &[f32]) -> Self {
        let class = argmax(logits);
        let bounds = bounds(reference, sample, quantized, class);
        let margins = logits.iter().map(|&logit| f64::from(logits[class]) - f64::from(logit));
        let others = margins.zip(bounds).enumerate().filter(|&(other, _)| other != class);
        // Of numbers that overflowed nothing is known.
        let slack = |(margin, bound): (f64, f64)| if margin > bound { margin - bound } else { f64::NEG_INFINITY };
        let nearest = others.map(|(_, pair)| pair).min_by(|&a, &b| slack(a).total_cmp(&slack(b)));
        // A network of one class cannot change it.
        let (margin, bound) = nearest.unwrap_or((f64::INFINITY, 0.0));
        Self { class, margin, bound }
    }
}

/// A layer's inputs: the values of the quantised network's activations, and bounds of their distances from the floating-point network's.
struct Inputs {
    values: Vec<f64>,
    errors: Vec<f64>,
}

/// A layer's sums.
struct Sums {
    /// z, the sums.
    values: Vec<f64>,
    /// ρ, the bounds of the rounding.
    roundings: Vec<f64>,
    /// |W| e, the bounds from earlier layers.
    inherited: Vec<f64>,
}

/// Returns the inputs of the last layer.
fn last_inputs(reference: &Reference, sample: &[u8], quantized: &Values) -> Inputs {
    let mut input = vec![0.0; reference.network().inputs()];
    reference.preparation().write(sample, &mut input);
    let errors = vec![0.0; input.len()];
    let mut inputs = Inputs { values: input.into_iter().map(f64::from).collect(), errors };
    for (layer, values) in reference.layers().zip(&quantized.activations) {
        let sums = Sums::of(&layer, &inputs);
        let errors = values.iter().enumerate().map(|(o, value)| sums.error(o, *value)).collect();
        inputs = Inputs { values: values.clone(), errors };
    }
    inputs
}

/// Returns, for each output, a bound of its error: `|l − l̂| ≤ |z − l̂| + |W| e + ρ`.
pub(super) fn output_bounds(reference: &Reference, sample: &[u8], quantized: &Values) -> Vec<f64> {
    let inputs = last_inputs(reference, sample, quantized);
    let Some(last) = reference.layers().last() else { return Vec::new() };
    let sums = Sums::of(&last, &inputs);
    let bound = |(output, logit): (usize, &f64)| {
        let own = (sums.values[output] - logit).abs();
        let bound = (own + sums.inherited[output] + sums.roundings[output] + f64::EPSILON * logit.abs()) * ROUNDED_UP;
        // Of numbers that overflowed nothing is known.
        if bound.is_nan() { f64::INFINITY } else { bound }
    };
    quantized.logits.iter().enumerate().map(bound).collect()
}

/// Returns, for each class, a bound of the error of the difference between the logit of `class` and the logit of this class.
pub(super) fn bounds(reference: &Reference, sample: &[u8], quantized: &Values, class: usize) -> Vec<f64> {
    let inputs = last_inputs(reference, sample, quantized);
    let Some(last) = reference.layers().last() else { return Vec::new() };
    let sums = Sums::of(&last, &inputs);
    let row = |class: usize| &last.weight[class * last.inputs..][..last.inputs];
    let difference = |other: usize| {
        let [logit, other_logit] = [class, other].map(|class| quantized.logits[class]);
        let own = (sums.values[class] - sums.values[other] - (logit - other_logit)).abs();
        let weights = row(class).iter().zip(row(other)).map(|(&a, &b)| (f64::from(a) - f64::from(b)).abs());
        let inherited: f64 = weights.zip(&inputs.errors).map(|(weight, error)| weight * error).sum();
        let rounding = f64::EPSILON * (logit.abs() + other_logit.abs());
        (own + inherited + sums.roundings[class] + sums.roundings[other] + rounding) * ROUNDED_UP
    };
    (0..last.outputs).map(difference).collect()
}

impl Sums {
    fn of(layer: &LinearLayer<'_>, inputs: &Inputs) -> Self {
        let mut values: Vec<f64> = layer.bias.iter().map(|&bias| bias.into()).collect();
        let mut sizes: Vec<f64> = values.iter().map(|bias| bias.abs()).collect();
        let mut inherited = vec![0.0; layer.outputs];
        let columns = layer.columns.chunks_exact(layer.outputs);
        for (column, (&value, &error)) in columns.zip(inputs.values.iter().zip(&inputs.errors)) {
            if value != 0.0 {
                add(column, value, &mut values, |weight| weight);
                add(column, value.abs(), &mut sizes, f64::abs);
            }
            if error != 0.0 {
                add(column, error, &mut inherited, f64::abs);
            }
        }
        // The floating-point network's activations are as large as ĥ + e. In binary64, products are rounded too, and what is made of the sums.
        let steps = layer.inputs as f64;
        let [own, theirs] = [(steps + 4.0, f64::EPSILON / 2.0), (steps, f64::from(f32::EPSILON) / 2.0)]
            .map(|(steps, unit)| steps * unit / (1.0 - steps * unit));
        let subnormal = steps * f64::from(f32::from_bits(1));
        let rounding = |(size, inherited): (&f64, &f64)| {
            let size = size + inherited;
            let does_overflow = size > f64::from(f32::MAX) / 2.0;
            if does_overflow { f64::INFINITY } else { ((own + theirs) * size + subnormal) * ROUNDED_UP }
        };
        let roundings = sizes.iter().zip(&inherited).map(rounding).collect();
        Self { values, roundings, inherited }
    }

    /// Returns the largest distance of a hidden unit with this value from the same unit of the floating-point network.
    fn error(&self, unit: usize, value: f64) -> f64 {
        let radius = (self.inherited[unit] + self.roundings[unit]) * ROUNDED_UP;
        let ends = [-radius, radius].map(|radius| (self.values[unit] + radius).max(0.0));
        let [low, high] = ends.map(|end| (value - end).abs());
        low.max(high) * ROUNDED_UP
    }
}

/// Adds a column: `sums[o] += factor · size(column[o])`.
#[inline(always)]
fn add(column: &[f32], factor: f64, sums: &mut [f64], size: impl Fn(f64) -> f64) {
    for (sum, &weight) in sums.iter_mut().zip(column) {
        *sum += factor * size(weight.into());
    }
}
