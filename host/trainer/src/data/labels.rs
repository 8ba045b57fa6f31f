//! Labels, and the classes whose numbers they are.

use std::path::Path;

use super::{
    DataError, Dataset,
    known::Known,
    names::{self, Named},
};
use crate::{
    classes::Classes,
    task::{TargetRows, Targets},
};

/// Labels, and the file or array that they come from.
pub type Labelled<'a> = (&'a Path, &'a [u16]);

/// Returns the classes of data with these labels: those that the user named, or those of `known`, or else as many as the labels have.
///
/// # Errors
///
/// [`DataError`] for a label that names no class, and for a gap among the labels where nothing names the classes.
pub fn classes(named: Option<Named>, known: Option<&Known>, labelled: &[Labelled<'_>]) -> Result<Classes, DataError> {
    let named = names::resolve(named, known, || count(labelled))?;
    let classes = named.classes.count();
    for (path, labels) in labelled {
        let mut labels = labels.iter().enumerate();
        if let Some((index, &label)) = labels.find(|&(_, &label)| usize::from(label) >= classes) {
            return Err(DataError::Label { path: path.into(), index, label, names: named.source, classes });
        }
    }
    Ok(named.classes)
}

/// Returns the number of classes. The labels must use each number from the smallest to the largest one.
fn count(labelled: &[Labelled<'_>]) -> Result<usize, DataError> {
    let labels = || labelled.iter().flat_map(|(_, labels)| *labels).map(|&label| usize::from(label));
    let count = labels().max().map_or(0, |label| label + 1);
    let mut is_there = vec![false; count];
    labels().for_each(|label| is_there[label] = true);
    let least = labels().min().unwrap_or(0);
    let Some(missing) = (least..count).find(|&label| !is_there[label]) else { return Ok(count) };
    for (path, labels) in labelled {
        let mut labels = labels.iter().enumerate();
        if let Some((index, &label)) = labels.find(|&(_, &label)| usize::from(label) > missing) {
            return Err(DataError::Gap { path: path.into(), index, label, missing });
        }
    }
    Ok(count)
}

/// Returns a note if classes or labels have no training sample, or if targets are always the same.
pub fn without_samples(data: &Dataset) -> Option<String> {
    const SHOWN: usize = 5;
    let mut is_there = vec![false; data.classes.count()];
    match data.train.targets() {
        Targets::Classes(labels) => labels.iter().for_each(|&label| is_there[usize::from(label)] = true),
        Targets::Labels(rows) | Targets::Values(rows) => return without_change(data, rows),
    }
    let missing: Vec<usize> = (0..is_there.len()).filter(|&class| !is_there[class]).collect();
    let (count, name) = (missing.len(), &data.name);
    let shown = |&class: &usize| match data.classes.are_named() {
        true => format!("{class} ({})", data.classes.name(class)),
        false => class.to_string(),
    };
    let mut list = missing.iter().take(SHOWN).map(shown).collect::<Vec<_>>().join(", ");
    if count > SHOWN {
        list += &format!(" and {} more", count - SHOWN);
    }
    match missing[..] {
        [] => None,
        [0] => Some(format!(
            "the training labels of {name} begin at 1: class {list} has no sample, and a network's output for it learns nothing"
        )),
        [_] => Some(format!("class {list} of {name} has no training sample, so a network cannot learn it")),
        _ => Some(format!(
            "{count} of the {} classes of {name} have no training sample, so a network cannot learn them: {list}",
            is_there.len()
        )),
    }
}

/// Returns a note if labels or targets are the same in all training samples.
fn without_change(data: &Dataset, rows: &TargetRows) -> Option<String> {
    let is_same = |output: &usize| (1..rows.len()).all(|row| rows.row(row)[*output] == rows.row(0)[*output]);
    let same: Vec<_> = (0..rows.width()).filter(is_same).map(|output| data.classes.name(output)).collect();
    (!same.is_empty()).then(|| {
        format!(
            "in all training samples of {}, these are the same, so a network learns nothing of them: {}",
            data.name,
            same.join(", ")
        )
    })
}
