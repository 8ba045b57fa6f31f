//! How near an integer network is to its model, on the test images.

use selvedge::{Engine, classification::argmax};

use super::{
    Certificate, FloatNetwork, Quantized,
    certificate::Networks,
    integer::Run,
    order::Activity,
    search::{activities, for_each},
};
use crate::data::Split;

/// Both networks on the same images.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Each image's.
    pub verdicts: Vec<Verdict>,
    /// Each layer's.
    pub layers: Vec<LayerReport>,
}

/// What both networks make of an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// What it is.
    pub label: u8,
    /// The integer network's class.
    pub class: usize,
    /// The floating-point network's class, and how safe that is.
    pub certificate: Certificate,
}

/// How far a layer's outputs are from the model's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerReport {
    /// The root of the mean squared error, as a part of the outputs' own root of mean squares.
    pub relative_error: f64,
    /// The activations that are not zero, and the pairs of them with one that is not, as parts: in the model's order, and in the file's. The
    /// last layer has none.
    pub density: Option<[f64; 3]>,
}

impl Report {
    /// Runs both networks.
    pub fn new<E: Engine>(engine: &E, float: &FloatNetwork, quantized: &Quantized, split: &Split) -> Self {
        let networks = Networks { float, integer: &quantized.network };
        let outcomes = for_each(engine, &split.images, |image| {
            let (sums, run) = (float.run(image), quantized.network.run(image));
            let certificate = Certificate::of(&networks, image, &run, sums.last().map_or(&[], Vec::as_slice));
            Outcome { certificate, errors: errors(quantized, &sums, &run), run }
        });
        let mut squares = vec![[0.0; 2]; float.layers.len()];
        for outcome in &outcomes {
            for (sums, errors) in squares.iter_mut().zip(&outcome.errors) {
                sums.iter_mut().zip(errors).for_each(|(sum, square)| *sum += square);
            }
        }
        let verdict = |(outcome, &label): (&Outcome, _)| Verdict {
            label,
            class: argmax(&outcome.run.logits),
            certificate: outcome.certificate,
        };
        let verdicts = outcomes.iter().zip(&split.labels).map(verdict).collect();
        let runs: Vec<Run> = outcomes.into_iter().map(|outcome| outcome.run).collect();
        let densities = activities(&quantized.network, &runs);
        let mut densities =
            densities.iter().zip(&quantized.orders).map(|(activity, order)| densities_of(activity, order));
        let layers = squares.into_iter().map(|[error, size]| LayerReport {
            relative_error: if error == 0.0 { 0.0 } else { (error / size).sqrt() },
            density: densities.next(),
        });
        Self { verdicts, layers: layers.collect() }
    }

    /// The part of the images that the floating-point network classifies rightly.
    pub fn float_accuracy(&self) -> f64 {
        self.part(|verdict| verdict.certificate.class == usize::from(verdict.label))
    }

    /// The part that the integer network does.
    pub fn accuracy(&self) -> f64 {
        self.part(|verdict| verdict.class == usize::from(verdict.label))
    }

    /// Images that change their class.
    pub fn changes(&self) -> usize {
        self.verdicts.iter().filter(|verdict| verdict.class != verdict.certificate.class).count()
    }

    /// Images that are proved not to.
    pub fn certified(&self) -> usize {
        self.verdicts.iter().filter(|verdict| verdict.certificate.is_certified()).count()
    }

    /// The certificates as comma-separated values, a line for each image.
    pub fn certificates(&self) -> String {
        let line = |(index, verdict): (usize, &Verdict)| {
            let Verdict { label, class, certificate } = verdict;
            let Certificate { margin, bound, .. } = certificate;
            format!("{index},{label},{class},{margin},{bound},{}\n", certificate.is_certified())
        };
        let lines = self.verdicts.iter().enumerate().map(line);
        std::iter::once("index,label,class,margin,bound,certified\n".into()).chain(lines).collect()
    }

    fn part(&self, is_counted: impl Fn(&Verdict) -> bool) -> f64 {
        self.verdicts.iter().filter(|verdict| is_counted(verdict)).count() as f64 / self.verdicts.len() as f64
    }
}

struct Outcome {
    certificate: Certificate,
    /// Of each layer, the sum of squared errors and of the model's squares.
    errors: Vec<[f64; 2]>,
    run: Run,
}

fn errors(quantized: &Quantized, sums: &[Vec<f32>], run: &Run) -> Vec<[f64; 2]> {
    let mut layers = Vec::with_capacity(sums.len());
    let scales = &quantized.network.output_scales;
    for ((activations, sums), scale) in run.activations.iter().zip(sums).zip(scales) {
        layers.push(squares(activations, sums.iter().map(|sum| sum.max(0.0)), *scale));
    }
    if let Some(sums) = sums.last() {
        layers.push(squares(&run.logits, sums.iter().copied(), quantized.network.logit_scale()));
    }
    layers
}

/// The sum of squared errors, and of the model's squares.
fn squares<T: Copy + Into<f64>>(integers: &[T], outputs: impl Iterator<Item = f32>, scale: f64) -> [f64; 2] {
    integers.iter().zip(outputs).fold([0.0; 2], |[error, size], (&integer, output)| {
        let output = f64::from(output);
        [error + (scale * integer.into() - output).powi(2), size + output.powi(2)]
    })
}

fn densities_of(activity: &Activity, order: &[usize]) -> [f64; 3] {
    let identity: Vec<usize> = (0..order.len()).collect();
    [activity.density(), activity.pair_density(&identity), activity.pair_density(order)]
}
