//! The scales by each method, and the integer network that a combination of methods gives.

use std::borrow::Cow;

use selvedge::engine::rows;

use super::{
    QuantizationError, Quantizer, Reference,
    integer_network::{FirstSums, IntegerNetwork},
    integers::Integers,
    layer_plan::{LayerPlan, Means, PIXEL_SCALE},
    reference::LinearLayer,
    scales::{ActivationMethod, WeightMethod},
    search::FineTuned,
    threads::for_each,
};
use crate::{data::Split, engine::Simd};

/// The largest number of training samples from which scales are computed.
const CALIBRATION: usize = 10_000;

/// Returns the samples from which scales are computed.
pub fn samples(train: &Split) -> Cow<'_, [u8]> {
    train.part(0..CALIBRATION.min(train.len()))
}

/// Returns each layer's scales by a method: one for each row and group of columns.
pub fn weight_scales(engine: &Simd, integers: Integers, reference: &Reference, method: WeightMethod) -> Vec<Vec<f64>> {
    let layer = |layer: LinearLayer<'_>| {
        let columns = integers.columns(layer.inputs);
        let groups: Vec<&[f32]> = layer.weight.chunks_exact(layer.inputs).flat_map(|row| row.chunks(columns)).collect();
        for_each(engine, &groups, |group| method.scale(group, integers.range()))
    };
    reference.layers().map(layer).collect()
}

/// A combination of methods.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// The place of the weights' method in [`Calibration`]'s list.
    weights: usize,
    activations: ActivationMethod,
    corrects_bias: bool,
}

/// The ranges and means that the calibration samples give.
pub struct Calibration<'a> {
    engine: &'a Simd,
    integers: Integers,
    reference: &'a Reference,
    values: &'a [u8],
    /// The scales of weights by each method.
    weights: Vec<WeightScales<'a>>,
    layers: Vec<LayerCalibration>,
}

struct WeightScales<'a> {
    /// The method's name.
    name: Cow<'a, str>,
    /// Each layer's scales.
    layers: Cow<'a, [Vec<f64>]>,
}

struct LayerCalibration {
    /// The means of the sums.
    means: Vec<f64>,
    /// The output's scale by each method.
    output_scales: Vec<(ActivationMethod, f64)>,
}

impl<'a> Calibration<'a> {
    /// Computes the scales of weights and activations, and the means of the sums.
    pub fn new(quantizer: &'a Quantizer<'_>, values: &'a [u8]) -> Self {
        let Quantizer { engine, integers, ordered: reference, fine_tuned, .. } = quantizer;
        let samples = values.len() / reference.network().inputs();
        let layer = |(layer, sums): (LinearLayer<'_>, Vec<f32>)| {
            let mut means = vec![0.0; layer.outputs];
            for sums in rows(&sums, layer.outputs) {
                means.iter_mut().zip(sums).for_each(|(mean, &sum)| *mean += f64::from(sum) / samples as f64);
            }
            let mut positive: Vec<f32> = sums.into_iter().filter(|&sum| sum > 0.0).collect();
            positive.sort_unstable_by(f32::total_cmp);
            let scale = |&method: &ActivationMethod| (method, method.scale(&positive));
            LayerCalibration { means, output_scales: for_each(engine, &ActivationMethod::ALL, scale) }
        };
        let layers = reference.layers().zip(reference.sums(engine, values)).map(layer).collect();
        let by_method = |method: WeightMethod| WeightScales {
            name: method.name().into(),
            layers: weight_scales(engine, *integers, reference, method).into(),
        };
        let weights = match fine_tuned {
            Some(FineTuned { description, scales }) => {
                vec![WeightScales { name: description.into(), layers: scales.into() }]
            }
            None => WeightMethod::ALL.into_iter().map(by_method).collect(),
        };
        Self { engine, integers: *integers, reference, values, weights, layers }
    }

    /// Returns all combinations of methods.
    pub fn methods(&self) -> Vec<Method> {
        let mut all = Vec::new();
        for weights in 0..self.weights.len() {
            for activations in ActivationMethod::ALL {
                all.extend([false, true].map(|corrects_bias| Method { weights, activations, corrects_bias }));
            }
        }
        all
    }

    /// Returns the names of the methods, in one line.
    pub fn describe(&self, method: Method) -> String {
        let correction = if method.corrects_bias { "corrected" } else { "as they are" };
        let weights = &self.weights[method.weights].name;
        format!("weights {weights}, activations {}, biases {correction}", method.activations.name())
    }

    /// Returns the integer network by a combination of methods. `first` has the calibration samples.
    pub fn quantize(&self, method: Method, first: &mut FirstSums<'_>) -> Result<IntegerNetwork, QuantizationError> {
        let mut network = IntegerNetwork { layers: Vec::new(), output_scales: Vec::new() };
        let mut input_scale = PIXEL_SCALE;
        let mut inputs = Cow::from(self.values);
        let scales = &self.weights[method.weights].layers;
        for (index, (layer, calibration)) in self.reference.layers().zip(&self.layers).enumerate() {
            let is_last = index + 1 == self.layers.len();
            let plan = LayerPlan {
                index,
                integers: self.integers,
                float: layer,
                scales: &scales[index],
                input_scale,
                output_scale: (!is_last).then(|| calibration.output_scale(method.activations)),
            };
            let integers;
            if method.corrects_bias {
                let means = means(layer.inputs, &inputs);
                (integers, input_scale) = plan.quantize(Some(&Means { inputs: &means, sums: &calibration.means }))?;
                if !is_last {
                    let sums = match index {
                        0 => Cow::from(first.of_layer(self.engine, &integers)),
                        _ => integers.sums(self.engine, &inputs).into(),
                    };
                    inputs = integers.activations(self.engine, &sums).into();
                }
            } else {
                (integers, input_scale) = plan.quantize(None)?;
            }
            network.layers.push(integers);
            network.output_scales.push(input_scale);
        }
        Ok(network)
    }
}

impl LayerCalibration {
    fn output_scale(&self, method: ActivationMethod) -> f64 {
        let scale = self.output_scales.iter().find(|(of, _)| *of == method);
        scale.map(|&(_, scale)| scale).expect("each method has its scale")
    }
}

/// Returns the mean of each of `width` inputs over the samples, `[samples][width]`.
fn means(width: usize, samples: &[u8]) -> Vec<f64> {
    let samples = rows(samples, width);
    let mut sums = vec![0_u64; width];
    for sample in samples.clone() {
        sums.iter_mut().zip(sample).for_each(|(sum, &x)| *sum += u64::from(x));
    }
    sums.into_iter().map(|sum| sum as f64 / samples.len() as f64).collect()
}
