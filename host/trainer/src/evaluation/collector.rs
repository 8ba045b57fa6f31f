//! Collects the outputs of samples, and makes an evaluation of them.

use selvedge::{
    classification::{argmax, probabilities},
    engine::{rows, rows_mut},
    task::Task,
};

use super::{Answers, ClassAnswers, Evaluation, LabelAnswers, NoNumbers, ValueAnswers, roc};
use crate::task::{TargetRows, Targets};

/// The largest number of scores that are stored for the areas under the ROC curves.
const MAX_SCORES: usize = 1 << 26;

/// Takes a network's outputs, sample after sample.
pub struct Collector<'a> {
    task: Task<'a>,
    width: usize,
    /// The number of samples so far.
    samples: usize,
    /// The first sample whose outputs are not all finite, and the number of these samples.
    infinite: Option<(usize, usize)>,
    kind: Kind<'a>,
    /// Each sample's probabilities or outputs, if the areas are wanted.
    scores: Option<Vec<f32>>,
}

/// The targets, and the answers to them.
enum Kind<'a> {
    Classes(&'a [u16], Vec<u16>),
    Labels(&'a TargetRows, LabelAnswers),
    Values(&'a TargetRows, Vec<f32>),
}

impl<'a> Collector<'a> {
    /// Returns a collector for a network with this number of outputs. `areas` is true if the areas under the ROC curves are wanted too.
    pub fn new(task: Task<'a>, targets: &'a Targets, width: usize, areas: bool) -> Self {
        let samples = targets.len();
        let (kind, has_areas) = match targets {
            Targets::Classes(labels) => (Kind::Classes(labels, Vec::with_capacity(samples)), true),
            Targets::Labels(labels) => (Kind::Labels(labels, LabelAnswers::new(width)), true),
            Targets::Values(values) => (Kind::Values(values, Vec::with_capacity(samples * width)), false),
        };
        let scores = (areas && has_areas && samples.saturating_mul(width) <= MAX_SCORES).then(Vec::new);
        Self { task, width, samples: 0, infinite: None, kind, scores }
    }

    /// Takes the outputs of the next samples.
    pub fn add(&mut self, outputs: &[f32]) {
        for row in rows(outputs, self.width) {
            let index = self.samples;
            self.samples += 1;
            if !row.iter().all(|output| output.is_finite()) {
                let (first, count) = self.infinite.unwrap_or((index, 0));
                self.infinite = Some((first, count + 1));
            }
            match &mut self.kind {
                Kind::Classes(_, predicted) => {
                    predicted.push(argmax(row) as u16);
                    self.scores.iter_mut().for_each(|scores| scores.extend(probabilities(row.iter().copied())));
                }
                Kind::Labels(labels, answers) => {
                    answers.add(labels.row(index), row.iter().copied());
                    self.scores.iter_mut().for_each(|scores| scores.extend_from_slice(row));
                }
                Kind::Values(_, values) => values.extend_from_slice(row),
            }
        }
    }

    /// Checks that all outputs are finite.
    ///
    /// # Errors
    ///
    /// [`NoNumbers`] if some are not.
    pub fn check(&self) -> Result<(), NoNumbers> {
        match self.infinite {
            None => Ok(()),
            Some((first, count)) => Err(NoNumbers { count, total: self.samples, first }),
        }
    }

    /// Returns the evaluation of the samples. `loss` is their mean loss.
    pub fn finish(self, loss: f64) -> Evaluation {
        let Self { task, width, kind, scores, .. } = self;
        let area = |output: usize| {
            let has = |index: usize| match &kind {
                Kind::Classes(labels, _) => usize::from(labels[index]) == output,
                Kind::Labels(labels, _) => labels.row(index)[output] > 0.0,
                Kind::Values(..) => false,
            };
            let own = scores.iter().flatten().skip(output).step_by(width);
            roc::area(own.enumerate().map(|(index, &score)| (score, has(index))))
        };
        let roc_auc = if scores.is_some() { (0..width).map(area).collect() } else { Vec::new() };
        let answers = match kind {
            Kind::Classes(labels, predicted) => Answers::Classes(ClassAnswers::new(width, labels, &predicted)),
            Kind::Labels(_, answers) => Answers::Labels(answers),
            Kind::Values(targets, mut values) => {
                rows_mut(&mut values, width).for_each(|row| task.restore(row));
                Answers::Values(ValueAnswers::new(width, targets.numbers(), &values))
            }
        };
        Evaluation { loss, answers, roc_auc }
    }
}
