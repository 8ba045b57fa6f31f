//! Arrays of targets: classes by numbers or texts, labels that are there or not, or numbers.

use std::path::PathBuf;

use selvedge::task::TaskKind;

use super::{
    ArrayError,
    labels::{self, Labels},
    samples,
    source::Array,
};
use crate::{
    classes::Classes,
    data::{
        DataError, labels as numbering,
        names::{self, Named},
    },
    task::{TargetRows, Targets},
};

/// Targets as an array has them.
pub enum Found {
    /// Classes, by numbers or texts.
    Classes(Labels),
    /// Labels or numbers.
    Rows(PathBuf, TargetRows),
}

impl Found {
    /// Reads an array.
    ///
    /// # Errors
    ///
    /// [`DataError`] for a type or a shape that such targets cannot have, and for a value that is not a valid target.
    pub fn read(array: Array, task: TaskKind) -> Result<Self, DataError> {
        match task {
            TaskKind::Classification => Labels::read(array).map(Self::Classes),
            TaskKind::MultiLabel | TaskKind::Regression => rows(array, task),
        }
    }

    /// Returns the array's place.
    pub fn path(&self) -> &PathBuf {
        match self {
            Self::Classes(labels) => &labels.path,
            Self::Rows(path, _) => path,
        }
    }

    /// Returns the number of samples.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes(labels) => labels.len(),
            Self::Rows(_, rows) => rows.len(),
        }
    }
}

/// Returns an array of numbers, one or more for each sample.
fn rows(mut array: Array, task: TaskKind) -> Result<Found, DataError> {
    let path = array.path.clone();
    match array.header.shape.len() {
        1 => array.header.shape.push(1),
        2 => {}
        _ => {
            let advice = "targets are one number a sample, or samples × targets";
            return Err(ArrayError::Shape { path, shape: array.header.shape, advice }.into());
        }
    }
    let found = samples::read(array)?;
    let width = found.shape.features();
    let numbers: Vec<f32> = found.element.values(found.values.get(0..found.values.len())).collect();
    if task == TaskKind::MultiLabel
        && let Some(index) = numbers.iter().position(|&label| label != 0.0 && label != 1.0)
    {
        let (value, reason) = (numbers[index].to_string(), "which is no label: a label is there (1) or not (0)");
        return Err(ArrayError::Value { path, sample: index / width, feature: index % width, value, reason }.into());
    }
    Ok(Found::Rows(path, TargetRows::new(width, numbers)))
}

/// Returns the targets of one or two parts, and the names of their classes, labels or numbers. `data` is the data set's name in errors.
///
/// # Errors
///
/// [`DataError`] for a class that has no name, for parts of different widths, and for names of another number.
pub fn resolve(
    found: Vec<Found>,
    task: TaskKind,
    named: Option<Named>,
    data: &str,
) -> Result<(Classes, Vec<Targets>), DataError> {
    let mut classes = Vec::new();
    let mut all = Vec::new();
    for found in found {
        match found {
            Found::Classes(labels) => classes.push(labels),
            Found::Rows(path, rows) => all.push((path, rows)),
        }
    }
    let Some((first, rows)) = all.first() else {
        let named = labels::name(&classes.iter().collect::<Vec<_>>(), named)?;
        let paths: Vec<PathBuf> = classes.iter().map(|labels| labels.path.clone()).collect();
        let numbers = classes.into_iter().map(|labels| labels.into_numbers(named.as_ref()));
        let numbers = numbers.collect::<Result<Vec<_>, _>>()?;
        let all: Vec<_> = paths.iter().map(PathBuf::as_path).zip(numbers.iter().map(Vec::as_slice)).collect();
        let classes = numbering::classes(named, None, &all)?;
        return Ok((classes, numbers.into_iter().map(Targets::Classes).collect()));
    };
    let expected = rows.width();
    if let Some((path, rows)) = all.iter().find(|(_, rows)| rows.width() != expected) {
        let (train, test, found) = (first.clone(), path.clone(), rows.width());
        return Err(ArrayError::TargetCounts { train, expected, test, found }.into());
    }
    if let Some(named) = &named {
        names::check_count(named, data, expected)?;
    }
    let classes = named.map_or_else(|| Classes::numbered(expected), |named| named.classes);
    let of = |(_, rows)| if task == TaskKind::MultiLabel { Targets::Labels(rows) } else { Targets::Values(rows) };
    Ok((classes, all.into_iter().map(of).collect()))
}
