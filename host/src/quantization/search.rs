//! The search for the best methods, by trials.

use std::borrow::Cow;

use selvedge::{
    Engine,
    architecture::Architecture,
    classification::argmax,
    engine::rows,
    quantized::QuantizationRecord,
    shape::{InputShape, Signature},
};

use super::{
    F16Network, QuantizationError, Reference,
    integer::{IntegerNetwork, Integers, LayerPlan, Means, PIXEL_SCALE},
    order::Activity,
    outputs::{SampleOutputs, Values},
    reference::LinearLayer,
    scales::{ActivationMethod, WeightMethod},
    threads::for_each,
};
use crate::{
    classes::Classes,
    data::{Dataset, Split},
    task::{Targets, TaskBuf},
};

/// The largest number of training samples that are held out for the choice. If there are few samples, a fifth is held out.
const HELD_OUT: usize = 10_000;
/// The largest number of training samples from which scales are computed.
const CALIBRATION: usize = 10_000;
/// The seed of the choice of held-out samples.
const SEED: u64 = 42;

/// Turns a model into a network of integers.
pub struct Quantizer<'a, E> {
    pub(super) engine: &'a E,
    pub(super) integers: Integers,
    /// The training samples without those that are held out.
    pub(super) train: Split,
    pub(super) held_out: HeldOut,
    pub(super) data_name: String,
    pub(super) input: InputShape,
    pub(super) classes: Classes,
    pub(super) task: TaskBuf,
    /// The hidden layers' orders in the file.
    orders: Vec<Vec<usize>>,
    /// The model with its units in this order, fine-tuned if it was asked for.
    pub(super) ordered: Reference,
    pub(super) fine_tuned: Option<FineTuned>,
}

/// The rounding of weights in fine-tuning.
pub(super) struct FineTuned {
    pub description: String,
    /// Each layer's scales: one for each row and group of columns.
    pub scales: Vec<Vec<f64>>,
}

impl<'a, E: Engine> Quantizer<'a, E> {
    /// Holds out training samples for the choice, and finds an order of the model's hidden units.
    ///
    /// # Errors
    ///
    /// [`QuantizationError::Samples`] for too few training samples.
    pub fn new(
        engine: &'a E,
        reference: &Reference,
        integers: Integers,
        mut data: Dataset,
    ) -> Result<Self, QuantizationError> {
        const LEAST: usize = 5;
        let found = data.train.len();
        if found < LEAST {
            return Err(QuantizationError::Samples { data: data.name, found, least: LEAST });
        }
        data.hold_out((found / LEAST).min(HELD_OUT), SEED);
        let held_out = HeldOut::new(engine, reference, data.validation.take().expect("samples were held out"));
        let orders = orders(engine, reference, &calibration(&data.train));
        let ordered = reference.ordered(&orders)?;
        Ok(Self {
            engine,
            integers,
            train: data.train,
            held_out,
            data_name: data.name,
            input: data.input,
            classes: data.classes,
            task: data.task,
            orders,
            ordered,
            fine_tuned: None,
        })
    }

    /// Tries all combinations of methods. It calls `see` with the number of trials that are done, and the number of all trials.
    ///
    /// # Errors
    ///
    /// [`QuantizationError::Range`] if no trial finds integers within their range.
    pub fn search(self, mut see: impl FnMut(usize, usize)) -> Result<Quantized, QuantizationError> {
        let values = calibration(&self.train);
        let samples = values.len() / self.train.features();
        let calibration = Calibration::new(&self, &values);
        let mut best: Option<Trial> = None;
        let mut first_error = None;
        let trials = calibration.methods();
        for (done, method) in trials.iter().enumerate() {
            see(done, trials.len());
            match calibration.quantize(*method) {
                Ok(network) => {
                    let trial = self.held_out.try_out(self.engine, *method, network);
                    if best.as_ref().is_none_or(|best| trial.is_better_than(best)) {
                        best = Some(trial);
                    }
                }
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        see(trials.len(), trials.len());
        let Some(Trial { method, network, right, .. }) = best else {
            return Err(self.in_the_models_order(first_error.expect("there are trials")));
        };
        let held_out = self.held_out.split.len();
        Ok(Quantized {
            network,
            method: format!(
                "{}, on {samples} training samples of {}",
                calibration.describe(method),
                self.data_name.escape_default()
            ),
            held_out_accuracy: self.held_out.accuracy(right),
            held_out,
            architecture: self.ordered.architecture().clone(),
            orders: self.orders,
        })
    }

    /// Returns the error with the model's number of the output, and with a format that can hold the model.
    fn in_the_models_order(&self, error: QuantizationError) -> QuantizationError {
        let QuantizationError::Range { layer, row, .. } = error else { return error };
        // The last layer's outputs are the classes, which keep their order.
        let row = self.orders.get(layer).and_then(|order| order.get(row)).copied().unwrap_or(row);
        let instead = if F16Network::new(&self.ordered).is_ok() { "f16" } else { "f32" };
        QuantizationError::Range { layer, row, instead }
    }
}

/// Returns the samples from which scales are computed.
fn calibration(train: &Split) -> Cow<'_, [u8]> {
    train.part(0..CALIBRATION.min(train.len()))
}

/// An integer network, and the way in which it was chosen.
#[derive(Debug)]
pub struct Quantized {
    /// The integers. The units are in the file's order.
    network: IntegerNetwork,
    /// The hidden layers' orders in the file.
    orders: Vec<Vec<usize>>,
    architecture: Architecture,
    method: String,
    /// The fraction of the held-out samples, or of their labels, that is right. `None` for a regression.
    pub held_out_accuracy: Option<f64>,
    /// The number of held-out samples.
    pub held_out: usize,
}

impl Quantized {
    /// Returns the chosen methods, in one line.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Returns the number of outputs whose weights are smaller than they could be, so that no sum overflows.
    pub fn shrunk(&self) -> usize {
        self.network.shrunk()
    }

