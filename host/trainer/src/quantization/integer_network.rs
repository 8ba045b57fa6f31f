//! The integer network before it is written.

use std::{borrow::Cow, iter, ops::Range, slice::ChunksExact};

use selvedge::{
    Engine, Identity,
    architecture::Architecture,
    engine::{Widths, rows, rows_mut},
    quantized::{Int4, Int4Layer, Int8, Int8Layer, QuantizationRecord},
    shape::Signature,
    weights::WeightFileError,
};

use super::{encode::encode, integers::Integers};
use crate::engine::Simd;

/// The number of samples that a layer takes together, so that their sums and converted inputs need little memory.
const AT_A_TIME: usize = 512;

/// A layer's integers.
#[derive(Clone, Debug)]
pub(super) struct IntegerLayer {
    pub integers: Integers,
    /// The weights row after row, one row for each output.
    pub weights: Vec<i8>,
    /// The scales row after row, one for each group of columns.
    pub scales: Vec<u8>,
    pub biases: Vec<i32>,
    pub multipliers: Vec<i32>,
    /// The number of rows whose weights are smaller than they could be, so that no sum overflows.
    pub shrunk: usize,
    /// The groups of columns, each as a linear layer of its own.
    pub groups: Vec<Group>,
}

/// Neighbouring columns that share a scale, as a linear layer without biases. Its sums of integers stay below 2²⁴, so they are exact in binary32.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// The columns that it has of each sample's inputs.
    columns: Range<usize>,
    /// The weights row after row, and then a zero for each bias.
    parameters: Vec<f32>,
    /// The scale of each row.
    scales: Vec<f64>,
}

impl Group {
    /// Returns all groups of a layer. `weights` and `scales` lie row after row.
    pub fn all(inputs: usize, columns: usize, weights: &[i8], scales: &[u8]) -> Vec<Self> {
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
    /// Returns the sums of samples without the biases, `[samples][outputs]`. Only the weights and their scales decide them.
    pub fn sums(&self, engine: &Simd, inputs: &[u8]) -> Vec<i32> {
        let width = self.groups.last().map_or(0, |group| group.columns.end);
        let mut sums = Vec::with_capacity(inputs.len() / width.max(1) * self.biases.len());
        for inputs in inputs.chunks((AT_A_TIME * width).max(1)) {
            // The absolute value of a sum is below 2³⁰: `Row::fit` makes sure of it.
            sums.extend(self.exact_sums(engine, rows(inputs, width)).into_iter().map(|sum| sum as i32));
        }
        sums
    }

    /// Returns the sums of samples without the biases, `[samples][outputs]`. They are integers, and exact in binary64.
    fn exact_sums(&self, engine: &Simd, samples: ChunksExact<'_, u8>) -> Vec<f64> {
        let outputs = self.biases.len();
        let mut accumulators = vec![0.0_f64; samples.len() * outputs];
        let mut sums = vec![0.0_f32; accumulators.len()];
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

    /// Returns the outputs of samples, `[samples][outputs]`. Each is computed as an integer, and then converted.
    fn outputs<T: Clone + Default + Send>(
        &self,
        engine: &Simd,
        sums: &[i32],
        convert: impl Fn(i32) -> T + Sync,
    ) -> Vec<T> {
        let width = self.biases.len();
        let mut outputs = vec![T::default(); sums.len()];
        engine.share_out(width, &mut outputs, |first, outputs| {
            for (outputs, sums) in rows_mut(outputs, width).zip(rows(&sums[first * width..], width)) {
                let factors = self.biases.iter().zip(&self.multipliers);
                for ((output, &sum), (&bias, &multiplier)) in outputs.iter_mut().zip(sums).zip(factors) {
                    // The absolute values of both are below 2³⁰, so their sum fits into 32 bits.
                    let product = i64::from(sum + bias) * i64::from(multiplier);
                    *output = convert(((product + (1 << 31)) >> 32) as i32);
                }
            }
        });
        outputs
    }

    /// Returns the outputs of a layer that is not the last one, as the next layer takes them.
    pub fn activations(&self, engine: &Simd, sums: &[i32]) -> Vec<u8> {
        self.outputs(engine, sums, |output| output.clamp(0, u8::MAX.into()) as u8)
    }

    fn int8(&self) -> Int8Layer<'_> {
        Int8Layer { weights: &self.weights, biases: &self.biases, multipliers: &self.multipliers }
    }

    fn int4(&self) -> Int4Layer<'_> {
        let Self { weights, scales, biases, multipliers, .. } = self;
        Int4Layer { weights, scales, biases, multipliers }
    }
}

/// The sums of a network's first layer for samples. They are kept for the next network whose first layer has the same weights.
pub(super) struct FirstSums<'a> {
    samples: &'a [u8],
    /// The weights of the layer that gave the sums.
    weights: Vec<i8>,
    /// The scales of these weights.
    scales: Vec<u8>,
    sums: Vec<i32>,
}

impl<'a> FirstSums<'a> {
    pub const fn new(samples: &'a [u8]) -> Self {
        Self { samples, weights: Vec::new(), scales: Vec::new(), sums: Vec::new() }
    }

    /// Returns the layer's sums without the biases, `[samples][outputs]`.
    pub fn of_layer(&mut self, engine: &Simd, layer: &IntegerLayer) -> &[i32] {
        let is_kept = self.weights == layer.weights && self.scales == layer.scales;
        if !is_kept {
            self.sums = layer.sums(engine, self.samples);
            (self.weights, self.scales) = (layer.weights.clone(), layer.scales.clone());
        }
        &self.sums
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
        self.run_keeping(engine, &mut FirstSums::new(samples))
    }

    /// Computes all layers for the samples of `first`, which keeps the first layer's sums for the next network.
    pub(super) fn run_keeping(&self, engine: &Simd, first: &mut FirstSums<'_>) -> Run {
        let mut activations: Vec<Vec<u8>> = Vec::new();
        let mut logits = Vec::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let sums = match activations.last() {
                None => Cow::from(first.of_layer(engine, layer)),
                Some(inputs) => layer.sums(engine, inputs).into(),
            };
            if index + 1 < self.layers.len() {
                activations.push(layer.activations(engine, &sums));
            } else {
                logits = layer.outputs(engine, &sums, |output| output);
            }
        }
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
    /// The errors of [`selvedge::quantized::encode`].
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
