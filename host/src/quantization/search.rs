//! The trials.

use std::borrow::Cow;

use selvedge::{
    Engine, architecture::Architecture, classification::argmax, idx::Image, quantized::QuantizationRecord,
    weights::WeightFileError,
};

use super::{
    FloatNetwork, QuantizationError,
    float::FloatLayer,
    integer::{IntegerLayer, IntegerNetwork, LayerPlan, Means, PIXEL_SCALE, Run},
    order::Activity,
    scales::{ActivationMethod, WeightMethod},
};
use crate::data::{Dataset, Split};

/// Training images that are held out to choose by, at most; where there are few, a fifth.
const HELD_OUT: usize = 10_000;
/// Training images that scales are made of, at most.
const CALIBRATION: usize = 10_000;
/// The seed of which images are held out.
const SEED: u64 = 42;

/// An integer network, and how it was chosen.
#[derive(Debug)]
pub struct Quantized {
    /// The integers, units in the model's order.
    pub(super) network: IntegerNetwork,
    /// The hidden layers' orders in the file.
    pub(super) orders: Vec<Vec<usize>>,
    architecture: Architecture,
    method: String,
    /// The accuracy on the images that were held out.
    pub held_out_accuracy: f64,
    /// How many these were.
    pub held_out: usize,
}

impl Quantized {
    /// What was chosen, in one line.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Outputs whose weights are smaller than they might be, so that no sum overflows.
    pub fn shrunk(&self) -> usize {
        self.network.shrunk()
    }

    /// The network's file.
    ///
    /// # Errors
    ///
    /// [`WeightFileError`] for a network or an accuracy that the format cannot hold.
    pub fn encode(&self, source: [u8; 32], [float_accuracy, accuracy]: [f64; 2]) -> Result<Vec<u8>, WeightFileError> {
        let record = QuantizationRecord {
            source: &source,
            logit_scale: self.network.logit_scale() as f32,
            float_accuracy: float_accuracy as f32,
            accuracy: accuracy as f32,
            method: self.method.as_bytes(),
        };
        self.network.ordered(&self.orders).encode(&self.architecture, &record)
    }
}

/// Makes a model an integer network; `see` is told how many of how many trials are done.
///
/// # Errors
///
/// [`QuantizationError::Images`] for too few training images; [`QuantizationError::Range`] where no trial's integers have a place in their
/// range.
pub fn quantize<E: Engine>(
    engine: &E,
    float: &FloatNetwork,
    mut data: Dataset,
    mut see: impl FnMut(usize, usize),
) -> Result<Quantized, QuantizationError> {
    const LEAST: usize = 5;
    let found = data.train.images.len();
    if found < LEAST {
        return Err(QuantizationError::Images { found, least: LEAST });
    }
    data.hold_out((found / LEAST).min(HELD_OUT), SEED);
    data.truncate(CALIBRATION.min(data.train.images.len()));
    let calibration = Calibration::new(engine, float, &data.train.images);
    let held_out = HeldOut::new(engine, float, data.validation.take().expect("images were held out"));

    let mut best: Option<Trial> = None;
    let mut first_error = None;
    let trials = Method::all();
    for (done, method) in trials.iter().enumerate() {
        see(done, trials.len());
        match calibration.quantize(engine, float, *method) {
            Ok(network) => {
                let trial = held_out.try_out(engine, *method, network);
                if best.as_ref().is_none_or(|best| trial.is_better_than(best)) {
                    best = Some(trial);
                }
            }
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    see(trials.len(), trials.len());
    let Some(Trial { method, network, right, .. }) = best else {
        return Err(first_error.expect("there are trials"));
    };
    let runs = for_each(engine, &data.train.images, |image| network.run(image));
    let orders = activities(&network, &runs).iter().map(Activity::order).collect();
    Ok(Quantized {
        network,
        orders,
        architecture: float.architecture().clone(),
        method: format!("{}, on {} training images of {}", method.describe(), data.train.images.len(), data.name),
        held_out_accuracy: right as f64 / held_out.split.images.len() as f64,
        held_out: held_out.split.images.len(),
    })
}

/// What becomes of each item, in their order, computed on all threads.
pub(super) fn for_each<E: Engine, I: Sync, T: Send>(engine: &E, items: &[I], work: impl Fn(&I) -> T + Sync) -> Vec<T> {
    let mut results: Vec<Option<T>> = items.iter().map(|_| None).collect();
    engine.share_out(&mut results, |first, results| {
        for (result, item) in results.iter_mut().zip(&items[first..]) {
            *result = Some(work(item));
        }
    });
    results.into_iter().flatten().collect()
}

/// When the hidden layers' units fire.
pub(super) fn activities(network: &IntegerNetwork, runs: &[Run]) -> Vec<Activity> {
    let hidden = network.layers.split_last().map_or(&[][..], |(_, hidden)| hidden);
    let of = |(index, layer): (usize, &IntegerLayer)| {
        Activity::of(layer.biases.len(), runs.iter().map(|run| run.activations[index].as_slice()))
    };
    hidden.iter().enumerate().map(of).collect()
}

/// A combination of methods.
#[derive(Clone, Copy, Debug)]
struct Method {
    weights: WeightMethod,
    activations: ActivationMethod,
    corrects_bias: bool,
}

impl Method {
    fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for weights in WeightMethod::ALL {
            for activations in ActivationMethod::ALL {
                all.extend([false, true].map(|corrects_bias| Self { weights, activations, corrects_bias }));
            }
        }
        all
    }

    fn describe(&self) -> String {
        let correction = if self.corrects_bias { "corrected" } else { "as they are" };
        let Self { weights, activations, .. } = self;
        format!("weights {}, activations {}, biases {correction}", weights.name(), activations.name())
    }
}

/// What the calibration images tell.
struct Calibration<'a> {
    images: &'a [Image],
    layers: Vec<LayerCalibration>,
}

