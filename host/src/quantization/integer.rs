//! The integer network as its exporter has it: integers, and what they are worth.

use selvedge::{
    architecture::Architecture,
    quantized::{self, BIAS_LIMIT, QuantizationRecord, SUM_LIMIT},
    weights::WeightFileError,
};

use super::{
    QuantizationError,
    float::{FloatLayer, add_products, by_columns},
    scales::{MAX_ACTIVATION, MAX_WEIGHT},
};

/// What a pixel of 1 is worth.
pub(super) const PIXEL_SCALE: f64 = 1.0 / 255.0;

/// What the multiplier stays below.
const MULTIPLIER_LIMIT: f64 = (1_u64 << 31) as f64;
/// The bias of a row of zeros: with bits enough, and the multiplier too.
const BIAS_ALONE: u32 = 1 << 24;
/// A multiplier of this is a factor of 1.
const MULTIPLIER_ONE: f64 = (1_u64 << 32) as f64;

/// A layer's integers.
#[derive(Clone, Debug)]
pub(super) struct IntegerLayer {
    pub inputs: usize,
    /// Row after row, one for each output.
    pub weights: Vec<i8>,
    pub biases: Vec<i32>,
    pub multipliers: Vec<i32>,
    /// What a weight of 1 is worth in each row.
    pub scales: Vec<f64>,
    /// Rows whose weights are smaller than they might be, so that no sum overflows.
    pub shrunk: usize,
    /// The weights column after column. Sums of integers below 2²⁴ are exact in binary32.
    columns: Vec<f32>,
}

/// What is known of a layer when its integers are made.
pub(super) struct LayerPlan<'a> {
    /// Its place, from 0.
    pub index: usize,
    pub float: &'a FloatLayer,
    /// What a weight of 1 is to be worth in each row; 0 where all weights are 0.
    pub scales: &'a [f64],
    /// What an input of 1 is worth.
    pub input_scale: f64,
    /// What an output of 1 is to be worth; of the last layer's none is chosen before.
    pub output_scale: Option<f64>,
}

impl LayerPlan<'_> {
    /// The layer's integers, and what an output of 1 is worth.
    ///
    /// With the inputs' means, biases make up for the weights' errors at these inputs: `b += mean of the sums − mean of the integers' sums`.
    pub fn quantize(&self, means: Option<&Means<'_>>) -> Result<(IntegerLayer, f64), QuantizationError> {
        let Self { float, input_scale, .. } = *self;
        let mut weights = Vec::with_capacity(float.weight.len());
        let (mut biases, mut scales, mut shrunk) = (Vec::new(), Vec::new(), 0);
        for (row, (values, &bias)) in float.weight.chunks_exact(float.inputs).zip(&float.bias).enumerate() {
            let bias = f64::from(bias);
            let (scale, integers) = self.fit(values, bias, self.scales[row]);
            shrunk += usize::from(scale > self.scales[row] && self.scales[row] > 0.0);
            let unit = input_scale * scale;
            let correction = means.map_or(0.0, |means| means.error(row, &integers, unit, bias));
            let bias = ((bias + correction) / unit).round();
            if bias.abs() >= f64::from(BIAS_LIMIT) {
                return Err(self.out_of_range(row));
            }
            weights.extend(integers);
            biases.push(bias as i32);
            scales.push(scale);
        }
        let output_scale = self.output_scale.unwrap_or_else(|| finest_logits(input_scale, &scales));
        let multiplier = |(row, scale): (usize, &f64)| {
            let multiplier = (MULTIPLIER_ONE * input_scale * scale / output_scale).round();
            if multiplier < MULTIPLIER_LIMIT { Ok(multiplier as i32) } else { Err(self.out_of_range(row)) }
        };
        let multipliers = scales.iter().enumerate().map(multiplier).collect::<Result<_, _>>()?;
        let columns = by_columns(&weights, float.inputs).into_iter().map(f32::from).collect();
        Ok((IntegerLayer { inputs: float.inputs, weights, biases, multipliers, scales, shrunk, columns }, output_scale))
    }

    /// A row's integers at the scale, or at the next larger one at which nothing overflows.
    fn fit(&self, weights: &[f32], bias: f64, scale: f64) -> (f64, Vec<i8>) {
        let bias_of = |integer: u32| bias.abs() / (self.input_scale * f64::from(integer));
        // Without weights, the scale is the bias's, or so small that it decides no other's.
        let alone = bias_of(BIAS_ALONE).max(f32::MIN_POSITIVE.into());
        let mut scale = if scale > 0.0 { scale.max(bias_of(BIAS_LIMIT - 1)) } else { alone };
        loop {
            let integer = |&weight: &f32| (f64::from(weight) / scale).round().clamp(-MAX_WEIGHT, MAX_WEIGHT) as i8;
            let integers: Vec<i8> = weights.iter().map(integer).collect();
            let sum = |sign: i32| -> i64 { integers.iter().map(|&w| i64::from((sign * i32::from(w)).max(0))).sum() };
            let worst = MAX_ACTIVATION * sum(1).max(sum(-1)) as f64;
            if worst < f64::from(SUM_LIMIT) {
                return (scale, integers);
            }
            scale *= (worst / f64::from(SUM_LIMIT)).max(1.0 + 1e-4);
        }
    }

    fn out_of_range(&self, row: usize) -> QuantizationError {
        QuantizationError::Range { layer: self.index, row }
    }
}

