//! The data: a table, a folder of pictures, NumPy's arrays, a folder with four IDX files, Fashion-MNIST as a download, or the built-in set
//! of drawn garments.
//!
//! The data decides the numbers of a network's inputs and outputs: [`Dataset::input`] the inputs, and [`Dataset::classes`] the outputs.

mod arrays;
pub mod builtin;
mod contents;
pub mod download;
mod ends;
mod error;
mod files;
mod idx;
mod known;
mod label_texts;
mod labels;
mod locate;
mod mapping;
mod matching;
mod names;
mod overview;
mod parts;
mod pictures;
mod recorded;
mod search;
mod source;
mod split;
mod store;
mod table;

use std::{borrow::Cow, path::Path};

use selvedge::{
    architecture::Architecture,
    models,
    preparation::Element,
    random::{Generator, Purpose},
    shape::InputShape,
    task::TaskKind,
};

use crate::{
    classes::{Classes, SignatureBuf},
    preparation::{Moments, PreparationBuf},
    task::{Meaning, TaskBuf},
};
pub use options::partition::TestSplit;
use options::recipe::Standardize;

pub use self::{
    arrays::ArrayError,
    ends::EndsError,
    error::DataError,
    overview::Overview,
    parts::OneGroup,
    pictures::FolderError,
    recorded::Recorded,
    search::Search,
    source::Reading,
    split::{Split, encode},
    store::Store,
    table::{
        TableError,
        columns::{NO_UNIT, Wanted},
        is_table, parse as parse_table, read_samples as read_table,
    },
};

/// Samples to train on and samples to test on.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The name: `Fashion-MNIST` or another published set, `builtin`, or the folder or file of other data. It is printable, and fits into a
    /// training record.
    pub name: String,
    /// SHA-256 of the training samples, then their targets: [`Split::checksum`].
    pub checksum: [u8; 32],
    /// The shape of a sample.
    pub input: InputShape,
    /// The features' names, if they are known.
    pub feature_names: Vec<String>,
    /// The features' units, if they are known.
    pub units: Vec<String>,
    /// The meaning of the targets.
    pub task: TaskBuf,
    /// The targets' units, if they are known.
    pub target_units: Vec<String>,
    /// The conversion of a sample's values into a network's inputs.
    pub preparation: PreparationBuf,
    /// The classes, or the labels or targets by their names.
    pub classes: Classes,
    /// True if the samples are labelled by class names, not by numbers. A label then means the network's class of the same name.
    pub labels_are_names: bool,
    /// The way in which the samples were read, for a network's file.
    pub recorded: Recorded,
    /// The gaps of the source.
    pub gaps: Gaps,
    /// The samples on which a model is trained.
    pub train: Split,
    /// The validation samples, which are held out of `train`.
    pub validation: Option<Split>,
    /// The samples on which a model is tested.
    pub test: Split,
    /// True if the source was one set, from which the test samples were held out.
    pub is_parted: bool,
    /// The reason why this is not the data that was looked for. A command shows it at its start and at its end.
    pub notice: Option<String>,
    /// Remarks on the data itself. A command shows them once.
    pub notes: Vec<String>,
}

/// The gaps of a source, which were left out or filled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// Rows that were left out because they lack values, or pictures that cannot be read.
    pub dropped: usize,
    /// Missing values that were replaced by their column's mean.
    pub filled: usize,
}

impl Gaps {
    /// Returns notes on the gaps.
    fn notes(self) -> impl Iterator<Item = String> {
        let Self { dropped, filled } = self;
        let dropped = (dropped > 0).then(|| format!("{dropped} rows with missing values are left out"));
        let filled = (filled > 0).then(|| format!("{filled} missing values are their columns' means"));
        dropped.into_iter().chain(filled)
    }
}

impl Dataset {
    /// Returns data without a validation part.
    pub fn new(name: &str, input: InputShape, classes: Classes, [train, test]: [Split; 2]) -> Self {
        let checksum = train.checksum();
        Self {
            name: name.into(),
            checksum,
            input,
            feature_names: Vec::new(),
            units: Vec::new(),
            task: TaskBuf::fitted(train.targets()),
            target_units: Vec::new(),
            preparation: match train.element() {
                Element::U8 => PreparationBuf::Bytes,
                element => PreparationBuf::unscaled(element),
            },
            classes,
            labels_are_names: false,
            recorded: Recorded::default(),
            gaps: Gaps::default(),
            train,
            validation: None,
            test,
            is_parted: false,
            notice: None,
            notes: Vec::new(),
        }
    }

