//! The choice of a layer's integers.

use selvedge::quantized::BIAS_LIMIT;

use super::{
    QuantizationError,
    integer_network::{Group, IntegerLayer},
    integers::{Integers, Row},
    reference::LinearLayer,
};

/// The input that a pixel of 1 stands for.
pub(super) const PIXEL_SCALE: f64 = 1.0 / 255.0;

/// The limit of a multiplier: a multiplier is below this number.
const MULTIPLIER_LIMIT: f64 = (1_u64 << 31) as f64;
/// The integer of the bias in a row whose weights are all zero. With this value, both the bias and the multiplier are precise enough.
const BIAS_ALONE: u32 = 1 << 24;
/// The multiplier that stands for a factor of 1.
const MULTIPLIER_ONE: f64 = (1_u64 << 32) as f64;

/// The data from which a layer's integers are made.
pub(super) struct LayerPlan<'a> {
    /// The layer's place, from 0.
    pub index: usize,
    pub integers: Integers,
    pub float: LinearLayer<'a>,
    /// The number that an integer weight of 1 is to stand for, in each row and group of columns. It is 0 if all weights are 0.
    pub scales: &'a [f64],
    /// The number that an integer input of 1 stands for.
    pub input_scale: f64,
    /// The number that an integer output of 1 is to stand for. `None` for the last layer, where it is not chosen in advance.
    pub output_scale: Option<f64>,
}

impl LayerPlan<'_> {
    /// Returns the layer's integers, and the number that an integer output of 1 stands for.
    ///
    /// With `means`, the biases correct the errors of the weights at the inputs' means:
    /// `b += mean of the sums − mean of the integers' sums`.
    pub fn quantize(&self, means: Option<&Means<'_>>) -> Result<(IntegerLayer, f64), QuantizationError> {
        let Self { float, input_scale, integers, .. } = *self;
        let mut weights = Vec::with_capacity(float.weight.len());
        let (mut scales, mut biases, mut units, mut shrunk) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for (place, &bias) in float.bias.iter().enumerate() {
            let (row, is_shrunk) = self.row(place);
            shrunk += usize::from(is_shrunk);
            let (bias, unit) = (f64::from(bias), input_scale * row.unit);
            let correction = means.map_or(0.0, |means| means.error(place, row.values(integers), input_scale, bias));
            let bias = ((bias + correction) / unit).round();
            if bias.abs() >= f64::from(BIAS_LIMIT) {
                return Err(self.out_of_range(place));
            }
            weights.extend(row.weights);
            scales.extend(row.scales);
            biases.push(bias as i32);
            units.push(row.unit);
        }
        let output_scale = self.output_scale.unwrap_or_else(|| finest_logits(input_scale, &units));
        let multiplier = |(row, unit): (usize, &f64)| {
            let multiplier = (MULTIPLIER_ONE * input_scale * unit / output_scale).round();
            if multiplier < MULTIPLIER_LIMIT { Ok(multiplier as i32) } else { Err(self.out_of_range(row)) }
        };
        let multipliers = units.iter().enumerate().map(multiplier).collect::<Result<_, _>>()?;
        let columns = integers.columns(float.inputs);
        let groups = Group::all(float.inputs, columns, &weights, &scales);
        Ok((IntegerLayer { integers, weights, scales, biases, multipliers, shrunk, groups }, output_scale))
    }

    /// Returns a row's integers, and true if they are smaller than the scales ask for.
    pub fn row(&self, place: usize) -> (Row, bool) {
        let inputs = self.float.inputs;
        let groups = inputs.div_ceil(self.integers.columns(inputs));
        let scales = &self.scales[place * groups..][..groups];
        let bias = f64::from(self.float.bias[place]).abs();
        let bias_of = |integer: u32| bias / (self.input_scale * f64::from(integer));
        // Without weights, the unit is the bias's, or so small that it decides no other's.
        let alone = bias_of(BIAS_ALONE).max(f32::MIN_POSITIVE.into());
        let weights = &self.float.weight[place * inputs..][..inputs];
        let row = Row::fit(self.integers, weights, scales, bias_of(BIAS_LIMIT - 1), alone);
        let largest = scales.iter().fold(0.0_f64, |largest, &scale| largest.max(scale));
        let found = row.unit * f64::from(row.scales.iter().copied().max().unwrap_or(1));
        let is_shrunk = largest > 0.0 && found > largest * (1.0 + 1e-9);
        (row, is_shrunk)
    }

    fn out_of_range(&self, row: usize) -> QuantizationError {
        QuantizationError::Range { layer: self.index, row, instead: "f32" }
    }
}

/// Mean values over the calibration samples.
pub(super) struct Means<'a> {
    /// The means of the integer inputs.
    pub inputs: &'a [f64],
    /// The means of the floating-point sums.
    pub sums: &'a [f64],
}

impl Means<'_> {
    fn error(&self, row: usize, weights: impl Iterator<Item = f64>, input_scale: f64, bias: f64) -> f64 {
        let sum: f64 = weights.zip(self.inputs).map(|(weight, input)| weight * input).sum();
        self.sums[row] - (input_scale * sum + bias)
    }
}

/// Returns the smallest scale of the logits: their largest multiplier is then the largest one that a file can have.
fn finest_logits(input_scale: f64, units: &[f64]) -> f64 {
    let largest = units.iter().fold(0.0_f64, |largest, &unit| largest.max(unit));
    let scale = MULTIPLIER_ONE * input_scale * largest / (MULTIPLIER_LIMIT - 1.0);
    let nearest = scale as f32;
    f64::from(if f64::from(nearest) < scale { nearest.next_up() } else { nearest })
}
