//! The classes that a network tells apart: how many, and their names.

use std::borrow::Cow;

use selvedge::shape::{InputShape, Names, Signature};

use crate::{preparation::PreparationBuf, task::TaskBuf};

/// The name of a file in a data set's folder. It has one class name on each line. A folder may lack the file.
pub const NAMES_FILE: &str = "classes.txt";

/// Classes, by label from 0. Where nobody named them, each is called by its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classes {
    count: usize,
    /// None, or as many as there are classes.
    names: Vec<String>,
}

/// A text cannot be a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no name: a name has 1 to {} bytes and no control characters", selvedge::shape::MAX_NAME)]
pub struct NameError {
    name: String,
}

impl Classes {
    /// `count` classes without names.
    pub fn numbered(count: usize) -> Self {
        Self { count, names: Vec::new() }
    }

    /// Classes with these names.
    ///
    /// # Errors
    ///
    /// [`NameError`].
    pub fn named<T: Into<String>>(names: impl IntoIterator<Item = T>) -> Result<Self, NameError> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        check_names(&names)?;
        Ok(Self { count: names.len(), names })
    }

    /// Returns the classes of a network of this number of outputs, as a file names them.
    pub fn of(signature: &Signature<'_>, outputs: usize) -> Self {
        let names: Vec<String> = signature.output_names.iter().map(str::to_owned).collect();
        Self { count: outputs, names }
    }

    /// Returns the same classes for a network with at least as many outputs. Further outputs are called by their numbers.
    pub fn extended(&self, outputs: usize) -> Self {
        let names = match self.names.is_empty() {
            true => Vec::new(),
            false => (0..outputs).map(|class| self.name(class).into_owned()).collect(),
        };
        Self { count: outputs, names }
    }

    /// Returns the number of classes.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns true if the classes have names.
    pub fn are_named(&self) -> bool {
        !self.names.is_empty()
    }

    /// Returns the name of a class, or its number if it has no name.
    pub fn name(&self, class: usize) -> Cow<'_, str> {
        self.names.get(class).map_or_else(|| Cow::from(class.to_string()), |name| Cow::from(name.as_str()))
    }

    /// Returns the names of all classes, or their numbers.
    pub fn all(&self) -> impl Iterator<Item = Cow<'_, str>> {
        (0..self.count).map(|class| self.name(class))
    }
}

/// Checks texts that are to be names of classes, features or units.
///
/// # Errors
///
/// [`NameError`] for the first text that is not a valid name.
pub fn check_names(names: &[String]) -> Result<(), NameError> {
    let is_name = |name: &&String| Names::push(&mut vec![0; name.len() + 1], 0, name).is_some();
    match names.iter().find(|name| !is_name(name)) {
        Some(name) => Err(NameError { name: name.clone() }),
        None => Ok(()),
    }
}

/// Checked names as a file has them.
fn encoded(names: &[String]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for name in names {
        let len = bytes.len();
        bytes.resize(len + 1 + name.len(), 0);
        Names::push(&mut bytes, len, name).expect("the names were checked");
    }
    bytes
}

/// A [`Signature`] with memory of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignatureBuf {
    input: Option<InputShape>,
    preparation: PreparationBuf,
    output_names: Vec<u8>,
    task: TaskBuf,
    output_units: Vec<u8>,
    feature_names: Vec<u8>,
    feature_units: Vec<u8>,
    reading: String,
}

impl SignatureBuf {
    /// Returns the signature of a network with such inputs and classes.
    pub fn new(input: InputShape, classes: &Classes) -> Self {
        Self { input: Some(input), output_names: encoded(&classes.names), ..Self::default() }
    }

    /// Sets how raw values become inputs.
    #[must_use]
    pub fn with_preparation(self, preparation: PreparationBuf) -> Self {
        Self { preparation, ..self }
    }

    /// Sets the features' names and units, which [`check_names`] has checked. Either may be empty.
    #[must_use]
    pub fn with_features(self, names: &[String], units: &[String]) -> Self {
        Self { feature_names: encoded(names), feature_units: encoded(units), ..self }
    }

    /// Sets the meaning of the outputs, and their units, of which there may be none.
    #[must_use]
    pub fn with_task(self, task: TaskBuf, units: &[String]) -> Self {
        Self { task, output_units: encoded(units), ..self }
    }

    /// Sets the way in which the samples were read.
    #[must_use]
    pub fn with_reading(self, reading: String) -> Self {
        Self { reading, ..self }
    }

    /// Returns the signature as a file stores it.
    pub fn get(&self) -> Signature<'_> {
        let names = [&self.output_names, &self.output_units, &self.feature_names, &self.feature_units];
        let [output_names, output_units, feature_names, feature_units] =
            names.map(|names| Names::parse(names, Names::count(names)).unwrap_or_default());
        let (input, preparation, task) = (self.input, self.preparation.get(), self.task.get());
        let reading = self.reading.as_bytes();
        Signature { input, preparation, task, output_names, output_units, feature_names, feature_units, reading }
    }
}

impl From<&Signature<'_>> for SignatureBuf {
    fn from(signature: &Signature<'_>) -> Self {
        let Signature { input, preparation, task, output_names, output_units, feature_names, feature_units, reading } =
            *signature;
        let [output_names, output_units, feature_names, feature_units] =
            [output_names, output_units, feature_names, feature_units].map(|names| names.as_bytes().to_vec());
        let (preparation, task) = (preparation.into(), task.into());
        let reading = String::from_utf8_lossy(reading).into_owned();
        Self { input, preparation, task, output_names, output_units, feature_names, feature_units, reading }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_into_a_signature_and_come_back() {
        let classes = Classes::named(["left", "größer"]).unwrap();
        let signature = SignatureBuf::new(InputShape::Features(4), &classes);
        assert_eq!(signature.get().input, Some(InputShape::Features(4)));
        assert_eq!(Classes::of(&signature.get(), 2), classes);
        assert_eq!(SignatureBuf::from(&signature.get()), signature);
        assert_eq!(classes.extended(3).all().collect::<Vec<_>>(), ["left", "größer", "2"]);
    }

    #[test]
    fn classes_without_names_are_called_by_their_numbers() {
        let classes = Classes::numbered(3);
        assert_eq!(classes.all().collect::<Vec<_>>(), ["0", "1", "2"]);
        assert!(!classes.are_named() && !classes.extended(5).are_named());
        assert_eq!(SignatureBuf::new(InputShape::Features(1), &classes).get().output_names, Names::NONE);
    }

    #[test]
    fn what_is_no_name_is_an_error() {
        for names in [vec![String::new()], vec!["a\n".into()], vec!["x".repeat(101)]] {
            assert!(Classes::named(names).is_err());
        }
    }
}
