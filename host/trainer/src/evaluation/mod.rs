//! A network's loss on a set of samples, and the metrics of its task: accuracy, F1, the area under the ROC curve; errors and R².

mod classes;
mod collector;
mod labels;
mod roc;
mod values;

use selvedge::{
    Engine,
    engine::rows_mut,
    loss::{CrossEntropy, LossError},
    task::Task,
    training::StepError,
};

use crate::{
    aligned::{Aligned, MemoryError},
    data::{NO_UNIT, Split},
    engine::Simd,
    network::{NetworkError, View, Workspace},
    task::{Meaning, Targets, TaskBatch, standardized},
};

pub use classes::{ClassAnswers, PerClass};
pub use collector::Collector;
pub use labels::{LabelAnswers, LabelCounts};
pub use values::{ValueAnswers, ValueErrors};

use classes::mean;

/// The number of samples in a forward pass. The mean loss of these samples is one `f32`.
pub const BATCH: usize = 500;

/// A network's answers for a set of samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The mean loss over the samples: cross-entropy, binary cross-entropy, or the squared error of standardised targets.
    pub loss: f64,
    /// The answers.
    pub answers: Answers,
    /// For each class or label, the area under its ROC curve, against all others. The scores of a class are its probabilities. The area is
    /// the probability that a sample of the class has a higher score than a sample of another class; equal scores count half. The list is empty
    /// if the areas were not wanted, if the targets are numbers, or if there are more than 2²⁶ scores (samples times outputs).
    pub roc_auc: Vec<Option<f64>>,
}

/// The answers, by the task.
#[derive(Clone, Debug, PartialEq)]
pub enum Answers {
    /// The answers of a classification.
    Classes(ClassAnswers),
    /// The answers of a multi-label network.
    Labels(LabelAnswers),
    /// The answers of a regression.
    Values(ValueAnswers),
}

impl Evaluation {
    /// Returns the evaluation of a classification, from each sample's label and predicted class. `losses` are the mean losses of each [`BATCH`]
    /// samples; the last one may be of fewer.
    pub fn of_classes(classes: usize, labels: &[u16], predicted: &[u16], losses: &[f32]) -> Self {
        let answers = Answers::Classes(ClassAnswers::new(classes, labels, predicted));
        Self { loss: mean_loss(labels.len(), losses), answers, roc_auc: Vec::new() }
    }

    /// Returns the evaluation of any task. `outputs` has the outputs of all samples, one sample after the other, `width` for each. `losses` are
    /// the mean losses of each [`BATCH`] samples.
    pub fn of_outputs(task: Task<'_>, targets: &Targets, width: usize, outputs: &[f32], losses: &[f32]) -> Self {
        let mut collector = Collector::new(task, targets, width, false);
        collector.add(outputs);
        collector.finish(mean_loss(targets.len(), losses))
    }

    /// Returns the number of samples.
    pub fn total(&self) -> usize {
        match &self.answers {
            Answers::Classes(answers) => answers.total(),
            Answers::Labels(answers) => answers.total(),
            Answers::Values(answers) => answers.total(),
        }
    }

    /// Returns one number for the quality, at most 1: the fraction of the samples, or of their labels, that is right. For a regression, it is
    /// the mean R².
    pub fn score(&self) -> f64 {
        match &self.answers {
            Answers::Classes(answers) => answers.accuracy(),
            Answers::Labels(answers) => answers.accuracy(),
            Answers::Values(answers) => answers.r2(),
        }
    }

    /// Returns the mean area under the ROC curves of the classes or labels that have one.
    pub fn mean_roc_auc(&self) -> Option<f64> {
        mean(self.roc_auc.iter().copied().flatten())
    }

    /// Returns the most important figures in words, such as `Accuracy: 91.5%`. Percentages have this number of decimals, F1 and R²
    /// two more, and an error has five significant digits. `units` are the targets' units. The
    /// list may be empty.
    pub fn headline(&self, decimals: usize, units: &[String]) -> String {
        let percent = |part: f64| format!("{:.decimals$}%", 100.0 * part);
        match &self.answers {
            Answers::Classes(answers) => format!("Accuracy: {}", percent(answers.accuracy())),
            Answers::Labels(answers) => {
                format!("Right labels: {}, F1: {:.*}", percent(answers.accuracy()), decimals + 2, answers.f1())
            }
            Answers::Values(answers) => {
                let r2 = format!("R²: {:.*}", decimals + 2, answers.r2());
                match answers.targets() {
                    [only] => format!("{r2}, mean absolute error: {}", with_unit(only.mae, units.first())),
                    several => format!("{r2} (mean of {} targets)", several.len()),
                }
            }
        }
    }
}

