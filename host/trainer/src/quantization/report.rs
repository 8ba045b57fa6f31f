//! Compares a quantised network with its model, on the test samples.

use selvedge::{engine::rows, message::Logits};

use super::{
    Certificate, OutputVerdict, Reference,
    order::Activity,
    outputs::{SampleOutputs, Values},
    threads::for_each,
};
use crate::{data::Split, engine::Simd, task::Targets};

/// The results of both networks on the same samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The answers for each sample of a classification.
    pub verdicts: Vec<Verdict>,
    /// The outputs for each sample of another task.
    pub outputs: Vec<OutputVerdict>,
    /// The error of each layer.
    pub layers: Vec<LayerReport>,
}

/// Both networks' answers for a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// The sample's class.
    pub label: u16,
    /// The quantised network's class.
    pub class: usize,
    /// The model's class.
    pub model_class: usize,
    /// The class of the floating-point network on the same inputs, and its distance from changing. This class is the model's, unless inputs are
    /// rounded to codes.
    pub certificate: Certificate,
}

impl Verdict {
    /// Returns true if the class is proved to be the model's.
    pub fn is_certified(&self) -> bool {
        self.certificate.is_certified() && self.certificate.class == self.model_class
    }
}

/// The distance of a layer's outputs from the outputs of the same layer in the model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerReport {
    /// The root of the mean squared error, divided by the root of the mean square of the model's outputs, after ReLU in a hidden layer.
    pub relative_error: f64,
    /// Three fractions, 0 to 1. The first is the part of all activations that are not zero. Two neighbouring units are a pair. The second is the
    /// part of all pairs with an activation that is not zero, if the units are in the model's order. The third is the same in the file's order. `None`
    /// for the last layer, and for floating-point weights.
    pub density: Option<[f64; 3]>,
}

/// The number of samples whose sums are in memory at a time.
const TOGETHER: usize = 500;

impl Report {
    /// Runs both networks. `run` runs the quantised one. `orders` has the order of each hidden layer in the file
    /// ([`Quantized::orders`](super::Quantized::orders)). It is empty for floating-point weights, and then no [density](LayerReport::density) is computed.
    pub fn new(
        engine: &Simd,
        reference: &Reference,
        orders: &[Vec<usize>],
        split: &Split,
        run: &dyn Fn(&[u8]) -> Vec<SampleOutputs>,
    ) -> Self {
        let mut outcomes = Vec::with_capacity(split.len());
        for start in (0..split.len()).step_by(TOGETHER) {
            let values = split.part(start..split.len().min(start + TOGETHER));
            let sums = reference.sums(engine, &values);
            let samples = run(&values).into_iter().zip(values.chunks_exact(split.sample_len()));
            let samples: Vec<_> = samples.enumerate().collect();
            outcomes.extend(for_each(engine, &samples, |(index, (outputs, sample))| {
                let row = |(layer, sums)| rows(sums, layer).nth(*index).unwrap_or_default();
                let widths = reference.layers().map(|layer| layer.outputs);
                let sums: Vec<&[f32]> = widths.zip(sums.iter().map(Vec::as_slice)).map(row).collect();
                let SampleOutputs { class, values } = outputs;
                let float = sums.last().copied().unwrap_or_default();
                let proof = match split.targets() {
                    Targets::Classes(_) => Proof::Class(Certificate::of(reference, sample, values, float)),
                    Targets::Labels(_) | Targets::Values(_) => {
                        Proof::Outputs(OutputVerdict::of(reference, sample, values, float))
                    }
                };
                let is_active = values.activations.iter().map(|layer| layer.iter().map(|&x| x != 0.0).collect());
                Outcome { class: *class, proof, errors: errors(values, &sums), is_active: is_active.collect() }
            }));
        }
        let mut squares = vec![[0.0; 2]; reference.layers().len()];
        for outcome in &outcomes {
            for (sums, errors) in squares.iter_mut().zip(&outcome.errors) {
                sums.iter_mut().zip(errors).for_each(|(sum, square)| *sum += square);
            }
        }
        let (mut verdicts, mut outputs, mut labels) = (Vec::new(), Vec::new(), split.labels().iter());
        for Outcome { class, proof, .. } in &outcomes {
            match (proof, labels.next()) {
                (&Proof::Class(certificate), Some(&label)) => {
                    verdicts.push(Verdict { label, class: *class, model_class: certificate.class, certificate });
                }
                (Proof::Outputs(verdict), _) => outputs.push(verdict.clone()),
                (Proof::Class(_), None) => {}
            }
        }
        let density = |(layer, order): (usize, &Vec<usize>)| {
            let runs = outcomes.iter().map(|outcome| outcome.is_active[layer].as_slice());
            densities_of(&Activity::of(order.len(), runs), order)
        };
        let mut densities = orders.iter().enumerate().map(density);
        let layers = squares.into_iter().map(|[error, size]| LayerReport {
            relative_error: if error == 0.0 { 0.0 } else { (error / size).sqrt() },
            density: densities.next(),
        });
        Self { verdicts, outputs, layers: layers.collect() }
    }

