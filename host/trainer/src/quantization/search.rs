//! The search for the best combination of methods, by trials on held-out samples.

use selvedge::{classification::argmax, engine::rows, shape::InputShape};

use super::{
    F16Network, QuantizationError, Quantized, Reference,
    calibration::{self, Calibration, Method},
    integer_network::{FirstSums, IntegerNetwork},
    integers::Integers,
    order::Activity,
    reference::LinearLayer,
};
use crate::{
    classes::Classes,
    data::{Dataset, Split},
    engine::Simd,
    task::{Targets, TaskBuf},
};

/// The largest number of training samples that are held out for the choice. If there are few samples, a fifth is held out.
const HELD_OUT: usize = 10_000;
/// The seed of the choice of held-out samples.
const SEED: u64 = 42;

/// Turns a model into a network of integers.
pub struct Quantizer<'a> {
    pub(super) engine: &'a Simd,
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

impl<'a> Quantizer<'a> {
    /// Holds out training samples for the choice, and finds an order of the model's hidden units.
    ///
    /// A sample of `data` must be bytes, one for each input. For other data, make a [`Coding`](super::Coding) first. Then `data` is
    /// [`Coding::data`](super::Coding::data), and `reference` is [`Coding::fold`](super::Coding::fold).
    ///
    /// # Errors
    ///
    /// [`QuantizationError::Samples`] for fewer than 5 training samples. [`QuantizationError::Network`] if there is not enough memory.
    pub fn new(
        engine: &'a Simd,
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
        let orders = orders(engine, reference, &calibration::samples(&data.train));
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
    pub fn search(self, see: &mut dyn FnMut(usize, usize)) -> Result<Quantized, QuantizationError> {
        let values = calibration::samples(&self.train);
        let samples = values.len() / self.train.features();
        let calibration = Calibration::new(&self, &values);
        let held_out = self.held_out.split.values();
        // Many trials have the same weights in the first layer, which takes longest.
        let [mut first_of_calibration, mut first_of_held_out] =
            [&values, &held_out].map(|samples| FirstSums::new(samples));
        let mut best: Option<Trial> = None;
        let mut first_error = None;
        let trials = calibration.methods();
        for (done, method) in trials.iter().enumerate() {
            see(done, trials.len());
            match calibration.quantize(*method, &mut first_of_calibration) {
                Ok(network) => {
                    let trial = self.held_out.try_out(self.engine, *method, network, &mut first_of_held_out);
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

/// The widest layer whose units are ordered. The work and the memory grow with the square of the width.
const WIDEST_ORDERED: usize = 4096;

/// Returns an order of each hidden layer's units in which units that are active together are neighbours. Wider layers keep the model's
/// order.
fn orders(engine: &Simd, reference: &Reference, values: &[u8]) -> Vec<Vec<usize>> {
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

/// The samples for the choice, and the floating-point network's logits.
pub(super) struct HeldOut {
    pub split: Split,
    /// The logits, `[samples][outputs]`.
    logits: Vec<f32>,
}

impl HeldOut {
    fn new(engine: &Simd, reference: &Reference, split: Split) -> Self {
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

    /// Runs the network on the held-out samples. `first` has these samples.
    fn try_out(&self, engine: &Simd, method: Method, network: IntegerNetwork, first: &mut FirstSums<'_>) -> Trial {
        let scale = network.logit_scale();
        let logits = network.run_keeping(engine, first).logits;
        let outputs = logits.len() / self.split.len().max(1);
        let (mut right, mut squared_error) = (0, 0.0);
        for (index, (integers, floats)) in rows(&logits, outputs).zip(rows(&self.logits, outputs)).enumerate() {
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