/// Returns a number with five significant digits, and its unit.
pub fn with_unit(value: f64, unit: Option<&String>) -> String {
    let digits = if value == 0.0 { 4.0 } else { value.abs().log10().floor().clamp(-9.0, 4.0) };
    let text = format!("{value:.*}", (4.0 - digits) as usize);
    match unit.filter(|unit| *unit != NO_UNIT) {
        Some(unit) => format!("{text} {unit}"),
        None => text,
    }
}

/// Returns the mean loss of this number of samples, from the mean loss of each [`BATCH`] of them.
fn mean_loss(samples: usize, losses: &[f32]) -> f64 {
    let sizes = (0..samples).step_by(BATCH).map(|start| BATCH.min(samples - start));
    let sum: f64 = sizes.zip(losses).map(|(size, &loss)| f64::from(loss) * size as f64).sum();
    sum / samples as f64
}

/// The error of samples whose logits are infinite or NaN, though all weights are finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the logits of {count} of {total} samples are no finite numbers, the first are those of sample {first} (from 0): the weights are so large \
     that sums leave a float32's range; train anew with a smaller --lr, or take other weights"
)]
pub struct NoNumbers {
    /// The number of these samples.
    pub count: usize,
    /// The number of all samples.
    pub total: usize,
    /// The index of the first of them, from 0.
    pub first: usize,
}

impl NoNumbers {
    /// Checks that the logits of each sample are finite.
    ///
    /// # Errors
    ///
    /// [`NoNumbers`], if the logits of a sample are not finite.
    pub fn check(are_finite: impl Iterator<Item = bool>) -> Result<(), Self> {
        let (mut count, mut total, mut first) = (0, 0, None);
        for are_finite in are_finite {
            if !are_finite {
                first.get_or_insert(total);
                count += 1;
            }
            total += 1;
        }
        first.map_or(Ok(()), |first| Err(Self { count, total, first }))
    }
}

