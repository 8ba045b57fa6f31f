//! A network's answers for the test samples: its evaluation, its calibration, and its worst mistakes.

use selvedge::classification::probabilities;

use super::calibration::Calibration;
use crate::{
    data::Dataset,
    evaluation::{Evaluation, with_unit},
    model_file::AllLogits,
    task::Targets,
};

/// The largest number of mistakes that are shown.
pub const MISTAKES: usize = 24;
/// The largest number of points of a target's picture. The second constant is the largest number of targets with a picture.
const POINTS: usize = 400;
const PICTURED: usize = 4;

/// The evaluation of the test samples.
#[derive(Clone, Debug)]
pub struct Findings {
    /// The metrics.
    pub evaluation: Evaluation,
    /// The calibration of classes or labels.
    pub calibration: Option<Calibration>,
    /// The mistakes, the worst first.
    pub mistakes: Vec<Mistake>,
    /// For each of the first targets, the true values and the network's values.
    pub values: Vec<Vec<(f64, f64)>>,
    /// The number of samples of each class, label or target.
    pub support: Vec<usize>,
}

/// A sample whose answer is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    /// The sample's index in the test part, from 0.
    pub index: usize,
    /// The true answer.
    pub truth: String,
    /// The network's answer.
    pub answer: String,
    /// The size of the mistake: the probability of the wrong class, the number of wrong labels, or the error in units of the target's deviation.
    pub size: f64,
}

impl Findings {
    /// Finds these from a network's outputs for the test samples.
    pub fn of(data: &Dataset, logits: &AllLogits, evaluation: Evaluation) -> Self {
        let name = |class: usize| data.classes.name(class).into_owned();
        let mut found =
            Self { evaluation, calibration: None, mistakes: Vec::new(), values: Vec::new(), support: Vec::new() };
        let mut mistakes = Vec::new();
        match data.test.targets() {
            Targets::Classes(labels) => {
                let mut answers = Vec::with_capacity(labels.len());
                let width = logits.iter().next().map_or(0, |logits| logits.len()).max(data.classes.count());
                found.support = vec![0; width];
                for (index, (&label, logits)) in labels.iter().zip(logits.iter()).enumerate() {
                    let class = logits.class();
                    let confidence = probabilities(logits.values()).nth(class).unwrap_or(0.0);
                    let is_right = class == usize::from(label);
                    if let Some(count) = found.support.get_mut(usize::from(label)) {
                        *count += 1;
                    }
                    answers.push((confidence, is_right));
                    if !is_right {
                        mistakes.push((f64::from(confidence), index, class));
                    }
                }
                found.calibration = Some(Calibration::of(answers.into_iter()));
                found.mistakes = worst(mistakes)
                    .map(|(size, index, class)| {
                        let (truth, answer) = (name(labels[index].into()), name(class));
                        Mistake { index, truth, answer, size }
                    })
                    .collect();
            }
            Targets::Labels(rows) => {
                found.support = vec![0; rows.width()];
                let decisions = logits.iter().enumerate().flat_map(|(index, logits)| {
                    logits
                        .values()
                        .zip(rows.row(index))
                        .map(|(output, &label)| (output, label > 0.0))
                        .collect::<Vec<_>>()
                });
                found.calibration = Some(Calibration::of_labels(decisions));
                for (index, logits) in logits.iter().enumerate() {
                    let row = rows.row(index);
                    found.support.iter_mut().zip(row).for_each(|(count, &label)| *count += usize::from(label > 0.0));
                    let wrong =
                        row.iter().zip(logits.values()).filter(|&(&label, output)| (label > 0.0) != (output > 0.0));
                    // Of as many wrong labels, the surest first.
                    let (count, sureness) = wrong
                        .fold((0.0, 0.0), |(count, sum), (_, output)| (count + 1.0, sum + f64::from(output.abs())));
                    if count > 0.0 {
                        mistakes.push((count + sureness / (sureness + 1.0) / 2.0, index, 0));
                    }
                }
                let listed = |has: &dyn Fn(usize) -> bool| {
                    let there: Vec<_> = (0..rows.width()).filter(|&label| has(label)).map(name).collect();
                    if there.is_empty() { "none".into() } else { there.join(", ") }
                };
                found.mistakes = worst(mistakes)
                    .map(|(size, index, _)| {
                        let outputs: Vec<f32> = logits.get(index).values().collect();
                        let truth = listed(&|label| rows.row(index)[label] > 0.0);
                        let answer = listed(&|label| outputs.get(label).is_some_and(|&output| output > 0.0));
                        Mistake { index, truth, answer, size: size.floor() }
                    })
                    .collect();
            }
            Targets::Values(rows) => {
                let deviations: Vec<f64> = rows.moments().iter().map(|moments| moments.deviation).collect();
                found.support = vec![rows.len(); rows.width()];
                let step = rows.len().div_ceil(POINTS).max(1);
                found.values = vec![Vec::new(); rows.width().min(PICTURED)];
                let task = data.task.get();
                for (index, logits) in logits.iter().enumerate() {
                    let mut values: Vec<f32> = logits.values().collect();
                    task.restore(&mut values);
                    let pairs = rows
                        .row(index)
                        .iter()
                        .zip(&values)
                        .map(|(&truth, &value)| (f64::from(truth), f64::from(value)));
                    if index.is_multiple_of(step) {
                        found.values.iter_mut().zip(pairs.clone()).for_each(|(points, pair)| points.push(pair));
                    }
                    let errors = pairs.zip(&deviations).enumerate();
                    let errors = errors.map(|(target, ((truth, value), deviation))| {
                        ((truth - value).abs() / if *deviation > 0.0 { *deviation } else { 1.0 }, target)
                    });
                    if let Some((size, target)) = errors.max_by(|a, b| a.0.total_cmp(&b.0)) {
                        mistakes.push((size, index, target));
                    }
                }
                found.mistakes = worst(mistakes)
                    .map(|(size, index, target)| {
                        let mut values: Vec<f32> = logits.get(index).values().collect();
                        task.restore(&mut values);
                        let shown = |value: f32| {
                            format!("{} {}", name(target), with_unit(value.into(), data.target_units.get(target)))
                        };
                        Mistake { index, truth: shown(rows.row(index)[target]), answer: shown(values[target]), size }
                    })
                    .collect();
            }
        }
        found
    }
}

/// Returns the mistakes, the largest first. Of equal ones, the earlier sample comes first.
fn worst(mut all: Vec<(f64, usize, usize)>) -> impl Iterator<Item = (f64, usize, usize)> {
    all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    all.into_iter().take(MISTAKES)
}
