//! A run, with the data that a report needs.

use selvedge::{architecture::Architecture, models, task::TaskKind};

use super::{answers::Findings, pictures::Pixels, quantized::Beside};
use crate::{
    classes::Classes,
    model_file::ModelFile,
    record::{Metrics, Record},
    weights::{hash, hex},
};

/// A run.
#[derive(Clone, Debug)]
pub struct Run {
    /// The run's name. No other run of the report has the same name.
    pub name: String,
    /// The run's record.
    pub record: Option<Record>,
    /// The run's weights.
    pub model: Option<Model>,
    /// The answers for the test samples.
    pub findings: Option<Findings>,
    /// A picture for each of the worst mistakes. Empty if samples are not images.
    pub mistakes: Vec<Pixels>,
    /// The number of units of the first layer that are shown, at most 64, and a picture of their weights.
    pub first_layer: Option<(usize, Pixels)>,
    /// A quantised file of these weights.
    pub quantized: Option<Beside>,
    /// Notes: the parts that are missing and how to get them, and other facts about the figures.
    pub notes: Vec<String>,
}

/// A weight file.
#[derive(Clone, Debug)]
pub struct Model {
    /// The layers.
    pub architecture: Architecture,
    /// The name of the network, if it is one of the library's named models.
    pub name: Option<&'static str>,
    /// The size of the file in bytes.
    pub flash: usize,
    /// The hash of the weights.
    pub hash: String,
    /// The meaning of the outputs.
    pub task: TaskKind,
    /// The outputs' names.
    pub classes: Classes,
    /// The targets' units.
    pub units: Vec<String>,
    /// The settings in the file's own record: the recipe, the seed, the data's name and checksum, epochs and steps.
    pub trained: Trained,
}

/// The training record of a weight file.
#[derive(Clone, Debug, Default)]
pub struct Trained {
    /// The recipe as a file.
    pub recipe: String,
    /// The seed.
    pub seed: u64,
    /// The data's name.
    pub dataset: String,
    /// SHA-256 of the training samples.
    pub checksum: String,
    /// The number of training samples.
    pub samples: u32,
    /// The number of epochs done.
    pub epochs: u32,
    /// The number of steps taken.
    pub steps: u64,
}

impl Model {
    /// Returns the model of a float32 file of `flash` bytes, or `None` for a file in f16, int8 or int4.
    pub fn of(file: &ModelFile<'_>, flash: usize) -> Option<Self> {
        let ModelFile::F32(weights) = file else { return None };
        let (architecture, record) = (weights.architecture(), weights.record());
        let flat: Vec<f32> = weights.weights().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        let trained = Trained {
            recipe: record.recipe.into(),
            seed: record.seed,
            dataset: record.dataset.into(),
            checksum: hex(&record.dataset_checksum),
            samples: record.samples,
            epochs: record.epochs,
            steps: record.steps,
        };
        Some(Self {
            name: models::name_of(&architecture),
            flash,
            hash: hash(&flat),
            task: file.signature().task.kind(),
            classes: file.classes(),
            units: file.signature().output_units.iter().map(str::to_owned).collect(),
            trained,
            architecture,
        })
    }
}

impl Run {
    /// Returns a run of which only the name is known.
    pub fn new(name: String) -> Self {
        Self {
            name,
            record: None,
            model: None,
            findings: None,
            mistakes: Vec::new(),
            first_layer: None,
            quantized: None,
            notes: Vec::new(),
        }
    }

    /// Returns the task.
    pub fn task(&self) -> TaskKind {
        let named = |record: &Record| {
            [TaskKind::MultiLabel, TaskKind::Regression].into_iter().find(|task| task.name() == record.head.data.task)
        };
        match (&self.model, &self.record) {
            (Some(model), _) => model.task,
            (None, Some(record)) => named(record).unwrap_or(TaskKind::Classification),
            (None, None) => TaskKind::Classification,
        }
    }

    /// Returns the name of an output.
    pub fn output(&self, output: usize) -> String {
        match (&self.model, &self.record) {
            (Some(model), _) => model.classes.name(output).into_owned(),
            (None, Some(record)) => record.head.data.classes.get(output).cloned().unwrap_or_else(|| output.to_string()),
            (None, None) => output.to_string(),
        }
    }

    /// Returns the unit of a target.
    pub fn unit(&self, target: usize) -> Option<&String> {
        let units = match (&self.model, &self.record) {
            (Some(model), _) => &model.units,
            (None, Some(record)) => &record.head.data.units,
            (None, None) => return None,
        };
        units.get(target)
    }

    /// Returns the metrics of the test. They were measured here, or else come from the record.
    pub fn test(&self) -> Option<Metrics> {
        let recorded = || {
            let record = self.record.as_ref()?;
            let end = record.end.as_ref().map(|end| &end.test);
            end.or_else(|| record.epochs.last().map(|epoch| &epoch.test)).cloned()
        };
        self.findings.as_ref().map(|findings| Metrics::of(&findings.evaluation)).or_else(recorded)
    }

    /// Returns the recipe as a file.
    pub fn recipe(&self) -> &str {
        match (&self.record, &self.model) {
            (Some(record), _) => &record.head.recipe,
            (None, Some(model)) => &model.trained.recipe,
            (None, None) => "",
        }
    }

    /// Returns the layers, as `--layers` takes them.
    pub fn layers(&self) -> String {
        match (&self.record, &self.model) {
            (Some(record), _) => record.head.layers.clone(),
            (None, Some(model)) => format!("{:#}", model.architecture.expression()),
            (None, None) => String::new(),
        }
    }

    /// Returns the data's name and checksum.
    pub fn data(&self) -> [&str; 2] {
        match (&self.record, &self.model) {
            (Some(record), _) => [&record.head.data.name, &record.head.data.sha256],
            (None, Some(model)) => [&model.trained.dataset, &model.trained.checksum],
            (None, None) => [""; 2],
        }
    }

    /// Returns the seed.
    pub fn seed(&self) -> u64 {
        match (&self.record, &self.model) {
            (Some(record), _) => record.head.seed,
            (None, Some(model)) => model.trained.seed,
            (None, None) => 0,
        }
    }

    /// Returns the number of epochs and the number of steps that were done.
    pub fn length(&self) -> (u32, u64) {
        if let Some(record) = &self.record {
            let last = record.epochs.last();
            let steps = record.spans.last().map_or(0, |span| span.step);
            let end = record.end.as_ref().map(|end| (end.epochs, end.steps));
            return end.unwrap_or((last.map_or(0, |epoch| epoch.epoch), steps));
        }
        self.model.as_ref().map_or((0, 0), |model| (model.trained.epochs, model.trained.steps))
    }

    /// Returns the time of training in seconds, if the record has it.
    pub fn seconds(&self) -> Option<f64> {
        let record = self.record.as_ref()?;
        record.end.as_ref().map(|end| end.seconds).or_else(|| record.epochs.last().map(|epoch| epoch.seconds))
    }

    /// Returns the weights' hash.
    pub fn hash(&self) -> Option<&str> {
        let recorded = || Some(self.record.as_ref()?.end.as_ref()?.weights_sha256.as_str());
        self.model.as_ref().map(|model| model.hash.as_str()).or_else(recorded)
    }

    /// Returns the number of the network's parameters.
    pub fn parameters(&self) -> Option<usize> {
        let recorded = || self.record.as_ref()?.head.layers.parse::<Architecture>().ok()?.parameter_count();
        self.model.as_ref().map_or_else(recorded, |model| model.architecture.parameter_count())
    }
}