/// Mean values over the calibration images.
pub(super) struct Means<'a> {
    /// Of the integer inputs.
    pub inputs: &'a [f64],
    /// Of the floating-point sums.
    pub sums: &'a [f64],
}

impl Means<'_> {
    fn error(&self, row: usize, weights: &[i8], unit: f64, bias: f64) -> f64 {
        let sum: f64 = weights.iter().zip(self.inputs).map(|(&weight, input)| f64::from(weight) * input).sum();
        self.sums[row] - (unit * sum + bias)
    }
}

/// The scale at which the largest multiplier of the logits is the largest there is, as a file has it.
fn finest_logits(input_scale: f64, scales: &[f64]) -> f64 {
    let largest = scales.iter().fold(0.0_f64, |largest, &scale| largest.max(scale));
    let scale = MULTIPLIER_ONE * input_scale * largest / (MULTIPLIER_LIMIT - 1.0);
    let nearest = scale as f32;
    f64::from(if f64::from(nearest) < scale { nearest.next_up() } else { nearest })
}

impl IntegerLayer {
    /// The outputs as integers, before they are cut to what an activation can be.
    fn outputs(&self, inputs: &[u8]) -> impl Iterator<Item = i32> + '_ {
        let mut sums = vec![0.0; self.biases.len()];
        add_products(&self.columns, inputs.iter().map(|&input| f32::from(input)), &mut sums);
        let parameters = self.biases.iter().zip(&self.multipliers);
        sums.into_iter().zip(parameters).map(|(sum, (&bias, &multiplier))| {
            let accumulator = i64::from(bias) + sum as i64;
            ((accumulator * i64::from(multiplier) + (1 << 31)) >> 32) as i32
        })
    }

    /// The outputs of a layer before others.
    pub fn activations(&self, inputs: &[u8]) -> Vec<u8> {
        self.outputs(inputs).map(|output| output.clamp(0, u8::MAX.into()) as u8).collect()
    }
}

/// All layers.
#[derive(Clone, Debug)]
pub struct IntegerNetwork {
    pub(super) layers: Vec<IntegerLayer>,
    /// What an output of 1 is worth, in each layer.
    pub(super) output_scales: Vec<f64>,
}

/// What a network computes for an image.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Of each layer but the last.
    pub activations: Vec<Vec<u8>>,
    pub logits: Vec<i32>,
}

impl IntegerNetwork {
    /// The first layers, up to the one that is not there.
    pub(super) fn run(&self, image: &[u8]) -> Run {
        let Some((last, hidden)) = self.layers.split_last() else {
            return Run { activations: Vec::new(), logits: Vec::new() };
        };
        let mut activations: Vec<Vec<u8>> = Vec::with_capacity(hidden.len());
        for layer in hidden {
            let outputs = layer.activations(activations.last().map_or(image, Vec::as_slice));
            activations.push(outputs);
        }
        let logits = last.outputs(activations.last().map_or(image, Vec::as_slice)).collect();
        Run { activations, logits }
    }

    /// What a logit of 1 is worth.
    pub fn logit_scale(&self) -> f64 {
        self.output_scales.last().copied().unwrap_or(1.0)
    }

    /// Rows whose weights are smaller than they might be, so that no sum overflows.
    pub fn shrunk(&self) -> usize {
        self.layers.iter().map(|layer| layer.shrunk).sum()
    }

    /// The same function with each hidden layer's units in the order given for it.
    pub(super) fn ordered(&self, orders: &[Vec<usize>]) -> Self {
        let mut network = self.clone();
        for (before, order) in orders.iter().enumerate() {
            network.layers[before].order_rows(order);
            network.layers[before + 1].order_columns(order);
        }
        network
    }

    /// The network's file.
    ///
    /// # Errors
    ///
    /// As [`quantized::encode`].
    pub fn encode(
        &self,
        architecture: &Architecture,
        record: &QuantizationRecord<'_>,
    ) -> Result<Vec<u8>, WeightFileError> {
        let layers: Vec<_> = self.layers.iter().map(IntegerLayer::parts).collect();
        let len = quantized::encoded_len(architecture, record).ok_or(WeightFileError::Architecture)?;
        let mut file = vec![0; len];
        let len = quantized::encode(architecture, &layers, record, &mut file)?;
        file.truncate(len);
        Ok(file)
    }
}

impl IntegerLayer {
    fn parts(&self) -> quantized::Layer<'_> {
        quantized::Layer { weights: &self.weights, biases: &self.biases, multipliers: &self.multipliers }
    }

    fn order_rows(&mut self, order: &[usize]) {
        self.weights =
            order.iter().flat_map(|&row| &self.weights[row * self.inputs..][..self.inputs]).copied().collect();
        self.biases = order.iter().map(|&row| self.biases[row]).collect();
        self.multipliers = order.iter().map(|&row| self.multipliers[row]).collect();
        self.scales = order.iter().map(|&row| self.scales[row]).collect();
        self.renew_columns();
    }

    fn order_columns(&mut self, order: &[usize]) {
        let rows = self.weights.chunks_exact(self.inputs);
        self.weights = rows.flat_map(|row| order.iter().map(|&column| row[column])).collect();
        self.renew_columns();
    }

    fn renew_columns(&mut self) {
        self.columns = by_columns(&self.weights, self.inputs).into_iter().map(f32::from).collect();
    }
}