    /// Compares the quantised network with the model itself, on the samples' raw values. The two networks of this report may take codes. `logits` are
    /// the model's outputs for each sample.
    #[must_use]
    pub fn beside<'a>(mut self, logits: impl Iterator<Item = Logits<'a>> + Clone) -> Self {
        self.verdicts.iter_mut().zip(logits.clone()).for_each(|(verdict, logits)| verdict.model_class = logits.class());
        self.outputs.iter_mut().zip(logits).for_each(|(verdict, logits)| verdict.model = logits.values().collect());
        self
    }

    /// Returns the number of samples whose class changes.
    pub fn changes(&self) -> usize {
        self.verdicts.iter().filter(|verdict| verdict.class != verdict.model_class).count()
    }

    /// Returns the number of samples whose class is proved not to change.
    pub fn certified(&self) -> usize {
        self.verdicts.iter().filter(|verdict| verdict.is_certified()).count()
    }

    /// Returns a classification's certificates as comma-separated values, a line for each sample.
    pub fn certificates(&self) -> String {
        let line = |(index, verdict): (usize, &Verdict)| {
            let Verdict { label, class, certificate, .. } = verdict;
            let Certificate { margin, bound, .. } = certificate;
            format!("{index},{label},{class},{margin},{bound},{}\n", verdict.is_certified())
        };
        let lines = self.verdicts.iter().enumerate().map(line);
        std::iter::once("index,label,class,margin,bound,certified\n".into()).chain(lines).collect()
    }
}

struct Outcome {
    class: usize,
    proof: Proof,
    /// For each layer, the sum of squared errors and the sum of the model's squares.
    errors: Vec<[f64; 2]>,
    /// For each hidden layer, the units that are not zero.
    is_active: Vec<Vec<bool>>,
}

enum Proof {
    Class(Certificate),
    Outputs(OutputVerdict),
}

fn errors(values: &Values, sums: &[&[f32]]) -> Vec<[f64; 2]> {
    let hidden = values.activations.iter().zip(sums);
    let mut layers: Vec<_> =
        hidden.map(|(values, sums)| squares(values, sums.iter().map(|sum| sum.max(0.0)))).collect();
    layers.extend(sums.last().map(|sums| squares(&values.logits, sums.iter().copied())));
    layers
}

/// Returns the sum of squared errors and the sum of the model's squares.
fn squares(values: &[f64], outputs: impl Iterator<Item = f32>) -> [f64; 2] {
    values.iter().zip(outputs).fold([0.0; 2], |[error, size], (&value, output)| {
        let output = f64::from(output);
        [error + (value - output).powi(2), size + output.powi(2)]
    })
}

fn densities_of(activity: &Activity, order: &[usize]) -> [f64; 3] {
    let identity: Vec<usize> = (0..order.len()).collect();
    [activity.density(), activity.pair_density(&identity), activity.pair_density(order)]
}
