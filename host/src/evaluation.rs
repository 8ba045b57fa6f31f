//! A network's accuracy and loss on a set of samples.

use selvedge::{
    Engine,
    classification::argmax,
    engine::{rows, rows_mut},
    layers::Draws,
    loss::{CrossEntropy, LossError},
    preparation::Preparation,
    training::StepError,
};

use crate::{
    aligned::{Aligned, MemoryError},
    data::Split,
    network::{Batch, NetworkError, View, Workspace},
};

/// Samples in a forward pass: their mean loss is rounded once.
pub const BATCH: usize = 500;

/// The most classes of which a table shows every pair.
pub const MAX_CONFUSION: usize = 64;

/// A network's answers for a set of samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Mean cross-entropy over the samples.
    pub loss: f64,
    /// The network's outputs.
    classes: usize,
    /// Each sample's label and predicted class.
    answers: Vec<[u16; 2]>,
}

impl Evaluation {
    /// From each sample's label and predicted class, and the mean loss of each [`BATCH`] samples (of the last, of those that are left).
    pub fn new(classes: usize, labels: &[u16], predicted: &[u16], losses: &[f32]) -> Self {
        let batches = labels.chunks(BATCH).zip(losses);
        let sum: f64 = batches.map(|(labels, &loss)| f64::from(loss) * labels.len() as f64).sum();
        Self::with_loss(sum / labels.len() as f64, classes, labels, predicted)
    }

    /// From each sample's label and predicted class, and the mean loss of all.
    pub fn with_loss(loss: f64, classes: usize, labels: &[u16], predicted: &[u16]) -> Self {
        let answers = labels.iter().zip(predicted).map(|(&label, &class)| [label, class]).collect();
        Self { loss, classes, answers }
    }

    /// Samples.
    pub fn total(&self) -> usize {
        self.answers.len()
    }

    /// Samples whose class was found.
    pub fn right(&self) -> usize {
        self.answers.iter().filter(|[label, class]| label == class).count()
    }

    /// The part whose class was found, 0 to 1.
    pub fn accuracy(&self) -> f64 {
        self.right() as f64 / self.total() as f64
    }

    /// Each class's precision and recall.
    pub fn per_class(&self) -> Vec<PerClass> {
        let mut counts = vec![[0_usize; 3]; self.classes];
        for &[label, class] in &self.answers {
            counts[usize::from(class)][0] += 1;
            counts[usize::from(label)][1] += 1;
            counts[usize::from(label)][2] += usize::from(label == class);
        }
        let part = |found: usize, all: usize| (all > 0).then(|| found as f64 / all as f64);
        let of_class =
            |[taken, there, found]: [usize; 3]| PerClass { precision: part(found, taken), recall: part(found, there) };
        counts.into_iter().map(of_class).collect()
    }

    /// The number of samples of the first class that were taken for the second, for all pairs of at most [`MAX_CONFUSION`] classes.
    pub fn confusion(&self) -> Option<Vec<Vec<u32>>> {
        (self.classes <= MAX_CONFUSION).then(|| {
            let mut counts = vec![vec![0; self.classes]; self.classes];
            self.answers.iter().for_each(|&[label, class]| counts[usize::from(label)][usize::from(class)] += 1);
            counts
        })
    }
}

/// One class's precision and recall.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PerClass {
    /// Of the samples taken for the class, the part that is; `None` where none was.
    pub precision: Option<f64>,
    /// Of the class's samples, the part that was found; `None` where there are none.
    pub recall: Option<f64>,
}

/// Samples whose logits are infinite or NaN, though all weights are finite.
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
    /// The first, from 0.
    pub first: usize,
}

