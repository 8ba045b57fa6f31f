//! The lines of a record: the run, spans of steps, epochs, places where it was saved, and its end.

use serde::{Deserialize, Serialize};

use super::MAX_STEPS;
use crate::{
    evaluation::{Answers, Evaluation},
    training::Epoch,
};

/// The largest number of classes whose names are stored, and of targets whose errors are stored.
const MAX_CLASSES: usize = 1000;
const MAX_TARGETS: usize = 16;

/// The settings and the samples that decide a run.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Head {
    /// The number of the format.
    pub format: u32,
    /// The program's version.
    pub version: String,
    /// The commands that make the run, one after the other: the first command, and those that changed the run's length.
    pub commands: Vec<String>,
    /// The processor and the engine.
    pub processor: String,
    /// The recipe as a file.
    pub recipe: String,
    /// The layers, as `--layers` takes them.
    pub layers: String,
    /// The seed.
    pub seed: u64,
    /// The number of steps of an epoch.
    pub steps_in_epoch: u64,
    /// The number of steps of a span.
    pub span: u64,
    /// The distance between stored epochs: 10 means that epochs 10, 20, 30, … are stored. The first and the last epoch are stored too.
    pub every: u32,
    /// The samples.
    pub data: Data,
}

/// The identity of the samples.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Data {
    /// The data set's name.
    pub name: String,
    /// The options that named the data, without their dashes, and their values.
    pub options: Vec<[String; 2]>,
    /// SHA-256 of the training samples, including those that are held out for validation, and their targets.
    pub sha256: String,
    /// SHA-256 of the test samples and their targets.
    pub test_sha256: String,
    /// The number of training samples, including those that are held out for validation.
    pub samples: u64,
    /// The number of samples that are held out for validation.
    pub validation: u64,
    /// The number of test samples.
    pub test: u64,
    /// The number of values of a sample.
    pub features: u64,
    /// An image's sizes, the outermost first. Empty for other samples.
    pub image: Vec<u32>,
    /// The names of the classes, labels or targets, at most a thousand.
    pub classes: Vec<String>,
    /// The task: `classification`, `multi-label` or `regression`.
    pub task: String,
    /// The targets' units.
    pub units: Vec<String>,
}

/// Steps for which one loss is stored.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Span {
    /// The number of the last step.
    pub step: u64,
    /// The number of steps.
    pub steps: u64,
    /// The mean of the steps' losses.
    pub loss: f64,
    /// The last step's learning rate.
    pub learning_rate: f64,
}

/// The line of an epoch.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct EpochLine {
    /// The epoch's number, from 1.
    pub epoch: u32,
    /// The number of steps of the run so far.
    pub step: u64,
    /// The time of training so far, in seconds, without the tests.
    pub seconds: f64,
    /// The metrics on the test samples.
    pub test: Metrics,
    /// The metrics on the validation samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Metrics>,
}

/// A task's metrics: an accuracy; or an accuracy of labels and F1; or R² and each target's mean absolute error.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Metrics {
    /// The mean loss.
    pub loss: f64,
    /// The accuracy of classes or of labels, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// The mean F1 of the labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub f1: Option<f64>,
    /// The mean R² of the targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r2: Option<f64>,
    /// The mean absolute errors of the first targets, in their units.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mae: Vec<f64>,
}

/// A place where the run was saved within a span. A run that is resumed there completes this span.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Saved {
    /// The number of the last step.
    pub step: u64,
    /// The number of steps of the span so far.
    pub steps: u64,
    /// The sum of the steps' losses.
    pub loss_sum: f64,
    /// The last step's learning rate.
    pub learning_rate: f64,
    /// The time of training so far, in seconds.
    pub seconds: f64,
}

/// The end of a run.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct End {
    /// The number of epochs done.
    pub epochs: u32,
    /// The number of steps taken.
    pub steps: u64,
    /// The time of training, in seconds.
    pub seconds: f64,
    /// The weights' hash.
    pub weights_sha256: String,
    /// The metrics of the saved weights on the test samples.
    pub test: Metrics,
}

impl Head {
    pub(super) fn is_sound(&self) -> bool {
        let steps = [self.steps_in_epoch, self.span];
        let samples = [self.data.samples, self.data.validation, self.data.test, self.data.features];
        steps.iter().all(|steps| (1..=MAX_STEPS).contains(steps))
            && samples.iter().all(|count| *count <= MAX_STEPS)
            && self.every > 0
    }

    /// Returns true if both belong to the same run: the same layers, training samples, seed and number of steps in an epoch.
    pub fn is_of_run(&self, other: &Self) -> bool {
        let parts = |head: &Self| (head.layers.clone(), head.data.sha256.clone(), head.seed, head.steps_in_epoch);
        parts(self) == parts(other)
    }
}

impl Data {
    /// Returns the names of the first classes.
    pub fn first_names<T: Into<String>>(names: impl Iterator<Item = T>) -> Vec<String> {
        names.take(MAX_CLASSES).map(Into::into).collect()
    }
}

impl Span {
    pub(super) fn joined(&self, next: &Self) -> Self {
        let steps = self.steps + next.steps;
        let sum = self.loss * self.steps as f64 + next.loss * next.steps as f64;
        Self { steps, loss: sum / steps as f64, ..*next }
    }
}

impl EpochLine {
    /// Returns an epoch's line, after this number of seconds of training.
    pub fn new(epoch: &Epoch, seconds: f64) -> Self {
        let validation = epoch.validation.as_ref().map(Metrics::of);
        Self { epoch: epoch.number + 1, step: epoch.steps, seconds, test: Metrics::of(&epoch.test), validation }
    }
}

impl Metrics {
    /// Returns the metrics of an evaluation.
    pub fn of(evaluation: &Evaluation) -> Self {
        // JSON has no infinity.
        let finite = |value: f64| if value.is_nan() { 0.0 } else { value.clamp(f64::MIN, f64::MAX) };
        let metrics = Self { loss: finite(evaluation.loss), ..Self::default() };
        match &evaluation.answers {
            Answers::Classes(answers) => Self { accuracy: Some(finite(answers.accuracy())), ..metrics },
            Answers::Labels(answers) => {
                Self { accuracy: Some(finite(answers.accuracy())), f1: Some(finite(answers.f1())), ..metrics }
            }
            Answers::Values(answers) => {
                let mae = answers.targets().iter().take(MAX_TARGETS).map(|target| finite(target.mae)).collect();
                Self { r2: Some(finite(answers.r2())), mae, ..metrics }
            }
        }
    }
}