    /// Returns the hidden layers' orders in the file.
    pub fn orders(&self) -> &[Vec<usize>] {
        &self.orders
    }

    /// Returns the numbers that the network's integers stand for, for each sample.
    pub fn outputs<E: Engine>(&self, engine: &E, values: &[u8]) -> Vec<SampleOutputs> {
        let samples: Vec<_> = values.chunks_exact(self.architecture.inputs()).collect();
        for_each(engine, &samples, |sample| self.of_sample(sample))
    }

    fn of_sample(&self, sample: &[u8]) -> SampleOutputs {
        let run = self.network.run(sample);
        let hidden = run.activations.iter().zip(&self.orders).zip(&self.network.output_scales);
        let in_models_order = hidden.map(|((activations, order), scale)| {
            let mut values = vec![0.0; activations.len()];
            for (&unit, &activation) in order.iter().zip(activations) {
                values[unit] = scale * f64::from(activation);
            }
            values
        });
        let scale = self.network.logit_scale();
        let logits = run.logits.iter().map(|&logit| scale * f64::from(logit)).collect();
        SampleOutputs { class: argmax(&run.logits), values: Values { activations: in_models_order.collect(), logits } }
    }

    /// Returns the network's file.
    ///
    /// # Errors
    ///
    /// [`QuantizationError::LogitScale`] if the logits' scale is outside a float32's range. [`QuantizationError::File`] for a network or a
    /// signature that the format cannot hold.
    pub fn encode(
        &self,
        signature: &Signature<'_>,
        source: [u8; 32],
        [float_accuracy, accuracy]: [f64; 2],
    ) -> Result<Vec<u8>, QuantizationError> {
        let logit_scale = self.network.logit_scale() as f32;
        if !(logit_scale.is_finite() && logit_scale > 0.0) {
            return Err(QuantizationError::LogitScale { scale: self.network.logit_scale() });
        }
        let record = QuantizationRecord {
            source: &source,
            logit_scale,
            float_accuracy: float_accuracy as f32,
            accuracy: accuracy as f32,
            method: self.method.as_bytes(),
        };
        Ok(self.network.encode(&self.architecture, signature, &record)?)
    }
}

/// The widest layer whose units are ordered. The work and the memory grow with the square of the width.
const WIDEST_ORDERED: usize = 4096;

/// Returns an order of each hidden layer's units in which units that are active together are neighbours. Wider layers keep the model's
/// order.
fn orders<E: Engine>(engine: &E, reference: &Reference, values: &[u8]) -> Vec<Vec<usize>> {
    let mut layers: Vec<Vec<bool>> = Vec::new();
    for sums in reference.sums(engine, values) {
        layers.push(sums.into_iter().map(|sum| sum > 0.0).collect());
    }
    layers.pop();
    let order = |(layer, is_active): (LinearLayer<'_>, &Vec<bool>)| match layer.outputs {
        width @ ..=WIDEST_ORDERED => Activity::of(width, rows(is_active, width)).order(),
        width => (0..width).collect(),
    };
    reference.layers().zip(&layers).map(order).collect()
}

/// Returns each layer's scales by a method: one for each row and group of columns.
pub(super) fn weight_scales<E: Engine>(
    engine: &E,
    integers: Integers,
    reference: &Reference,
    method: WeightMethod,
) -> Vec<Vec<f64>> {
    let layer = |layer: LinearLayer<'_>| {
        let columns = integers.columns(layer.inputs);
        let groups: Vec<&[f32]> = layer.weight.chunks_exact(layer.inputs).flat_map(|row| row.chunks(columns)).collect();
        for_each(engine, &groups, |group| method.scale(group, integers.range()))
    };
    reference.layers().map(layer).collect()
}

