//! The integer network before it is written: its integers, and the numbers that they stand for.

use std::{
    iter,
    ops::{Range, RangeInclusive},
    slice::ChunksExact,
};

use selvedge::{
    Engine, Identity,
    architecture::Architecture,
    engine::{Widths, rows, rows_mut},
    quantized::{self, BIAS_LIMIT, Int4, Int4Layer, Int8, Int8Layer, QuantizationRecord},
    shape::Signature,
    weights::WeightFileError,
};

use super::{QuantizationError, reference::LinearLayer, scales::MAX_ACTIVATION};
use crate::engine::Simd;

/// The input that a pixel of 1 stands for.
pub(super) const PIXEL_SCALE: f64 = 1.0 / 255.0;

/// The limit of a multiplier: a multiplier is below this number.
const MULTIPLIER_LIMIT: f64 = (1_u64 << 31) as f64;
/// The integer of the bias in a row whose weights are all zero. With this value, both the bias and the multiplier are precise enough.
const BIAS_ALONE: u32 = 1 << 24;
/// The multiplier that stands for a factor of 1.
const MULTIPLIER_ONE: f64 = (1_u64 << 32) as f64;
/// The largest scale of columns.
const MAX_SCALE: f64 = 255.0;
/// The number of samples that a layer takes together, so that their sums and converted inputs need little memory.
const AT_A_TIME: usize = 512;

/// The integer format of the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integers {
    /// Integers of 8 bits, with a scale for each row.
    Int8,
    /// Integers of 4 bits, with a scale for each row and 64 columns.
    Int4,
}

impl Integers {
    /// Returns the integers.
    pub(super) const fn range(self) -> RangeInclusive<f64> {
        match self {
            Self::Int8 => -127.0..=127.0,
            Self::Int4 => -8.0..=7.0,
        }
    }

    /// Returns the number of neighbouring columns that share a scale, for a layer with this number of columns.
    pub(super) const fn columns(self, inputs: usize) -> usize {
        match self {
            Self::Int8 => inputs,
            Self::Int4 => Int4::COLUMNS,
        }
    }

    /// Rounds a row's weights to the numbers that its integers will stand for with these scales.
    pub(super) fn round_in_place(self, weights: &mut [f32], scales: &[f64]) {
        let row = Row::fit(self, weights, scales, 0.0, f32::MIN_POSITIVE.into());
        for (weight, value) in weights.iter_mut().zip(row.values(self)) {
            *weight = value as f32;
        }
    }

    /// Returns the limit of the sum of a row's positive products, which is also that of its negative products.
    const fn sum_limit(self) -> u32 {
        match self {
            Self::Int8 => Int8::SUM_LIMIT,
            Self::Int4 => Int4::SUM_LIMIT,
        }
    }
}

/// A row's integers. A weight is `unit · scale · integer`.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub weights: Vec<i8>,
    /// A scale for each group of columns. In int8, it is 1.
    pub scales: Vec<u8>,
    pub unit: f64,
}

impl Row {
    /// Returns the integers with these scales of the groups (0 if all weights are 0). If a sum could overflow, or if the unit would be below
    /// `least_unit`, it uses the next larger scales that avoid this. A row of zeros has the unit `unit_alone`.
    fn fit(integers: Integers, weights: &[f32], scales: &[f64], least_unit: f64, unit_alone: f64) -> Self {
        let columns = integers.columns(weights.len());
        let largest = scales.iter().fold(0.0_f64, |largest, &scale| largest.max(scale));
        let steps = if integers == Integers::Int8 { 1.0 } else { MAX_SCALE };
        let mut unit = if largest > 0.0 { (largest / steps).max(least_unit) } else { unit_alone };
        let mut factor = 1.0;
        loop {
            let scale = |&scale: &f64| match integers {
                Integers::Int8 => 1,
                Integers::Int4 if scale > 0.0 => (scale * factor / unit).round().clamp(1.0, MAX_SCALE) as u8,
                Integers::Int4 => 0,
            };
            let scales: Vec<u8> = scales.iter().map(scale).collect();
            let row = Self::round(integers, weights, columns, scales, unit);
            let limit = f64::from(integers.sum_limit());
            let worst = MAX_ACTIVATION * row.worst(columns) as f64;
            if worst < limit {
                return row;
            }
            factor *= (worst / limit).max(1.0 + 1e-4);
            unit = unit.max(largest * factor / steps);
        }
    }