    /// Returns the architecture with these layers, or else the [named model](models), for this data.
    ///
    /// # Errors
    ///
    /// [`EndsError`] for layers that do not fit the data, and for data that does not fit any network.
    pub fn architecture(&self, model: &str, layers: Option<&Architecture>) -> Result<Architecture, EndsError> {
        if let Some(layers) = layers {
            self.check(layers)?;
            return Ok(layers.clone());
        }
        let [inputs, outputs] = [self.input.features(), self.classes.count()].map(|width| width as u32);
        models::named(model, inputs, outputs).ok_or_else(|| EndsError::Named {
            model: model.into(),
            data: self.name.clone(),
            input: self.input,
            classes: self.classes.count(),
        })
    }

    /// Checks that a network takes these samples, and has an output for each of their classes. For labels and targets it must have exactly as many
    /// outputs.
    ///
    /// # Errors
    ///
    /// [`EndsError`] if the network does not fit.
    pub fn check(&self, network: &Architecture) -> Result<(), EndsError> {
        let (inputs, outputs, classes) = (network.inputs(), network.outputs(), self.classes.count());
        if inputs != self.input.features() {
            return Err(EndsError::Inputs { inputs, data: self.name.clone(), input: self.input });
        }
        if outputs < classes || outputs > classes && self.task.get().kind() != TaskKind::Classification {
            let task = self.task.get().kind();
            return Err(EndsError::Outputs { outputs, data: self.name.clone(), classes, task });
        }
        Ok(())
    }

    /// Checks that a network with this input takes such samples.
    ///
    /// # Errors
    ///
    /// [`EndsError::Shape`].
    pub fn check_shape(&self, network: InputShape) -> Result<(), EndsError> {
        match network.takes(self.input) {
            true => Ok(()),
            false => Err(EndsError::Shape { network, data: self.name.clone(), input: self.input }),
        }
    }

    /// Returns the meaning of inputs and outputs of a network that has this number of outputs and is trained on this data.
    pub fn signature(&self, outputs: usize) -> SignatureBuf {
        SignatureBuf::new(self.input, &self.classes.extended(outputs))
            .with_preparation(self.preparation.clone())
            .with_features(&self.feature_names, &self.units)
            .with_task(self.task.clone(), &self.target_units)
            .with_reading(self.recorded.to_text())
    }

    /// Converts the values to another number type ([`Element`]).
    ///
    /// # Errors
    ///
    /// [`EndsError::Value`] for a value that the element cannot hold.
    pub fn converted(self, element: Element) -> Result<Self, EndsError> {
        if self.train.element() == element {
            return Ok(self);
        }
        let convert = |split: &Split| {
            split.converted(element).map_err(|(sample, feature, value)| EndsError::Value {
                data: self.name.clone(),
                element,
                sample,
                feature,
                value,
            })
        };
        let (train, test) = (convert(&self.train)?, convert(&self.test)?);
        let validation = self.validation.as_ref().map(convert).transpose()?;
        Ok(Self { train, test, validation, ..self })
    }

    /// Returns the conversion of values into a network's inputs, and the meaning of its outputs.
    pub fn meaning(&self) -> Meaning<'_> {
        Meaning { preparation: self.preparation.get(), task: self.task.get() }
    }

    /// Chooses how values become inputs. Means and deviations are those of the training samples that are not held out. If the features are
    /// standardised, the function returns those that are the same in all of these samples: a network learns nothing from them.
    ///
    /// A regression's targets are always standardised.
    pub fn standardize(&mut self, choice: Standardize) -> Vec<usize> {
        self.task = TaskBuf::fitted(self.train.targets());
        let element = self.train.element();
        self.preparation = match (choice, element) {
            (Standardize::Yes, _) | (Standardize::Auto, Element::I8 | Element::I16 | Element::U16 | Element::F32) => {
                let moments = self.train.moments();
                self.preparation = PreparationBuf::standardized(element, &moments);
                let constant = |(_, moments): &(usize, Moments)| moments.deviation == 0.0;
                return moments.into_iter().enumerate().filter(constant).map(|(feature, _)| feature).collect();
            }
            (_, Element::U8) => PreparationBuf::Bytes,
            (Standardize::No, element) => PreparationBuf::unscaled(element),
        };
        Vec::new()
    }

    /// Returns the number of training samples of each class, by label, for a network with this number of outputs.
    pub fn class_counts(&self, outputs: usize) -> Vec<usize> {
        let mut counts = vec![0; outputs.max(self.classes.count())];
        self.train.labels().iter().for_each(|&label| counts[usize::from(label)] += 1);
        counts
    }

    /// Returns the name of a feature, or its number if it has no name.
    pub fn feature_name(&self, feature: usize) -> Cow<'_, str> {
        self.feature_names.get(feature).map_or_else(|| feature.to_string().into(), |name| name.as_str().into())
    }

    /// Keeps only the first samples for training.
    pub fn truncate(&mut self, count: usize) {
        if count < self.train.len() {
            self.train.truncate(count);
            self.checksum = self.train.checksum();
        }
    }

    /// Holds out this number of training samples for validation: the first ones of an order that the seed shuffles. Both parts keep the file's
    /// order.
    pub fn hold_out(&mut self, count: usize, seed: u64) {
        let samples = self.train.len();
        let generator = Generator::new(seed, Purpose::Split, 0);
        let mut keys: Vec<(u64, usize)> = (0..samples).map(|i| (generator.bits(i as u64), i)).collect();
        keys.sort_unstable();
        let mut is_held_out = vec![false; samples];
        keys.iter().take(count).for_each(|&(_, index)| is_held_out[index] = true);
        let part = |wanted: bool| {
            let indices: Vec<u32> = (0..).zip(&is_held_out).filter(|&(_, &is)| is == wanted).map(|(i, _)| i).collect();
            self.train.chosen(&indices)
        };
        (self.validation, self.train) = (Some(part(true)), part(false));
    }
}