/// The error of an evaluation that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    /// A label names no class.
    #[error(transparent)]
    Step(#[from] StepError),
    /// The samples have another number of features than the network takes.
    #[error("the network takes {inputs} inputs, but a sample has {features} features")]
    Features {
        /// The number of inputs of the network.
        inputs: usize,
        /// The number of features of the samples.
        features: usize,
    },
    /// Logits are infinite or NaN.
    #[error(transparent)]
    Logits(#[from] NoNumbers),
    /// There is not enough memory for the network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// There is not enough memory for the evaluation.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

impl From<LossError> for EvaluationError {
    fn from(error: LossError) -> Self {
        Self::Step(error.into())
    }
}

/// Checks that samples have as many features as a network has inputs.
///
/// # Errors
///
/// [`EvaluationError::Features`] if the numbers differ.
pub fn check(inputs: usize, split: &Split) -> Result<(), EvaluationError> {
    let features = split.features();
    if features == inputs { Ok(()) } else { Err(EvaluationError::Features { inputs, features }) }
}

/// The memory of evaluations.
#[derive(Debug)]
pub struct Evaluator {
    workspace: Workspace,
    input: Aligned,
}

impl Evaluator {
    /// Returns the memory for evaluations of networks with these layers.
    ///
    /// # Errors
    ///
    /// [`MemoryError`] if there is not enough memory.
    pub fn new(network: View<'_>) -> Result<Self, MemoryError> {
        let workspace = Workspace::for_prediction(network, BATCH)?;
        Ok(Self { workspace, input: Aligned::zeroed(BATCH * network.inputs())? })
    }

    /// Runs a network on a set of samples.
    ///
    /// # Errors
    ///
    /// [`StepError`] for labels that name no class.
    ///
    /// # Panics
    ///
    /// If the samples have another number of features than the network: see [`check`].
    pub fn run<E: Engine>(
        &mut self,
        engine: &E,
        network: View<'_>,
        meaning: Meaning<'_>,
        split: &Split,
    ) -> Result<Evaluation, StepError> {
        let mut collector = Collector::new(meaning.task, split.targets(), network.outputs(), false);
        let loss = self.collect(engine, network, meaning, split, &mut collector)?;
        Ok(collector.finish(loss))
    }

    /// Collects the outputs of a set's samples, and returns their mean loss.
    fn collect<E: Engine>(
        &mut self,
        engine: &E,
        network: View<'_>,
        Meaning { preparation, task }: Meaning<'_>,
        split: &Split,
        collector: &mut Collector<'_>,
    ) -> Result<f64, StepError> {
        assert_eq!(split.features(), network.inputs(), "the samples are the network's");
        let inputs = network.inputs();
        let targets = standardized(task, split.targets());
        let mut losses = Vec::new();
        for start in (0..split.len()).step_by(BATCH) {
            let samples = start..split.len().min(start + BATCH);
            let input = &mut self.input[..samples.len() * inputs];
            engine.share_out(inputs, input, |first, rows| {
                for (index, input) in (start + first..).zip(rows_mut(rows, inputs)) {
                    preparation.write(split.sample(index), input);
                }
            });
            let (targets, cross_entropy) = (targets.part(samples), CrossEntropy::default());
            let batch = TaskBatch { input, targets, cross_entropy };
            let (outputs, loss) = batch.evaluate(&mut self.workspace, engine, network)?;
            losses.push(loss);
            collector.add(outputs);
        }
        Ok(mean_loss(split.len(), &losses))
    }
}

/// Runs a network on a set once, with the areas under the ROC curves. Logits that are infinite or NaN are an error.
///
/// # Errors
///
/// [`EvaluationError`].
pub fn run(
    engine: &Simd,
    network: View<'_>,
    meaning: Meaning<'_>,
    split: &Split,
) -> Result<Evaluation, EvaluationError> {
    check(network.inputs(), split)?;
    let mut collector = Collector::new(meaning.task, split.targets(), network.outputs(), true);
    let loss = Evaluator::new(network)?.collect(engine, network, meaning, split, &mut collector)?;
    collector.check()?;
    Ok(collector.finish(loss))
}

#[cfg(test)]
mod tests {
    use selvedge::task::TargetScale;

    use super::*;
    use crate::task::TargetRows;

    #[test]
    fn each_batch_counts_as_often_as_it_has_samples() {
        let mut labels = vec![0; BATCH];
        labels.extend([1, 2]);
        let found = Evaluation::of_classes(3, &labels, &labels, &[1.0, 4.0]);
        assert_eq!((found.loss, found.score()), (508.0 / 502.0, 1.0));
    }

    #[test]
    fn samples_whose_logits_are_no_numbers_are_counted() {
        assert_eq!(NoNumbers::check([true; 3].into_iter()), Ok(()));
        let found = NoNumbers::check([true, false, true, false].into_iter());
        assert_eq!(found, Err(NoNumbers { count: 2, total: 4, first: 1 }));
    }

    #[test]
    fn outputs_become_answers_of_their_task() {
        let classes = Targets::from(vec![1, 0]);
        let evaluation = |task, targets: &Targets, width| {
            let mut collector = Collector::new(task, targets, width, true);
            [0.5, 2.0, 1.0, 3.0].chunks(width).for_each(|row| collector.add(row));
            assert_eq!(collector.check(), Ok(()));
            collector.finish(0.25)
        };
        let found = evaluation(Task::Classification, &classes, 2);
        assert_eq!((found.score(), found.mean_roc_auc()), (0.5, Some(0.0)));
        assert_eq!(found.headline(1, &[]), "Accuracy: 50.0%");
        let labels = Targets::Labels(TargetRows::new(2, vec![0.0, 1.0, 1.0, 1.0]));
        let found = evaluation(Task::MultiLabel, &labels, 2);
        assert_eq!((found.score(), &found.roc_auc[..]), (0.75, &[Some(1.0), None][..]));
        assert_eq!(found.headline(1, &[]), "Right labels: 75.0%, F1: 0.833");
        let table: Vec<u8> = [2.0_f32, 20.0].into_iter().flat_map(f32::to_le_bytes).collect();
        let task = Task::Regression(TargetScale::parse(&table, 1).unwrap());
        let values = Targets::Values(TargetRows::new(1, vec![20.0, 24.0, 21.0, 27.0]));
        let found = evaluation(task, &values, 1);
        assert_eq!(found.headline(1, &["°C".into()]), "R²: 0.900, mean absolute error: 0.75000 °C");
        assert_eq!(found.headline(2, &["-".into()]), "R²: 0.9000, mean absolute error: 0.75000");
    }

    #[test]
    fn numbers_have_five_digits() {
        for (value, text) in [(0.0, "0"), (1.0, "1.0000"), (12345.6, "12346"), (0.012, "0.012000")] {
            assert_eq!(with_unit(value, None), text);
        }
    }
}