struct LayerCalibration {
    /// The sums' means.
    means: Vec<f64>,
    /// Each row's scale by each method.
    weight_scales: Vec<(WeightMethod, Vec<f64>)>,
    /// The output's scale by each method.
    output_scales: Vec<(ActivationMethod, f64)>,
}

impl<'a> Calibration<'a> {
    fn new<E: Engine>(engine: &E, float: &FloatNetwork, images: &'a [Image]) -> Self {
        let runs = for_each(engine, images, |image| float.run(image));
        let layer = |(index, layer): (usize, &FloatLayer)| {
            let sums = || runs.iter().map(|layers| &layers[index]);
            let mut means = vec![0.0; layer.outputs];
            for sums in sums() {
                means.iter_mut().zip(sums).for_each(|(mean, &sum)| *mean += f64::from(sum) / images.len() as f64);
            }
            let mut positive: Vec<f32> = sums().flatten().copied().filter(|&sum| sum > 0.0).collect();
            positive.sort_unstable_by(f32::total_cmp);
            let rows: Vec<&[f32]> = layer.weight.chunks_exact(layer.inputs).collect();
            LayerCalibration {
                means,
                weight_scales: WeightMethod::ALL
                    .map(|method| (method, for_each(engine, &rows, |row| method.scale(row))))
                    .into(),
                output_scales: for_each(engine, &ActivationMethod::ALL, |&method| (method, method.scale(&positive))),
            }
        };
        Self { images, layers: float.layers.iter().enumerate().map(layer).collect() }
    }

    /// The integer network by a combination of methods.
    fn quantize<E: Engine>(
        &self,
        engine: &E,
        float: &FloatNetwork,
        method: Method,
    ) -> Result<IntegerNetwork, QuantizationError> {
        let mut network = IntegerNetwork { layers: Vec::new(), output_scales: Vec::new() };
        let mut input_scale = PIXEL_SCALE;
        let mut inputs: Vec<Cow<'_, [u8]>> = self.images.iter().map(|image| Cow::from(&image[..])).collect();
        for (index, (layer, calibration)) in float.layers.iter().zip(&self.layers).enumerate() {
            let is_last = index + 1 == float.layers.len();
            let plan = LayerPlan {
                index,
                float: layer,
                scales: of_method::<_, Vec<f64>>(&calibration.weight_scales, method.weights),
                input_scale,
                output_scale: (!is_last).then_some(*of_method(&calibration.output_scales, method.activations)),
            };
            let integers;
            if method.corrects_bias {
                let means = means(layer.inputs, &inputs);
                (integers, input_scale) = plan.quantize(Some(&Means { inputs: &means, sums: &calibration.means }))?;
                if !is_last {
                    inputs = for_each(engine, &inputs, |inputs| integers.activations(inputs).into());
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

fn of_method<M: PartialEq, T>(values: &[(M, T)], method: M) -> &T {
    let value = values.iter().find(|(of, _)| *of == method);
    value.map(|(_, value)| value).expect("each method has its value")
}

fn means(width: usize, samples: &[Cow<'_, [u8]>]) -> Vec<f64> {
    let mut sums = vec![0_u64; width];
    for sample in samples {
        sums.iter_mut().zip(&**sample).for_each(|(sum, &x)| *sum += u64::from(x));
    }
    sums.into_iter().map(|sum| sum as f64 / samples.len() as f64).collect()
}

/// The images to choose by, and the floating-point network's logits.
struct HeldOut {
    split: Split,
    logits: Vec<Vec<f32>>,
}

impl HeldOut {
    fn new<E: Engine>(engine: &E, float: &FloatNetwork, split: Split) -> Self {
        let logits = for_each(engine, &split.images, |image| float.run(image).pop().unwrap_or_default());
        Self { split, logits }
    }

    fn try_out<E: Engine>(&self, engine: &E, method: Method, network: IntegerNetwork) -> Trial {
        let scale = network.logit_scale();
        let logits = for_each(engine, &self.split.images, |image| network.run(image).logits);
        let (mut right, mut squared_error) = (0, 0.0);
        for ((integers, floats), &label) in logits.iter().zip(&self.logits).zip(&self.split.labels) {
            right += usize::from(argmax(integers) == usize::from(label));
            let error = |(&integer, &float): (&i32, &f32)| (scale * f64::from(integer) - f64::from(float)).powi(2);
            squared_error += integers.iter().zip(floats).map(error).sum::<f64>();
        }
        Trial { method, network, right, squared_error }
    }
}

/// A combination of methods, tried.
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