    fn round(integers: Integers, weights: &[f32], columns: usize, scales: Vec<u8>, unit: f64) -> Self {
        let (least, most) = integers.range().into_inner();
        let group = |(weights, &scale): (&[f32], &u8)| {
            let step = unit * f64::from(scale);
            let integer = move |&weight: &f32| {
                if scale == 0 { 0 } else { (f64::from(weight) / step).round().clamp(least, most) as i8 }
            };
            weights.iter().map(integer).collect::<Vec<_>>()
        };
        let weights = weights.chunks(columns).zip(&scales).flat_map(group).collect();
        Self { weights, scales, unit }
    }

    /// Returns the larger one of two sums, in units: of the positive weights, and of the negative ones.
    fn worst(&self, columns: usize) -> i64 {
        let sum = |sign: i32| -> i64 {
            let groups = self.weights.chunks(columns).zip(&self.scales);
            let sum = |weights: &[i8]| weights.iter().map(|&w| i64::from((sign * i32::from(w)).max(0))).sum::<i64>();
            groups.map(|(weights, &scale)| i64::from(scale) * sum(weights)).sum()
        };
        sum(1).max(sum(-1))
    }

    /// Returns the number that each integer weight stands for.
    pub fn values(&self, integers: Integers) -> impl Iterator<Item = f64> + '_ {
        let groups = self.weights.chunks(integers.columns(self.weights.len())).zip(&self.scales);
        groups.flat_map(move |(weights, &scale)| {
            let step = self.unit * f64::from(scale);
            weights.iter().map(move |&weight| step * f64::from(weight))
        })
    }
}

/// A layer's integers.
#[derive(Clone, Debug)]
pub(super) struct IntegerLayer {
    integers: Integers,
    /// The weights row after row, one row for each output.
    pub weights: Vec<i8>,
    /// The scales row after row, one for each group of columns.
    scales: Vec<u8>,
    pub biases: Vec<i32>,
    pub multipliers: Vec<i32>,
    /// The number of rows whose weights are smaller than they could be, so that no sum overflows.
    pub shrunk: usize,
    /// The groups of columns, each as a linear layer of its own.
    groups: Vec<Group>,
}

/// Neighbouring columns that share a scale, as a linear layer without biases. Its sums of integers stay below 2²⁴, so they are exact in binary32.
#[derive(Clone, Debug)]
struct Group {
    /// The columns that it has of each sample's inputs.
    columns: Range<usize>,
    /// The weights row after row, and then a zero for each bias.
    parameters: Vec<f32>,
    /// The scale of each row.
    scales: Vec<f64>,
}

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

impl Group {
    /// Returns all groups of a layer. `weights` and `scales` lie row after row.
    fn all(inputs: usize, columns: usize, weights: &[i8], scales: &[u8]) -> Vec<Self> {
        let groups = inputs.div_ceil(columns);
        let group = |index: usize| {
            let columns = index * columns..inputs.min((index + 1) * columns);
            let weights =
                weights.chunks_exact(inputs).flat_map(|row| &row[columns.clone()]).map(|&weight| weight.into());
            let scales: Vec<_> = scales.iter().skip(index).step_by(groups).map(|&scale| scale.into()).collect();
            let biases = iter::repeat_n(0.0, scales.len());
            Self { parameters: weights.chain(biases).collect(), columns, scales }
        };
        (0..groups).map(group).collect()
    }
}

impl IntegerLayer {
    /// Returns the outputs of samples as integers, `[samples][outputs]`, before they are limited to the range of an activation.
    fn outputs(&self, engine: &Simd, inputs: &[u8]) -> Vec<i32> {
        let outputs = self.biases.len();
        let width = self.groups.last().map_or(0, |group| group.columns.end);
        let multiplied = |sum: f64, factor: i32| ((sum as i64 * i64::from(factor) + (1 << 31)) >> 32) as i32;
        let mut integers = Vec::with_capacity(inputs.len() / width.max(1) * outputs);
        for inputs in inputs.chunks((AT_A_TIME * width).max(1)) {
            for accumulators in rows(&self.accumulators(engine, rows(inputs, width)), outputs) {
                integers
                    .extend(accumulators.iter().zip(&self.multipliers).map(|(&sum, &factor)| multiplied(sum, factor)));
            }
        }
        integers
    }