/// Loads the chosen data: a file, a folder, or the word `builtin`. To load a folder with this name, write
/// `./builtin`. Without a choice, it loads what
/// [`Search::from_environment`] finds.
///
/// # Errors
///
/// [`DataError`].
pub fn load(choice: Option<&Path>) -> Result<Dataset, DataError> {
    Search::from_environment().load(choice)
}

/// Reads an IDX file of samples, plain or gzipped. Returns their shape, and the samples with 0 for each label.
///
/// # Errors
///
/// [`DataError`].
pub fn read_samples(path: &Path) -> Result<(InputShape, Split), DataError> {
    files::samples(path)
}

/// Reads samples from the bytes of an IDX file. `path` is the file's name in errors.
///
/// # Errors
///
/// [`DataError`].
pub fn parse_samples(path: &Path, bytes: Vec<u8>) -> Result<(InputShape, Split), DataError> {
    files::samples_in(path, bytes)
}

/// Reads the bytes of a NumPy archive that is a data set, or those of two arrays: samples and labels. `path` is their name in errors.
///
/// # Errors
///
/// [`DataError`].
pub fn parse_arrays(path: &Path, samples: &[u8], labels: Option<&[u8]>, task: TaskKind) -> Result<Dataset, DataError> {
    arrays::parse(path, samples, labels, task)
}

/// Returns true if a file with these first three bytes may be a file of samples: an IDX file, or any gzipped file.
pub fn are_samples(beginning: &[u8]) -> bool {
    idx::element(beginning).is_some() || contents::is_gzipped(beginning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holding_out_parts_the_samples() {
        let train = Split::new(3, (0..200).flat_map(|i| [i; 3]).collect(), (0..200).collect());
        let data = |seed| {
            let splits = [train.clone(), train.clone()];
            let mut data = Dataset::new("test", InputShape::Features(3), Classes::numbered(200), splits);
            data.hold_out(50, seed);
            (data.validation.unwrap(), data.train)
        };
        let (validation, rest) = data(1);
        assert_eq!((validation.len(), rest.len()), (50, 150));
        for part in [&validation, &rest] {
            assert!(part.labels().is_sorted());
            assert!(part.samples().zip(part.labels()).all(|(sample, &label)| u16::from(sample[0]) == label));
        }
        let mut all = [validation.labels(), rest.labels()].concat();
        all.sort_unstable();
        assert_eq!(all, train.labels());
        assert_eq!(data(1).0, validation);
        assert_ne!(data(2).0, validation);
    }

    #[test]
    fn the_data_decides_a_networks_ends() {
        let split = Split::new(12, vec![0; 24], vec![0, 2]);
        let data = Dataset::new("waves", InputShape::Features(12), Classes::numbered(3), [split.clone(), split]);
        let network = |model, layers: Option<&str>| {
            let layers = layers.map(|layers| layers.parse().unwrap());
            let network = data.architecture(model, layers.as_ref());
            network.map(|network| network.to_string()).map_err(|error| error.to_string())
        };
        assert_eq!(network("small", None), Ok("12-128-3".into()));
        assert_eq!(network("small", Some("12,5,4")), Ok("12-5-4".into()));
        let error = "the network takes 11 inputs, but a sample of waves is 12 features: 12 inputs";
        assert_eq!(network("small", Some("11,5,3")), Err(error.into()));
        let error = "the network tells 2 classes apart, but waves has 3";
        assert_eq!(network("small", Some("12,5,2")), Err(error.into()));
        let flat = InputShape::Image { channels: 1, height: 3, width: 4 };
        assert!(data.check_shape(flat).is_ok() && data.check_shape(InputShape::Features(11)).is_err());
        assert!(network("large", None).unwrap_err().contains("no large network"));
    }
}