impl NoNumbers {
    /// Checks what is known of each sample: whether its logits are finite.
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

/// The error of an evaluation that was not made.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    /// A label names no class.
    #[error(transparent)]
    Step(#[from] StepError),
    /// The samples have another number of features than the network takes.
    #[error("the network takes {inputs} inputs, but a sample has {features} features")]
    Features {
        /// The network's.
        inputs: usize,
        /// The samples'.
        features: usize,
    },
    /// Logits are no numbers.
    #[error(transparent)]
    Logits(#[from] NoNumbers),
    /// There is no room for the network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// There is no memory for the evaluation.
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
/// [`EvaluationError::Features`].
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
    /// For networks of these layers.
    ///
    /// # Errors
    ///
    /// [`MemoryError`].
    pub fn new(network: View<'_>) -> Result<Self, MemoryError> {
        let workspace = Workspace::for_prediction(network, BATCH)?;
        Ok(Self { workspace, input: Aligned::zeroed(BATCH * network.inputs())? })
    }

    /// Runs a network on a set.
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
        preparation: Preparation<'_>,
        split: &Split,
    ) -> Result<Evaluation, StepError> {
        self.run_seen(engine, network, preparation, split, |_| ())
    }

    /// Does the same, and gives each sample's logits to `see`.
    fn run_seen<E: Engine>(
        &mut self,
        engine: &E,
        network: View<'_>,
        preparation: Preparation<'_>,
        split: &Split,
        mut see: impl FnMut(&[f32]),
    ) -> Result<Evaluation, StepError> {
        assert_eq!(split.features(), network.inputs(), "the samples are the network's");
        let (inputs, outputs) = (network.inputs(), network.outputs());
        let (mut classes, mut losses) = (Vec::with_capacity(split.len()), Vec::new());
        for (labels, start) in split.labels().chunks(BATCH).zip((0..).step_by(BATCH)) {
            let input = &mut self.input[..labels.len() * inputs];
            engine.share_out(inputs, input, |first, rows| {
                for (index, input) in (start + first..).zip(rows_mut(rows, inputs)) {
                    preparation.write(split.sample(index), input);
                }
            });
            let batch = Batch { input, targets: labels, draws: Draws::NONE };
            let (logits, loss) = self.workspace.evaluate(engine, network, &CrossEntropy::default(), batch)?;
            rows(logits, outputs).for_each(&mut see);
            losses.push(loss);
            classes.extend(rows(logits, outputs).map(|logits| argmax(logits) as u16));
        }
        Ok(Evaluation::new(outputs, split.labels(), &classes, &losses))
    }
}

/// Runs a network on a set once. Logits that are no numbers are an error.
///
/// # Errors
///
/// [`EvaluationError`].
pub fn run<E: Engine>(
    engine: &E,
    network: View<'_>,
    preparation: Preparation<'_>,
    split: &Split,
) -> Result<Evaluation, EvaluationError> {
    check(network.inputs(), split)?;
    let mut are_finite = Vec::with_capacity(split.len());
    let see = |logits: &[f32]| are_finite.push(logits.iter().all(|logit| logit.is_finite()));
    let evaluation = Evaluator::new(network)?.run_seen(engine, network, preparation, split, see)?;
    NoNumbers::check(are_finite.into_iter())?;
    Ok(evaluation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_batch_counts_as_often_as_it_has_samples() {
        let mut labels = vec![0; BATCH];
        labels.extend([1, 2]);
        let mut classes = vec![0; BATCH];
        classes.extend([2, 2]);
        let evaluation = Evaluation::new(3, &labels, &classes, &[1.0, 4.0]);
        assert_eq!(evaluation.loss, 508.0 / 502.0);
        assert_eq!(evaluation.confusion(), Some(vec![vec![500, 0, 0], vec![0, 0, 1], vec![0, 0, 1]]));
        assert_eq!(Evaluation::new(MAX_CONFUSION + 1, &labels, &classes, &[1.0, 4.0]).confusion(), None);
    }

    #[test]
    fn samples_whose_logits_are_no_numbers_are_counted() {
        assert_eq!(NoNumbers::check([true; 3].into_iter()), Ok(()));
        let found = NoNumbers::check([true, false, true, false].into_iter());
        assert_eq!(found, Err(NoNumbers { count: 2, total: 4, first: 1 }));
    }

    #[test]
    fn counts_what_the_answers_say() {
        let (labels, classes) = ([0, 0, 0, 0, 2, 2, 2, 2], [0, 0, 0, 1, 1, 1, 1, 1]);
        let evaluation = Evaluation::with_loss(0.0, 3, &labels, &classes);
        assert_eq!((evaluation.total(), evaluation.right(), evaluation.accuracy()), (8, 3, 0.375));
        let of_class = |precision, recall| PerClass { precision, recall };
        let expected = [of_class(Some(1.0), Some(0.75)), of_class(Some(0.0), None), of_class(None, Some(0.0))];
        assert_eq!(evaluation.per_class(), expected);
    }
}