    /// Returns the sums of samples, `[samples][outputs]`. They are integers, and exact in binary64.
    fn accumulators(&self, engine: &Simd, samples: ChunksExact<'_, u8>) -> Vec<f64> {
        let outputs = self.biases.len();
        let biases: Vec<f64> = self.biases.iter().map(|&bias| bias.into()).collect();
        let mut accumulators = biases.repeat(samples.len());
        let mut sums = vec![0.0; accumulators.len()];
        for Group { columns, parameters, scales } in &self.groups {
            let mut input = Vec::with_capacity(samples.len() * columns.len());
            for sample in samples.clone() {
                input.extend(sample[columns.clone()].iter().map(|&x| f32::from(x)));
            }
            let widths = Widths { inputs: columns.len(), outputs };
            engine.linear_forward::<Identity>(widths, parameters, &input, &mut sums);
            for (accumulators, sums) in rows_mut(&mut accumulators, outputs).zip(rows(&sums, outputs)) {
                for ((accumulator, scale), &sum) in accumulators.iter_mut().zip(scales).zip(sums) {
                    *accumulator += scale * f64::from(sum);
                }
            }
        }
        accumulators
    }

    /// Returns the outputs of samples, `[samples][outputs]`, of a layer that is not the last one.
    pub fn activations(&self, engine: &Simd, inputs: &[u8]) -> Vec<u8> {
        let outputs = self.outputs(engine, inputs).into_iter();
        outputs.map(|output| output.clamp(0, u8::MAX.into()) as u8).collect()
    }

    fn int8(&self) -> Int8Layer<'_> {
        Int8Layer { weights: &self.weights, biases: &self.biases, multipliers: &self.multipliers }
    }

    fn int4(&self) -> Int4Layer<'_> {
        let Self { weights, scales, biases, multipliers, .. } = self;
        Int4Layer { weights, scales, biases, multipliers }
    }
}

/// A network of integers: all its layers.
#[derive(Clone, Debug)]
pub struct IntegerNetwork {
    pub(super) layers: Vec<IntegerLayer>,
    /// The number that an integer output of 1 stands for, in each layer.
    pub(super) output_scales: Vec<f64>,
}

/// A network's numbers for samples.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// The activations of each layer except the last, `[samples][outputs]`.
    pub activations: Vec<Vec<u8>>,
    /// The last layer's outputs, `[samples][outputs]`.
    pub logits: Vec<i32>,
}

impl IntegerNetwork {
    /// Computes all layers for samples.
    pub(super) fn run(&self, engine: &Simd, samples: &[u8]) -> Run {
        let Some((last, hidden)) = self.layers.split_last() else {
            return Run { activations: Vec::new(), logits: Vec::new() };
        };
        let mut activations: Vec<Vec<u8>> = Vec::with_capacity(hidden.len());
        for layer in hidden {
            let outputs = layer.activations(engine, activations.last().map_or(samples, Vec::as_slice));
            activations.push(outputs);
        }
        let logits = last.outputs(engine, activations.last().map_or(samples, Vec::as_slice));
        Run { activations, logits }
    }

    /// Returns the number that an integer logit of 1 stands for.
    pub fn logit_scale(&self) -> f64 {
        self.output_scales.last().copied().unwrap_or(1.0)
    }

    /// Returns the number of rows whose weights are smaller than they could be, so that no sum overflows.
    pub fn shrunk(&self) -> usize {
        self.layers.iter().map(|layer| layer.shrunk).sum()
    }

    /// Returns the network's file.
    ///
    /// # Errors
    ///
    /// The errors of [`quantized::encode`].
    pub fn encode(
        &self,
        architecture: &Architecture,
        signature: &Signature<'_>,
        record: &QuantizationRecord<'_>,
    ) -> Result<Vec<u8>, WeightFileError> {
        match self.layers.first().map_or(Integers::Int8, |layer| layer.integers) {
            Integers::Int8 => {
                let layers: Vec<_> = self.layers.iter().map(IntegerLayer::int8).collect();
                encode::<Int8>(architecture, &layers, signature, record)
            }
            Integers::Int4 => {
                let layers: Vec<_> = self.layers.iter().map(IntegerLayer::int4).collect();
                encode::<Int4>(architecture, &layers, signature, record)
            }
        }
    }
}

/// Returns a file of a format.
///
/// # Errors
///
/// The errors of [`quantized::encode`].
pub(super) fn encode<F: quantized::QuantizedFormat>(
    architecture: &Architecture,
    layers: &[F::Layer<'_>],
    signature: &Signature<'_>,
    record: &QuantizationRecord<'_>,
) -> Result<Vec<u8>, WeightFileError> {
    let len = quantized::encoded_len::<F>(architecture, signature, record).ok_or(WeightFileError::Architecture)?;
    let mut file = vec![0; len];
    let len = quantized::encode::<F>(architecture, layers, signature, record, &mut file)?;
    file.truncate(len);
    Ok(file)
}