/// A combination of methods.
#[derive(Clone, Copy, Debug)]
struct Method {
    /// The place of the weights' method in [`Calibration`]'s list.
    weights: usize,
    activations: ActivationMethod,
    corrects_bias: bool,
}

/// The ranges and means that the calibration samples give.
struct Calibration<'a, E> {
    engine: &'a E,
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

impl<'a, E: Engine> Calibration<'a, E> {
    fn new(quantizer: &'a Quantizer<'_, E>, values: &'a [u8]) -> Self {
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
            LayerCalibration { means, output_scales: for_each(*engine, &ActivationMethod::ALL, scale) }
        };
        let layers = reference.layers().zip(reference.sums(*engine, values)).map(layer).collect();
        let by_method = |method: WeightMethod| WeightScales {
            name: method.name().into(),
            layers: weight_scales(*engine, *integers, reference, method).into(),
        };
        let weights = match fine_tuned {
            Some(FineTuned { description, scales }) => {
                vec![WeightScales { name: description.into(), layers: scales.into() }]
            }
            None => WeightMethod::ALL.into_iter().map(by_method).collect(),
        };
        Self { engine: *engine, integers: *integers, reference, values, weights, layers }
    }

    fn methods(&self) -> Vec<Method> {
        let mut all = Vec::new();
        for weights in 0..self.weights.len() {
            for activations in ActivationMethod::ALL {
                all.extend([false, true].map(|corrects_bias| Method { weights, activations, corrects_bias }));
            }
        }
        all
    }

    fn describe(&self, method: Method) -> String {
        let correction = if method.corrects_bias { "corrected" } else { "as they are" };
        let weights = &self.weights[method.weights].name;
        format!("weights {weights}, activations {}, biases {correction}", method.activations.name())
    }

    /// Returns the integer network by a combination of methods.
    fn quantize(&self, method: Method) -> Result<IntegerNetwork, QuantizationError> {
        let mut network = IntegerNetwork { layers: Vec::new(), output_scales: Vec::new() };
        let mut input_scale = PIXEL_SCALE;
        let samples = self.values.chunks_exact(self.reference.network().inputs());
        let mut inputs: Vec<Cow<'_, [u8]>> = samples.map(Cow::from).collect();
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
                    inputs = for_each(self.engine, &inputs, |inputs| integers.activations(inputs).into());
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

fn means(width: usize, samples: &[Cow<'_, [u8]>]) -> Vec<f64> {
    let mut sums = vec![0_u64; width];
    for sample in samples {
        sums.iter_mut().zip(&**sample).for_each(|(sum, &x)| *sum += u64::from(x));
    }
    sums.into_iter().map(|sum| sum as f64 / samples.len() as f64).collect()
}

/// The samples for the choice, and the floating-point network's logits.
pub(super) struct HeldOut {
    pub split: Split,
    /// The logits, `[samples][outputs]`.
    logits: Vec<f32>,
}

impl HeldOut {
    fn new<E: Engine>(engine: &E, reference: &Reference, split: Split) -> Self {
        let logits = reference.sums(engine, &split.values()).pop().unwrap_or_default();
        Self { split, logits }
    }

    /// Returns the accuracy: `right` divided by the number of samples, or of their labels.
    fn accuracy(&self, right: usize) -> Option<f64> {
        let all = match self.split.targets() {
            Targets::Classes(labels) => labels.len(),
            Targets::Labels(labels) => labels.numbers().len(),
            Targets::Values(_) => return None,
        };
        Some(right as f64 / all as f64)
    }

    fn try_out<E: Engine>(&self, engine: &E, method: Method, network: IntegerNetwork) -> Trial {
        let scale = network.logit_scale();
        let samples: Vec<_> = self.split.samples().collect();
        let logits = for_each(engine, &samples, |sample| network.run(sample).logits);
        let floats = rows(&self.logits, self.logits.len() / samples.len().max(1));
        let (mut right, mut squared_error) = (0, 0.0);
        for (index, (integers, floats)) in logits.iter().zip(floats).enumerate() {
            right += match self.split.targets() {
                Targets::Classes(labels) => usize::from(argmax(integers) == usize::from(labels[index])),
                Targets::Labels(labels) => {
                    let labels = labels.row(index).iter().zip(integers);
                    labels.filter(|&(&label, &integer)| (label > 0.0) == (integer > 0)).count()
                }
                Targets::Values(_) => 0,
            };
            let error = |(&integer, &float): (&i32, &f32)| (scale * f64::from(integer) - f64::from(float)).powi(2);
            squared_error += integers.iter().zip(floats).map(error).sum::<f64>();
        }
        Trial { method, network, right, squared_error }
    }
}

/// A combination of methods that was tried.
struct Trial {
    method: Method,
    network: IntegerNetwork,
    right: usize,
    squared_error: f64,
}

impl Trial {
    fn is_better_than(&self, other: &Self) -> bool {
        self.right > other.right || (self.right == other.right && self.squared_error < other.squared_error)
    }
}
